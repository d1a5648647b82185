//! The simple commands of a shell script, as far as they can be read without running it. It knows
//! quoting, comments, continued lines, here-documents, redirections, keywords and variables that are
//! set once to plain text. What it cannot resolve it says so of: it never guesses.

use std::collections::BTreeMap;

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// The text, quotes taken off. Of an unresolved word: as it is written.
    pub text: String,
    /// Whether this is what the command gets.
    pub resolved: bool,
}

/// A simple command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The line that it begins on, from 1.
    pub line: usize,
    /// Its words, assignments before it and redirections left out.
    pub words: Vec<Word>,
}

/// Words that stand before a command and are none.
const KEYWORDS: [&str; 15] = [
    "if", "then", "else", "elif", "fi", "do", "done", "while", "until", "case", "esac", "in", "{", "}", "!",
];
/// Programs that run the command behind them.
const PREFIXES: [&str; 4] = ["exec", "command", "builtin", "env"];

/// Finds the commands of a script, in order; those in substitutions come before the command that
/// they are part of.
pub fn commands(script: &str) -> Vec<Command> {
    let mut scanner = Scanner::new(script, 1);
    scanner.run();
    let values = scanner.values;
    let mut commands = scanner.commands;
    for word in commands.iter_mut().flat_map(|command| &mut command.words) {
        word.resolve(&values);
    }
    commands.retain_mut(|command| {
        let skipped = command.words.iter().take_while(|word| PREFIXES.contains(&word.text.as_str())).count();
        command.words.drain(..skipped);
        !command.words.is_empty()
    });
    commands
}

impl Word {
    /// Puts in variables that have one plain value.
    fn resolve(&mut self, values: &BTreeMap<String, Option<String>>) {
        if self.resolved {
            return;
        }
        let mut text = String::new();
        let mut rest = self.text.as_str();
        while let Some((before, after)) = rest.split_once('$') {
            text.push_str(before);
            let (name, left) = match after.strip_prefix('{') {
                Some(braced) => match braced.split_once('}') {
                    Some(found) => found,
                    None => return,
                },
                None => {
                    let end = after.find(|c: char| !is_name_char(c)).unwrap_or(after.len());
                    after.split_at(end)
                }
            };
            match values.get(name) {
                Some(Some(value)) => text.push_str(value),
                _ => return,
            }
            rest = left;
        }
        text.push_str(rest);
        if !text.contains(['`', '*', '?', '[', '~']) {
            self.text = text;
            self.resolved = true;
        }
    }
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

struct Scanner<'s> {
    rest: std::iter::Peekable<std::str::Chars<'s>>,
    line: usize,
    commands: Vec<Command>,
    /// Variables; `None` for one that is set twice or to something unknown.
    values: BTreeMap<String, Option<String>>,
    current: Vec<Word>,
    start: usize,
    /// Here-documents whose bodies follow the line.
    pending: Vec<String>,
    /// The next word belongs to a redirection.
    redirect: Option<Redirect>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Redirect {
    File,
    Here,
}

impl<'s> Scanner<'s> {
    fn new(script: &'s str, line: usize) -> Self {
        Scanner {
            rest: script.chars().peekable(),
            line,
            commands: Vec::new(),
            values: BTreeMap::new(),
            current: Vec::new(),
            start: line,
            pending: Vec::new(),
            redirect: None,
        }
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next();
        self.line += usize::from(c == Some('\n'));
        c
    }

    fn run(&mut self) {
        while let Some(&c) = self.rest.peek() {
            match c {
                '\n' => self.end_of_line(),
                ' ' | '\t' | '\r' => drop(self.next()),
                '#' => {
                    while self.rest.peek().is_some_and(|c| *c != '\n') {
                        self.next();
                    }
                }
                ';' | '|' | '(' | ')' => {
                    self.next();
                    self.end();
                }
                '&' => self.ampersand(),
                '<' | '>' => self.redirection(),
                _ => self.word(),
            }
        }
        self.end();
    }

