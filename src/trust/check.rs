//! Checking package files against the image's keyring, before anything of them runs.

use std::cell::OnceCell;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::gpg::{self, Maker};
use super::key::{Key, Unfit};
use super::keyring;
use super::strength::Strength;
use crate::error::Result;
use crate::escape::printable;
use crate::policy::Forbidden;
use crate::root::Root;
use crate::rpmdb::{
    FileHeader, Made, Program, Signed, header_and_payload, is_of_payload, package_file, signed,
};

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
    /// Signed by a key that rpm does not trust, or too weakly.
    UnfitKey,
    /// Signed by a key that its owner has revoked.
    RevokedKey,
    /// Not what was signed, or not what was built.
    Tampered,
    /// No package at all, a source package, or a signature of a kind that is not known.
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
///
/// # Errors
/// A file cannot be read, rpm or gpg cannot be run.
pub fn check(
    root: &Root,
    files: &[(PathBuf, String)],
    keys: &[Key],
    temporary: &Path,
) -> Result<Vec<Checked>> {
    let strength = Strength::of(root, &Forbidden::load(root, None)?)?;
    let known = OnceCell::new();
    let one = |(path, name): &(PathBuf, String)| {
        let Ok(package) = package_file(path) else {
            return Ok(unreadable(name));
        };
        let signed = signed(path)?;
        let maker = |signer: &Signer| {
            let keys = imported(&known, root, temporary)?;
            match signer.of_payload {
                true => keys.maker(signer.packet, &header_and_payload(path)?),
                false => keys.maker(signer.packet, &signed.header),
            }
        };
        let is_signed = rpm_accepts(root, &SIGNATURE_NEEDED, path)?;
        let found = Found {
            package,
            signed: &signed,
            // rpm verifies digests together with signatures (rpmkeys(8), --checksig).
            is_whole: is_signed || rpm_accepts(root, &["--nosignature"], path)?,
            is_signed,
            strength,
        };
        judge(name, found, keys, maker)
    };
    files.iter().map(one).collect()
}

/// The image's keys as gpg has them, imported when they are needed first.
fn imported<'k>(known: &'k OnceCell<gpg::Keys>, root: &Root, temporary: &Path) -> Result<&'k gpg::Keys> {
    match known.get() {
        Some(keys) => Ok(keys),
        None => {
            let keys = gpg::Keys::import(&keyring::bytes(root)?, temporary)?;
            Ok(known.get_or_init(|| keys))
        }
    }
}

/// rpm's level for packages that have to be signed, whatever the host is set to (rpm's `macros`).
const SIGNATURE_NEEDED: [&str; 4] = [
    "--define",
    "_pkgverify_level signature",
    "--define",
    "_pkgverify_flags 0x0",
];

/// Whether rpm finds nothing wrong. Its exit code means the same from 4.14 to 6; its words do not.
fn rpm_accepts(root: &Root, options: &[&str], file: &Path) -> Result<bool> {
    Ok(Program::new(root, "rpmkeys")?.arg("--checksig").args(options).arg(file).run()?.fine)
}

/// What is known of a package file before it is judged.
struct Found<'a> {
    package: FileHeader,
    signed: &'a Signed,
    /// Whether it is what its digests say.
    is_whole: bool,
    /// Whether rpm takes it for signed by a key of the image.
    is_signed: bool,
    /// How strong keys and signatures have to be.
    strength: Strength,
}

/// One of the signatures.
#[derive(Clone, Copy)]
struct Signer<'a> {
    made: &'a Made,
    packet: &'a [u8],
    /// Whether it is over the payload, too, and not over the header alone.
    of_payload: bool,
    /// The key that it says made it, if that is in the keyring.
    key: Option<&'a Key>,
}

fn unreadable(file: &str) -> Checked {
    Checked {
        file: file.to_owned(),
        package: FileHeader::default(),
        nevra: String::new(),
        signature: Signature::Unreadable,
        key: None,
        fingerprint: None,
        user: None,
        reason: "not an RPM package, or truncated".into(),
    }
}

