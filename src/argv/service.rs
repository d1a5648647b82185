//! service's command line.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

/// A call that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `--version`
    Version,
    /// `--help`
    Help,
    /// Nothing given.
    Usage,
    /// `--status-all`
    StatusAll,
    /// `NAME --full-restart`
    FullRestart {
        /// The service.
        name: OsString,
    },
    /// An action of one service.
    Action {
        /// The service.
        name: OsString,
        /// The action, if one is named.
        action: Option<OsString>,
        /// Further words, for the script or for systemctl.
        words: Vec<OsString>,
        /// Switches, from any place among the words.
        switches: Switches,
    },
}

impl Request {
    /// An action of a service, as another tool asks for it.
    pub fn action(name: &str, action: &str) -> Request {
        Request::Action {
            name: name.into(),
            action: Some(action.into()),
            words: Vec::new(),
            switches: Switches::default(),
        }
    }
}

/// What the script gets in its environment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Switches {
    /// `--ignore-dependencies`
    pub ignore_dependencies: bool,
    /// `--skip-redirect`
    pub skip_redirect: bool,
}

/// Reads a command line. The words are read one by one, as by the loop of the original script
/// (initscripts 10.27), so that `--help` counts anywhere before a form is complete. The two
/// switches are ordinary words if `with_switches` is false, as in systems without systemd (9.03).
pub(crate) fn parse(args: &[OsString], with_switches: bool) -> Request {
    let mut switches = Switches::default();
    let mut words: Vec<OsString> = Vec::new();
    let mut rest = args;
    while let [word, after @ ..] = rest {
        match word.as_bytes() {
            b"-h" => return Request::Help,
            bytes if bytes.starts_with(b"--h") => return Request::Help,
            b"--version" | b"-V" => return Request::Version,
            b"--ignore-dependencies" if with_switches => switches.ignore_dependencies = true,
            b"--skip-redirect" if with_switches => switches.skip_redirect = true,
            b"--status-all" if words.is_empty() && after.is_empty() => return Request::StatusAll,
            _ if is_full_restart(after) => {
                return Request::FullRestart { name: word.clone() };
            }
            _ => words.push(word.clone()),
        }
        rest = after;
    }
    let mut words = words.into_iter();
    match words.next() {
        None => Request::Usage,
        Some(name) => Request::Action {
            name,
            action: words.next(),
            words: words.collect(),
            switches,
        },
    }
}

fn is_full_restart(after: &[OsString]) -> bool {
    matches!(after, [word] if word == OsStr::new("--full-restart"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Request {
        let args: Vec<OsString> = line.split(' ').filter(|word| !word.is_empty()).map(Into::into).collect();
        parse(&args, true)
    }

    #[test]
    fn service_options_and_actions_in_all_forms() {
        let action = |action: Option<&str>, words: &[&str], ignore_dependencies| Request::Action {
            name: "foo".into(),
            action: action.map(Into::into),
            words: words.iter().map(Into::into).collect(),
            switches: Switches {
                ignore_dependencies,
                skip_redirect: false,
            },
        };
        assert_eq!(parsed(""), Request::Usage);
        assert_eq!(parsed("foo"), action(None, &[], false));
        assert_eq!(parsed("foo restart --no-block x"), action(Some("restart"), &["--no-block", "x"], false));
        assert_eq!(parsed("foo --ignore-dependencies stop"), action(Some("stop"), &[], true));
        assert_eq!(parsed("--status-all"), Request::StatusAll);
        assert_eq!(parsed("foo --full-restart"), Request::FullRestart { name: "foo".into() });
        for line in ["--help", "-h", "foo restart --helpless"] {
            assert_eq!(parsed(line), Request::Help, "{line}");
        }
        assert_eq!(parsed("-V"), Request::Version);
    }

    #[test]
    fn without_switches_the_words_reach_the_script() {
        let args: Vec<OsString> = ["foo", "start", "--skip-redirect"].map(Into::into).into();
        assert!(matches!(parse(&args, false), Request::Action { words, .. } if words == ["--skip-redirect"]));
    }
}
