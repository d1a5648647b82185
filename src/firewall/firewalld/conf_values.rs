//! The keys of `firewalld.conf`: which versions know them, their values by default, which values
//! they take, and what firewalld says of others, for which it takes the default
//! (`core/io/firewalld_conf.py`, `config/__init__.py`).

use super::generation::Generation;

/// What a key's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Valid {
    Anything,
    /// `yes`, `no`, `true`, `false`, in any case.
    YesOrNo,
    Number,
    /// One of these words, in any case.
    OneOf(&'static [&'static str]),
    /// One of these words, spelled so.
    Exactly(&'static [&'static str]),
    /// A policy, or a list of `CHAIN:POLICY`.
    ReloadPolicy,
    /// Any value, without a message.
    Unchecked,
    /// Has no effect any more, which is said of all that do not mean no.
    Deprecated,
}

/// When a rewrite of the file adds a key that is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Added {
    Always,
    /// Only where there was no file at all.
    WithoutFile,
    Never,
}

/// A key.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its value where the file says nothing, as it is written.
    pub default: &'static str,
    /// When it is added.
    pub added: Added,
    valid: Valid,
    /// The default as messages spell it.
    shown: &'static str,
    /// The first version that this row applies to.
    since: Generation,
    /// The first version that it does not apply to any more.
    until: Generation,
}

const fn key(name: &'static str, default: &'static str, valid: Valid, shown: &'static str) -> Key {
    Key {
        name,
        default,
        added: Added::Always,
        valid,
        shown,
        since: Generation(0, 0),
        until: Generation(u16::MAX, 0),
    }
}

impl Key {
    const fn added(self, added: Added) -> Key {
        Key { added, ..self }
    }

    const fn since(self, major: u16, minor: u16) -> Key {
        Key {
            since: Generation(major, minor),
            ..self
        }
    }

    const fn until(self, major: u16, minor: u16) -> Key {
        Key {
            until: Generation(major, minor),
            ..self
        }
    }
}

const ON: &str = "True";
const OFF: &str = "False";
const LOGGED: &[&str] = &["all", "unicast", "broadcast", "multicast", "off"];
const BACKENDS: &[&str] = &["nftables", "iptables"];
const RPFILTER: &[&str] = &[
    "yes",
    "true",
    "no",
    "false",
    "strict",
    "loose",
    "strict-forward",
    "loose-forward",
];
const RELOAD: &str = "INPUT:DROP,FORWARD:DROP,OUTPUT:DROP";

/// Every key, in the order in which they are looked at and added.
#[rustfmt::skip]
static KEYS: [Key; 21] = [
    key("DefaultZone", "public", Valid::Anything, ""),
    key("MinimalMark", "100", Valid::Number, "'100'").added(Added::Never),
    key("CleanupOnExit", "yes", Valid::YesOrNo, ON),
    key("CleanupModulesOnExit", "no", Valid::YesOrNo, OFF).since(1, 0),
    key("Lockdown", "no", Valid::YesOrNo, OFF).until(2, 2),
    key("Lockdown", "", Valid::Deprecated, "").since(2, 2).added(Added::Never),
    key("IPv6_rpfilter", "yes", Valid::YesOrNo, ON).until(2, 2),
    key("IPv6_rpfilter", "strict", Valid::OneOf(RPFILTER), "strict").since(2, 2),
    key("IndividualCalls", "no", Valid::YesOrNo, OFF),
    key("LogDenied", "off", Valid::Exactly(LOGGED), "'off'"),
    key("AutomaticHelpers", "no", Valid::OneOf(&["yes", "no", "system"]), "no").added(Added::Never),
    key("FirewallBackend", "nftables", Valid::OneOf(BACKENDS), "nftables"),
    key("FlushAllOnReload", ON, Valid::YesOrNo, ON),
    key("ReloadPolicy", RELOAD, Valid::ReloadPolicy, "'INPUT:DROP,FORWARD:DROP,OUTPUT:DROP'").since(2, 1).added(Added::WithoutFile),
    key("RFC3964_IPv4", ON, Valid::YesOrNo, ON),
    key("AllowZoneDrifting", OFF, Valid::YesOrNo, OFF).until(1, 0),
    key("AllowZoneDrifting", "no", Valid::YesOrNo, OFF).since(1, 0).added(Added::Never),
    key("NftablesFlowtable", "off", Valid::Unchecked, "").since(2, 0).added(Added::WithoutFile),
    key("NftablesCounters", "no", Valid::Unchecked, "").since(2, 0).added(Added::WithoutFile),
    key("NftablesTableOwner", "yes", Valid::Unchecked, "").since(2, 2).added(Added::WithoutFile),
    key("StrictForwardPorts", "no", Valid::Unchecked, "").since(2, 3).added(Added::WithoutFile),
];

/// The keys that a generation knows.
pub(super) fn keys(generation: Generation) -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(move |key| key.since <= generation && generation < key.until)
}

/// The key of a name, if a generation knows it.
pub(super) fn find(name: &str, generation: Generation) -> Option<&'static Key> {
    keys(generation).find(|key| key.name == name)
}

impl Key {
    /// Whether it takes a value.
    pub(super) fn takes(&self, value: &str) -> bool {
        let lower = value.to_lowercase();
        match self.valid {
            Valid::Anything | Valid::Unchecked => true,
            Valid::YesOrNo => matches!(lower.as_str(), "yes" | "no" | "true" | "false"),
            Valid::Number => super::port::integer(value).is_some(),
            Valid::OneOf(values) => values.contains(&lower.as_str()),
            Valid::Exactly(values) => values.contains(&value),
            Valid::ReloadPolicy => is_reload_policy(value),
            Valid::Deprecated => matches!(lower.as_str(), "no" | "false"),
        }
    }

    /// Whether a value that it does not take is replaced by the default.
    pub(super) fn replaces(&self) -> bool {
        self.valid != Valid::Deprecated
    }

    /// What is said of a value that it does not take.
    pub(super) fn complaint(&self, value: &str) -> String {
        if self.valid == Valid::Deprecated {
            return format!("WARNING: \"{}\" option is deprecated and has no effect", self.name);
        }
        let what = match self.name {
            "LogDenied" => "invalid",
            _ => "not valid",
        };
        format!("WARNING: {} '{value}' is {what}, using default value {}", self.name, self.shown)
    }
}

/// `_parse_reload_policy`: `DROP`, or `INPUT:DROP,FORWARD=REJECT;…`.
fn is_reload_policy(value: &str) -> bool {
    let is_policy = |word: &str| matches!(word.trim().to_uppercase().as_str(), "ACCEPT" | "REJECT" | "DROP");
    let is_chain = |word: &str| matches!(word.trim().to_uppercase().as_str(), "INPUT" | "FORWARD" | "OUTPUT");
    let is_entry = |entry: &str| {
        entry
            .split_once([':', '='])
            .is_some_and(|(chain, policy)| is_chain(chain) && is_policy(policy))
    };
    is_policy(value) || value.split([',', ';']).all(|entry| entry.trim().is_empty() || is_entry(entry))
}
