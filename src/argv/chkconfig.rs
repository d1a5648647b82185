//! chkconfig's command line, and that of its other name `systemd-sysv-install`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::runlevels::Levels;

/// A call that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What to do.
    pub verb: Verb,
    /// `--type`: where names are looked up.
    pub only: Option<ServiceType>,
    /// `--no-redirect`: never hand over to systemctl.
    pub no_redirect: bool,
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verb {
    /// `--version`
    Version,
    /// `--help`
    Help,
    /// `--list`, or no argument at all.
    List {
        /// One service; all of them if absent.
        name: Option<OsString>,
    },
    /// `--add`
    Add {
        /// The service, without directories.
        name: OsString,
    },
    /// `--del`
    Del {
        /// The service, without directories.
        name: OsString,
    },
    /// `--override`
    Override {
        /// The service, without directories.
        name: OsString,
    },
    /// Called as `install_initd`: `--add`, if what the script requires is there.
    Install {
        /// The service, without directories.
        name: OsString,
    },
    /// Called as `remove_initd`: `--del`, if no other script requires it.
    Uninstall {
        /// The service, without directories.
        name: OsString,
    },
    /// A name alone: is it on?
    Query {
        /// The service, as typed.
        name: OsString,
        /// In which level; the current one if absent.
        level: Option<usize>,
    },
    /// A name and a state.
    Set {
        /// The service, as typed.
        name: OsString,
        /// The state.
        state: State,
        /// `--level`
        levels: Option<Levels>,
    },
}

/// A state that a service can be set to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// `on`
    On,
    /// `off`
    Off,
    /// `reset`
    Reset,
    /// `resetpriorities`
    ResetPriorities,
}

/// Where services are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ServiceType {
    /// Init scripts alone.
    Sysv,
    /// xinetd's services alone.
    Xinetd,
}

/// A command line that can't be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Misuse {
    /// The usage text is the answer.
    Usage,
    /// This line is.
    Line(String),
}

#[derive(Default)]
struct Seen {
    words: Vec<OsString>,
    list: bool,
    add: bool,
    del: bool,
    over: bool,
    version: bool,
    help: bool,
    no_redirect: bool,
    levels: Option<OsString>,
    only: Option<OsString>,
}

/// The result of reading a command line.
pub(crate) type Parsed = Result<Request, Misuse>;

/// Reads the words after `argv0`, whose file name says which of its three tools chkconfig is.
pub(crate) fn parse_as(argv0: &str, args: &[OsString]) -> Parsed {
    let verb: fn(OsString) -> Verb = match argv0.rsplit('/').next() {
        Some("install_initd") => |name| Verb::Install { name },
        Some("remove_initd") => |name| Verb::Uninstall { name },
        _ => return parse(args),
    };
    Ok(Request {
        verb: verb(one_script(args)?),
        only: Some(ServiceType::Sysv),
        no_redirect: true,
    })
}

/// Reads a command line.
fn parse(args: &[OsString]) -> Parsed {
    let seen = scan(args)?;
    let verb = if seen.version {
        Verb::Version
    } else if seen.help {
        Verb::Help
    } else {
        let only = service_type(seen.only.as_deref())?;
        let no_redirect = seen.no_redirect;
        let verb = verb(seen, args.is_empty())?;
        return Ok(Request {
            verb,
            only,
            no_redirect,
        });
    };
    Ok(Request {
        verb,
        only: None,
        no_redirect: seen.no_redirect,
    })
}

/// Sorts the words: options may stand anywhere up to `--`.
fn scan(args: &[OsString]) -> Result<Seen, Misuse> {
    let mut seen = Seen::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        let bytes = arg.as_bytes();
        if bytes == b"--" {
            seen.words.extend(args.by_ref().cloned());
        } else if !bytes.starts_with(b"-") || bytes == b"-" {
            seen.words.push(arg.clone());
        } else {
            option(&mut seen, arg, &mut args)?;
        }
    }
    Ok(seen)
}

