//! Who asked for something: package, scriptlet and the way in which that was found out.

use serde::{Deserialize, Serialize};

/// The variable in which the rpm plugin names the running scriptlet as rpm spells it, for
/// example `%post(foo-1-1.noarch)`.
pub const SCRIPTLET_VARIABLE: &str = "NODESHIM_SCRIPTLET";

/// The variable in which the rpm plugin passes the scriptlet's first argument, if it knows it.
pub const ARGUMENT_VARIABLE: &str = "NODESHIM_SCRIPTLET_ARG";

/// The variable that keeps the caller's home while `HOME` leads an rpm to the plugin.
pub const HOME_VARIABLE: &str = "NODESHIM_HOME";

/// How an origin was found, from the most to the least reliable.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FoundBy {
    /// The rpm plugin named package and scriptlet.
    RpmPlugin,
    /// The script's digest equals that of exactly one scriptlet of the packages at hand.
    Digest,
    /// The unit or service that was named belongs to exactly one package.
    Ownership,
    /// Package metadata, not a scriptlet.
    Metadata,
    /// An administrator named the package to the admin tool.
    Administrator,
    /// Nothing is known.
    #[default]
    Unknown,
}

/// Who made a request. Every field may be absent: unknown is a legal value, a guess is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub struct Origin {
    /// How the package was found.
    pub found_by: FoundBy,
    /// `name-[epoch:]version-release.arch`, as rpm prints it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nevra: Option<String>,
    /// `%pre`, `%post`, `%preun`, `%postun`, `%pretrans`, `%posttrans`, `%triggerin`, ...
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scriptlet: Option<String>,
    /// The scriptlet's `$1`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arg: Option<u32>,
    /// SHA-256 of the script file in lower case hex; its body is kept under that name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub script: Option<String>,
}

impl Origin {
    /// The package's name: the NEVRA without version, release and architecture.
    pub fn package(&self) -> Option<&str> {
        package_name(self.nevra.as_deref()?)
    }
}

/// The name in `name-[epoch:]version-release.arch`: all before the last but one dash.
pub fn package_name(nevra: &str) -> Option<&str> {
    let (rest, _release) = nevra.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    (!name.is_empty()).then_some(name)
}

/// Takes apart rpm's own name of a running scriptlet, `%post(foo-1-1.noarch)`, into scriptlet
/// and NEVRA. rpm calls `%pre` "prein" there; both spellings give `%pre`.
pub fn parse_scriptlet_name(text: &str) -> Option<(String, String)> {
    let (kind, rest) = text.split_once('(')?;
    let nevra = rest.strip_suffix(')')?;
    package_name(nevra)?;
    let kind = if kind == "%prein" { "%pre" } else { kind };
    kind.starts_with('%').then(|| (kind.to_owned(), nevra.to_owned()))
}

/// What tells one script from another: SHA-256 of its bytes in lower case hex.
pub fn digest(bytes: &[u8]) -> String {
    hmac_sha256::Hash::hash(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_the_last_but_one_dash() {
        assert_eq!(package_name("vdsm-hook-fcoe-4.50-1.el9.noarch"), Some("vdsm-hook-fcoe"));
        assert_eq!(package_name("nodash"), None);
    }

    #[test]
    fn rpm_names_a_scriptlet_with_its_owner() {
        let parsed = parse_scriptlet_name("%prein(a-b-1:2-3.x86_64)");
        assert_eq!(parsed, Some(("%pre".to_owned(), "a-b-1:2-3.x86_64".to_owned())));
        assert_eq!(parse_scriptlet_name("%post"), None);
    }

    #[test]
    fn digests_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), empty);
    }
}
