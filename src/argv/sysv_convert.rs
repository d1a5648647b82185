//! systemd-sysv-convert's command line.

use std::ffi::OsString;

/// A call that can be carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// `--help`
    Help,
    /// `--save`: note the levels in which init scripts are on.
    Save(Vec<String>),
    /// `--show`: print what was noted.
    Show(Vec<String>),
    /// `--apply`: have units started where the scripts were.
    Apply(Vec<String>),
}

/// Reads a command line: one of the modes and at least one service, in any order. `None` if it
/// is none.
pub(crate) fn parse(args: &[OsString]) -> Option<Request> {
    let mut mode: Option<fn(Vec<String>) -> Request> = None;
    let mut services = Vec::new();
    for arg in args {
        let new: fn(Vec<String>) -> Request = match arg.to_str()? {
            "-h" | "--help" => return Some(Request::Help),
            "--save" => Request::Save,
            "--show" => Request::Show,
            "--apply" => Request::Apply,
            option if option.starts_with('-') => return None,
            service => {
                services.push(service.to_owned());
                continue;
            }
        };
        mode.get_or_insert(new);
    }
    mode.filter(|_| !services.is_empty()).map(|mode| mode(services))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_and_services_in_any_order() {
        let parsed = |line: &str| {
            let args: Vec<OsString> = line.split_whitespace().map(Into::into).collect();
            parse(&args)
        };
        let both = vec!["foo".to_owned(), "bar".to_owned()];
        assert_eq!(parsed("--save foo bar"), Some(Request::Save(both.clone())));
        assert_eq!(parsed("foo --apply bar"), Some(Request::Apply(both)));
        assert_eq!(parsed("--show --help"), Some(Request::Help));
        for refused in ["", "foo", "--save", "--save --frob foo"] {
            assert_eq!(parsed(refused), None, "{refused}");
        }
    }
}
