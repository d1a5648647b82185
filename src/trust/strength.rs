//! How strong keys and signatures have to be: what a policy file says (`[keys] minimum`), else what the
//! image's own crypto policy does (update-crypto-policies(8)). Keys and packages follow the same rule.

use crate::error::{Result, if_exists};
use crate::policy::{Forbidden, Minimum};
use crate::root::Root;
use crate::rpmdb::{Hash, Made};

/// Where an image names its crypto policy.
const CRYPTO_POLICY: &str = "/etc/crypto-policies/config";
/// Where the image says what it is (os-release(5)).
const OS_RELEASE: [&str; 2] = ["/etc/os-release", "/usr/lib/os-release"];

/// The least that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Strength(Minimum);

impl Strength {
    /// This one.
    #[cfg(test)]
    pub(super) const fn new(minimum: Minimum) -> Strength {
        Strength(minimum)
    }

    /// What counts in an image.
    ///
    /// # Errors
    /// If a policy file or the crypto policy cannot be read.
    pub(super) fn of(root: &Root, forbidden: &Forbidden) -> Result<Strength> {
        match forbidden.minimum() {
            Some(minimum) => Ok(Strength(minimum)),
            None => of_image(root).map(Strength),
        }
    }

    /// What makes a key of this algorithm (RFC 4880, 9.1) and length too weak.
    pub(crate) fn refuses_key(self, algorithm: u32, bits: u32) -> Option<String> {
        let Least { rsa, dsa, .. } = self.least();
        let (name, least) = match algorithm {
            1..=3 => ("RSA", rsa),
            17 => ("DSA", dsa),
            16 | 20 => ("Elgamal", u32::MAX),
            _ => return None,
        };
        match least {
            _ if bits >= least => None,
            u32::MAX => Some(format!("{name} keys are below {self}")),
            _ => Some(format!("{name} keys of {bits} bits are too short, {least} are needed by {self}")),
        }
    }

    /// What makes something that is signed over this hash too weak.
    pub(crate) fn refuses_hash(self, hash: Hash) -> Option<String> {
        let name = if hash == Hash::Md5 { "MD5" } else { "SHA-1" };
        (hash < self.least().hash).then(|| format!("{name} is below {self}"))
    }

    /// What makes a signature too weak.
    pub(super) fn refuses(self, made: &Made) -> Option<String> {
        let why = self.refuses_hash(made.hash)?;
        Some(format!("its signature is not strong enough: {why}"))
    }

    fn least(self) -> Least {
        let (rsa, dsa, hash) = match self.0 {
            Minimum::Legacy => (1024, 1024, Hash::Sha1),
            Minimum::DefaultSha1 => (2048, 2048, Hash::Sha1),
            Minimum::Default => (2048, u32::MAX, Hash::Sha2),
            Minimum::Future => (3072, u32::MAX, Hash::Sha2),
        };
        Least { rsa, dsa, hash }
    }
}

/// Lengths in bits; `u32::MAX` for keys that are not accepted at all.
struct Least {
    rsa: u32,
    dsa: u32,
    hash: Hash,
}

impl std::fmt::Display for Strength {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "[keys] minimum = \"{}\"", self.0.word())
    }
}

/// The crypto policy by its name; EL 8's default still takes SHA-1. An image without one, as of EL 7,
/// takes what was signed in its time.
fn of_image(root: &Root) -> Result<Minimum> {
    let text = if_exists(root.read_text(CRYPTO_POLICY))?.unwrap_or_default();
    let mut lines = text.lines().map(str::trim);
    let Some(name) = lines.find(|line| !line.is_empty() && !line.starts_with('#')) else {
        return Ok(Minimum::DefaultSha1);
    };
    let (name, modules) = name.split_once(':').unwrap_or((name, ""));
    let takes_sha1 = modules.split(':').any(|module| module == "SHA1");
    Ok(match name {
        "LEGACY" => Minimum::Legacy,
        "FUTURE" => Minimum::Future,
        "DEFAULT" if takes_sha1 || is_el8(root) => Minimum::DefaultSha1,
        _ => Minimum::Default,
    })
}

fn is_el8(root: &Root) -> bool {
    let text = OS_RELEASE.iter().find_map(|path| root.read_text(path).ok()).unwrap_or_default();
    text.lines().any(|line| line.trim_matches('"') == "PLATFORM_ID=\"platform:el8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_crypto_policy_of_the_image_counts_unless_a_policy_file_says_more() {
        let place = tempfile::tempdir().unwrap();
        let root = Root::open(place.path()).unwrap();
        root.create_dirs("/etc/crypto-policies", 0o755).unwrap();
        let none = Forbidden::default();
        let of = |text: &str| {
            root.write(CRYPTO_POLICY, text.as_bytes(), None).unwrap();
            Strength::of(&root, &none).unwrap()
        };
        assert_eq!(of(""), Strength(Minimum::DefaultSha1));
        assert_eq!(of("# x\nLEGACY\n"), Strength(Minimum::Legacy));
        assert_eq!(of("DEFAULT\n"), Strength(Minimum::Default));
        assert_eq!(of("DEFAULT:SHA1\n"), Strength(Minimum::DefaultSha1));
        assert_eq!(of("FIPS:OSPP\n"), Strength(Minimum::Default));
        let of_file = Forbidden::load(&root, Some("[keys]\nminimum = \"LEGACY\"\n")).unwrap();
        assert_eq!(Strength::of(&root, &of_file).unwrap(), Strength(Minimum::Legacy));
        root.write("/etc/os-release", b"PLATFORM_ID=\"platform:el8\"\n", None).unwrap();
        assert_eq!(of("DEFAULT\n"), Strength(Minimum::DefaultSha1));
    }

    #[test]
    fn keys_and_signatures_follow_one_rule() {
        let strict = Strength(Minimum::Default);
        assert!(strict.refuses_hash(Hash::Sha1).unwrap().contains("[keys] minimum = \"DEFAULT\""));
        assert!(strict.refuses_key(17, 4096).is_some() && strict.refuses_key(22, 255).is_none());
        let of_el7 = Strength(Minimum::DefaultSha1);
        assert_eq!(of_el7.refuses_hash(Hash::Sha1), None);
        assert!(of_el7.refuses_hash(Hash::Md5).is_some());
        assert!(of_el7.refuses_key(1, 1024).unwrap().contains("1024 bits are too short"));
        assert_eq!(Strength(Minimum::Legacy).refuses_key(1, 1024), None);
    }
}