    fn ampersand(&mut self) {
        self.next();
        match self.rest.peek() {
            Some('>') => self.redirection(),
            _ => self.end(),
        }
    }

    fn end_of_line(&mut self) {
        self.next();
        self.end();
        for delimiter in std::mem::take(&mut self.pending) {
            loop {
                let mut line = String::new();
                let mut any = false;
                while let Some(c) = self.next() {
                    any = true;
                    if c == '\n' {
                        break;
                    }
                    line.push(c);
                }
                if !any || line.trim_start_matches('\t') == delimiter {
                    break;
                }
            }
        }
    }

    fn redirection(&mut self) {
        let mut operator = String::new();
        while let Some(c) = self.rest.next_if(|c| "<>&|-".contains(*c)) {
            operator.push(c);
        }
        self.redirect = match operator.as_str() {
            "<<" | "<<-" => Some(Redirect::Here),
            _ => Some(Redirect::File),
        };
    }

    /// Reads a word with its quotes.
    fn word(&mut self) {
        let line = self.line;
        let mut word = Word {
            text: String::new(),
            resolved: true,
        };
        let mut quoted = false;
        while let Some(&c) = self.rest.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    quoted = true;
                    self.next();
                    while let Some(c) = self.next().filter(|c| *c != '\'') {
                        word.text.push(c);
                    }
                }
                '"' => {
                    quoted = true;
                    self.double_quoted(&mut word);
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => word.text.push(c),
                    }
                }
                '$' | '`' => self.substitution(&mut word),
                '*' | '?' | '[' | '~' => {
                    word.resolved &= c == '[' && word.text.is_empty() || c == '~' && !word.text.is_empty();
                    word.text.extend(self.next());
                }
                _ => word.text.extend(self.next()),
            }
        }
        // A continued line between words is a word of nothing.
        if !word.text.is_empty() || quoted {
            self.take(word, quoted, line);
        }
    }

    fn double_quoted(&mut self, word: &mut Word) {
        self.next();
        while let Some(&c) = self.rest.peek() {
            match c {
                '"' => {
                    self.next();
                    return;
                }
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) if "\"$`\\".contains(c) => word.text.push(c),
                        Some(c) => word.text.extend(['\\', c]),
                    }
                }
                '$' | '`' => self.substitution(word),
                _ => word.text.extend(self.next()),
            }
        }
    }

    /// A variable, or a command whose commands are found too.
    fn substitution(&mut self, word: &mut Word) {
        let line = self.line;
        let opening = self.next();
        if opening == Some('`') {
            let mut inner = String::new();
            while let Some(c) = self.next().filter(|c| *c != '`') {
                inner.push(c);
            }
            self.inner(&inner, line);
            word.text += &format!("`{inner}`");
            word.resolved = false;
            return;
        }
        word.text.push('$');
        match self.rest.peek() {
            Some('(') => {
                let inner = self.parenthesis();
                self.inner(&inner, line);
                word.text += &format!("({inner})");
                word.resolved = false;
            }
            Some(c) if is_name_char(*c) || "{@*#?!$-".contains(*c) => word.resolved = false,
            _ => {}
        }
    }

    /// Everything up to the closing parenthesis; those in quotes do not count.
    fn parenthesis(&mut self) -> String {
        let mut text = String::new();
        let (mut depth, mut quote) = (0, None);
        while let Some(c) = self.next() {
            match (c, quote) {
                ('\'' | '"', None) => quote = Some(c),
                (c, Some(open)) if c == open => quote = None,
                ('(', None) => depth += 1,
                (')', None) => depth -= 1,
                _ => {}
            }
            text.push(c);
            if depth == 0 {
                break;
            }
        }
        text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(&text).to_owned()
    }

    fn inner(&mut self, script: &str, line: usize) {
        let mut inner = Scanner::new(script, line);
        inner.run();
        self.commands.append(&mut inner.commands);
    }

    fn take(&mut self, word: Word, quoted: bool, line: usize) {
        match self.redirect.take() {
            Some(Redirect::Here) => return self.pending.push(word.text),
            Some(Redirect::File) => return,
            None => {}
        }
        let is_number = word.text.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !quoted && matches!(self.rest.peek(), Some('<' | '>')) {
            return;
        }
        if self.current.is_empty() {
            if !quoted && KEYWORDS.contains(&word.text.as_str()) {
                return;
            }
            if let Some((name, value)) = assignment(&word) {
                let first = !self.values.contains_key(&name);
                self.values.insert(name, value.filter(|_| first));
                return;
            }
            self.start = line;
        }
        self.current.push(word);
    }

    fn end(&mut self) {
        self.redirect = None;
        let words = std::mem::take(&mut self.current);
        // `for NAME in WORDS` sets the variable to several values.
        if let [keyword, name, ..] = words.as_slice()
            && keyword.text == "for"
        {
            self.values.insert(name.text.clone(), None);
            return;
        }
        if !words.is_empty() {
            let line = self.start;
            self.commands.push(Command { line, words });
        }
    }
}