fn option<'a>(
    seen: &mut Seen,
    arg: &OsStr,
    rest: &mut impl Iterator<Item = &'a OsString>,
) -> Result<(), Misuse> {
    let line = |what: &str| Misuse::Line(format!("{}: {what}", arg.to_string_lossy()));
    let bytes = arg.as_bytes();
    let (name, value) = match bytes.iter().position(|byte| *byte == b'=') {
        Some(at) if bytes.starts_with(b"--") => (&bytes[..at], bytes.get(at + 1..)),
        _ => (bytes, None),
    };
    let flag = match name {
        b"--level" | b"--levels" | b"--type" => {
            let value = match value {
                Some(value) => OsStr::from_bytes(value).to_owned(),
                None => rest.next().cloned().ok_or_else(|| line("missing argument"))?,
            };
            let slot = if name == b"--type" {
                &mut seen.only
            } else {
                &mut seen.levels
            };
            *slot = Some(value);
            return Ok(());
        }
        b"--list" => &mut seen.list,
        b"--add" => &mut seen.add,
        b"--del" => &mut seen.del,
        b"--override" => &mut seen.over,
        b"--no-redirect" => &mut seen.no_redirect,
        b"--version" | b"-v" => &mut seen.version,
        b"--help" | b"-h" => &mut seen.help,
        _ => return Err(line("unknown option")),
    };
    if value.is_some() {
        return Err(line("option does not take an argument"));
    }
    *flag = true;
    Ok(())
}

fn service_type(word: Option<&OsStr>) -> Result<Option<ServiceType>, Misuse> {
    match word.map(OsStr::as_bytes) {
        None => Ok(None),
        Some(b"sysv") => Ok(Some(ServiceType::Sysv)),
        Some(b"xinetd") => Ok(Some(ServiceType::Xinetd)),
        Some(_) => Err(Misuse::Line("--type must be 'sysv' or 'xinetd'".into())),
    }
}

fn verb(seen: Seen, nothing_given: bool) -> Result<Verb, Misuse> {
    let modes = [seen.list, seen.add, seen.del, seen.over];
    if modes.into_iter().filter(|mode| *mode).count() > 1 {
        let line = "only one of --list, --add, --del, or --override may be specified";
        return Err(Misuse::Line(line.into()));
    }
    if nothing_given {
        return Ok(Verb::List { name: None });
    }
    if seen.list {
        return match &seen.words[..] {
            [] => Ok(Verb::List { name: None }),
            [name] if !name.is_empty() => Ok(Verb::List {
                name: Some(name.clone()),
            }),
            _ => Err(Misuse::Usage),
        };
    }
    if seen.add || seen.del || seen.over {
        let name = match &seen.words[..] {
            [name] if !name.is_empty() => last_component(name),
            _ => return Err(Misuse::Usage),
        };
        return Ok(match seen {
            Seen { add: true, .. } => Verb::Add { name },
            Seen { del: true, .. } => Verb::Del { name },
            _ => Verb::Override { name },
        });
    }
    about_one(seen)
}

/// A name, or a name and a state; words after the state are ignored.
fn about_one(seen: Seen) -> Result<Verb, Misuse> {
    let mut words = seen.words.into_iter();
    let name = words.next().filter(|name| !name.is_empty()).ok_or(Misuse::Usage)?;
    let levels = match seen.levels {
        None => None,
        Some(digits) => Some(digits.to_str().and_then(Levels::parse).ok_or(Misuse::Usage)?),
    };
    let Some(state) = words.next() else {
        let asked: Vec<usize> = levels.unwrap_or_default().iter().collect();
        if asked.len() > 1 {
            let line = "only one runlevel may be specified for a chkconfig query";
            return Err(Misuse::Line(line.into()));
        }
        return Ok(Verb::Query {
            name,
            level: asked.first().copied(),
        });
    };
    let state = match state.as_bytes() {
        b"on" => State::On,
        b"off" => State::Off,
        b"reset" => State::Reset,
        b"resetpriorities" => State::ResetPriorities,
        _ => return Err(Misuse::Usage),
    };
    Ok(Verb::Set { name, state, levels })
}

/// What is behind the last slash.
fn last_component(path: &OsStr) -> OsString {
    let bytes = path.as_bytes();
    let start = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |at| at + 1);
    OsStr::from_bytes(bytes.get(start..).unwrap_or_default()).to_owned()
}

