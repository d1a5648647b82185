//! The keys of `firewalld.conf`: their values by default, which values they take, and what
//! firewalld says of others, for which it takes the default.

/// What a key's value may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Valid {
    Anything,
    /// `yes`, `no`, `true`, `false`, in any case.
    YesOrNo,
    Number,
    OneOf(&'static [&'static str]),
}

/// A key.
#[derive(Debug)]
pub(super) struct Key {
    /// Its name.
    pub name: &'static str,
    /// Its value where the file says nothing, as it is written.
    pub default: &'static str,
    /// Earlier versions had it: it stays where it is and is not added.
    pub obsolete: bool,
    valid: Valid,
    /// The default as messages spell it.
    shown: &'static str,
}

const fn key(name: &'static str, default: &'static str, valid: Valid, shown: &'static str) -> Key {
    Key {
        name,
        default,
        obsolete: false,
        valid,
        shown,
    }
}

const fn obsolete(name: &'static str, default: &'static str, valid: Valid, shown: &'static str) -> Key {
    Key {
        obsolete: true,
        ..key(name, default, valid, shown)
    }
}

const ON: &str = "True";
const OFF: &str = "False";
const LOGGED: &[&str] = &["all", "unicast", "broadcast", "multicast", "off"];

/// Every key, in the order in which they are looked at and added.
pub(super) static KEYS: [Key; 13] = [
    key("DefaultZone", "public", Valid::Anything, ""),
    obsolete("MinimalMark", "100", Valid::Number, "'100'"),
    key("CleanupOnExit", "yes", Valid::YesOrNo, ON),
    key("CleanupModulesOnExit", "no", Valid::YesOrNo, OFF),
    key("Lockdown", "no", Valid::YesOrNo, OFF),
    key("IPv6_rpfilter", "yes", Valid::YesOrNo, ON),
    key("IndividualCalls", "no", Valid::YesOrNo, OFF),
    key("LogDenied", "off", Valid::OneOf(LOGGED), "'off'"),
    obsolete("AutomaticHelpers", "no", Valid::OneOf(&["yes", "no", "system"]), "no"),
    key("FirewallBackend", "nftables", Valid::OneOf(&["nftables", "iptables"]), "nftables"),
    key("FlushAllOnReload", ON, Valid::YesOrNo, ON),
    key("RFC3964_IPv4", ON, Valid::YesOrNo, ON),
    obsolete("AllowZoneDrifting", "no", Valid::YesOrNo, OFF),
];

impl Key {
    /// The key of a name.
    pub fn find(name: &str) -> Option<&'static Key> {
        KEYS.iter().find(|key| key.name == name)
    }

    /// Whether it takes a value.
    pub fn takes(&self, value: &str) -> bool {
        match self.valid {
            Valid::Anything => true,
            Valid::YesOrNo => matches!(value.to_lowercase().as_str(), "yes" | "no" | "true" | "false"),
            Valid::Number => value.parse::<i64>().is_ok(),
            Valid::OneOf(values) => values.contains(&value.to_lowercase().as_str()),
        }
    }

    /// What is said of a value that it does not take.
    pub fn complaint(&self, value: &str) -> String {
        let what = if self.name == "LogDenied" {
            "invalid"
        } else {
            "not valid"
        };
        format!("WARNING: {} '{value}' is {what}, using default value {}", self.name, self.shown)
    }
}
