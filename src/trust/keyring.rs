//! The image's keyring, which rpm keeps among the packages of its database as `gpg-pubkey`.

use std::path::Path;

use super::key::{self, Key, Unfit};
use crate::error::{Error, Result, if_exists};
use crate::policy::{Act, Forbidden};
use crate::root::Root;
use crate::rpmdb::{Program, database};
use crate::tempdir::PrivateDirectory;

/// What importing a key came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Imported {
    /// It is in the keyring now.
    New(Key),
    /// It was so already.
    WasThere(Key),
}

/// Why a file is not imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
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

/// Every key in the image's keyring. An image without an rpm database has none.
pub fn keys(root: &Root, temporary: &Path) -> Result<Vec<Key>> {
    Ok(packages(root, temporary)?.into_iter().map(|(_, key)| key).collect())
}

/// The keys, each with the version and release of the `gpg-pubkey` that holds it.
fn packages(root: &Root, temporary: &Path) -> Result<Vec<(String, Key)>> {
    if database(root)?.is_none() {
        return Ok(Vec::new());
    }
    let format = format!("{MARK}%{{VERSION}}-%{{RELEASE}}\\n%{{DESCRIPTION}}\\n");
    let output = Program::new(root, "rpm")?.args(["-qa", "gpg-pubkey", "--qf", &format]).succeed()?;
    let mut found = Vec::new();
    for part in output.split(MARK).skip(1) {
        let (package, armour) = part.split_once('\n').unwrap_or((part, ""));
        // What rpm holds and gpg cannot read vouches for nothing here.
        for key in key::read(armour.as_bytes(), temporary)? {
            found.push((package.to_owned(), key));
        }
    }
    Ok(found)
}

/// Puts the keys in `file`, a path on the host, into the image's keyring: all of them or none.
pub fn import(
    root: &Root,
    file: &Path,
    temporary: &Path,
) -> Result<std::result::Result<Vec<Imported>, Refused>> {
    if let Some(by) = Forbidden::load(root, None)?.by(Act::ImportKeys) {
        return Ok(Err(Refused::Forbidden(by.to_owned())));
    }
    let host = Root::open("/")?;
    let bytes = host.read(std::path::absolute(file).map_err(|error| Error::std_io(file, &error))?)?;
    let given = key::read(&bytes, temporary)?;
    if let Some(refused) = refuse(&given) {
        return Ok(Err(refused));
    }
    let before = packages(root, temporary)?;
    let mut imported = Vec::new();
    let mut stale = Vec::new();
    for key in given {
        match before.iter().find(|(_, there)| there.fingerprint == key.fingerprint) {
            Some((_, there)) if *there == key => imported.push(Imported::WasThere(key)),
            Some((package, _)) => {
                // rpm keeps what it has: a longer life or a new subkey would be passed over.
                stale.push(package.clone());
                imported.push(Imported::New(key));
            }
            None => imported.push(Imported::New(key)),
        }
    }
    if imported.iter().any(|one| matches!(one, Imported::New(_))) {
        stale.iter().try_for_each(|package| erase(root, package))?;
        // What was judged is what is imported.
        let private = PrivateDirectory::make(temporary, "key")?;
        let copy = private.write("key", &armoured(&bytes, &private)?)?;
        Program::new(root, "rpmkeys")?.arg("--import").arg(copy).succeed()?;
        let now = keys(root, temporary)?;
        for one in &imported {
            let (Imported::New(key) | Imported::WasThere(key)) = one;
            if now.iter().all(|there| there.fingerprint != key.fingerprint) {
                return Err(Error::Other(format!("rpm did not keep the key {}", key.fingerprint)));
            }
        }
    }
    Ok(Ok(imported))
}

fn refuse(keys: &[Key]) -> Option<Refused> {
    if keys.is_empty() {
        return Some(Refused::NoKey);
    }
    if let Some(key) = keys.iter().find(|key| key.secret) {
        return Some(Refused::Private(key.clone()));
    }
    let unfit = keys.iter().find_map(|key| Some((key.clone(), key.unfit.clone()?)));
    unfit.map(|(key, why)| Refused::Unfit(key, why))
}

/// rpm imports armoured keys only.
fn armoured(bytes: &[u8], home: &PrivateDirectory) -> Result<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN PGP";
    if bytes.windows(BEGIN.len()).any(|part| part == BEGIN) {
        return Ok(bytes.to_owned());
    }
    let binary = home.write("binary", bytes)?;
    let output = std::process::Command::new("gpg")
        .arg("--homedir")
        .arg(&home.path)
        .args([
            "--no-autostart",
            "--batch",
            "--no-tty",
            "--output",
            "-",
            "--enarmor",
        ])
        .arg(binary)
        .output()
        .map_err(|error| Error::Other(format!("gpg, which reads keys, cannot be run: {error}")))?;
    // gpg calls what it armours a file; rpm wants to be told that it is a key.
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.replace("PGP ARMORED FILE", "PGP PUBLIC KEY BLOCK").into_bytes())
}

/// Takes the keys whose id or fingerprint ends like `id` out of the keyring and returns them. An
/// id that is not there is fine; one that means several keys is not.
pub fn remove(root: &Root, id: &str, temporary: &Path) -> Result<Vec<Key>> {
    let hex = id.strip_prefix("0x").unwrap_or(id).to_lowercase();
    if hex.len() < 8 || !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Error::Other(format!(
            "{id:?} is no key id: 8 hexadecimal digits of it or more are needed"
        )));
    }
    let found: Vec<(String, Key)> =
        packages(root, temporary)?.into_iter().filter(|(_, key)| key.is_called(&hex)).collect();
    if found.len() > 1 {
        return Err(Error::Other(format!("{id} means several keys: name one by its fingerprint")));
    }
    found.into_iter().map(|(package, key)| erase(root, &package).map(|()| key)).collect()
}

fn erase(root: &Root, package: &str) -> Result<()> {
    let name = format!("gpg-pubkey-{package}");
    if_exists(Program::new(root, "rpm")?.args(["-e", "--allmatches", &name]).succeed()).map(drop)
}
