//! Who asked for something: package, scriptlet and the way in which that was found out.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// The variable in which the rpm plugin names the running scriptlet as rpm spells it, for
/// example `%post(foo-1-1.noarch)`.
pub const SCRIPTLET_VARIABLE: &str = "NODESHIM_SCRIPTLET";

/// The variable in which the rpm plugin passes the scriptlet's first argument, if it knows it.
pub const ARGUMENT_VARIABLE: &str = "NODESHIM_SCRIPTLET_ARG";

/// The variable that keeps the caller's home while `HOME` leads an rpm to the plugin.
pub const HOME_VARIABLE: &str = "NODESHIM_HOME";

/// The variable that tells the rpm plugin to keep scriptlets from the machine's kernel.
pub const CONTAIN_VARIABLE: &str = "NODESHIM_CONTAIN";

/// The variable that keeps the caller's `XDG_CONFIG_HOME` meanwhile, if there is one.
pub const CONFIG_VARIABLE: &str = "NODESHIM_XDG_CONFIG_HOME";

/// The variable in which `nodeshim run --name` passes the name of the run.
pub(crate) const RUN_NAME_VARIABLE: &str = "NODESHIM_RUN_NAME";

/// The name that requests of the image's builder are recorded under. No package can have it.
pub const BUILDER: &str = "(builder)";

/// Whom requests without a known origin are recorded under. No package can have this name.
pub(crate) const UNKNOWN: &str = "(unknown)";

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
    /// No scriptlet was running: the image's builder made the call.
    Builder,
    /// Nothing is known.
    #[default]
    Unknown,
}

/// Who made a request. Every field may be absent: unknown is a legal value, a guess is not.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
    /// What the builder called the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

impl Origin {
    /// The package's name: the NEVRA without version, release and architecture.
    pub fn package(&self) -> Option<&str> {
        package_name(self.nevra.as_deref()?)
    }

    /// Whom its requests are recorded under: the package's name, `(builder)`, `(builder RUN)` or
    /// `(unknown)`.
    pub fn name(&self) -> Cow<'_, str> {
        match (self.package(), self.found_by, &self.run) {
            (Some(package), ..) => Cow::Borrowed(package),
            (None, FoundBy::Builder, None) => Cow::Borrowed(BUILDER),
            (None, FoundBy::Builder, Some(run)) => Cow::Owned(builder_called(run)),
            (None, ..) => Cow::Borrowed(UNKNOWN),
        }
    }
}

/// What the requests of a named run are recorded under.
pub(crate) fn builder_called(run: &str) -> String {
    format!("(builder {run})")
}

/// Whether a name that requests are recorded under is a package's.
pub(crate) fn is_package(name: &str) -> bool {
    !name.starts_with('(')
}

/// Whether requests that are recorded under this name are the builder's.
pub(crate) fn is_builder(name: &str) -> bool {
    name == BUILDER || name.starts_with("(builder ")
}

/// The name in `name-[epoch:]version-release.arch`: all before the last but one dash. None for one that begins with
/// a bracket: rpmbuild makes none, but rpm installs it, and its requests would be recorded as the builder's.
pub fn package_name(nevra: &str) -> Option<&str> {
    let (rest, _release) = nevra.rsplit_once('-')?;
    let (name, _version) = rest.rsplit_once('-')?;
    (!name.is_empty() && !name.starts_with('(')).then_some(name)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_at_the_last_but_one_dash() {
        assert_eq!(package_name("vdsm-hook-fcoe-4.50-1.el9.noarch"), Some("vdsm-hook-fcoe"));
        assert_eq!(package_name("nodash"), None);
        assert_eq!(package_name("(builder)-1-1.noarch"), None);
    }

    #[test]
    fn who_asked_has_a_name_whoever_it_was() {
        let origin = |found_by, nevra: Option<&str>, run: Option<&str>| Origin {
            found_by,
            nevra: nevra.map(str::to_owned),
            run: run.map(str::to_owned),
            ..Origin::default()
        };
        assert_eq!(origin(FoundBy::Digest, Some("a-1-1.noarch"), Some("x")).name(), "a");
        assert_eq!(origin(FoundBy::Builder, None, None).name(), BUILDER);
        assert_eq!(origin(FoundBy::Builder, None, Some("post")).name(), "(builder post)");
        assert_eq!(origin(FoundBy::Unknown, None, None).name(), UNKNOWN);
        assert!(is_builder("(builder post)") && !is_builder(UNKNOWN) && !is_builder("builder"));
    }

    #[test]
    fn rpm_names_a_scriptlet_with_its_owner() {
        let parsed = parse_scriptlet_name("%prein(a-b-1:2-3.x86_64)");
        assert_eq!(parsed, Some(("%pre".to_owned(), "a-b-1:2-3.x86_64".to_owned())));
        assert_eq!(parse_scriptlet_name("%post"), None);
    }
}
