//! `trust.toml`: what was found of the signature of each package that was installed, kept for
//! reports. The file is rewritten as a whole; the same packages give the same bytes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Checked, Signature};
use crate::error::{Error, Result};
use crate::journal::DIRECTORY;
use crate::layout;
use crate::root::Root;

/// Where it is in the image.
pub const PATH: &str = layout::TRUST;
const FORMAT: u64 = 1;

/// What is known of one package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Trust {
    /// What was installed, as rpm prints it.
    pub nevra: String,
    /// What its signature was worth when it was installed.
    pub signature: Signature,
    /// The id of the key that signed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// That key's fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Whose the key said it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
}

/// The packages that nodeshim installed, by name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record(pub BTreeMap<String, Trust>);

#[derive(Serialize, Deserialize)]
struct Document {
    format: u64,
    #[serde(default, rename = "package")]
    packages: BTreeMap<String, Trust>,
}

impl Trust {
    /// In words.
    pub fn words(&self) -> String {
        let key = self.key.as_deref().unwrap_or("unknown");
        let user = self.user.as_ref().map_or(String::new(), |user| format!(" ({user})"));
        match self.signature {
            Signature::Good => format!("signed by key {key}{user}"),
            _ => "installed although it is not signed".into(),
        }
    }
}

impl Record {
    /// Reads it; an image without one has an empty record. A newer format is refused.
    ///
    /// # Errors
    /// A damaged file, and one of a newer format.
    pub fn load(root: &Root) -> Result<Record> {
        #[derive(Deserialize)]
        struct Version {
            format: u64,
        }
        let Some(text) = root.read_own(PATH)? else {
            return Ok(Record::default());
        };
        let bad = |error: toml::de::Error| Error::damaged(PATH, error.message());
        let Version { format } = toml::from_str(&text).map_err(bad)?;
        if format > FORMAT {
            return Err(Error::NewerFormat {
                path: PATH.into(),
                found: format,
                supported: FORMAT,
            });
        }
        let document: Document = toml::from_str(&text).map_err(bad)?;
        Ok(Record(document.packages))
    }

    /// What is known of the package `nevra`: nothing, if another one of that name was installed
    /// since.
    pub fn of(&self, name: &str, nevra: Option<&str>) -> Option<&Trust> {
        self.0.get(name).filter(|trust| nevra.is_none_or(|nevra| trust.nevra == nevra))
    }

    /// Notes what was found of a package that is installed now.
    pub(crate) fn learn(&mut self, checked: &Checked) {
        let trust = Trust {
            nevra: checked.nevra.clone(),
            signature: checked.signature,
            key: checked.key.clone(),
            fingerprint: checked.fingerprint.clone(),
            user: checked.user.clone(),
        };
        self.0.insert(checked.package.name.clone(), trust);
    }

    /// Writes it; forgets packages that `is_installed` does not know.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(mut self, root: &Root, is_installed: impl Fn(&str) -> bool) -> Result<()> {
        self.0.retain(|name, _| is_installed(name));
        if self.0.is_empty() && !root.exists(PATH) {
            return Ok(());
        }
        let document = Document {
            format: FORMAT,
            packages: self.0,
        };
        let text = toml::to_string(&document).map_err(|error| Error::malformed(PATH, error.to_string()))?;
        root.create_dirs(DIRECTORY, 0o755)?;
        root.write_synced(PATH, text.as_bytes(), Some(0o644))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_found_comes_back_and_goes_with_the_package() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let trust = |nevra: &str| Trust {
            nevra: nevra.into(),
            signature: Signature::Good,
            key: Some("62609ef6".into()),
            fingerprint: None,
            user: Some("a \"b\" <c@d>".into()),
        };
        let record = Record(BTreeMap::from([
            ("a.b".to_owned(), trust("a.b-1-1.noarch")),
            ("gone".to_owned(), trust("gone-1-1.noarch")),
        ]));
        record.save(&root, |name| name != "gone").unwrap();
        let read = Record::load(&root).unwrap();
        assert_eq!(read.0.keys().collect::<Vec<_>>(), ["a.b"]);
        assert_eq!(read.of("a.b", Some("a.b-1-1.noarch")), Some(&trust("a.b-1-1.noarch")));
        assert_eq!(read.of("a.b", Some("a.b-2-1.noarch")), None);
        root.write(PATH, b"format = 2\n", None).unwrap();
        assert!(matches!(Record::load(&root), Err(Error::NewerFormat { found: 2, .. })));
    }
}