/// The one word of `install_initd` and `remove_initd`.
fn one_script(args: &[OsString]) -> Result<OsString, Misuse> {
    match args {
        [path] if !path.is_empty() => Ok(last_component(path)),
        _ => Err(Misuse::Usage),
    }
}

/// A call of `systemd-sysv-install`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SysvInstall {
    /// `enable`, `disable`: on or off in the usual levels.
    Set(OsString, State),
    /// `is-enabled`
    IsEnabled(OsString),
}

/// The result of reading a command line of `systemd-sysv-install`.
pub(crate) type ParsedInstall = Result<SysvInstall, Misuse>;

/// Reads a command line of `systemd-sysv-install`.
pub(crate) fn parse_sysv_install(args: &[OsString]) -> ParsedInstall {
    match args {
        [verb, name] if !name.is_empty() => match verb.as_bytes() {
            b"enable" => Ok(SysvInstall::Set(name.clone(), State::On)),
            b"disable" => Ok(SysvInstall::Set(name.clone(), State::Off)),
            b"is-enabled" => Ok(SysvInstall::IsEnabled(name.clone())),
            _ => Err(Misuse::Usage),
        },
        _ => Err(Misuse::Usage),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Request, Misuse> {
        let args: Vec<OsString> = line.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect();
        parse(&args)
    }

    fn verb_of(line: &str) -> Verb {
        parsed(line).unwrap().verb
    }

    #[test]
    fn words_and_options_in_any_order() {
        let set = |levels| Verb::Set {
            name: "foo".into(),
            state: State::On,
            levels: Levels::parse(levels),
        };
        assert_eq!(verb_of("foo on"), set(""));
        assert_eq!(verb_of("foo on please now"), set(""));
        for line in [
            "--level 35 foo on",
            "foo --levels=53 on",
            "foo on --level 2 --level 35",
        ] {
            assert_eq!(verb_of(line), set("35"), "{line}");
        }
        assert_eq!(verb_of(""), Verb::List { name: None });
        assert_eq!(verb_of("foo --add"), Verb::Add { name: "foo".into() });
        assert_eq!(verb_of("--add -- -foo"), Verb::Add { name: "-foo".into() });
        assert_eq!(verb_of("--level 9 --del /etc/init.d/foo"), Verb::Del { name: "foo".into() });
        let query = |level| Verb::Query {
            name: "/x/foo".into(),
            level,
        };
        assert_eq!(verb_of("/x/foo"), query(None));
        assert_eq!(verb_of("--level 33 /x/foo"), query(Some(3)));
        assert_eq!(verb_of("--version --help --type x"), Verb::Version);
    }

    #[test]
    fn chkconfig_usage_errors() {
        for line in [
            "--level 3",
            "--type sysv",
            "--add",
            "--add a b",
            "--list a b",
            "foo ON",
            "--level 7 foo on",
            "--level 2-5 foo on",
            "--level= foo on",
            "--override",
        ] {
            assert_eq!(parsed(line), Err(Misuse::Usage), "{line}");
        }
        for (line, answer) in [
            ("--lev 3 foo on", "--lev: unknown option"),
            ("-list", "-list: unknown option"),
            ("foo on --level", "--level: missing argument"),
            ("--add=foo", "--add=foo: option does not take an argument"),
            ("--type systemd --list --add a", "--type must be 'sysv' or 'xinetd'"),
            ("--list --add a b", "only one of --list, --add, --del, or --override may be specified"),
            ("--level 35 foo", "only one runlevel may be specified for a chkconfig query"),
        ] {
            assert_eq!(parsed(line), Err(Misuse::Line(answer.into())), "{line}");
        }
    }

    #[test]
    fn words_that_are_not_utf8_are_names_like_any_other() {
        let name = OsStr::from_bytes(b"a/b\xff").to_owned();
        let args = ["--add".into(), name];
        let verb = parse(&args).unwrap().verb;
        assert_eq!(
            verb,
            Verb::Add {
                name: OsStr::from_bytes(b"b\xff").to_owned()
            }
        );
    }
}
