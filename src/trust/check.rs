//! Checking package files against the image's keyring, before anything of them runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::key::{Key, Unfit};
use crate::error::Result;
use crate::escape::printable;
use crate::root::Root;
use crate::rpmdb::{FileHeader, Program, key_id, package_file};

/// What the signature of a package is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signature {
    /// Signed by a key of the image's keyring, and unchanged since.
    Good,
    /// Not signed, or signed without its payload.
    Missing,
    /// Signed by a key that is not in the image's keyring.
    UnknownKey,
    /// Signed by a key that has expired.
    ExpiredKey,
    /// Signed by a key that rpm does not trust.
    UnfitKey,
    /// Signed by a key that its owner has revoked.
    RevokedKey,
    /// Not what was signed, or not what was built.
    Tampered,
    /// No package at all, or a source package.
    Unreadable,
}

impl Signature {
    /// Its name in every record and report.
    pub fn word(self) -> &'static str {
        match self {
            Signature::Good => "good",
            Signature::Missing => "missing",
            Signature::UnknownKey => "unknown-key",
            Signature::ExpiredKey => "expired-key",
            Signature::UnfitKey => "unfit-key",
            Signature::RevokedKey => "revoked-key",
            Signature::Tampered => "tampered",
            Signature::Unreadable => "unreadable",
        }
    }

    /// The exit code of an installation that ends because of it.
    pub fn exit(self) -> u8 {
        match self {
            Signature::Good => 0,
            Signature::Missing => 10,
            Signature::Tampered => 11,
            Signature::UnknownKey => 12,
            Signature::ExpiredKey => 13,
            Signature::RevokedKey => 14,
            Signature::Unreadable => 15,
            Signature::UnfitKey => 16,
        }
    }
}

/// A package file that was checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Checked {
    /// The file, as it was named.
    pub file: String,
    /// What the file's header says.
    #[serde(skip)]
    pub package: FileHeader,
    /// `name-[epoch:]version-release.arch`; empty if it cannot be read.
    pub nevra: String,
    /// What its signature is worth.
    pub signature: Signature,
    /// The id of the key that signed it.
    pub key: Option<String>,
    /// The key's fingerprint, if it is in the keyring.
    pub fingerprint: Option<String>,
    /// Whose the key is, if it is in the keyring.
    pub user: Option<String>,
    /// In words.
    pub reason: String,
}

/// Checks package files; each is a path on the host and the name it is spoken of by.
pub fn check(root: &Root, files: &[(PathBuf, String)], keys: &[Key]) -> Result<Vec<Checked>> {
    let paths = files.iter().map(|(path, _)| path);
    let said = Program::new(root, "rpmkeys")?.arg("--checksig").arg("--verbose").args(paths).run()?;
    let blocks = blocks(&said.output, files.iter().map(|(path, _)| path.as_path()));
    let one = |(path, name): &(PathBuf, String)| {
        let lines = blocks.get(path.as_path()).map_or(&[][..], Vec::as_slice);
        Ok(judge(name, lines, package_file(path).unwrap_or_default(), keys))
    };
    files.iter().map(one).collect()
}

/// rpm's lines about each file: a line `PATH:`, and then indented ones.
fn blocks<'a>(text: &str, paths: impl Iterator<Item = &'a Path>) -> BTreeMap<&'a Path, Vec<String>> {
    let by_heading: BTreeMap<String, &Path> =
        paths.map(|path| (format!("{}:", path.display()), path)).collect();
    let mut blocks: BTreeMap<&Path, Vec<String>> = BTreeMap::new();
    let mut at = None;
    for line in text.lines() {
        match (line.starts_with(' '), by_heading.get(line)) {
            (false, path) => at = path.copied(),
            (true, _) => {
                if let Some(path) = at {
                    blocks.entry(path).or_default().push(line.trim().to_owned());
                }
            }
        }
    }
    blocks
}

fn judge(file: &str, lines: &[String], package: FileHeader, keys: &[Key]) -> Checked {
    let signature_line = lines.iter().find(|line| line.contains("Signature, key"));
    let made = package.made.as_ref().map(|made| made.key.clone());
    let id = made.or_else(|| signature_line.and_then(|line| key_id(line)));
    let key = id.as_ref().and_then(|id| keys.iter().find(|key| key.is_called(id)));
    let (signature, why) = verdict(lines, &package, id.as_deref(), key);
    let by = id.as_ref().map_or(String::new(), |id| {
        let user = key.map_or(String::new(), |key| format!(" ({})", printable(&key.user)));
        format!(" key {id}{user}")
    });
    let reason = match signature {
        Signature::Good => format!("signed by{by}"),
        Signature::Missing | Signature::Unreadable | Signature::Tampered => why,
        Signature::UnknownKey => format!("signed by{by}, which is not in the image's keyring"),
        Signature::ExpiredKey | Signature::RevokedKey | Signature::UnfitKey => {
            format!("signed by{by}, which is no longer trusted: {why}")
        }
    };
    Checked {
        file: file.to_owned(),
        nevra: package.nevra.clone(),
        package,
        signature,
        key: id,
        fingerprint: key.map(|key| key.fingerprint.clone()),
        user: key.map(|key| key.user.clone()),
        reason,
    }
}

