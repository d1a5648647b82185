//! The commands that a scriptlet's text names, read as a shell would split it, not run. What is
//! computed at run time is not seen.

/// A command in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::audit) struct Command {
    /// Counted from 1.
    pub line: usize,
    /// The first word that is no assignment, keyword or prefix such as `exec`.
    pub name: String,
    /// What follows it.
    pub arguments: Vec<String>,
}

/// Words after which a command begins.
const KEYWORDS: [&str; 11] = [
    "if", "then", "elif", "else", "while", "until", "do", "!", "{", "time", "(",
];
/// Commands that run the command that follows them.
const PREFIXES: [&str; 10] = [
    "exec",
    "command",
    "env",
    "nohup",
    "nice",
    "sh",
    "bash",
    "/bin/sh",
    "/bin/bash",
    ".",
];

enum Token {
    Word(String),
    /// A new command begins.
    Break,
}

/// Every command in a shell script.
pub(in crate::audit) fn commands(script: &str) -> Vec<Command> {
    let mut commands: Vec<Command> = Vec::new();
    let mut current: Option<Command> = None;
    for (line, token) in Tokens::new(script) {
        match token {
            Token::Break => commands.extend(current.take()),
            Token::Word(word) => match &mut current {
                Some(command) => command.arguments.push(word),
                None if is_skipped(&word) => {}
                None => {
                    current = Some(Command {
                        line,
                        name: word,
                        arguments: Vec::new(),
                    });
                }
            },
        }
    }
    commands.extend(current);
    commands
}

fn is_skipped(word: &str) -> bool {
    let assigns = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    });
    assigns
        || word.is_empty()
        || word.starts_with('-')
        || KEYWORDS.contains(&word)
        || PREFIXES.contains(&word)
}

/// The first line of a script, counted from 1, on which `path` is named, or its directory and its
/// name are.
pub fn line_of(script: &str, path: &str) -> Option<usize> {
    let (directory, name) = path.rsplit_once('/')?;
    let mut words: Vec<(usize, String)> = Vec::new();
    for (line, token) in Tokens::new(script) {
        if let Token::Word(word) = token {
            words.push((line, word));
        }
    }
    let whole = words.iter().find(|(_, word)| word.split(['=', ',']).any(|part| part == path));
    whole.map(|(line, _)| *line).or_else(|| {
        let names = |line: usize, part: &str| {
            words.iter().any(|(at, word)| *at == line && word.trim_end_matches('/').ends_with(part))
        };
        words
            .iter()
            .map(|(line, _)| *line)
            .find(|line| !directory.is_empty() && names(*line, directory) && names(*line, name))
    })
}

/// Takes a script apart; each token with its line.
struct Tokens<'s> {
    rest: std::iter::Peekable<std::str::Chars<'s>>,
    line: usize,
    /// Ends of the here-documents that begin after this line.
    here: Vec<String>,
}

impl<'s> Tokens<'s> {
    fn new(script: &'s str) -> Self {
        Tokens {
            rest: script.chars().peekable(),
            line: 1,
            here: Vec::new(),
        }
    }

    /// A line has ended; the here-documents that it announced are text, not commands.
    fn end_line(&mut self) {
        self.line += 1;
        for end in std::mem::take(&mut self.here) {
            while self.rest.peek().is_some() {
                let mut text = String::new();
                for c in self.rest.by_ref().take_while(|c| *c != '\n') {
                    text.push(c);
                }
                self.line += 1;
                if text.trim_start_matches('\t') == end {
                    break;
                }
            }
        }
    }

    /// A word that begins with `first`; quotes are taken off.
    fn word(&mut self, first: char) -> String {
        let mut word = String::new();
        let mut next = Some(first);
        while let Some(c) = next {
            match c {
                '\'' => self.quoted(&mut word, '\''),
                '"' => self.quoted(&mut word, '"'),
                '\\' => match self.rest.next() {
                    Some('\n') => self.line += 1,
                    Some(c) => word.push(c),
                    None => {}
                },
                c => word.push(c),
            }
            let goes_on = self.rest.peek().is_some_and(|c| !c.is_whitespace() && !";&|<>()`".contains(*c));
            next = if goes_on { self.rest.next() } else { None };
        }
        word
    }

    fn quoted(&mut self, word: &mut String, quote: char) {
        while let Some(c) = self.rest.next() {
            match c {
                c if c == quote => return,
                '\\' if quote == '"' => word.extend(self.rest.next()),
                '\n' => {
                    self.line += 1;
                    word.push(c);
                }
                c => word.push(c),
            }
        }
    }

    /// After `<<`: the word that ends the here-document.
    fn announce(&mut self) {
        while self.rest.next_if(|c| *c == '-' || *c == ' ' || *c == '\t').is_some() {}
        if let Some(first) = self.rest.next_if(|c| !c.is_whitespace()) {
            let end = self.word(first);
            self.here.push(end);
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = (usize, Token);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let line = self.line;
            match self.rest.next()? {
                '\n' => {
                    self.end_line();
                    return Some((line, Token::Break));
                }
                '#' => while self.rest.next_if(|c| *c != '\n').is_some() {},
                ';' | '&' | '|' | '(' | ')' | '`' => return Some((line, Token::Break)),
                '<' if self.rest.next_if_eq(&'<').is_some() => self.announce(),
                '<' | '>' => while self.rest.next_if(|c| ">&|".contains(*c)).is_some() {},
                '$' if self.rest.next_if_eq(&'(').is_some() => return Some((line, Token::Break)),
                c if c.is_whitespace() => {}
                c => {
                    let word = self.word(c);
                    return Some((line, Token::Word(word)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(script: &str) -> Vec<(usize, String)> {
        commands(script).into_iter().map(|command| (command.line, command.name)).collect()
    }

    fn found(pairs: &[(usize, &str)]) -> Vec<(usize, String)> {
        pairs.iter().map(|(line, name)| (*line, (*name).to_owned())).collect()
    }

    #[test]
    fn commands_stand_where_a_shell_would_run_them() {
        let script = "# iptables is not run\nif [ -x /etc/init.d/a ]; then\n  /etc/init.d/a condrestart || :\nfi\n\
                      X=1 exec iptables -F && echo nft\nY=$(nft list)\n";
        assert_eq!(
            names(script),
            found(&[
                (2, "["),
                (3, "/etc/init.d/a"),
                (3, ":"),
                (4, "fi"),
                (5, "iptables"),
                (5, "echo"),
                (6, "nft")
            ])
        );
    }

    #[test]
    fn quoted_text_and_here_documents_are_no_commands() {
        let script =
            "cat >/etc/x <<'EOF'\niptables -F\nEOF\necho 'a;\niptables' \"b|nft\"\nsh /etc/init.d/b start";
        assert_eq!(names(script), found(&[(1, "cat"), (4, "echo"), (6, "/etc/init.d/b")]));
    }

    #[test]
    fn a_path_is_found_on_its_line() {
        let script =
            "echo one >>/etc/services\ncd /etc\nln -s ../x.service \\\n /etc/rc.d/rc3.d/S99x\nmv y /opt/z/\n";
        assert_eq!(line_of(script, "/etc/services"), Some(1));
        assert_eq!(line_of(script, "/etc/rc.d/rc3.d/S99x"), Some(4));
        assert_eq!(line_of(script, "/opt/z/y"), Some(5));
        assert_eq!(line_of(script, "/nowhere/at"), None);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_too_odd(script in "[a-z<>'\"`$()\\\\#;&| \n-]{0,80}") {
            let _ = (commands(&script), line_of(&script, "/etc/x"));
        }
    }
}
