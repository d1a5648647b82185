//! Firewall models: lokkit's files and firewalld's files.

pub mod detect;
pub mod firewalld;
pub mod lokkit;
