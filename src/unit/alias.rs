//! Which names can be aliases of a unit: by a link in the search path, or by `Alias=`.

use nix::errno::Errno;

use crate::unit::name::{self, Kind, base_name};
use crate::unit::problem::Problem;

/// Whether a link at `link` may lead to the unit file `target`. An error has the message, if there
/// is one: a link to a unit of its own name has none.
///
/// `unit_validate_alias_symlink_or_warn()` of systemd's unit-file.c (252).
pub(crate) fn check_alias_link(link: &str, target: &str) -> Result<(), (Problem, Option<String>)> {
    let (from, to) = (base_name(link), base_name(target));
    let refuse = |problem: Problem, text: String| Err((problem, Some(format!("{from}{text}"))));
    let invalid = Problem::Os(Errno::EINVAL);
    let Some((from_kind, from_type)) = name::kind(from).zip(name::type_of(from)) else {
        return refuse(invalid, format!(": not a valid unit name \"{from}\": Invalid argument"));
    };
    if !name::may_have_aliases(from_type) {
        return refuse(invalid, ": symlinks are not allowed for units of this type, rejecting.".into());
    }
    if from_kind != Kind::Plain && !name::may_be_template(from_type) {
        return refuse(invalid, format!(": {from_type} units cannot be templated, rejecting."));
    }
    if from == to {
        return Err((Problem::LinkedFile, None));
    }
    let Some((to_kind, to_type)) = name::kind(to).zip(name::type_of(to)) else {
        return refuse(
            Problem::BadAlias,
            format!(" points to \"{to}\" which is not a valid unit name: Invalid cross-device link"),
        );
    };
    if to_kind != from_kind && (from_kind, to_kind) != (Kind::Instance, Kind::Template) {
        return refuse(
            Problem::BadAlias,
            format!(": symlink target name type \"{to}\" does not match source, rejecting."),
        );
    }
    if to_kind == Kind::Instance && name::instance_of(from) != name::instance_of(to) {
        return refuse(
            Problem::BadAlias,
            format!(": unit symlink target \"{to}\" instance name doesn't match, rejecting."),
        );
    }
    if to_type != from_type {
        return refuse(
            Problem::BadAlias,
            format!(": symlink target \"{to}\" has incompatible suffix, rejecting."),
        );
    }
    Ok(())
}

/// What an `Alias=` value asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AliasFor {
    /// Make a link of this name, relative to the directory for links.
    Link(String),
    /// The unit's own name: nothing to do.
    Itself,
    /// Refused; the message names the alias, and the unit if the alias would fit another one.
    Refused {
        /// The value.
        alias: String,
        /// Whether it is a name that does not fit, rather than no reference to a unit at all.
        misfit: bool,
    },
}

/// Checks an expanded `Alias=` value of the unit `unit`. A template alias of an instance gets its
/// instance; `TARGET.wants/UNIT` is an old form of `WantedBy=`.
///
/// `unit_file_verify_alias()` of systemd's shared/install.c.
pub(crate) fn check_alias(unit: &str, alias: &str) -> AliasFor {
    if let Some((dir, link)) = alias.rsplit_once('/') {
        return check_alias_path(unit, alias, dir, link);
    }
    let instance = name::instance_of(unit).filter(|_| name::is_template(alias));
    let full = instance.and_then(|i| name::with_instance(alias, i)).unwrap_or_else(|| alias.to_owned());
    if full == unit {
        return AliasFor::Itself;
    }
    match check_alias_link(&full, unit) {
        Ok(()) => AliasFor::Link(full),
        Err(_) => AliasFor::Refused {
            alias: full,
            misfit: true,
        },
    }
}

/// An alias with a directory: `unit_symlink_name_compatible()` of systemd's unit-file.c, as
/// `unit_file_verify_alias()` calls it.
fn check_alias_path(unit: &str, alias: &str, dir: &str, link: &str) -> AliasFor {
    let refused = |misfit| AliasFor::Refused {
        alias: alias.to_owned(),
        misfit,
    };
    let target = dir.strip_suffix(".wants").or_else(|| dir.strip_suffix(".requires"));
    let Some(kind) = target.and_then(name::kind) else {
        return refused(false);
    };
    let same = link == unit && !name::is_template(unit);
    let template = name::template_of(link);
    let of_template = template.as_deref() == Some(unit);
    let propagated = kind == Kind::Template && template.is_some() && template == name::template_of(unit);
    if same || of_template || propagated {
        AliasFor::Link(alias.to_owned())
    } else {
        refused(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aliases_fit_in_type_kind_and_instance() {
        let link = |text: &str| AliasFor::Link(text.to_owned());
        let misfit = |text: &str| AliasFor::Refused {
            alias: text.to_owned(),
            misfit: true,
        };
        let cases = [
            ("demo.service", "agent.service", link("agent.service")),
            ("demo.service", "demo.service", AliasFor::Itself),
            ("demo.service", "demo.socket", misfit("demo.socket")),
            ("demo.service", "demo@.service", misfit("demo@.service")),
            ("demo.service", "not_a_unit", misfit("not_a_unit")),
            ("work@x.service", "job@.service", link("job@x.service")),
            ("work@x.service", "job@y.service", misfit("job@y.service")),
            ("work@.service", "job@y.service", link("job@y.service")),
            ("work@x.service", "work@.service", AliasFor::Itself),
            ("demo.service", "a.target.wants/demo.service", link("a.target.wants/demo.service")),
            ("demo.service", "a.target.wants/other.service", misfit("a.target.wants/other.service")),
            ("work@.service", "a.target.wants/work@1.service", link("a.target.wants/work@1.service")),
        ];
        for (unit, alias, expected) in cases {
            assert_eq!(check_alias(unit, alias), expected, "{alias} of {unit}");
        }
        let no_reference = AliasFor::Refused {
            alias: "somewhere/demo.service".into(),
            misfit: false,
        };
        assert_eq!(check_alias("demo.service", "somewhere/demo.service"), no_reference);
    }

    #[test]
    fn a_link_says_why_it_is_refused() {
        let (problem, reason) = check_alias_link("/d/a.service", "/d/a.socket").unwrap_err();
        assert_eq!(problem, Problem::BadAlias);
        assert_eq!(
            reason.unwrap(),
            "a.service: symlink target \"a.socket\" has incompatible suffix, rejecting."
        );
        assert!(check_alias_link("/d/a.mount", "/d/b.mount").is_err());
        assert!(check_alias_link("/d/a@1.service", "/d/b@.service").is_ok());
    }
}
