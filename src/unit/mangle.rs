//! Turning what a caller typed into a unit name: suffixes are completed and illegal characters
//! escaped, with a hint for each; globs are let through only where a verb takes them.

use crate::unit::escape::{escape_name, path_unit};
use crate::unit::generation::Generation;
use crate::unit::name;

/// What became of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mangled {
    /// The unit name.
    pub name: String,
    /// Lines that the caller sees about it.
    pub hints: Vec<String>,
}

/// Mangles one argument that is no path. `operation` is what the argument is for, as hints spell it, `suffix` what
/// to append where no known suffix is there, `globs` whether the verb takes patterns. `None` if no
/// unit name can be made of it.
///
/// `unit_name_mangle_with_suffix()` of systemd's basic/unit-name.c.
pub(crate) fn mangle(
    given: &str,
    operation: &str,
    suffix: &str,
    globs: bool,
    generation: Generation,
) -> Option<Mangled> {
    let earlier = generation.number() < 240;
    let mut hints = Vec::new();
    if given.is_empty()
        || given.starts_with('.') && name::type_of(given).is_some_and(|t| given.len() == t.len() + 1)
    {
        return None;
    }
    if name::is_valid(given) {
        return Some(Mangled {
            name: given.to_owned(),
            hints,
        });
    }
    let is_glob = given.contains(['*', '?', '[']);
    if is_glob {
        if globs && given.bytes().all(|byte| name::is_name_byte(byte) || b"*?[]!-^".contains(&byte)) {
            return Some(Mangled {
                name: given.to_owned(),
                hints,
            });
        }
        if !globs && !earlier {
            hints.push(format!("Glob pattern passed {operation}, but globs are not supported for this."));
        }
    }
    let mut mangled = escape_name(given);
    if mangled != given {
        const ADVICE: &str = " (maybe you should use systemd-escape?)";
        hints.push(match earlier {
            true => format!("Invalid unit name \"{given}\" was escaped as \"{mangled}\"{ADVICE}"),
            false if is_glob => format!("Invalid unit name \"{given}\" escaped as \"{mangled}\"."),
            false => format!("Invalid unit name \"{given}\" escaped as \"{mangled}\"{ADVICE}."),
        });
    }
    if name::type_of(&mangled).is_none() {
        mangled.push_str(suffix);
    }
    name::is_valid(&mangled).then_some(Mangled { name: mangled, hints })
}

/// The unit that `systemd-escape --mangle` makes of a name or a path with any bytes.
pub(crate) fn unit_of(given: &str) -> String {
    path_unit(given).unwrap_or_else(|| {
        let mut unit = escape_name(given);
        if !name::is_valid(&unit) {
            unit.push_str(".service");
        }
        unit
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain(given: &str) -> Option<String> {
        mangle(given, "to enable", ".service", false, Generation::NEWEST).map(|mangled| mangled.name)
    }

    #[test]
    fn suffixes_are_completed_and_bad_bytes_escaped() {
        let cases = [
            ("demo", Some("demo.service")),
            ("demo.socket", Some("demo.socket")),
            ("demo.conf", Some("demo.conf.service")),
            (".", Some("..service")),
            ("demo^x", Some(r"demo\x5ex.service")),
            ("é", Some(r"\xc3\xa9.service")),
            ("work@", Some("work@.service")),
            ("@x.service", None),
            (".service", None),
            ("", None),
        ];
        for (given, expected) in cases {
            assert_eq!(plain(given).as_deref(), expected, "{given}");
        }
        assert_eq!(plain(&"x".repeat(256)), None);
    }

    #[test]
    fn a_unit_is_made_of_anything() {
        for (given, unit) in [
            ("foo", "foo.service"),
            ("foo.socket", "foo.socket"),
            ("foo@x", "foo@x.service"),
            ("foo.conf", "foo.conf.service"),
            (".service", ".service.service"),
            ("foo*", r"foo\x2a.service"),
            ("a/b-c", "a-b-c.service"),
            ("/etc/../x", "-etc-..-x.service"),
            ("/etc/init.d/foo", "etc-init.d-foo.mount"),
        ] {
            assert_eq!(unit_of(given), unit, "{given}");
        }
    }

    #[test]
    fn globs_get_a_hint_unless_the_verb_takes_them() {
        let refused = mangle("dem*", "to check", ".service", false, Generation::NEWEST).unwrap();
        assert_eq!(refused.name, r"dem\x2a.service");
        assert_eq!(
            refused.hints,
            [
                "Glob pattern passed to check, but globs are not supported for this.",
                r#"Invalid unit name "dem*" escaped as "dem\x2a"."#
            ]
        );
        let earlier = mangle("dem*", "to check", ".service", false, Generation::EL8).unwrap();
        assert_eq!(
            earlier.hints,
            [r#"Invalid unit name "dem*" was escaped as "dem\x2a" (maybe you should use systemd-escape?)"#]
        );
        assert_eq!(mangle("dem*", "to start", ".service", true, Generation::NEWEST).unwrap().name, "dem*");
    }
}
