//! lokkit's files: its declarative configuration and what it generates from that.
//!
//! Sources named in here are the modules of system-config-firewall, `fw_parser.py` and the like. Its releases
//! 1.2.27 and 1.2.29 were run.

pub mod config;
pub(crate) mod custom;
pub(crate) mod forward;
pub(crate) mod grammar;
pub mod icmp;
pub(crate) mod interface;
pub(crate) mod legacy;
pub(crate) mod modules;
pub(crate) mod names;
pub(crate) mod port;
pub(crate) mod rules;
pub(crate) mod selinux;
pub mod services;
pub(crate) mod set;
pub(crate) mod settings;
pub(crate) mod sysctl;

use crate::error::{Error, Result};
use crate::root::{Kind, Root};

/// Where the files lie that lokkit keeps.
const SYSCONFIG: &str = "/etc/sysconfig";

/// Writes a file; what was there is kept with its mode and times under the name with `.old`
/// added, one generation.
fn replace(root: &Root, path: &str, text: &[u8], mode: Option<u32>) -> Result<()> {
    refuse_special(root, path)?;
    if root.is_file(path) {
        root.copy(path, format!("{path}.old"))?;
    }
    root.write(path, text, mode)
}

/// An error if there is something but no regular file, which the original opens for writing all the same: a
/// link to `/dev/null`, a FIFO, a directory are somebody's intention.
fn refuse_special(root: &Root, path: &str) -> Result<()> {
    match root.meta_followed(path) {
        Ok(meta) if meta.kind != Kind::File => Err(Error::malformed(path, "not a regular file")),
        _ => Ok(()),
    }
}
