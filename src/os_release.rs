//! os-release: what an operating system says of itself; see os-release(5).

use std::collections::BTreeMap;

use crate::root::Root;

/// Where it lies in an image, the first of them that is there counts.
pub(crate) const PATHS: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// The fields of an os-release file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OsRelease(BTreeMap<String, String>);

impl OsRelease {
    /// Reads an image's own; `None` if it has none that can be read.
    pub(crate) fn load(root: &Root) -> Option<OsRelease> {
        PATHS.iter().find_map(|path| OsRelease::load_from(root, path))
    }

    /// Reads a file of an image.
    pub(crate) fn load_from(root: &Root, path: &str) -> Option<OsRelease> {
        root.read_text(path).ok().map(|text| OsRelease::parse(&text))
    }

    /// Reads the text of one: lines of the form `NAME=VALUE`, the last one of a name counts. Values are
    /// in quotes as in a shell, or without.
    pub(crate) fn parse(text: &str) -> OsRelease {
        let fields = text.lines().filter_map(|line| {
            let (name, value) = line.trim().split_once('=')?;
            (!name.starts_with('#')).then(|| (name.to_owned(), unquote(value)))
        });
        OsRelease(fields.collect())
    }

    /// A field that is there, empty or not.
    pub(crate) fn get(&self, field: &str) -> Option<&str> {
        self.0.get(field).map(String::as_str)
    }

    /// A field that says something.
    pub(crate) fn value(&self, field: &str) -> Option<&str> {
        self.get(field).filter(|value| !value.is_empty())
    }

    /// `ID` and then `ID_LIKE`: what the system is, and what it is made from, nearest first.
    pub(crate) fn ids(&self) -> impl Iterator<Item = &str> {
        ["ID", "ID_LIKE"]
            .into_iter()
            .filter_map(|field| self.get(field))
            .flat_map(str::split_ascii_whitespace)
    }
}

/// Without quotes, and without the backslashes that keep a character from meaning something.
fn unquote(value: &str) -> String {
    if let Some(inner) = value.strip_prefix('\'') {
        return inner.strip_suffix('\'').unwrap_or(inner).to_owned();
    }
    let inner = value.strip_prefix('"').map(|inner| inner.strip_suffix('"').unwrap_or(inner));
    let mut plain = String::with_capacity(value.len());
    let mut chars = inner.unwrap_or(value).chars();
    while let Some(c) = chars.next() {
        plain.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_go_and_the_last_line_counts() {
        let text = "# c\nID=\"demo os\"\nNAME='a \\b'\nX=\"a\\\"b\"\nVERSION_ID=1\n  VERSION_ID=2\nEMPTY=\n";
        let release = OsRelease::parse(text);
        assert_eq!(release.get("ID"), Some("demo os"));
        assert_eq!(release.get("NAME"), Some("a \\b"));
        assert_eq!(release.get("X"), Some("a\"b"));
        assert_eq!(release.get("VERSION_ID"), Some("2"));
        assert_eq!((release.get("EMPTY"), release.value("EMPTY")), (Some(""), None));
        assert_eq!(release.get("# c"), None);
    }

    #[test]
    fn the_administrators_file_comes_first() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        assert_eq!(OsRelease::load(&root), None);
        for (place, text) in [
            ("/usr/lib", "ID=vendor\n"),
            ("/etc", "ID=mine\nID_LIKE=\"a b\"\n"),
        ] {
            root.create_dirs(place, 0o755).unwrap();
            root.write(format!("{place}/os-release"), text.as_bytes(), None).unwrap();
        }
        let release = OsRelease::load(&root).unwrap();
        assert_eq!(release.ids().collect::<Vec<_>>(), ["mine", "a", "b"]);
    }
}
