//! Backends: the dialects that plans are written in. Each turns what the plugins want into files;
//! none knows of another.

pub(crate) mod declared;
pub(crate) mod firewalld;
pub(crate) mod first_boot;
pub mod iptables;
pub(crate) mod lokkit;
pub(crate) mod name;
pub mod nftables;
pub mod rulesets;
pub(crate) mod sysctl;
pub(crate) mod systemd;
