//! Reading a script: its simple commands, the loops around them, and what is assigned.

use super::script::{Builder, DEPTH, RawCommand, Script};
use super::word::{Raw, is_name_char};

/// Words that stand before a command and are none.
const KEYWORDS: [&str; 15] = [
    "if", "then", "else", "elif", "fi", "do", "done", "while", "until", "case", "esac", "in", "{", "}", "!",
];
/// Commands whose arguments are variables that they set.
const SETTERS: [&str; 5] = ["read", "unset", "getopts", "mapfile", "readarray"];
/// Commands whose arguments are assignments.
const DECLARERS: [&str; 5] = ["export", "local", "readonly", "declare", "typeset"];
/// Reads a script to its end; there is no text that it cannot read.
pub(super) fn scan(script: &str) -> Script {
    let mut scanner = Scanner::new(script, 1, 0);
    scanner.run();
    scanner.script.finish()
}

struct Scanner<'s> {
    rest: std::iter::Peekable<std::str::Chars<'s>>,
    line: usize,
    script: Builder,
    current: Vec<Raw>,
    /// Where the current command's output goes.
    writes: Vec<Raw>,
    /// The next command reads what the last one wrote.
    piped: bool,
    start: usize,
    /// Here-documents whose bodies follow the line.
    pending: Vec<String>,
    /// The next word belongs to a redirection.
    redirect: Option<Redirect>,
    /// The `case` around, innermost last, and what of it comes next.
    cases: Vec<Case>,
    /// How many substitutions this is inside of.
    depth: usize,
}

/// What comes next in a `case`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Case {
    /// What it is about, up to `in`.
    Subject,
    /// Patterns, up to a parenthesis.
    Pattern,
    /// Commands, up to `;;`.
    Commands,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Redirect {
    /// From a file, or from or to another descriptor.
    Read,
    /// To a file.
    Write,
    Here,
}

