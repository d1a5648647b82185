//! The image's keyring: `gpg-pubkey` packages in rpm's database, or files.

use std::path::{Path, PathBuf};

use super::gpg;
use super::key::{self, Key, Unfit};
use super::strength::Strength;
use crate::error::{Error, Result, if_exists};
use crate::policy::{Act, Forbidden};
use crate::root::{Kind, Root};
use crate::rpmdb::{Keyring, Program, database, keyring_path};
use crate::tempdir::PrivateDirectory;

/// What importing a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is in the keyring now.
    New(Key),
    /// The key was there already.
    WasThere(Key),
}

/// Why a file is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotImported {
    /// This policy file forbids it.
    Forbidden(String),
    /// There is no key in it.
    NoKey,
    /// It holds a private key, which belongs into no image.
    Private(Key),
    /// It holds a key that nothing should be trusted for.
    Unfit(Key, Unfit),
}

const MARK: &str = "nodeshim-key ";

/// A key, where the keyring keeps it.
struct Kept {
    place: Place,
    key: Key,
}

/// Where.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    /// The version and release of a `gpg-pubkey` in the database.
    Package(String),
    /// A file in the image.
    File(PathBuf),
}

/// Every key in the image's keyring. An image without an rpm database has none.
///
/// # Errors
/// If the keyring or one of its keys cannot be read.
pub fn keys(root: &Root, temporary: &Path) -> Result<Vec<Key>> {
    Ok(kept(root, temporary)?.into_iter().map(|kept| kept.key).collect())
}

/// The keys as OpenPGP has them, armoured or not.
pub(super) fn bytes(root: &Root) -> Result<Vec<Vec<u8>>> {
    Ok(stored(root)?.into_iter().map(|(_, bytes)| bytes).collect())
}

fn kept(root: &Root, temporary: &Path) -> Result<Vec<Kept>> {
    let strength = Strength::of(root, &Forbidden::load(root, None)?)?;
    let mut found = Vec::new();
    for (place, bytes) in stored(root)? {
        // What rpm holds and gpg cannot read vouches for nothing here.
        let keys = key::read(&bytes, temporary, strength)?;
        found.extend(keys.into_iter().map(|key| Kept {
            place: place.clone(),
            key,
        }));
    }
    Ok(found)
}

/// What the keyring holds.
fn stored(root: &Root) -> Result<Vec<(Place, Vec<u8>)>> {
    let directory = keyring_path(root)?;
    match Keyring::of(root)? {
        Keyring::Database => packages(root),
        Keyring::Files => files(root, &directory, |name| name.ends_with(b".key")),
        Keyring::Certificates => {
            let mut found = Vec::new();
            for entry in if_exists(root.list(&directory))?.unwrap_or_default() {
                if entry.kind == Kind::Dir {
                    let inner = directory.join(&entry.name);
                    found.extend(files(root, &inner, |name| name.iter().all(u8::is_ascii_hexdigit))?);
                }
            }
            Ok(found)
        }
    }
}

fn files(root: &Root, directory: &Path, is_key: impl Fn(&[u8]) -> bool) -> Result<Vec<(Place, Vec<u8>)>> {
    let entries = if_exists(root.list(directory))?.unwrap_or_default();
    let keys = entries.iter().filter(|entry| is_key(entry.name.as_encoded_bytes()));
    keys.map(|entry| {
        let path = directory.join(&entry.name);
        let bytes = root.read(&path)?;
        Ok((Place::File(path), bytes))
    })
    .collect()
}

fn packages(root: &Root) -> Result<Vec<(Place, Vec<u8>)>> {
    if database(root)?.is_none() {
        return Ok(Vec::new());
    }
    let format = format!("{MARK}%{{VERSION}}-%{{RELEASE}}\\n%{{DESCRIPTION}}\\n");
    let output = Program::new(root, "rpm")?.args(["-qa", "gpg-pubkey", "--qf", &format]).succeed()?;
    let parts = output.split(MARK).skip(1).map(|part| part.split_once('\n').unwrap_or((part, "")));
    Ok(parts
        .map(|(package, armour)| (Place::Package(package.to_owned()), armour.as_bytes().to_owned()))
        .collect())
}

