//! The node's version, and comparing versions number by number.

use std::cmp::Ordering;

use crate::os_release::OsRelease;
use crate::root::Root;

/// The version of the node that an image is, where its os-release names one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeVersion(pub Option<String>);

impl NodeVersion {
    /// Reads it: the version in `VARIANT` of an oVirt Node, else `VERSION_ID`.
    pub fn load(root: &Root) -> NodeVersion {
        NodeVersion(OsRelease::load(root).and_then(|os_release| find(&os_release)))
    }

    /// Whether the node is at least of a version; `None` where its version is not known.
    pub(crate) fn is_at_least(&self, minimum: &str) -> Option<bool> {
        self.0.as_ref().map(|version| compare(version, minimum) != Ordering::Less)
    }
}

fn find(os_release: &OsRelease) -> Option<String> {
    let is_node = os_release.get("VARIANT_ID").is_some_and(|id| id.starts_with("ovirt"));
    let of_node = os_release
        .get("VARIANT")
        .filter(|_| is_node)
        .and_then(|variant| variant.split_ascii_whitespace().find(|word| is_version(word)));
    of_node
        .or_else(|| os_release.get("VERSION_ID").filter(|version| is_version(version)))
        .map(str::to_owned)
}

/// Whether a text is a version: numbers with dots between them.
pub(super) fn is_version(text: &str) -> bool {
    text.len() <= 40
        && text
            .split('.')
            .all(|part| (1..=9).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Compares number by number; what is missing counts as 0.
pub fn compare(a: &str, b: &str) -> Ordering {
    let numbers = |text: &str| text.split('.').map(|part| part.parse().unwrap_or(0)).collect::<Vec<u64>>();
    let (a, b) = (numbers(a), numbers(b));
    let at = |list: &[u64], index: usize| list.get(index).copied().unwrap_or(0);
    (0..a.len().max(b.len()))
        .map(|index| at(&a, index).cmp(&at(&b, index)))
        .find(|order| *order != Ordering::Equal)
        .unwrap_or(Ordering::Equal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variant_of_a_node_comes_first() {
        let node = "ID=rhel\nVERSION_ID=\"8.6\"\nVARIANT=\"oVirt Node 4.5.3\"\nVARIANT_ID=\"ovirt.node\"\n";
        let find = |text: &str| find(&OsRelease::parse(text));
        assert_eq!(find(node).as_deref(), Some("4.5.3"));
        assert_eq!(find("VERSION_ID='12'\nVARIANT='x 9'\n").as_deref(), Some("12"));
        assert_eq!(find("ID=x\n"), None);
    }

    #[test]
    fn versions_compare_by_number() {
        assert_eq!(compare("4.10", "4.9"), Ordering::Greater);
        assert_eq!(compare("4.4", "4.4.0"), Ordering::Equal);
        assert_eq!(NodeVersion(Some("4.3".into())).is_at_least("4.4"), Some(false));
        assert_eq!(NodeVersion(None).is_at_least("4.4"), None);
    }
}
