//! The commands that a Lua scriptlet of rpm runs, as far as they can be read without running it:
//! calls of `os.execute`, `io.popen`, `rpm.execute`, `rpm.spawn`, `posix.exec` and `posix.execp` with
//! strings that are known. Of any other use of these it says that it shows only when it runs.

mod lex;
mod value;

use std::collections::HashSet;

use self::lex::{Kind, Token, tokens};
use self::value::{Value, Values};
use super::scanned::Scanned;
use crate::shell::{self, Command};

/// How a function takes what it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// A line for the shell.
    Line,
    /// A word an argument.
    Words,
    /// A table of words.
    Table,
    /// Arguments of a program that does the same, which these are put in the order of.
    As(&'static [&'static str], &'static [usize]),
    /// A path, and how it is opened.
    File,
}

/// With the functions of luaposix and of Lua itself that change files, by the programs that do the same.
const RUNNERS: [(&str, &str, Takes); 15] = [
    ("os", "execute", Takes::Line),
    ("io", "popen", Takes::Line),
    ("rpm", "execute", Takes::Words),
    ("rpm", "spawn", Takes::Table),
    ("posix", "exec", Takes::Words),
    ("posix", "execp", Takes::Words),
    ("posix", "chmod", Takes::As(&["chmod"], &[1, 0])),
    ("posix", "chown", Takes::As(&["chown"], &[1, 0])),
    ("posix", "symlink", Takes::As(&["ln", "-s"], &[0, 1])),
    ("posix", "link", Takes::As(&["ln"], &[0, 1])),
    ("posix", "unlink", Takes::As(&["rm"], &[0])),
    ("posix", "rmdir", Takes::As(&["rmdir"], &[0])),
    ("os", "remove", Takes::As(&["rm"], &[0])),
    ("os", "rename", Takes::As(&["mv"], &[0, 1])),
    ("io", "open", Takes::File),
];

/// Functions that run Lua from elsewhere.
const LOADERS: [&str; 4] = ["load", "loadstring", "loadfile", "dofile"];
/// So many loops are run through inside of each other, and so many calls looked at.
const DEPTH: usize = 8;
const CALLS: usize = 2_000;

/// Reads a script.
pub(super) fn scan(script: &str) -> Scanned {
    let tokens = tokens(script);
    let mut scanner = Scanner {
        script,
        values: Values::new(&tokens),
        tokens: &tokens,
        found: Scanned::default(),
        calls: 0,
    };
    scanner.range(0, tokens.len(), 0);
    let mut scanned = scanner.found;
    let mut known = HashSet::new();
    scanned.commands.retain(|command| known.insert(command.clone()));
    let mut known = HashSet::new();
    scanned.unclear.retain(|unclear| known.insert(unclear.clone()));
    scanned
}

struct Scanner<'s> {
    script: &'s str,
    tokens: &'s [Token],
    values: Values<'s>,
    found: Scanned,
    calls: usize,
}

