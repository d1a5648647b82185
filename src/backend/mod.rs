//! Backends: the dialects that plans are written in. Each turns what the plugins want into files;
//! none knows of another.

pub mod declared;
pub mod firewalld;
pub mod first_boot;
pub mod iptables;
pub mod lokkit;
pub mod name;
pub mod nftables;
pub mod rulesets;
pub mod sysctl;
pub mod systemd;