fn judge(
    file: &str,
    found: Found,
    keys: &[Key],
    maker: impl Fn(&Signer) -> Result<Maker>,
) -> Result<Checked> {
    let signatures = &found.signed.signatures;
    let made: Vec<Option<Made>> = signatures.iter().map(|(_, packet)| Made::read(packet)).collect();
    let mut signers = Vec::new();
    for ((tag, packet), made) in signatures.iter().zip(&made) {
        signers.extend(made.as_ref().map(|made| Signer {
            made,
            packet,
            of_payload: is_of_payload(*tag),
            key: keys.iter().find(|key| key.is_called(&made.key)),
        }));
    }
    let signer = signer(signers, &maker)?;
    let (signature, why) = match signer {
        None if !signatures.is_empty() => {
            (Signature::Unreadable, "its signature is of a kind that is not known".to_owned())
        }
        _ => verdict(&found, signer, maker)?,
    };
    let (id, key) = (signer.map(|signer| id(&signer.made.key)), signer.and_then(|signer| signer.key));
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
    Ok(Checked {
        file: file.to_owned(),
        nevra: found.package.nevra.clone(),
        fingerprint: key.map(|key| key.fingerprint.clone()),
        user: key.map(|key| key.user.clone()),
        package: found.package,
        signature,
        key: id,
        reason,
    })
}

/// A key's id, 16 digits, from its fingerprint: the end of one of version 4, the beginning of a
/// longer one (RFC 9580, 5.5.4).
fn id(fingerprint: &str) -> String {
    let from = if fingerprint.len() > 40 {
        0
    } else {
        fingerprint.len().saturating_sub(16)
    };
    fingerprint.get(from..).unwrap_or_default().chars().take(16).collect()
}

/// What makes the key that signed unfit.
fn unfit<'a>(signer: &Signer<'a>) -> Option<&'a Unfit> {
    signer.key.and_then(|key| key.unfit_as(&id(&signer.made.key)))
}

/// The signature that counts: one whose key is there, before those of somebody else; of several such
/// the one that is trusted least, among those that their keys made.
fn signer<'a>(
    mut signers: Vec<Signer<'a>>,
    maker: impl Fn(&Signer) -> Result<Maker>,
) -> Result<Option<Signer<'a>>> {
    signers.sort_by_key(|signer| (signer.key.is_none(), unfit(signer).is_none()));
    let known = signers.iter().filter(|signer| signer.key.is_some());
    if known.clone().count() > 1 {
        for signer in known {
            if maker(signer)? == Maker::TheKey {
                return Ok(Some(*signer));
            }
        }
    }
    Ok(signers.first().copied())
}

