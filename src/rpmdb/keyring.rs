//! Which of rpm's kinds of keyring an image has.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::database;
use crate::error::{Error, Result, if_exists};
use crate::escape::printable;
use crate::program;
use crate::root::{Kind, Root};

/// The macro files that name an image's keyring (`%_keyring`), in the order in which rpm reads them.
const MACROS: [&str; 4] = [
    "/usr/lib/rpm/macros",
    "/usr/lib/rpm/macros.d",
    "/etc/rpm",
    "/etc/rpm/macros",
];

/// A kind of keyring, as rpm's macro `_keyring` names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keyring {
    /// `rpmdb`: packages called `gpg-pubkey` in the database.
    Database,
    /// `fs`: a file for each key, `*.key`.
    Files,
    /// `openpgp`: a directory as the shared OpenPGP certificate directory is laid out, since rpm 6.
    Certificates,
}

impl Keyring {
    /// The image's: as its own rpm has it, else by what there is.
    ///
    /// # Errors
    /// If a file of rpm's macros cannot be read.
    pub fn of(root: &Root) -> Result<Keyring> {
        let mut found = None;
        for place in MACROS {
            for text in macros(root, place)? {
                found = text.lines().filter_map(Keyring::named_by).next_back().or(found);
            }
        }
        match found {
            Some(keyring) => Ok(keyring),
            None => Keyring::by_content(root),
        }
    }

    /// What a line of a macro file says.
    fn named_by(line: &str) -> Option<Keyring> {
        let mut words = line.split_whitespace();
        if words.next() != Some("%_keyring") {
            return None;
        }
        let all = [Keyring::Database, Keyring::Files, Keyring::Certificates];
        let name = words.next()?;
        all.into_iter().find(|keyring| keyring.name() == name)
    }

    fn by_content(root: &Root) -> Result<Keyring> {
        for entry in if_exists(root.list(keyring_path(root)?))?.unwrap_or_default() {
            let name = entry.name.to_string_lossy();
            if name.ends_with(".key") {
                return Ok(Keyring::Files);
            }
            if entry.kind == Kind::Dir && name.len() == 2 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
            {
                return Ok(Keyring::Certificates);
            }
        }
        Ok(Keyring::Database)
    }

    /// Its name in rpm's macros.
    pub fn name(self) -> &'static str {
        match self {
            Keyring::Database => "rpmdb",
            Keyring::Files => "fs",
            Keyring::Certificates => "openpgp",
        }
    }

    /// Makes sure that the host's rpm reads this one.
    ///
    /// # Errors
    /// The host's rpm does not know this kind, and would take another one for it.
    pub(super) fn known_to_host(self) -> Result<()> {
        if self == Keyring::Certificates && host_version()? < (6, 0) {
            return Err(Error::Unavailable(
                "the image keeps its keys in a keyring of the kind openpgp, which needs rpm 6 on this machine".into(),
            ));
        }
        Ok(())
    }

    /// Makes sure that the host's rpm imports into this one.
    ///
    /// # Errors
    /// The host's rpm puts keys elsewhere: rpm imports into files since 4.20.
    pub(crate) fn takes_keys(self) -> Result<()> {
        if self == Keyring::Files && host_version()? < (4, 20) {
            return Err(Error::Unavailable(
                "the image keeps its keys in files, into which rpm imports since 4.20; this machine's is older".into(),
            ));
        }
        Ok(())
    }
}

/// Where in the database's directory keyrings of files are.
pub(super) const KEYS: &str = "pubkeys";

/// Where a keyring of files is; rpm's macro `_keyringpath`.
pub(crate) fn keyring_path(root: &Root) -> Result<PathBuf> {
    Ok(database::place(root)?.join(KEYS))
}

/// The texts of a macro file, or of those in a directory.
fn macros(root: &Root, place: &str) -> Result<Vec<String>> {
    if !root.is_dir(place) {
        return Ok(if_exists(root.read_text(place))?.into_iter().collect());
    }
    let mut names: Vec<_> = root.list(place)?.into_iter().map(|entry| entry.name).collect();
    names.sort();
    let named = |name: &&std::ffi::OsString| name.as_encoded_bytes().starts_with(b"macros.");
    names
        .iter()
        .filter(named)
        .map(|name| root.read_text(Path::new(place).join(name)))
        .collect()
}

/// The first two numbers of the host's rpm's version, which ends what `rpm --version` prints.
fn host_version() -> Result<(u32, u32)> {
    let output = program::run(Command::new("rpm").arg("--version"))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_whitespace().next_back().unwrap_or_default();
    let mut numbers = version.split('.').map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => Ok((major, minor)),
        _ => {
            let reason = format!("does not say which version it is: {}", printable(text.trim()));
            Err(Error::program("rpm", reason))
        }
    }
}
