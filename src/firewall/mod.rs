//! Firewall models: lokkit's files and firewalld's files.

pub mod definitions;
pub mod detect;
pub mod firewalld;
pub mod icmp;
pub mod lokkit;
pub mod ports;
pub mod ruleset;
pub mod valid;
