//! What policy forbids the admin tool itself. If one file forbids something, no other file, option or
//! variable allows it again: a file in `/etc` replaces the rules of the shipped file of the same
//! name, not this.

use std::collections::BTreeMap;

use super::load::DIRECTORIES;
use super::parse::{Act, Minimum, parse};
use crate::error::{Error, Result, if_exists};
use crate::root::Root;

/// What is forbidden, with the first file that says so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Forbidden {
    acts: BTreeMap<Act, String>,
    minimum: Option<Minimum>,
}

impl Forbidden {
    /// Reads every policy file of the image, also those that are replaced by others, and the text of
    /// a file for one run. A file that cannot be read is an error: what it forbids is not known.
    pub fn load(root: &Root, of_run: Option<&str>) -> Result<Forbidden> {
        let mut forbidden = Forbidden::default();
        for directory in DIRECTORIES {
            let mut entries = if_exists(root.list(directory))?.unwrap_or_default();
            entries.retain(|entry| entry.name.to_string_lossy().ends_with(".toml"));
            entries.sort_by(|a, b| a.name.cmp(&b.name));
            for entry in entries {
                let path = format!("{directory}/{}", entry.name.to_string_lossy());
                let at = std::path::Path::new(directory).join(&entry.name);
                forbidden.add(&path, &root.read_text(at)?)?;
            }
        }
        if let Some(text) = of_run {
            forbidden.add("the policy of this run", text)?;
        }
        Ok(forbidden)
    }

    fn add(&mut self, path: &str, text: &str) -> Result<()> {
        let parsed = parse(path, text)
            .map_err(|problem| Error::malformed(path, format!("line {}: {}", problem.line, problem.text)))?;
        for act in parsed.forbidden {
            self.acts.entry(act).or_insert_with(|| path.to_owned());
        }
        self.minimum = self.minimum.max(parsed.minimum);
        Ok(())
    }

    /// The strongest of the least that files ask of keys and signatures.
    pub(crate) fn minimum(&self) -> Option<Minimum> {
        self.minimum
    }

    /// The file that forbids it, if one does.
    pub fn by(&self, act: Act) -> Option<&str> {
        self.acts.get(&act).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_forbids_no_other_allows() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        for (directory, text) in DIRECTORIES.iter().zip(["[keys]\nimport = false\n", ""]) {
            root.create_dirs(directory, 0o755).unwrap();
            root.write(format!("{directory}/node.toml"), text.as_bytes(), None).unwrap();
        }
        let run = "[keys]\nimport = true\n[install]\nunsigned = false\n";
        let forbidden = Forbidden::load(&root, Some(run)).unwrap();
        assert_eq!(forbidden.by(Act::ImportKeys), Some("/usr/lib/nodeshim/policy.d/node.toml"));
        assert_eq!(forbidden.by(Act::InstallUnsigned), Some("the policy of this run"));
        assert_eq!(Forbidden::load(&root, None).unwrap().by(Act::InstallUnsigned), None);
        root.write(format!("{}/node.toml", DIRECTORIES[0]), b"[keys]\nimprt = false\n", None)
            .unwrap();
        let error = Forbidden::load(&root, None).unwrap_err().to_string();
        assert!(error.contains("node.toml: line 2: unknown key \"imprt\""), "{error}");
    }
}