impl Scanner<'_> {
    fn name(&self, at: usize) -> Option<&str> {
        match &self.tokens.get(at)?.kind {
            Kind::Name(name) => Some(name),
            _ => None,
        }
    }

    fn is(&self, at: usize, symbol: &str) -> bool {
        matches!(self.tokens.get(at).map(|token| &token.kind), Some(Kind::Symbol(found)) if *found == symbol)
    }

    fn range(&mut self, mut at: usize, end: usize, depth: usize) {
        while at < end {
            if let Some(after) = self.run_through(at, depth) {
                at = after;
                continue;
            }
            let of_other = at > 0 && (self.is(at - 1, ".") || self.is(at - 1, ":"));
            if !of_other {
                self.call(at);
            }
            at += 1;
        }
    }

    /// `for _, NAME in ipairs(LIST) do ... end` with a list that is known: its body for each, and
    /// where it ends.
    fn run_through(&mut self, at: usize, depth: usize) -> Option<usize> {
        let is_loop = self.name(at) == Some("for")
            && self.is(at + 2, ",")
            && self.name(at + 4) == Some("in")
            && matches!(self.name(at + 5), Some("ipairs" | "pairs"))
            && self.is(at + 6, "(");
        if !is_loop || depth == DEPTH || self.calls > CALLS {
            return None;
        }
        let name = self.name(at + 3)?.to_owned();
        let (Value::List(list), after) = self.values.expression(at + 7) else {
            return None;
        };
        if !self.is(after, ")") || self.name(after + 1) != Some("do") {
            return None;
        }
        let end = self.block_end(after + 2);
        for value in list {
            self.values.push(&name, value);
            self.range(after + 2, end, depth + 1);
            self.values.pop();
            if self.calls > CALLS {
                return None;
            }
        }
        Some(end)
    }

    /// Where the block ends that begins at a token.
    fn block_end(&self, mut at: usize) -> usize {
        let mut depth = 1usize;
        while at < self.tokens.len() {
            match self.name(at) {
                Some("do" | "if" | "function" | "repeat") => depth += 1,
                Some("end" | "until") => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return at;
            }
            at += 1;
        }
        at
    }

    /// A call, or another use, of a function that runs something.
    fn call(&mut self, at: usize) {
        let Some(first) = self.name(at) else { return };
        if LOADERS.contains(&first) && self.is(at + 1, "(") {
            return self.unclear(at, at + 1);
        }
        let found = RUNNERS.iter().find(|(module, function, _)| {
            first == *module && self.is(at + 1, ".") && self.name(at + 2) == Some(function)
        });
        let Some((.., takes)) = found else { return };
        self.calls += 1;
        let open = at + 3;
        let arguments = match self.tokens.get(open).map(|token| &token.kind) {
            Some(Kind::Text(text)) => vec![Value::Text(text.clone())],
            Some(Kind::Symbol("{")) => vec![self.values.expression(open).0],
            Some(Kind::Symbol("(")) => self.values.arguments(open + 1),
            _ => return self.unclear(at, at + 2),
        };
        let line = self.tokens.get(at).map_or(1, |token| token.line);
        match (takes, arguments.as_slice()) {
            // `os.execute()` asks whether there is a shell.
            (Takes::Line, []) => {}
            (Takes::Line, [Value::Text(text), ..]) => {
                let mut commands = shell::commands(text);
                commands.iter_mut().for_each(|command| command.move_down(line - 1));
                self.found.commands.append(&mut commands);
            }
            (Takes::Words, arguments) if !arguments.is_empty() => self.words(line, arguments),
            (Takes::Table, [Value::List(words), ..]) => {
                let words: Vec<Value> = words.iter().cloned().map(Value::Text).collect();
                self.words(line, &words);
            }
            (Takes::As(program, order), arguments) => {
                let program = program.iter().map(|word| Value::Text((*word).to_owned()));
                let arguments = order.iter().map(|at| arguments.get(*at).cloned().unwrap_or(Value::Unknown));
                self.words(line, &program.chain(arguments).collect::<Vec<_>>());
            }
            (Takes::File, [Value::Text(path), Value::Text(mode), ..]) if mode.contains(['w', 'a', '+']) => {
                self.words(line, &[Value::Text("tee".to_owned()), Value::Text(path.clone())]);
            }
            (Takes::File, _) => {}
            _ => self.unclear(at, open),
        }
    }

    fn words(&mut self, line: usize, arguments: &[Value]) {
        let word = |value: &Value| match value {
            Value::Text(text) => (text.clone(), true),
            _ => ("?".to_owned(), false),
        };
        self.found.commands.push(Command::of_words(line, arguments.iter().map(word)));
    }

    /// Notes a call as it is written, up to the parenthesis that closes the one at `open`.
    fn unclear(&mut self, at: usize, open: usize) {
        let mut end = open;
        let mut depth = 0usize;
        while let Some(token) = self.tokens.get(end) {
            match token.kind {
                Kind::Symbol("(") => depth += 1,
                Kind::Symbol(")") => depth = depth.saturating_sub(1),
                _ => {}
            }
            if depth == 0 {
                break;
            }
            end += 1;
        }
        let Some(first) = self.tokens.get(at) else { return };
        let last = self.tokens.get(end).or(self.tokens.last()).unwrap_or(first);
        let written = self.script.get(first.place.start..last.place.end).unwrap_or_default();
        let written: Vec<&str> = written.split_whitespace().collect();
        self.found.unclear.push((first.line, written.join(" ")));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(script: &str) -> Vec<String> {
        let scanned = scan(script);
        let words = |command: &Command| {
            let words: Vec<&str> = command.words.iter().map(|word| word.text.as_str()).collect();
            format!("{} {}", command.line, words.join(" "))
        };
        let unclear = scanned.unclear.iter().map(|(line, text)| format!("{line} unclear: {text}"));
        scanned.commands.iter().map(words).chain(unclear).collect()
    }

    #[test]
    fn calls_with_known_strings_are_commands() {
        let script = "os.execute(\"systemctl enable a; lokkit -p 1:tcp\")\n\
            local unit = 'b.service'\nos.execute('systemctl start ' .. unit)\n\
            assert(posix.exec(\"/usr/bin/systemctl\", \"disable\", unit))\n\
            rpm.execute('chkconfig', 'c', 'on')\nrpm.spawn({'service', 'd', 'restart'}, {stdout='/dev/null'})\n\
            local f = io.popen [[\nsystemctl mask e]]\n-- os.execute('no')\nprint('os.execute(\"no\")')\n";
        assert_eq!(
            shown(script),
            [
                "1 systemctl enable a",
                "1 lokkit -p 1:tcp",
                "3 systemctl start b.service",
                "4 /usr/bin/systemctl disable b.service",
                "5 chkconfig c on",
                "6 service d restart",
                "7 systemctl mask e",
            ]
        );
    }

    #[test]
    fn loops_over_known_lists_are_run_through() {
        let script = "local units = { 'a', \"b\", }\nfor _, u in ipairs(units) do\n  if true then os.execute('systemctl enable ' .. u) end\nend\n\
            for i, p in pairs({'1'}) do rpm.execute('lokkit', '-p', p .. ':tcp') end\nos.execute('x ' .. u)\n";
        assert_eq!(
            shown(script),
            [
                "3 systemctl enable a",
                "3 systemctl enable b",
                "5 lokkit -p 1:tcp",
                "6 unclear: os.execute('x ' .. u)",
            ]
        );
    }

    #[test]
    fn lua_calls_whose_words_are_unknown_are_reported() {
        let script = "local run = os.execute\nrun('systemctl enable a')\nlocal n = arg[2]\nos.execute('x ' .. n)\n\
            n = 'twice'\nos.execute(string.format('systemctl enable %s',\n  'a'))\nload('x')()\nos.execute()\n\
            posix.exec('/bin/x', n)\nmy.os.execute('no')\nos.execute(('a'):rep(2))\nos.execute('a' .. 'b' or 'c')\n";
        assert_eq!(
            shown(script),
            [
                "10 /bin/x ?",
                "1 unclear: os.execute",
                "4 unclear: os.execute('x ' .. n)",
                "6 unclear: os.execute(string.format('systemctl enable %s', 'a'))",
                "8 unclear: load('x')",
                "12 unclear: os.execute(('a'):rep(2))",
                "13 unclear: os.execute('a' .. 'b' or 'c')",
            ]
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_to_its_end(script in "([ -~\n]|os\\.execute|ipairs|for|in|do|end|\\[\\[|\"|\\(|\\{){0,80}") {
            let lines = script.lines().count() + 1;
            let scanned = scan(&script);
            prop_assert!(scanned.commands.iter().all(|command| command.line <= lines));
            prop_assert!(scanned.unclear.iter().all(|(line, _)| *line <= lines));
        }
    }
}
