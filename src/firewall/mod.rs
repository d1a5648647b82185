//! Firewall models: lokkit's files and firewalld's files.

pub mod definitions;
pub mod detect;
pub mod direct_rules;
pub mod firewalld;
pub mod helpers;
pub mod icmp;
pub mod iptables;
pub mod items;
pub mod lokkit;
pub mod node;
pub mod policies;
pub mod ports;
pub mod ruleset;
pub mod sets;
pub mod valid;

/// Files in which every opening is put back by itself, not the file as a whole. One that ends with a
/// slash stands for all in that directory.
pub const BY_ENTRY: [&str; 4] = [
    "/etc/firewalld/zones/",
    lokkit::config::PATH,
    "/etc/sysconfig/iptables",
    "/etc/sysconfig/ip6tables",
];
