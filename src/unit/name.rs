//! Unit names: which are valid, their kinds and types, and how templates, instances and prefixes
//! are separated and joined. Pure text; a `/` is never part of a valid name.

/// No unit name is longer, in bytes.
pub(crate) const MAX_LENGTH: usize = 255;

/// Unit types, by their suffix without the dot, in the order that `systemctl --type=help` prints.
pub(crate) const TYPES: [&str; 11] = [
    "service",
    "mount",
    "swap",
    "socket",
    "target",
    "device",
    "automount",
    "timer",
    "path",
    "slice",
    "scope",
];

/// The kinds of valid names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `NAME.suffix`
    Plain,
    /// `NAME@.suffix`
    Template,
    /// `NAME@INSTANCE.suffix`
    Instance,
}

/// The kind of a valid name; `None` if it is not a unit name.
pub(crate) fn kind(name: &str) -> Option<Kind> {
    let (stem, _) = split_type(name)?;
    if name.len() > MAX_LENGTH || stem.is_empty() || !stem.bytes().all(is_name_byte) {
        return None;
    }
    match stem.find('@') {
        None => Some(Kind::Plain),
        Some(0) => None,
        Some(at) if at + 1 == stem.len() => Some(Kind::Template),
        Some(_) => Some(Kind::Instance),
    }
}

/// Whether this is a unit name of any kind.
///
/// `unit_name_is_valid()` of systemd's basic/unit-name.c.
pub(crate) fn is_valid(name: &str) -> bool {
    kind(name).is_some()
}

/// Whether this is the name of an instance.
pub(crate) fn is_instance(name: &str) -> bool {
    kind(name) == Some(Kind::Instance)
}

/// Whether this is the name of a template.
pub(crate) fn is_template(name: &str) -> bool {
    kind(name) == Some(Kind::Template)
}

/// Stem and type: `a@b.service` is `a@b` and `service`. `None` without a known suffix.
fn split_type(name: &str) -> Option<(&str, &'static str)> {
    let (stem, suffix) = name.rsplit_once('.')?;
    let known = TYPES.iter().find(|known| **known == suffix)?;
    Some((stem, known))
}

/// The type of a name with a known suffix.
pub(crate) fn type_of(name: &str) -> Option<&'static str> {
    split_type(name).map(|(_, kind)| kind)
}

/// Whether units of this type can be templates.
///
/// `unit_type_may_template()` of systemd's shared/install.c (239) and unit-file.c (252).
pub(crate) fn may_be_template(unit_type: &str) -> bool {
    matches!(unit_type, "service" | "socket" | "target" | "timer" | "path")
}

/// Whether units of this type can have aliases.
///
/// `unit_type_may_alias()` of systemd's shared/install.c (239) and unit-file.c (252).
pub(crate) fn may_have_aliases(unit_type: &str) -> bool {
    matches!(unit_type, "service" | "socket" | "target" | "device" | "timer" | "path")
}

/// The template of an instance: `a@b.service` gives `a@.service`.
pub(crate) fn template_of(name: &str) -> Option<String> {
    if !is_instance(name) {
        return None;
    }
    let (stem, suffix) = split_type(name)?;
    let (prefix, _) = stem.split_once('@')?;
    Some(format!("{prefix}@.{suffix}"))
}

/// The instance string of an instance: `b` of `a@b.service`.
pub(crate) fn instance_of(name: &str) -> Option<&str> {
    if !is_instance(name) {
        return None;
    }
    Some(split_type(name)?.0.split_once('@')?.1)
}

/// Puts an instance into a template or another instance's name. `None` if the result is no unit
/// name.
///
/// `unit_name_replace_instance()` of systemd's basic/unit-name.c.
pub(crate) fn with_instance(name: &str, instance: &str) -> Option<String> {
    let (stem, suffix) = split_type(name)?;
    let (prefix, _) = stem.split_once('@')?;
    let full = format!("{prefix}@{instance}.{suffix}");
    is_valid(&full).then_some(full)
}

/// Whether a file of this name is found where directories are gone through: hidden ones are not.
pub(crate) fn is_listed(name: &str) -> bool {
    is_valid(name) && !name.starts_with('.')
}

/// Whether this can be an instance string.
pub(crate) fn is_valid_instance(instance: &str) -> bool {
    !instance.is_empty() && instance.bytes().all(is_name_byte)
}

/// The part before `@`, or the whole stem.
pub(crate) fn prefix_of(name: &str) -> &str {
    let stem = stem_of(name);
    stem.split_once('@').map_or(stem, |(prefix, _)| prefix)
}

/// The name without its suffix.
pub(crate) fn stem_of(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(stem, _)| stem)
}

/// Whether a byte may stand in a unit name.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte)
}

/// The unit and the kind of dependency that a directory of links is for: `multi-user.target` and `wants` of
/// `multi-user.target.wants` (systemd.unit(5)).
pub(crate) fn pulled_in_by(directory: &str) -> Option<(&str, &str)> {
    directory
        .rsplit_once('.')
        .filter(|(_, kind)| ["wants", "requires", "upholds"].contains(kind))
}

/// The last component of a path, as systemd takes it: text after the last slash.
pub(crate) fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, base)| base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_by_the_first_at_and_the_last_dot() {
        let cases = [
            ("demo.service", Some(Kind::Plain)),
            ("a@.service", Some(Kind::Template)),
            ("a@b.service", Some(Kind::Instance)),
            ("a@b@c.service", Some(Kind::Instance)),
            ("a@.service.service", Some(Kind::Instance)),
            ("..service", Some(Kind::Plain)),
            ("@x.service", None),
            ("demo.conf", None),
            ("demo", None),
            (".service", None),
            ("a/b.service", None),
            ("a b.service", None),
            (r"dev-sda\x2d1.swap", Some(Kind::Plain)),
        ];
        for (name, expected) in cases {
            assert_eq!(kind(name), expected, "{name}");
        }
        let longest = format!("{}.service", "x".repeat(MAX_LENGTH - 8));
        assert!(is_valid(&longest));
        assert!(!is_valid(&format!("x{longest}")));
    }

    #[test]
    fn instances_are_taken_apart_and_put_together() {
        assert_eq!(template_of("work@9.0.service").as_deref(), Some("work@.service"));
        assert_eq!(instance_of("work@9.0.service"), Some("9.0"));
        assert_eq!(template_of("work@.service"), None);
        assert_eq!(with_instance("work@.service", r"a\x2db").as_deref(), Some(r"work@a\x2db.service"));
        assert_eq!(with_instance("work@.service", "a/b"), None);
        assert_eq!(prefix_of("one-two@x.socket"), "one-two");
    }
}
