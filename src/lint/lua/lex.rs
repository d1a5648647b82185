//! The tokens of a Lua script, with the places where they are.

use std::ops::Range;

/// What a token is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Name(String),
    /// A string without its quotes, escapes resolved.
    Text(String),
    /// Anything else: `..`, or one character.
    Symbol(&'static str),
    /// A number, or a character that means nothing here.
    Other,
}

/// A token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token {
    pub kind: Kind,
    /// From 1.
    pub line: usize,
    /// Where it is in the script.
    pub place: Range<usize>,
}

const SYMBOLS: [&str; 15] = [
    "...", "..", "==", "~=", "(", ")", "{", "}", "[", "]", ",", ".", ":", "=", ";",
];

/// Splits a script; what is not closed ends with it.
pub(super) fn tokens(script: &str) -> Vec<Token> {
    let mut lexer = Lexer {
        script,
        at: 0,
        line: 1,
    };
    let mut found = Vec::new();
    while let Some(token) = lexer.token() {
        found.push(token);
    }
    found
}

struct Lexer<'s> {
    script: &'s str,
    at: usize,
    line: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        self.script.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, bytes: usize) {
        let passed = self.rest().get(..bytes).unwrap_or_default();
        self.line += passed.bytes().filter(|byte| *byte == b'\n').count();
        self.at += bytes;
    }

    fn token(&mut self) -> Option<Token> {
        self.skip_blanks();
        let rest = self.rest();
        let first = rest.chars().next()?;
        let (start, line) = (self.at, self.line);
        let kind = if first.is_ascii_alphabetic() || first == '_' {
            let end = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(rest.len());
            self.skip(end);
            Kind::Name(rest[..end].to_owned())
        } else if first == '"' || first == '\'' {
            Kind::Text(self.quoted(first))
        } else if let Some(text) = self.long_bracket() {
            Kind::Text(text)
        } else if let Some(symbol) = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            self.skip(symbol.len());
            Kind::Symbol(symbol)
        } else {
            self.skip(first.len_utf8());
            Kind::Other
        };
        let place = start..self.at;
        Some(Token { kind, line, place })
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let blanks = rest.len() - rest.trim_start().len();
            self.skip(blanks);
            if !self.rest().starts_with("--") {
                return;
            }
            self.skip(2);
            if self.long_bracket().is_none() {
                let end = self.rest().find('\n').unwrap_or(self.rest().len());
                self.skip(end);
            }
        }
    }

    /// `[[text]]`, `[=[text]=]` and so on.
    fn long_bracket(&mut self) -> Option<String> {
        let rest = self.rest().strip_prefix('[')?;
        let level = rest.len() - rest.trim_start_matches('=').len();
        let text = rest[level..].strip_prefix('[')?;
        let closing = format!("]{}]", "=".repeat(level));
        let end = text.find(&closing).unwrap_or(text.len());
        let found = text[..end].to_owned();
        let whole = 2 + level + (end + closing.len()).min(text.len());
        self.skip(whole);
        Some(found.strip_prefix('\n').map(str::to_owned).unwrap_or(found))
    }

    fn quoted(&mut self, quote: char) -> String {
        let mut text = String::new();
        let rest = self.rest();
        let mut chars = rest.char_indices().skip(1).peekable();
        let mut end = rest.len();
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    end = at + 1;
                    break;
                }
                '\n' => {
                    end = at;
                    break;
                }
                '\\' => match chars.next().map(|(_, c)| c) {
                    Some('n') => text.push('\n'),
                    Some('t') => text.push('\t'),
                    Some(digit) if digit.is_ascii_digit() => {
                        let mut number = digit.to_digit(10).unwrap_or(0);
                        for _ in 0..2 {
                            let next = chars.next_if(|(_, c)| c.is_ascii_digit());
                            let Some(next) = next.and_then(|(_, c)| c.to_digit(10)) else {
                                break;
                            };
                            number = number * 10 + next;
                        }
                        text.push(char::from_u32(number).unwrap_or('\u{fffd}'));
                    }
                    Some(other) => text.push(other),
                    None => {}
                },
                other => text.push(other),
            }
        }
        self.skip(end);
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_comments_and_names_are_told_apart() {
        let script = "-- os.execute('no')\n--[[ no\n ]] x = 'a\\'b\\n' .. [==[\nlong ]] ]==] -- end\ny";
        let shown: Vec<String> = tokens(script)
            .into_iter()
            .map(|token| match token.kind {
                Kind::Name(name) => format!("{} {name}", token.line),
                Kind::Text(text) => format!("{} {text:?}", token.line),
                Kind::Symbol(symbol) => format!("{} {symbol}", token.line),
                Kind::Other => "?".into(),
            })
            .collect();
        assert_eq!(shown, ["3 x", "3 =", "3 \"a'b\\n\"", "3 ..", "3 \"long ]] \"", "5 y"]);
    }
}
