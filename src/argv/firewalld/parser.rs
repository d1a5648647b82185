//! Splitting a command line into options and values in the way of Python's argparse: options in any
//! order, long ones abbreviated where that is unambiguous, values in the same or the next word,
//! options of one group excluding each other.

use super::table::{Arity, OPTIONS, Opt};
use super::{Given, Side, UsageError, Version};

/// Takes a command line apart.
///
/// # Errors
/// What that version's argument parser refuses.
pub(super) fn parse(side: Side, version: Version, words: &[String]) -> Result<Given, UsageError> {
    let mut parser = Parser {
        side,
        version,
        given: Given::default(),
        seen: Vec::new(),
        extra: Vec::new(),
    };
    let words = parser.classify(words)?;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        match &word.kind {
            Kind::Option(option, value) => at = parser.option(&words, at, option, value.as_deref())?,
            Kind::Unknown | Kind::Plain | Kind::Dashes => {
                parser.extra.push(word.text.clone());
                at += 1;
            }
        }
    }
    if parser.extra.is_empty() {
        return Ok(parser.given);
    }
    Err(parser.error(&format!("unrecognized arguments: {}", parser.extra.join(" "))))
}

/// The options that a command of a version has.
pub(crate) fn options(side: Side, version: Version) -> impl Iterator<Item = &'static Opt> {
    OPTIONS.iter().filter(move |option| {
        option.since <= version
            && match side {
                Side::Offline => option.offline,
                Side::Online => option.online,
            }
    })
}

/// What a word is.
#[derive(Debug)]
enum Kind {
    /// An option, its spelling, and the value in the same word.
    Option(Spelling, Option<String>),
    /// Something that begins with a dash and is no option.
    Unknown,
    /// `--`: everything after it is a value.
    Dashes,
    /// A value.
    Plain,
}

#[derive(Debug, Clone, Copy)]
struct Spelling {
    option: &'static Opt,
    name: &'static str,
}

#[derive(Debug)]
struct Word {
    text: String,
    kind: Kind,
}

struct Parser {
    side: Side,
    version: Version,
    given: Given,
    seen: Vec<&'static Opt>,
    extra: Vec<String>,
}

impl Parser {
    fn error(&self, message: &str) -> UsageError {
        let (usage, program) = (self.side.usage_line(self.version), self.side.program());
        UsageError::loud(format!("{usage}{program}: error: {message}\n"))
    }

    fn argument_error(&self, option: &Opt, message: &str) -> UsageError {
        self.error(&format!("argument {}: {message}", option.names.join("/")))
    }

