//! `firewalld.toml`: which firewalld an image's rpm database named when the image was armed. The shims start
//! no programs, so they cannot ask rpm; and settling has to take the image for the same generation.

use serde::Deserialize;

use crate::layout::FIREWALLD as PATH;
use crate::root::Root;

const FORMAT: u64 = 1;

#[derive(Debug, Deserialize)]
#[cfg_attr(feature = "admin", derive(serde::Serialize))]
struct Packaged {
    format: u64,
    /// As the package has it: `0.9.11`.
    version: String,
}

/// The version that the database named. None where it names none, or what is noted cannot be read: the next
/// arming notes it again, and until then `os-release` decides.
pub(super) fn noted(root: &Root) -> Option<String> {
    let packaged: Packaged = toml::from_str(&root.read_text(PATH).ok()?).ok()?;
    (packaged.format <= FORMAT).then_some(packaged.version)
}

/// Notes what the database names now.
///
/// # Errors
/// If the file cannot be written or removed.
#[cfg(feature = "admin")]
pub(crate) fn note(root: &Root, version: Option<String>) -> crate::error::Result<()> {
    use crate::error::{Error, if_exists};
    let Some(version) = version else {
        return if_exists(root.remove(PATH)).map(drop);
    };
    let packaged = Packaged {
        format: FORMAT,
        version,
    };
    let text = toml::to_string(&packaged).map_err(|error| Error::malformed(PATH, error.to_string()))?;
    root.write_synced(PATH, text.as_bytes(), Some(0o644))
}

#[cfg(all(test, feature = "admin"))]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_is_read_again_until_it_is_no_more_so() {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        root.create_dirs(crate::layout::DIRECTORY, 0o755).unwrap();
        assert_eq!(noted(&root), None);
        note(&root, Some("0.9.11".to_owned())).unwrap();
        assert_eq!(noted(&root).as_deref(), Some("0.9.11"));
        for text in [
            "format = 2\nversion = \"0.9.11\"\n",
            "version = \"0.9.11\"\n",
            "\0",
        ] {
            root.write(PATH, text.as_bytes(), None).unwrap();
            assert_eq!(noted(&root), None, "{text}");
        }
        note(&root, None).unwrap();
        note(&root, None).unwrap();
        assert!(!root.exists(PATH));
    }
}