/// `NAME=VALUE`: the name, and the value if it is plain.
fn assignment(word: &Word) -> Option<(String, Option<String>)> {
    let (name, value) = word.text.split_once('=')?;
    let is_name =
        !name.is_empty() && name.chars().all(is_name_char) && !name.starts_with(|c: char| c.is_ascii_digit());
    is_name.then(|| (name.to_owned(), word.resolved.then(|| value.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(script: &str) -> Vec<String> {
        let word = |word: &Word| {
            if word.resolved {
                word.text.clone()
            } else {
                format!("<{}>", word.text)
            }
        };
        let line = |command: &Command| {
            let words: Vec<String> = command.words.iter().map(word).collect();
            format!("{} {}", command.line, words.join(" "))
        };
        commands(script).iter().map(line).collect()
    }

    #[test]
    fn commands_are_found_with_their_lines() {
        let script = "if [ $1 -eq 1 ]; then\n  systemctl enable 'a b' \\\n    c >/dev/null 2>&1 || :\nfi\n\
                      # systemctl no\nexec /sbin/chkconfig --add x & lokkit -p 1:tcp;y\n";
        assert_eq!(
            shown(script),
            [
                "1 [ <$1> -eq 1 ]",
                "2 systemctl enable a b c",
                "3 :",
                "6 /sbin/chkconfig --add x",
                "6 lokkit -p 1:tcp",
                "6 y",
            ]
        );
    }

    #[test]
    fn variables_of_one_plain_value_are_put_in_and_others_are_not() {
        let script = "A=x\nB=1\nB=2\nC=$(systemctl is-enabled q)\nfor D in a b; do systemctl start $D; done\n\
                      systemctl enable $A ${A}.socket \"$B\" $C *.service $E\n";
        assert_eq!(
            shown(script),
            [
                "4 systemctl is-enabled q",
                "5 systemctl start <$D>",
                "6 systemctl enable x x.socket <$B> <$C> <*.service> <$E>",
            ]
        );
    }

    #[test]
    fn here_documents_and_quoted_text_are_no_commands() {
        let script = "cat > /x <<'EOF' && true\nsystemctl enable no\nEOF\necho \"systemctl no; lokkit $(firewall-cmd yes)\"\n";
        let found = shown(script);
        assert_eq!(found[..3], ["1 cat", "1 true", "4 firewall-cmd yes"]);
        assert_eq!(found.len(), 4);
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_to_its_end(script in "[ -~\n]{0,200}") {
            let lines = script.lines().count() + 1;
            prop_assert!(commands(&script).iter().all(|command| command.line <= lines));
        }
    }
}