/// The verdict and its reason. Everything that is not certainly good is bad.
fn verdict(
    found: &Found,
    signer: Option<Signer>,
    maker: impl Fn(&Signer) -> Result<Maker>,
) -> Result<(Signature, String)> {
    let end = |signature: Signature, why: &str| Ok((signature, why.to_owned()));
    if found.package.is_source {
        return end(Signature::Unreadable, "it is a source package, which cannot be installed");
    }
    if !found.is_whole {
        return end(Signature::Tampered, "it was changed after it was made: its digests are wrong");
    }
    let Some(signer) = signer else {
        return end(Signature::Missing, "it is not signed");
    };
    if signer.key.is_none() {
        return end(Signature::UnknownKey, "");
    }
    // rpm does not say whether it is the signature or the key that it does not accept.
    let maker = match found.is_signed {
        true => Maker::TheKey,
        false => maker(&signer)?,
    };
    if maker == Maker::SomebodyElse {
        return end(Signature::Tampered, "it was changed after it was signed: its signature is wrong");
    }
    let unfit = unfit(&signer);
    match unfit {
        Some(why @ Unfit::Revoked) => return end(Signature::RevokedKey, &why.to_string()),
        Some(why @ Unfit::Expired) => return end(Signature::ExpiredKey, &why.to_string()),
        Some(why @ Unfit::Weak(_)) => return end(Signature::UnfitKey, &why.to_string()),
        None => {}
    }
    if let Some(why) = found.strength.refuses(signer.made) {
        return end(Signature::UnfitKey, &why);
    }
    if !found.is_signed {
        let why = match maker {
            Maker::Unknown => "a signature of its kind cannot be checked here".to_owned(),
            _ => unfit.map_or_else(|| "rpm does not say why".to_owned(), Unfit::to_string),
        };
        return end(Signature::UnfitKey, &why);
    }
    // A signature of the header vouches for the payload through the digest that the header holds.
    match found.signed.covers_payload {
        true => end(Signature::Good, ""),
        false => end(Signature::Missing, "its signature does not cover what it installs"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            id: "0123456789abcdef".into(),
            fingerprint: format!("{}0123456789abcdef", "0".repeat(24)),
            ..Key::default()
        }
    }

    /// A packet of version 4 by [`key`].
    fn packet() -> Vec<u8> {
        let issuer = [&[9, 16][..], &[0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]].concat();
        let body = [&[4, 0, 1, 8, 0, 0, 0, issuer.len() as u8][..], &issuer, &[0, 0]].concat();
        [&[0x88, body.len() as u8][..], &body].concat()
    }

    /// What there is to know of a package; by itself it is signed by [`key`], and rpm and gpg have
    /// nothing against it.
    struct Package {
        header: FileHeader,
        signed: Signed,
        is_whole: bool,
        is_signed: bool,
    }

    fn of(change: impl Fn(&mut Package), keys: &[Key], maker: Maker) -> Signature {
        let mut package = Package {
            header: FileHeader::default(),
            signed: Signed {
                signatures: vec![(268, packet())],
                covers_payload: true,
                ..Signed::default()
            },
            is_whole: true,
            is_signed: true,
        };
        change(&mut package);
        let found = Found {
            package: package.header,
            signed: &package.signed,
            is_whole: package.is_whole,
            is_signed: package.is_signed,
            strength: Strength::new(crate::policy::Minimum::Default),
        };
        judge("p.rpm", found, keys, |_| Ok(maker)).unwrap().signature
    }

    #[test]
    fn only_a_signature_that_covers_the_payload_is_good() {
        let of = |change: &dyn Fn(&mut Package)| of(change, &[key()], Maker::Unknown);
        assert_eq!(of(&|_| ()), Signature::Good);
        assert_eq!(of(&|found| found.signed.covers_payload = false), Signature::Missing);
        assert_eq!(of(&|found| found.is_whole = false), Signature::Tampered);
        assert_eq!(of(&|found| found.header.is_source = true), Signature::Unreadable);
    }

    #[test]
    fn a_signature_that_is_not_understood_is_not_missing() {
        assert_eq!(of(|found| found.signed.signatures.clear(), &[key()], Maker::Unknown), Signature::Missing);
        let odd = |found: &mut Package| found.signed.signatures = vec![(278, vec![0xff])];
        assert_eq!(of(odd, &[key()], Maker::Unknown), Signature::Unreadable);
        // rpm before 6 finds no signature where a package has only new ones.
        let unsigned = |found: &mut Package| found.is_signed = false;
        assert_eq!(of(unsigned, &[], Maker::Unknown), Signature::UnknownKey);
        assert_eq!(of(unsigned, &[key()], Maker::TheKey), Signature::UnfitKey);
        assert_eq!(of(unsigned, &[key()], Maker::Unknown), Signature::UnfitKey);
        assert_eq!(of(unsigned, &[key()], Maker::SomebodyElse), Signature::Tampered);
    }

    #[test]
    fn a_signature_over_a_weak_hash_is_unfit_whatever_rpm_says() {
        // RFC 4880, 9.4: 1 is MD5, 2 is SHA-1.
        for hash in [1, 2] {
            let mut weak = packet();
            assert_eq!(weak[5], 8);
            weak[5] = hash;
            let signed = |found: &mut Package| found.signed.signatures = vec![(268, weak.clone())];
            assert_eq!(of(signed, &[key()], Maker::TheKey), Signature::UnfitKey, "{hash}");
        }
    }

    #[test]
    fn a_key_id_comes_out_of_fingerprints_of_both_versions() {
        let digits: String = (0..64).map(|at| char::from_digit(at / 8, 10).unwrap()).collect();
        assert_eq!(id(&digits[24..]), digits[48..]);
        assert_eq!(id(&digits), digits[..16]);
        assert_eq!(id("0123456789abcdef"), "0123456789abcdef");
    }

    #[test]
    fn a_key_whose_time_is_over_is_named_so_whatever_rpm_says() {
        let unfit = |why: Unfit| Key {
            unfit: Some(why),
            ..key()
        };
        for is_signed in [true, false] {
            let of = |why: Unfit| of(|found| found.is_signed = is_signed, &[unfit(why)], Maker::TheKey);
            assert_eq!(of(Unfit::Expired), Signature::ExpiredKey);
            assert_eq!(of(Unfit::Revoked), Signature::RevokedKey);
        }
    }
}
