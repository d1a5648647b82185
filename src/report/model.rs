//! The report itself. `--format json` prints it; its keys are stable within a schema version.

use serde::Serialize;

use crate::inspect::{BootUnit, Declared, Entry, Hook, OpenPort, ScriptletEntry};
use crate::state::PastDenial;
use crate::trust::Signature as Verdict;

/// The version of this schema. It counts up when a key changes its meaning or goes; new keys do not
/// count.
pub const SCHEMA: u32 = 1;

/// An image and its plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The image.
    pub image: Image,
    /// What concerns no one plugin.
    pub notes: Vec<String>,
    /// What the firewall lets in, as `nodeshim ports` lists it.
    pub ports: Vec<OpenPort>,
    /// What starts at boot, as `nodeshim units` lists it.
    pub units: Vec<BootUnit>,
    /// The requests that the rest of the report names by their numbers, in order.
    pub requests: Vec<Entry>,
    /// The plugins by package name.
    pub plugins: Vec<Plugin>,
    /// Packages that are no plugins, and whose files ask for something by themselves.
    pub shipped: Vec<Shipped>,
}

/// What files of a package ask for by themselves.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shipped {
    /// The package's name.
    pub package: String,
    /// What they ask for.
    pub items: Vec<Item>,
}

/// Facts of the image.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Image {
    /// What its os-release calls it.
    pub name: Option<String>,
    /// The version of the node, where it is one.
    pub node_version: Option<String>,
    /// `nftables`, `firewalld` or `iptables`.
    pub firewall_backend: &'static str,
    /// The systemd that the systemctl shim behaves as: a version, or `el8`, `el9`, `el10`.
    pub systemctl_generation: String,
    /// How many packages are installed; none where there is no rpm database.
    pub packages: Option<usize>,
    /// The last request that is recorded.
    pub last_event: u64,
    /// The policy files in force, in the order in which they count.
    pub policy: Vec<Policy>,
}

/// A policy file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Policy {
    /// Its path in the image.
    pub path: String,
    /// How many rules it has.
    pub rules: usize,
    /// What is wrong with it; then it has no rules.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

/// A plugin that a package says it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Provides {
    /// Its name, as in `ovirt-node-plugin(NAME)`.
    pub plugin: String,
    /// Its version; empty if the package names none.
    pub version: String,
}

/// A package's signature.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Signature {
    /// What it was worth when nodeshim installed the package; none if something else did.
    pub verdict: Option<Verdict>,
    /// The id of the key, lower case hex.
    pub key: Option<String>,
    /// The key's fingerprint.
    pub fingerprint: Option<String>,
    /// Whose the key said it was.
    pub user: Option<String>,
    /// The signature as rpm words it; none if the package has none.
    pub text: Option<String>,
}

impl Signature {
    /// In words.
    pub fn words(&self) -> String {
        let text = self.text.as_deref().unwrap_or("none");
        let verdict = match self.verdict {
            None => "not checked by nodeshim",
            Some(Verdict::Good) => "good",
            Some(_) => "installed although it is not signed",
        };
        let user = self.user.as_ref().map_or(String::new(), |user| format!(", {user}"));
        format!("{text} ({verdict}{user})")
    }
}

/// An intent in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Item {
    /// What is wanted.
    pub text: String,
    /// It touches more than the plugin's own things.
    pub global: bool,
    /// Asked for the running system only.
    pub runtime: bool,
    /// Its tool refused it: it has no effect.
    pub failed: bool,
    /// Who decided against it, and with which requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overruled: Option<String>,
    /// The requests for it.
    pub events: Vec<u64>,
    /// The files that declare it.
    pub declared: Vec<String>,
    /// It was let through when it was asked for, and denied since.
    pub late: bool,
    /// The rule of policy that denies it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What policy denied of it before; it is in effect now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub denied_before: Vec<PastDenial>,
}

/// A plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plugin {
    /// Package name; `(unknown)` for requests whose origin is not known.
    pub name: String,
    /// The package, `name-[epoch:]version-release.arch`.
    pub nevra: Option<String>,
    /// `[epoch:]version-release`.
    pub evr: Option<String>,
    /// The package is gone; settling withdraws what it asked for.
    pub gone: bool,
    /// Who made it.
    pub vendor: Option<String>,
    /// One line about it.
    pub summary: Option<String>,
    /// More about it.
    pub description: Option<String>,
    /// Its licence.
    pub license: Option<String>,
    /// Its page on the web.
    pub url: Option<String>,
    /// When it was installed, RFC 3339.
    pub installed: Option<String>,
    /// Its signature; none if nothing is installed.
    pub signature: Option<Signature>,
    /// The plugins that it says it is.
    pub provides: Vec<Provides>,
    /// How many requests it made.
    pub requests: usize,
    /// Ports that it wants open, `PORT/PROTOCOL`, in order, each once.
    pub ports: Vec<String>,
    /// firewalld's services that it wants open.
    pub services: Vec<String>,
    /// All that it wants of the firewall.
    pub firewall: Vec<Item>,
    /// Units and SysV services.
    pub units: Vec<Item>,
    /// Everything else that it wants.
    pub other: Vec<Item>,
    /// What waits for the boot.
    pub deferred: Vec<Item>,
    /// What policy denies.
    pub denied: Vec<Item>,
    /// Requests that lost against an administrator, a builder or a later request.
    pub overruled: Vec<Item>,
    /// What its tools refused.
    pub failed: Vec<Item>,
    /// What its package's files ask for by themselves.
    pub shipped: Vec<Item>,
    /// Its hooks of vdsm.
    pub hooks: Vec<Hook>,
    /// What its metadata declares besides intents.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub declared: Option<Declared>,
    /// Changes of files that deserve a look first: programs that got privileges, policy, keys.
    pub matters: Vec<String>,
    /// What its scriptlets did around the tools.
    pub bypasses: Vec<String>,
    /// The files that its scriptlets changed, scriptlet by scriptlet.
    pub files: Vec<ScriptletEntry>,
    /// What the book-keeping of useradd among these files was for: scriptlet, `$1` and words.
    #[serde(skip)]
    pub accounts: Vec<(Option<String>, Option<u32>, String)>,
    /// What an administrator should know besides.
    pub notes: Vec<String>,
}
