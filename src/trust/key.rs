//! OpenPGP public keys as gpg describes them (`--with-colons`, gpg's doc/DETAILS), and whether they
//! are fit to vouch for packages.

use std::ffi::OsStr;
use std::path::Path;

use serde::Serialize;

use super::gpg;
use super::strength::Strength;
use crate::error::Result;
use crate::rpmdb::Hash;
use crate::tempdir::PrivateDirectory;

/// A public key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Key {
    /// The last 16 digits of the fingerprint, in lower case.
    pub id: String,
    /// In lower case hex.
    pub fingerprint: String,
    /// Whose it says it is; the first one of several.
    pub user: String,
    /// `RSA 2048`, `EdDSA`, ...
    pub algorithm: String,
    /// When it expires, in seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<u64>,
    /// Why it is not fit to vouch for a package, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unfit: Option<Unfit>,
    /// The ids of its subkeys, and what makes one of them unfit.
    #[serde(skip)]
    pub subkeys: Vec<(String, Option<Unfit>)>,
    /// Whether this is the secret half.
    #[serde(skip)]
    pub secret: bool,
}

/// What makes a key unfit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "why", content = "text")]
pub enum Unfit {
    /// Its owner took it back.
    Revoked,
    /// Its time is over.
    Expired,
    /// Too easily forged; the text says what about it is weak.
    Weak(String),
}

impl std::fmt::Display for Unfit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Unfit::Revoked => f.write_str("it was revoked by its owner"),
            Unfit::Expired => f.write_str("it has expired"),
            Unfit::Weak(text) => f.write_str(text),
        }
    }
}

impl Key {
    /// Whether this key or a subkey of it has an id that ends like `id`: rpm shortens ids.
    pub(crate) fn is_called(&self, id: &str) -> bool {
        let id = id.to_lowercase();
        let ends = |own: &str| id.len() >= 8 && (own.ends_with(&id) || id.ends_with(own) && !own.is_empty());
        ends(&self.fingerprint) || ends(&self.id) || self.subkeys.iter().any(|(subkey, _)| ends(subkey))
    }

    /// What makes the key unfit for a signature by the key or subkey called `id`.
    pub(crate) fn unfit_as(&self, id: &str) -> Option<&Unfit> {
        let of_subkey = self.subkeys.iter().find(|(subkey, _)| subkey.ends_with(&id.to_lowercase()));
        self.unfit.as_ref().or(of_subkey.and_then(|(_, unfit)| unfit.as_ref()))
    }
}

/// The keys that `bytes` hold, armoured or not; none if they hold none.
pub(super) fn read(bytes: &[u8], temporary: &Path, strength: Strength) -> Result<Vec<Key>> {
    let home = PrivateDirectory::make(temporary, "gpg")?;
    let args = [
        "--with-colons",
        "--fixed-list-mode",
        "--with-sig-list",
        "--show-keys",
    ];
    let records = gpg::run(&home, &args.map(OsStr::new), bytes)?;
    Ok(parse(&String::from_utf8_lossy(&records), strength))
}

/// Takes gpg's records apart. A key's record is followed by those of its parts.
fn parse(text: &str, strength: Strength) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let mut hashes: Vec<Vec<u8>> = Vec::new();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').collect();
        let field = |at: usize| fields.get(at).copied().unwrap_or_default();
        if matches!(field(0), "pub" | "sec") {
            keys.push(primary(&field, strength));
            hashes.push(Vec::new());
            continue;
        }
        let (Some(key), Some(hashes)) = (keys.last_mut(), hashes.last_mut()) else {
            continue;
        };
        match field(0) {
            "fpr" if key.fingerprint.is_empty() => key.fingerprint = field(9).to_lowercase(),
            "uid" if key.user.is_empty() => key.user = unescape(field(9)),
            "sub" | "ssb" => key.subkeys.push((field(4).to_lowercase(), validity(field(1)))),
            "sig" if field(4).to_lowercase() == key.id && key.subkeys.is_empty() => {
                hashes.extend(field(15).parse::<u8>());
            }
            _ => {}
        }
    }
    for (key, hashes) in keys.iter_mut().zip(hashes) {
        key.unfit = key.unfit.take().or_else(|| weak_hash(&hashes, strength));
    }
    keys
}