    fn options(&self) -> impl Iterator<Item = &'static Opt> {
        options(self.side, self.version)
    }

    fn spellings(&self) -> impl Iterator<Item = Spelling> {
        self.options()
            .flat_map(|option| option.names.iter().map(move |name| Spelling { option, name }))
    }

    fn classify(&self, words: &[String]) -> Result<Vec<Word>, UsageError> {
        let mut values_only = false;
        let mut classified = Vec::with_capacity(words.len());
        for text in words {
            let kind = match text.as_str() {
                _ if values_only => Kind::Plain,
                "--" => {
                    values_only = true;
                    Kind::Dashes
                }
                _ => self.kind(text)?,
            };
            classified.push(Word {
                text: text.clone(),
                kind,
            });
        }
        Ok(classified)
    }

    fn kind(&self, text: &str) -> Result<Kind, UsageError> {
        if !text.starts_with('-') || text == "-" {
            return Ok(Kind::Plain);
        }
        if let Some(exact) = self.spellings().find(|spelling| spelling.name == text) {
            return Ok(Kind::Option(exact, None));
        }
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if let Some(exact) = self.spellings().find(|spelling| value.is_some() && spelling.name == name) {
            return Ok(Kind::Option(exact, value));
        }
        let matches = self.abbreviated(text, name, value);
        match matches.len() {
            0 if is_negative_number(text) || text.contains(' ') => Ok(Kind::Plain),
            0 => Ok(Kind::Unknown),
            1 => Ok(matches.into_iter().next().map_or(Kind::Unknown, |(s, v)| Kind::Option(s, v))),
            _ => {
                let names: Vec<&str> = matches.iter().map(|(spelling, _)| spelling.name).collect();
                let names = names.join(", ");
                Err(self.error(&format!("ambiguous option: {text} could match {names}")))
            }
        }
    }

    fn abbreviated(&self, text: &str, name: &str, value: Option<String>) -> Vec<(Spelling, Option<String>)> {
        if text.starts_with("--") {
            let begins = self.spellings().filter(|spelling| spelling.name.starts_with(name));
            return begins.map(|spelling| (spelling, value.clone())).collect();
        }
        // A short option with its value, or further short options, in the same word.
        let mut characters = text.chars();
        let short: String = characters.by_ref().take(2).collect();
        let rest = characters.as_str().to_owned();
        let shorts = self.spellings().filter(|spelling| spelling.name == short);
        shorts.map(|spelling| (spelling, Some(rest.clone()))).collect()
    }

    /// Takes an option and its values; returns where to go on.
    fn option(
        &mut self,
        words: &[Word],
        at: usize,
        spelling: &Spelling,
        value: Option<&str>,
    ) -> Result<usize, UsageError> {
        let option = spelling.option;
        let Some(value) = value else {
            let count = self.count(option, &words[at + 1..])?;
            let values = words[at + 1..at + 1 + count].iter().map(|word| word.text.clone()).collect();
            self.take(option, values)?;
            return Ok(at + 1 + count);
        };
        match option.arity {
            Arity::Flag if !spelling.name.starts_with("--") => self.shorts(option, value)?,
            Arity::Flag => {
                return Err(
                    self.argument_error(option, &format!("ignored explicit argument {}", quoted(value)))
                );
            }
            Arity::Exactly(count) if count != 1 => return Err(self.count_error(option, count)),
            _ => self.take(option, vec![value.to_owned()])?,
        }
        Ok(at + 1)
    }

    /// `-qv`: a flag followed by further short options in the same word.
    fn shorts(&mut self, option: &'static Opt, rest: &str) -> Result<(), UsageError> {
        let mut characters = rest.chars();
        let next = characters.next().map(|c| format!("-{c}")).unwrap_or_default();
        let Some(following) = self.spellings().find(|spelling| spelling.name == next) else {
            let message = format!("ignored explicit argument {}", quoted(rest));
            return Err(self.argument_error(option, &message));
        };
        self.take(option, Vec::new())?;
        let value = characters.as_str();
        match following.option.arity {
            Arity::Flag if value.is_empty() => self.take(following.option, Vec::new()),
            Arity::Flag => self.shorts(following.option, value),
            _ if value.is_empty() => Err(self.argument_error(following.option, "expected one argument")),
            _ => self.take(following.option, vec![value.to_owned()]),
        }
    }

    /// How many of the words that follow belong to an option.
    fn count(&self, option: &Opt, words: &[Word]) -> Result<usize, UsageError> {
        let plain = words.iter().take_while(|word| matches!(word.kind, Kind::Plain)).count();
        match option.arity {
            Arity::Flag => Ok(0),
            Arity::Any => Ok(plain),
            Arity::Rest => Ok(words.iter().take_while(|word| !matches!(word.kind, Kind::Dashes)).count()),
            Arity::Exactly(count) if plain < count => Err(self.count_error(option, count)),
            Arity::Exactly(count) => Ok(count),
            Arity::Value | Arity::Values | Arity::Integers if plain == 0 => {
                Err(self.argument_error(option, "expected one argument"))
            }
            Arity::Value | Arity::Values | Arity::Integers => Ok(1),
        }
    }

    fn count_error(&self, option: &Opt, count: usize) -> UsageError {
        let plural = if count == 1 { "" } else { "s" };
        self.argument_error(option, &format!("expected {count} argument{plural}"))
    }

    fn take(&mut self, option: &'static Opt, values: Vec<String>) -> Result<(), UsageError> {
        if option.arity == Arity::Integers {
            for value in &values {
                if value.trim().parse::<i64>().is_err() {
                    let message = format!("invalid int value: {}", quoted(value));
                    return Err(self.argument_error(option, &message));
                }
            }
        }
        if let Some(other) = self.conflict(option) {
            let message = format!("not allowed with argument {}", other.names.join("/"));
            return Err(self.argument_error(option, &message));
        }
        self.seen.push(option);
        self.given.groups.extend(option.group.map(|group| (option.name(), group)));
        match option.arity {
            Arity::Values | Arity::Integers => {
                self.given.values.entry(option.name()).or_default().extend(values);
            }
            // An empty value of an option that has just one counts as not given.
            Arity::Value if values.iter().all(String::is_empty) => {
                self.given.values.remove(option.name());
            }
            _ => {
                self.given.values.insert(option.name(), values);
            }
        }
        Ok(())
    }

    fn conflict(&self, option: &'static Opt) -> Option<&'static Opt> {
        let group = option.group?;
        let same = |other: &&'static Opt| std::ptr::eq(*other, option);
        self.options()
            .filter(|other| other.group == Some(group) && !same(other))
            .find(|other| self.seen.iter().any(|seen| std::ptr::eq(*seen, *other)))
    }
}

