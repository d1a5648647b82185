//! lokkit's option grammar, shared by its command line and its configuration file: words to
//! options with their raw values. Every error is collected, none ends the parse.
//!
//! It is that of Python's optparse with three changes of `_OptionParser` (fw_parser.py): `_match_long_opt()`
//! takes no abbreviations, `error()` notes a message and goes on, and `_parse_args()` reports stray words as
//! unknown options. As in optparse, an option that takes a value takes the next word whatever that looks
//! like.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// An option; spellings that mean the same are one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opt {
    /// `-h`, `-?`, `--help`, `--usage`
    Help,
    /// `-q`, `--quiet`
    Quiet,
    /// `-v`, `--verbose`
    Verbose,
    /// `--version`
    Version,
    /// `-n`, `--nostart`
    NoStart,
    /// `-f`
    Force,
    /// `--update`
    Update,
    /// `--list-services`
    ListServices,
    /// `--list-icmp-types`
    ListIcmpTypes,
    /// `--enabled` and the old levels `--high` and `--medium`
    Enabled,
    /// `--disabled`
    Disabled,
    /// `--default=server|desktop`
    Default,
    /// `--addmodule=MODULE`
    AddModule,
    /// `--removemodule=MODULE`
    RemoveModule,
    /// `-s`, `--service=SERVICE`
    Service,
    /// `-p`, `--port=PORT[-PORT]:PROTOCOL`
    Port,
    /// `-t`, `--trust=INTERFACE`
    Trust,
    /// `-m`, `--masq=INTERFACE`
    Masq,
    /// `--custom-rules=[TYPE:][TABLE:]FILE`
    CustomRules,
    /// `--forward-port=if=..:port=..:proto=..[:toport=..][:toaddr=..]`
    ForwardPort,
    /// `--block-icmp=TYPE`
    BlockIcmp,
    /// `--selinux=MODE`
    Selinux,
    /// `--selinuxtype=TYPE`
    SelinuxType,
}

impl Opt {
    fn takes_value(self) -> bool {
        use Opt::*;
        match self {
            Help | Quiet | Verbose | Version | NoStart | Force | Update | ListServices | ListIcmpTypes
            | Enabled | Disabled => false,
            Default | AddModule | RemoveModule | Service | Port | Trust | Masq | CustomRules
            | ForwardPort | BlockIcmp | Selinux | SelinuxType => true,
        }
    }

    /// Whether the configuration file may hold it: parseSysconfigArgs() knows the standard options alone.
    fn is_for_files(self) -> bool {
        use Opt::*;
        matches!(
            self,
            Enabled
                | Disabled
                | AddModule
                | RemoveModule
                | Service
                | Port
                | Trust
                | Masq
                | CustomRules
                | ForwardPort
                | BlockIcmp
        )
    }
}

/// Where the words come from: a file may hold fewer options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grammar {
    /// The command line.
    CommandLine,
    /// A configuration file, one word a line.
    File,
}

/// What a word, or two, came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// An option without a value.
    Flag(Opt),
    /// An option with its value, not looked at yet.
    Value {
        /// The option.
        opt: Opt,
        /// As it was typed, for messages: `-p` or `--port`.
        spelling: String,
        /// Its value.
        value: OsString,
        /// Whether the value is part of the option's word.
        same_word: bool,
    },
    /// A message for the caller, without an end of line.
    Error(String),
}

/// Parses words into options, in order.
pub(crate) fn parse<W: AsRef<OsStr>>(words: &[W], grammar: Grammar) -> Vec<Item> {
    let mut parser = Parser {
        words: words.iter().map(AsRef::as_ref),
        grammar,
        items: Vec::with_capacity(words.len()),
    };
    while let Some(word) = parser.words.next() {
        match word.as_bytes() {
            b"--" => {
                let rest: Vec<_> = parser.words.by_ref().collect();
                rest.into_iter().for_each(|word| parser.unknown(word.as_bytes()));
            }
            [b'-', b'-', ..] => parser.long(word.as_bytes()),
            [b'-', cluster @ ..] if !cluster.is_empty() => parser.cluster(cluster),
            stray => parser.unknown(stray),
        }
    }
    parser.items
}

struct Parser<I> {
    words: I,
    grammar: Grammar,
    items: Vec<Item>,
}

impl<'a, I: Iterator<Item = &'a OsStr>> Parser<I> {
    fn long(&mut self, word: &[u8]) {
        let (name, value) = match word.iter().position(|&byte| byte == b'=') {
            Some(at) => (&word[..at], Some(&word[at + 1..])),
            None => (word, None),
        };
        let Some(opt) = self.known(long_option(name)) else {
            return self.unknown(name);
        };
        let spelling = lossy(name);
        match (opt.takes_value(), value) {
            (false, None) => self.items.push(Item::Flag(opt)),
            (false, Some(_)) => self.error(format!("{spelling} option does not take a value")),
            (true, Some(value)) => self.value(opt, spelling, OsStr::from_bytes(value), true),
            (true, None) => self.next_word(opt, spelling),
        }
    }

    /// Short options in one word; the first one that takes a value takes the rest of the word. An unknown
    /// letter ends the word, since optparse raises for it and `_process_short_opts()` catches that outside of
    /// its loop.
    fn cluster(&mut self, letters: &[u8]) {
        for (at, &letter) in letters.iter().enumerate() {
            let Some(opt) = self.known(short_option(letter)) else {
                return self.unknown(&[b'-', letter]);
            };
            if opt.takes_value() {
                let spelling = format!("-{}", char::from(letter));
                return match &letters[at + 1..] {
                    [] => self.next_word(opt, spelling),
                    glued => self.value(opt, spelling, OsStr::from_bytes(glued), true),
                };
            }
            self.items.push(Item::Flag(opt));
        }
    }

