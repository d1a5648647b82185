//! lokkit's files: its declarative configuration and what it generates from that.

pub mod config;
pub mod custom;
pub mod forward;
pub mod icmp;
pub mod interface;
pub mod legacy;
pub mod modules;
pub mod names;
pub mod port;
pub mod rules;
pub mod selinux;
pub mod services;
pub mod set;
pub mod settings;
pub mod sysctl;

use crate::error::Result;
use crate::root::Root;

/// Where the files lie that lokkit keeps.
const SYSCONFIG: &str = "/etc/sysconfig";

/// Keeps the content of a file, its mode and its times under the name with `.old` added, one
/// generation. Fine if there is no file.
fn keep_old(root: &Root, path: &str) -> Result<()> {
    if root.is_file(path) {
        root.copy(path, format!("{path}.old"))?;
    }
    Ok(())
}