fn is_negative_number(text: &str) -> bool {
    let Some(digits) = text.strip_prefix('-') else {
        return false;
    };
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match digits.split_once('.') {
        Some((whole, part)) => (whole.is_empty() || number(whole)) && number(part),
        None => number(digits),
    }
}

/// A text as Python shows it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    let mut shown = String::from(quote);
    for c in text.chars() {
        match c {
            '\\' => shown.push_str("\\\\"),
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            c if c == quote => shown.extend(['\\', c]),
            c => shown.push(c),
        }
    }
    shown.push(quote);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(str::to_owned).collect()
    }

    fn offline(line: &str) -> Result<Given, UsageError> {
        parse(Side::Offline, (1, 3), &words(line))
    }

    #[test]
    fn options_come_in_every_form() {
        let given = offline("--add-por=80/tcp --zone public --add-port 81/tcp -q").unwrap();
        assert_eq!(given.values("--add-port"), ["80/tcp", "81/tcp"]);
        assert_eq!(given.value("--zone"), Some("public"));
        assert!(given.has("--quiet"));
        assert_eq!(offline("-p80:tcp -p=81:tcp").unwrap().values("--port"), ["80:tcp", "81:tcp"]);
        let given = offline("--direct --add-rule ipv4 filter INPUT 0 -p tcp --dport 9").unwrap();
        assert_eq!(given.values("--add-rule").len(), 8);
        // Options that can be repeated take an empty value as one, others as none.
        assert!(offline("--add-port=").unwrap().has("--add-port"));
        assert!(!offline("--new-zone=").unwrap().has("--new-zone"));
    }

    #[test]
    fn errors_are_worded_as_by_argparse() {
        for (line, expected) in [
            ("--add-port", "argument --add-port: expected one argument"),
            ("--add-port --list-all", "argument --add-port: expected one argument"),
            ("--add-chain a", "argument --add-chain: expected 3 arguments"),
            ("--get-passthroughs", "argument --get-passthroughs: expected 1 argument"),
            ("--quiet --verbose", "argument -v/--verbose: not allowed with argument -q/--quiet"),
            (
                "--add-p=1",
                "ambiguous option: --add-p=1 could match --add-port, --add-protocol, --add-passthrough",
            ),
            ("--verbose=1", "argument -v/--verbose: ignored explicit argument '1'"),
            ("-qz", "argument -q/--quiet: ignored explicit argument 'z'"),
            ("foo -z --bar=1 -- x", "unrecognized arguments: foo -z --bar=1 -- x"),
            (
                "--add-lockdown-whitelist-uid=x",
                "argument --add-lockdown-whitelist-uid: invalid int value: 'x'",
            ),
            (
                "--add-port=1 --list-all --add-port=2",
                "argument --list-all: not allowed with argument --add-port",
            ),
        ] {
            let error = offline(line).unwrap_err();
            let expected =
                format!("{}firewall-offline-cmd: error: {expected}\n", Side::Offline.usage_line((1, 3)));
            assert_eq!(error.text, expected, "{line}");
        }
    }

    #[test]
    fn each_generation_has_its_own_options_and_abbreviations() {
        let words = words("--add-d");
        assert!(parse(Side::Offline, (1, 3), &words).unwrap_err().text.contains("expected one argument"));
        let error = parse(Side::Offline, (2, 5), &words).unwrap_err();
        assert!(error.text.contains("could match --add-disable, --add-destination"), "{}", error.text);
        let priority = ["--set-ingress-priority=-5".to_owned()];
        assert!(parse(Side::Online, (1, 3), &priority).is_err());
        assert_eq!(
            parse(Side::Online, (2, 0), &priority).unwrap().value("--set-ingress-priority"),
            Some("-5")
        );
    }
}
