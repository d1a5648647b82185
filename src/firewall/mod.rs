//! Firewall models: lokkit's files and firewalld's files.

pub mod definitions;
pub mod detect;
pub(crate) mod direct_rules;
pub mod firewalld;
pub(crate) mod helpers;
pub(crate) mod icmp;
pub(crate) mod iptables;
pub(crate) mod items;
pub mod lokkit;
pub(crate) mod node;
pub(crate) mod policies;
pub(crate) mod ports;
pub(crate) mod ruleset;
pub(crate) mod sets;
pub mod valid;

/// What the names of services begin with that settling writes for firewalld.
pub(crate) const OWN_SERVICE: &str = "nodeshim-";

/// How the paths of their files begin.
pub(crate) const OWN_SERVICE_FILES: &str = "/etc/firewalld/services/nodeshim-";

/// How the paths of files begin in which every opening is put back by itself, not the file as a whole.
pub(crate) const BY_ENTRY: [&str; 5] = [
    "/etc/firewalld/zones/",
    OWN_SERVICE_FILES,
    lokkit::config::PATH,
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
];