fn primary<'a>(field: &impl Fn(usize) -> &'a str, strength: Strength) -> Key {
    let (bits, algorithm) = (field(2).parse().unwrap_or(0), field(3).parse().unwrap_or(0));
    Key {
        id: field(4).to_lowercase(),
        algorithm: algorithm_name(algorithm, bits),
        expires: field(6).parse().ok(),
        unfit: validity(field(1)).or_else(|| strength.refuses_key(algorithm, bits).map(Unfit::Weak)),
        secret: field(0) == "sec",
        ..Key::default()
    }
}

fn validity(letter: &str) -> Option<Unfit> {
    match letter {
        "r" => Some(Unfit::Revoked),
        "e" => Some(Unfit::Expired),
        _ => None,
    }
}

/// Names of the algorithms of RFC 4880, 9.1, and RFC 9580.
fn algorithm_name(algorithm: u32, bits: u32) -> String {
    match algorithm {
        1..=3 => format!("RSA {bits}"),
        16 | 20 => format!("Elgamal {bits}"),
        17 => format!("DSA {bits}"),
        19 => format!("ECDSA {bits}"),
        22 | 27 | 28 => "EdDSA".into(),
        _ => format!("algorithm {algorithm}"),
    }
}

/// A key that binds its own user names with nothing better than a weak hash can be forged.
fn weak_hash(hashes: &[u8], strength: Strength) -> Option<Unfit> {
    let best = hashes.iter().map(|hash| Hash::of_number(*hash)).max()?;
    let why = strength.refuses_hash(best)?;
    Some(Unfit::Weak(format!("the key signs itself with nothing better: {why}")))
}

/// gpg writes a colon and control characters as `\x3a`.
fn unescape(text: &str) -> String {
    let mut plain: Vec<u8> = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code = rest.get(2..4).and_then(|hex| u8::from_str_radix(str::from_utf8(hex).ok()?, 16).ok());
        match code.filter(|_| rest.starts_with(b"\\x")) {
            Some(code) => {
                plain.push(code);
                rest = &rest[4..];
            }
            None => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&plain).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STRICT: Strength = Strength::new(crate::policy::Minimum::Default);

    const GOOD: &str = "pub:-:2048:1:BC80DD4062609EF6:1795355707:::-:::scSC::::::23::0:\n\
        fpr:::::::::5C9D9707120E84E1870C7E42BC80DD4062609EF6:\n\
        uid:-::::1795355707::BC68::Good \\x3a <good@x>::::::::::0:\n\
        sig:?::1:BC80DD4062609EF6:1795355707::::[User ID not found]:13x::5C9D:::10:\n\
        sub:e:2048:1:0123456789ABCDEF:1795355707::::::s::::::23:\n\
        sig:?::1:BC80DD4062609EF6:1795355707::::[?]:18x::5C9D:::2:\n";

    #[test]
    fn a_key_is_read_with_its_parts() {
        let keys = parse(GOOD, STRICT);
        assert_eq!(keys.len(), 1);
        assert_eq!((keys[0].id.as_str(), keys[0].user.as_str()), ("bc80dd4062609ef6", "Good : <good@x>"));
        assert_eq!(keys[0].unfit, None);
        assert!(keys[0].is_called("62609ef6") && keys[0].is_called("89ABCDEF"));
        assert!(!keys[0].is_called("ef6") && !keys[0].is_called("62609ef7"));
        assert_eq!(keys[0].unfit_as("0123456789abcdef"), Some(&Unfit::Expired));
        assert_eq!(keys[0].unfit_as("bc80dd4062609ef6"), None);
    }

    #[test]
    fn weak_revoked_and_expired_keys_are_unfit() {
        let unfit = |from: &str, to: &str| parse(&GOOD.replacen(from, to, 1), STRICT).remove(0).unfit;
        assert_eq!(unfit("pub:-", "pub:r"), Some(Unfit::Revoked));
        assert_eq!(unfit("pub:-", "pub:e"), Some(Unfit::Expired));
        for (from, to) in [
            ("2048:1:B", "1024:1:B"),
            ("2048:1:B", "3072:17:B"),
            ("::10:", "::2:"),
        ] {
            assert!(matches!(unfit(from, to), Some(Unfit::Weak(_))), "{from} {to}");
        }
        assert!(parse(&GOOD.replacen("pub:", "sec:", 1), STRICT)[0].secret);
        assert!(parse("gpg: no valid OpenPGP data found.\n", STRICT).is_empty());
    }
}