    fn known(&self, opt: Option<Opt>) -> Option<Opt> {
        opt.filter(|opt| self.grammar == Grammar::CommandLine || opt.is_for_files())
    }

    fn next_word(&mut self, opt: Opt, spelling: String) {
        match self.words.next() {
            Some(value) => self.value(opt, spelling, value, false),
            None => self.error(format!("{spelling} option requires an argument")),
        }
    }

    fn value(&mut self, opt: Opt, spelling: String, value: &OsStr, same_word: bool) {
        self.items.push(Item::Value {
            opt,
            spelling,
            value: value.to_owned(),
            same_word,
        });
    }

    fn unknown(&mut self, word: &[u8]) {
        self.error(format!("no such option: {}", lossy(word)));
    }

    fn error(&mut self, message: String) {
        self.items.push(Item::Error(message));
    }
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn long_option(name: &[u8]) -> Option<Opt> {
    Some(match name {
        b"--help" | b"--usage" => Opt::Help,
        b"--quiet" => Opt::Quiet,
        b"--verbose" => Opt::Verbose,
        b"--version" => Opt::Version,
        b"--nostart" => Opt::NoStart,
        b"--update" => Opt::Update,
        b"--list-services" => Opt::ListServices,
        b"--list-icmp-types" => Opt::ListIcmpTypes,
        b"--enabled" | b"--high" | b"--medium" => Opt::Enabled,
        b"--disabled" => Opt::Disabled,
        b"--default" => Opt::Default,
        b"--addmodule" => Opt::AddModule,
        b"--removemodule" => Opt::RemoveModule,
        b"--service" => Opt::Service,
        b"--port" => Opt::Port,
        b"--trust" => Opt::Trust,
        b"--masq" => Opt::Masq,
        b"--custom-rules" => Opt::CustomRules,
        b"--forward-port" => Opt::ForwardPort,
        b"--block-icmp" => Opt::BlockIcmp,
        b"--selinux" => Opt::Selinux,
        b"--selinuxtype" => Opt::SelinuxType,
        _ => return None,
    })
}

fn short_option(letter: u8) -> Option<Opt> {
    Some(match letter {
        b'h' | b'?' => Opt::Help,
        b'q' => Opt::Quiet,
        b'v' => Opt::Verbose,
        b'n' => Opt::NoStart,
        b'f' => Opt::Force,
        b's' => Opt::Service,
        b'p' => Opt::Port,
        b't' => Opt::Trust,
        b'm' => Opt::Masq,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(opt: Opt, spelling: &str, value: &str) -> Item {
        Item::Value {
            opt,
            spelling: spelling.into(),
            value: value.into(),
            same_word: false,
        }
    }

    fn same_word(opt: Opt, spelling: &str, value: &str) -> Item {
        Item::Value {
            opt,
            spelling: spelling.into(),
            value: value.into(),
            same_word: true,
        }
    }

    fn error(message: &str) -> Item {
        Item::Error(message.into())
    }

    #[test]
    fn words_become_options_in_order() {
        let cases: [(&[&str], Vec<Item>); 12] = [
            (
                &["-qnp", "80:tcp"],
                vec![
                    Item::Flag(Opt::Quiet),
                    Item::Flag(Opt::NoStart),
                    value(Opt::Port, "-p", "80:tcp"),
                ],
            ),
            (&["-p80:tcp"], vec![same_word(Opt::Port, "-p", "80:tcp")]),
            (&["--port=1:tcp"], vec![same_word(Opt::Port, "--port", "1:tcp")]),
            (&["--port", "-n"], vec![value(Opt::Port, "--port", "-n")]),
            (&["--port", "--"], vec![value(Opt::Port, "--port", "--")]),
            (&["--service="], vec![same_word(Opt::Service, "--service", "")]),
            (&["--serv=ssh"], vec![error("no such option: --serv")]),
            (
                &["-nzp", "80:tcp", "-q"],
                vec![
                    Item::Flag(Opt::NoStart),
                    error("no such option: -z"),
                    error("no such option: 80:tcp"),
                    Item::Flag(Opt::Quiet),
                ],
            ),
            (&["-", "--", "-n"], vec![error("no such option: -"), error("no such option: -n")]),
            (&["--nostart=yes"], vec![error("--nostart option does not take a value")]),
            (&["-t"], vec![error("-t option requires an argument")]),
            (&["word=1"], vec![error("no such option: word=1")]),
        ];
        for (words, expected) in cases {
            assert_eq!(parse(words, Grammar::CommandLine), expected, "{words:?}");
        }
    }

    #[test]
    fn a_file_holds_no_options_of_the_command_line() {
        for word in [
            "-n",
            "-f",
            "-q",
            "--update",
            "--selinux=enforcing",
            "--default=server",
            "--help",
        ] {
            let name = word.split('=').next().unwrap_or_default();
            assert_eq!(parse(&[word], Grammar::File), [error(&format!("no such option: {name}"))]);
        }
        assert_eq!(parse(&["--medium"], Grammar::File), [Item::Flag(Opt::Enabled)]);
    }

    #[test]
    fn words_that_are_not_text_are_reported_not_lost() {
        let word = OsStr::from_bytes(b"--\xff=x");
        assert_eq!(parse(&[word], Grammar::CommandLine), [error("no such option: --\u{fffd}")]);
        assert_eq!(
            parse(&[OsStr::from_bytes(b"-\xff")], Grammar::CommandLine),
            [error("no such option: -\u{fffd}")]
        );
    }
}