/// Puts the keys in `file`, a path on the host, into the image's keyring: all of them or none.
///
/// # Errors
/// If the file, policy or the keyring cannot be read, or rpm fails. What is wrong with the keys is a
/// [`NotImported`].
pub fn import(
    root: &Root,
    file: &Path,
    temporary: &Path,
) -> Result<std::result::Result<Vec<Imported>, NotImported>> {
    let forbidden = Forbidden::load(root, None)?;
    if let Some(by) = forbidden.by(Act::ImportKeys) {
        return Ok(Err(NotImported::Forbidden(by.to_owned())));
    }
    let host = Root::open("/")?;
    let bytes = host.read(std::path::absolute(file).map_err(|error| Error::std_io(file, &error))?)?;
    let given = key::read(&bytes, temporary, Strength::of(root, &forbidden)?)?;
    if let Some(refused) = refuse(&given) {
        return Ok(Err(refused));
    }
    let before = kept(root, temporary)?;
    let mut imported = Vec::new();
    let mut stale = Vec::new();
    for key in given {
        match before.iter().find(|kept| kept.key.fingerprint == key.fingerprint) {
            Some(kept) if kept.key == key => imported.push(Imported::WasThere(key)),
            Some(kept) => {
                // rpm keeps what it has: a longer life or a new subkey would be passed over.
                stale.push(kept.place.clone());
                imported.push(Imported::New(key));
            }
            None => imported.push(Imported::New(key)),
        }
    }
    if imported.iter().any(|one| matches!(one, Imported::New(_))) {
        make_room(root)?;
        stale.iter().try_for_each(|place| erase(root, place))?;
        // What was judged is what is imported.
        let private = PrivateDirectory::make(temporary, "key")?;
        let copy = private.write("key", &armoured(&bytes, &private)?)?;
        Program::new(root, "rpmkeys")?.arg("--import").arg(copy).succeed()?;
        let now = keys(root, temporary)?;
        for one in &imported {
            let (Imported::New(key) | Imported::WasThere(key)) = one;
            if now.iter().all(|there| there.fingerprint != key.fingerprint) {
                return Err(Error::Refused(format!("rpm did not keep the key {}", key.fingerprint)));
            }
        }
    }
    Ok(Ok(imported))
}

fn refuse(keys: &[Key]) -> Option<NotImported> {
    if keys.is_empty() {
        return Some(NotImported::NoKey);
    }
    if let Some(key) = keys.iter().find(|key| key.secret) {
        return Some(NotImported::Private(key.clone()));
    }
    let unfit = keys.iter().find_map(|key| Some((key.clone(), key.unfit.clone()?)));
    unfit.map(|(key, why)| NotImported::Unfit(key, why))
}

/// rpm imports armoured keys only.
fn armoured(bytes: &[u8], home: &PrivateDirectory) -> Result<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN PGP";
    if bytes.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Ok(bytes.to_owned());
    }
    let armoured = gpg::run(home, &["--enarmor".as_ref()], bytes)?;
    // gpg's header says that it is a file; rpm takes a key only.
    let text = String::from_utf8_lossy(&armoured);
    Ok(text.replace("PGP ARMORED FILE", "PGP PUBLIC KEY BLOCK").into_bytes())
}

/// Takes the keys whose id or fingerprint ends like `id` out of the keyring and returns them. An
/// id that is not there is fine; one that means several keys is not.
///
/// # Errors
/// An ID that is too short or that several keys have, and what rpm refuses.
pub fn remove(root: &Root, id: &str, temporary: &Path) -> Result<Vec<Key>> {
    let hex = id.strip_prefix("0x").unwrap_or(id).to_lowercase();
    if hex.len() < 8 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::Refused(format!(
            "{id:?} is not a key ID: at least 8 hexadecimal digits are needed"
        )));
    }
    let mut found = kept(root, temporary)?;
    found.retain(|kept| kept.key.is_called(&hex));
    if found.len() > 1 {
        return Err(Error::Refused(format!("{id}: ambiguous key ID; give the fingerprint")));
    }
    found.into_iter().map(|kept| erase(root, &kept.place).map(|()| kept.key)).collect()
}

/// rpm 4.20 does not make the directory of a keyring of files.
fn make_room(root: &Root) -> Result<()> {
    let keyring = Keyring::of(root)?;
    keyring.takes_keys()?;
    match keyring {
        Keyring::Files => root.create_dirs(keyring_path(root)?, 0o755),
        Keyring::Database | Keyring::Certificates => Ok(()),
    }
}

fn erase(root: &Root, place: &Place) -> Result<()> {
    match place {
        Place::Package(package) => {
            let name = format!("gpg-pubkey-{package}");
            if_exists(Program::new(root, "rpm")?.args(["-e", "--allmatches", &name]).succeed()).map(drop)
        }
        Place::File(path) => root.remove(path),
    }
}