impl<'s> Scanner<'s> {
    fn new(script: &'s str, line: usize, depth: usize) -> Self {
        Scanner {
            rest: script.chars().peekable(),
            line,
            script: Builder::default(),
            current: Vec::new(),
            writes: Vec::new(),
            piped: false,
            start: line,
            pending: Vec::new(),
            redirect: None,
            cases: Vec::new(),
            depth,
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
                '(' | '|' if self.cases.last() == Some(&Case::Pattern) => drop(self.next()),
                '(' if self.begins_function() => {}
                ';' | '|' | '(' | ')' => {
                    self.next();
                    self.clause(c);
                    self.end();
                    self.piped = c == '|' && self.rest.next_if_eq(&'|').is_none() || c == '(' && self.piped;
                    if c == '(' && self.rest.peek() == Some(&'(') {
                        self.arithmetic();
                    }
                }
                '&' => self.ampersand(),
                '<' | '>' => self.redirection(),
                _ => self.word(),
            }
        }
        self.end();
        self.script.close_all();
    }

    /// Takes `NAME()`: its body is read like any other commands.
    fn begins_function(&mut self) -> bool {
        let mut ahead = self.rest.clone();
        ahead.next();
        let is_empty = ahead.find(|c| *c != ' ' && *c != '\t') == Some(')');
        let is_name = matches!(&self.current[..], [name] if name.bare().is_some());
        if is_empty && is_name {
            self.current.clear();
            while self.next().is_some_and(|c| c != ')') {}
        }
        is_empty && is_name
    }

    /// Where a separator ends the patterns or the commands of a `case`.
    fn clause(&mut self, separator: char) {
        let is_double = separator == ';' && matches!(self.rest.peek(), Some(';' | '&'));
        match self.cases.last_mut() {
            Some(case @ Case::Pattern) if separator == ')' => {
                *case = Case::Commands;
                self.current.clear();
            }
            Some(case @ Case::Commands) if is_double => {
                *case = Case::Pattern;
                while self.rest.next_if(|c| matches!(c, ';' | '&')).is_some() {}
                self.end();
            }
            _ => {}
        }
    }

    /// Takes a word of a `case` that is part of no command.
    fn case_word(&mut self, word: &Raw) -> bool {
        let Some(case) = self.cases.last_mut() else {
            return false;
        };
        match (*case, word.bare()) {
            (Case::Subject, Some("in")) => *case = Case::Pattern,
            (Case::Pattern, Some("esac")) => _ = self.cases.pop(),
            (Case::Subject | Case::Pattern, _) => {}
            (Case::Commands, Some("esac")) if self.current.is_empty() => _ = self.cases.pop(),
            (Case::Commands, _) => return false,
        }
        true
    }

    /// `((...))`, whose variables are not followed.
    fn arithmetic(&mut self) {
        let inside = self.parenthesis();
        for name in inside.split(|c| !is_name_char(c)).filter(|name| !name.is_empty()) {
            self.script.assign(name.to_owned(), None);
        }
    }

    fn ampersand(&mut self) {
        self.next();
        match self.rest.peek() {
            Some('>') => self.redirection(),
            _ => {
                // The second of `&&` too.
                self.rest.next_if_eq(&'&');
                self.end();
                self.piped = false;
            }
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
            ">" | ">>" | ">|" | "<>" | "&>" | "&>>" => Some(Redirect::Write),
            _ => Some(Redirect::Read),
        };
    }

    /// Reads a word with its quotes.
    fn word(&mut self) {
        let line = self.line;
        let mut word = Raw {
            line,
            ..Raw::default()
        };
        // What bash makes several words of.
        let mut brace: Option<String> = None;
        while let Some(&c) = self.rest.peek() {
            match c {
                ' ' | '\t' | '\r' | '\n' | ';' | '|' | '&' | '(' | ')' | '<' | '>' => break,
                '\'' => {
                    word.quoted = true;
                    self.next();
                    while let Some(c) = self.next().filter(|c| *c != '\'') {
                        word.push(c);
                    }
                }
                '"' => self.double_quoted(&mut word),
                '\\' => {
                    self.next();
                    match self.next() {
                        Some('\n') | None => {}
                        Some(c) => word.push(c),
                    }
                }
                '$' | '`' => self.substitution(&mut word, false),
                _ => {
                    self.next();
                    let first = word.written.is_empty();
                    word.opaque |= matches!(c, '*' | '?') || c == '[' && !first || c == '~' && first;
                    word.push(c);
                    match &mut brace {
                        _ if c == '{' => brace = Some(String::new()),
                        Some(inside) => inside.push(c),
                        None => {}
                    }
                    let several = |inside: &String| inside.contains(',') || inside.contains("..");
                    word.opaque |= c == '}' && brace.as_ref().is_some_and(several);
                }
            }
        }
        if word.is_word() {
            self.take(word, line);
        }
    }

    fn double_quoted(&mut self, word: &mut Raw) {
        word.quoted = true;
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
                        Some(c) if "\"$`\\".contains(c) => word.push(c),
                        Some(c) => {
                            word.push('\\');
                            word.push(c);
                        }
                    }
                }
                '$' | '`' => self.substitution(word, true),
                _ => {
                    self.next();
                    word.push(c);
                }
            }
        }
    }

    /// A variable, or a command whose commands are found too.
    fn substitution(&mut self, word: &mut Raw, quoted: bool) {
        let line = self.line;
        let opening = self.next();
        if opening == Some('`') {
            let mut inner = String::new();
            while let Some(c) = self.next().filter(|c| *c != '`') {
                inner.push(c);
            }
            self.inner(&inner, line);
            return word.unknown(&format!("`{inner}`"));
        }
        match self.rest.peek().copied() {
            Some('(') => {
                let inner = self.parenthesis();
                self.inner(&inner, line);
                word.unknown(&format!("$({inner})"));
            }
            Some('{') => {
                self.next();
                let mut inner = String::new();
                while let Some(c) = self.next().filter(|c| *c != '}') {
                    inner.push(c);
                }
                let written = format!("${{{inner}}}");
                match inner.chars().all(is_name_char) && !inner.is_empty() {
                    true => word.variable(&inner, &written, quoted),
                    false => word.unknown(&written),
                }
            }
            Some(c) if is_name_char(c) && !c.is_ascii_digit() => {
                let mut name = String::new();
                while let Some(c) = self.rest.next_if(|c| is_name_char(*c)) {
                    name.push(c);
                }
                word.variable(&name, &format!("${name}"), quoted);
            }
            Some(c) if c.is_ascii_digit() || "@*#?!$-".contains(c) => {
                self.next();
                word.unknown(&format!("${c}"));
            }
            _ => word.push('$'),
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
        if self.depth == DEPTH {
            return;
        }
        let mut inner = Scanner::new(script, line, self.depth + 1);
        inner.script.at = self.script.at;
        inner.run();
        self.script.take_over(inner.script);
    }

    fn take(&mut self, word: Raw, line: usize) {
        match self.redirect.take() {
            Some(Redirect::Here) => return self.pending.push(word.written),
            Some(Redirect::Write) => return self.writes.push(word),
            Some(Redirect::Read) => return,
            None => {}
        }
        let is_number = word.written.bytes().all(|byte| byte.is_ascii_digit());
        if is_number && !word.quoted && matches!(self.rest.peek(), Some('<' | '>')) {
            return;
        }
        if self.case_word(&word) {
            return;
        }
        if self.current.is_empty() {
            match word.bare() {
                Some("case") => return self.cases.push(Case::Subject),
                Some("while" | "until") => return self.script.open_loop(None),
                Some("done") => return self.script.close(),
                Some(keyword) if KEYWORDS.contains(&keyword) => return,
                _ => {}
            }
            if let Some((name, value)) = word.assignment() {
                return self.script.assign(name, Some(value));
            }
            self.start = line;
        }
        if matches!(&self.current[..], [first] if first.bare() == Some("function")) {
            return self.current.clear();
        }
        self.current.push(word);
    }

    fn end(&mut self) {
        self.redirect = None;
        let mut words = std::mem::take(&mut self.current);
        let Some(first) = words.first() else {
            // What a loop or a group writes.
            self.start = self.writes.first().map_or(self.start, |word| word.line);
            return self.command(words);
        };
        match first.bare().unwrap_or_default() {
            "for" | "select" => {
                let command = self.script.for_loop(words);
                return self.command(command);
            }
            name if SETTERS.contains(&name) => {
                for word in words.iter().skip(1).filter(|word| !word.opaque) {
                    self.script.assign(word.written.clone(), None);
                }
            }
            name if DECLARERS.contains(&name) => {
                for (name, value) in words.drain(1..).filter_map(|word| word.assignment()) {
                    self.script.assign(name, Some(value));
                }
            }
            _ => {}
        }
        self.command(words);
    }

    fn command(&mut self, words: Vec<Raw>) {
        let writes = std::mem::take(&mut self.writes);
        if words.is_empty() && writes.is_empty() {
            return;
        }
        self.script.command(RawCommand {
            line: self.start,
            words,
            writes,
            reads_pipe: std::mem::take(&mut self.piped),
            at: 0,
        });
    }
}