/// What rpm's lines come to; anything that is not plainly good is not good.
fn verdict(
    lines: &[String],
    package: &FileHeader,
    id: Option<&str>,
    key: Option<&Key>,
) -> (Signature, String) {
    let with = |what: &str, end: &str| lines.iter().find(|line| line.contains(what) && line.contains(end));
    let no = |text: &str| text.to_owned();
    if package.nevra.is_empty() || lines.is_empty() {
        return (Signature::Unreadable, no("it is not an rpm package, or it is cut off"));
    }
    if package.is_source {
        return (Signature::Unreadable, no("it is a source package, which cannot be installed"));
    }
    if let Some(bad) = with("", ": BAD") {
        let what = bad.split(": BAD").next().unwrap_or(bad);
        return (Signature::Tampered, format!("it was changed after it was made: {what} is wrong"));
    }
    if with("Signature, key", ": NOKEY").is_some() {
        return (Signature::UnknownKey, String::new());
    }
    let unfit = id.and_then(|id| key.and_then(|key| key.unfit_as(id)));
    if let Some(why) = unfit.filter(|why| !matches!(why, Unfit::Weak(_))) {
        let signature = match why {
            Unfit::Revoked => Signature::RevokedKey,
            _ => Signature::ExpiredKey,
        };
        return (signature, why.to_string());
    }
    if with("Signature, key", ": NOTTRUSTED").is_some() {
        return (Signature::UnfitKey, unfit.map_or_else(|| no("rpm does not say why"), Unfit::to_string));
    }
    if with("Signature, key", ": OK").is_none() {
        return (Signature::Missing, no("it is not signed"));
    }
    // A signature of the header vouches for the payload through the digest that the header holds.
    let of_all = lines.iter().any(|line| line.contains("Signature, key") && !line.starts_with("Header"));
    match of_all || with("Payload ", "digest: OK").is_some() {
        true => (Signature::Good, String::new()),
        false => (Signature::Missing, no("its signature does not cover what it installs")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict_of(lines: &[&str]) -> Signature {
        let package = FileHeader {
            name: "p".into(),
            nevra: "p-1-1.noarch".into(),
            ..FileHeader::default()
        };
        let lines: Vec<String> = lines.iter().map(|line| line.to_string()).collect();
        judge("p.rpm", &lines, package, &[]).signature
    }

    const SIGNED: &str = "Header V4 RSA/SHA256 Signature, key ID 62609ef6: OK";
    const PAYLOAD: &str = "Payload SHA256 digest: OK";

    #[test]
    fn only_a_signature_that_covers_the_payload_is_good() {
        assert_eq!(verdict_of(&[SIGNED, PAYLOAD]), Signature::Good);
        assert_eq!(verdict_of(&["V3 RSA/SHA1 Signature, key ID 62609ef6: OK"]), Signature::Good);
        assert_eq!(verdict_of(&[SIGNED, "MD5 digest: OK"]), Signature::Missing);
        assert_eq!(verdict_of(&[PAYLOAD, "Header SHA256 digest: OK"]), Signature::Missing);
        assert_eq!(
            verdict_of(&[SIGNED, "Payload SHA256 digest: BAD (Expected a != b)"]),
            Signature::Tampered
        );
        assert_eq!(verdict_of(&[]), Signature::Unreadable);
    }

    #[test]
    fn a_key_that_rpm_lacks_or_mistrusts_is_named_so() {
        let line = |end: &str| SIGNED.replace("OK", end);
        assert_eq!(verdict_of(&[&line("NOKEY"), PAYLOAD]), Signature::UnknownKey);
        assert_eq!(verdict_of(&[&line("NOTTRUSTED"), PAYLOAD]), Signature::UnfitKey);
    }

    #[test]
    fn a_file_name_cannot_pose_as_another_file() {
        let (a, b) = (Path::new("/p/0.rpm"), Path::new("/p/1.rpm"));
        let text = "/p/0.rpm:\n    one\n/p/9.rpm:\n    two\n/p/1.rpm:\n    three\n";
        let found = blocks(text, [a, b].into_iter());
        assert_eq!(
            (found[a].as_slice(), found[b].as_slice()),
            (&["one".to_owned()][..], &["three".to_owned()][..])
        );
    }
}
