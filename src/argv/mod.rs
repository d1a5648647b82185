//! Argument vectors to requests, one module a tool. Pure: no file is looked at.

pub mod chkconfig;
pub mod firewalld;
pub mod getopt;
pub mod lokkit;
pub mod service;
pub mod systemctl;
pub mod sysv_convert;
