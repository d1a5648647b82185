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

/// Files in which every opening is put back by itself, not the file as a whole. One that ends with a
/// slash stands for all in that directory.
pub(crate) const BY_ENTRY: [&str; 4] = [
    "/etc/firewalld/zones/",
    lokkit::config::PATH,
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
];
