//! Options as getopt_long(3) of the GNU C library takes them: anywhere among the operands, long
//! ones abbreviated as far as they stay unique, short ones bundled, `--` ending them.

use std::fmt;

/// Whether an option takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value {
    /// It takes none.
    None,
    /// It must have one.
    Required,
}

/// A long option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Long<T> {
    /// Without the dashes.
    pub name: &'static str,
    /// What it means; several names can mean the same.
    pub id: T,
    /// Whether it takes a value.
    pub value: Value,
}

/// A short option.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Short<T> {
    /// The letter.
    pub letter: char,
    /// What it means.
    pub id: T,
    /// Whether it takes a value.
    pub value: Value,
}

/// Options with their values, in order, and what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Parsed<T> {
    /// The options.
    pub options: Vec<(T, Option<String>)>,
    /// The operands, in order.
    pub operands: Vec<String>,
    /// What it stopped at, if it did.
    pub error: Option<Mistake>,
}

/// Parses words, as far as they can be understood.
pub(crate) fn parse<T: Copy + PartialEq>(
    words: impl IntoIterator<Item = String>,
    long: &[Long<T>],
    short: &[Short<T>],
) -> Parsed<T> {
    let mut parsed = Parsed {
        options: Vec::new(),
        operands: Vec::new(),
        error: None,
    };
    parsed.error = parse_words(words, long, short, &mut parsed).err();
    parsed
}

fn parse_words<T: Copy + PartialEq>(
    words: impl IntoIterator<Item = String>,
    long: &[Long<T>],
    short: &[Short<T>],
    parsed: &mut Parsed<T>,
) -> Result<(), Mistake> {
    let mut words = words.into_iter();
    while let Some(word) = words.next() {
        if word == "--" {
            parsed.operands.extend(words);
            break;
        } else if let Some(text) = word.strip_prefix("--") {
            parsed.options.push(parse_long(text, long, &mut words)?);
        } else if word.len() > 1 && word.starts_with('-') {
            parse_bundle(&word[1..], short, &mut words, &mut parsed.options)?;
        } else {
            parsed.operands.push(word);
        }
    }
    Ok(())
}

fn parse_long<T: Copy + PartialEq>(
    text: &str,
    table: &[Long<T>],
    words: &mut impl Iterator<Item = String>,
) -> Result<(T, Option<String>), Mistake> {
    let (name, attached) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, None),
    };
    let option = find(name, text, table)?;
    match (option.value, attached) {
        (Value::None, None) => Ok((option.id, None)),
        (Value::None, Some(_)) => Err(Mistake::TakesNoValue(name.to_owned(), option.name)),
        (Value::Required, Some(value)) => Ok((option.id, Some(value))),
        (Value::Required, None) => match words.next() {
            Some(value) => Ok((option.id, Some(value))),
            None => Err(Mistake::NeedsValue(name.to_owned(), option.name)),
        },
    }
}

fn find<'t, T: Copy + PartialEq>(
    name: &str,
    text: &str,
    table: &'t [Long<T>],
) -> Result<&'t Long<T>, Mistake> {
    if let Some(exact) = table.iter().find(|option| option.name == name) {
        return Ok(exact);
    }
    let near: Vec<&Long<T>> = table.iter().filter(|option| option.name.starts_with(name)).collect();
    match near.split_first() {
        None => Err(Mistake::Unknown(text.to_owned())),
        Some((first, others)) if others.iter().all(|o| o.id == first.id && o.value == first.value) => {
            Ok(first)
        }
        Some(_) => {
            let names = near.iter().map(|option| option.name).collect();
            Err(Mistake::Ambiguous(name.to_owned(), names))
        }
    }
}

fn parse_bundle<T: Copy>(
    bundle: &str,
    table: &[Short<T>],
    words: &mut impl Iterator<Item = String>,
    options: &mut Vec<(T, Option<String>)>,
) -> Result<(), Mistake> {
    let mut letters = bundle.chars();
    while let Some(letter) = letters.next() {
        let Some(option) = table.iter().find(|option| option.letter == letter) else {
            return Err(Mistake::UnknownLetter(letter));
        };
        if option.value == Value::None {
            options.push((option.id, None));
            continue;
        }
        let rest = letters.as_str();
        let value = if rest.is_empty() {
            words.next()
        } else {
            Some(rest.to_owned())
        };
        let value = value.ok_or(Mistake::LetterNeedsValue(letter))?;
        options.push((option.id, Some(value)));
        break;
    }
    Ok(())
}

/// What is wrong with an option; displayed as the C library words it after `argv[0]: `.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// `--TEXT` is none, or no beginning of one.
    Unknown(String),
    /// `--NAME` begins several.
    Ambiguous(String, Vec<&'static str>),
    /// A value was given to one that takes none: as the caller abbreviated it, and its name.
    TakesNoValue(String, &'static str),
    /// The value is missing: of what the caller wrote, and its name.
    NeedsValue(String, &'static str),
    /// `-LETTER` is none.
    UnknownLetter(char),
    /// The value of `-LETTER` is missing.
    LetterNeedsValue(char),
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Mistake::Unknown(text) => write!(f, "unrecognized option '--{text}'"),
            Mistake::Ambiguous(name, names) => {
                let names: String = names.iter().map(|name| format!(" '--{name}'")).collect();
                write!(f, "option '--{name}' is ambiguous; possibilities:{names}")
            }
            Mistake::TakesNoValue(_, name) => write!(f, "option '--{name}' doesn't allow an argument"),
            Mistake::NeedsValue(_, name) => write!(f, "option '--{name}' requires an argument"),
            Mistake::UnknownLetter(letter) => write!(f, "invalid option -- '{letter}'"),
            Mistake::LetterNeedsValue(letter) => write!(f, "option requires an argument -- '{letter}'"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: [Long<u8>; 4] = [
        Long {
            name: "quiet",
            id: 1,
            value: Value::None,
        },
        Long {
            name: "kill-who",
            id: 2,
            value: Value::Required,
        },
        Long {
            name: "kill-whom",
            id: 2,
            value: Value::Required,
        },
        Long {
            name: "quick",
            id: 3,
            value: Value::None,
        },
    ];
    const SHORT: [Short<u8>; 2] = [
        Short {
            letter: 'q',
            id: 1,
            value: Value::None,
        },
        Short {
            letter: 't',
            id: 4,
            value: Value::Required,
        },
    ];

    fn run(words: &str) -> Parsed<u8> {
        parse(words.split(' ').map(str::to_owned), &LONG, &SHORT)
    }

    #[test]
    fn options_stand_anywhere_and_may_be_short() {
        let parsed = run("a -qtx --kill-w=m b -t y --quie -- -q");
        assert_eq!(parsed.error, None);
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            parsed.options,
            [
                (1, None),
                (4, text("x")),
                (2, text("m")),
                (4, text("y")),
                (1, None)
            ]
        );
        assert_eq!(parsed.operands, ["a", "b", "-q"]);
    }

    #[test]
    fn errors_are_worded_as_in_the_c_library() {
        let cases = [
            ("--quie=1", "option '--quiet' doesn't allow an argument"),
            ("--q", "option '--q' is ambiguous; possibilities: '--quiet' '--quick'"),
            ("--x=1", "unrecognized option '--x=1'"),
            ("--kill-who", "option '--kill-who' requires an argument"),
            ("-qz", "invalid option -- 'z'"),
            ("-t", "option requires an argument -- 't'"),
        ];
        assert_eq!(run("-q --x -t y").options, [(1, None)]);
        for (words, expected) in cases {
            assert_eq!(run(words).error.unwrap().to_string(), expected);
        }
    }
}
