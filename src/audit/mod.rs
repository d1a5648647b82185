//! The audit: which files each scriptlet changed, apart from what rpm unpacked and from what
//! the shims did on a scriptlet's behalf.
//!
//! While a command runs, the kernel reports every change below the image root together with the
//! process that made it (fanotify), and the rpm plugin says when each scriptlet begins and ends.
//! Where the kernel does not report, for want of privilege or on an overlay, the image is compared
//! before and after, and a file's time of change tells within which scriptlet it falls.
//!
//! What was seen is kept in `changes.toml` next to the journal, one record a scriptlet, and one of what
//! the command did outside of those that are known. What went
//! around the tools becomes an event of the journal as well.

mod bypass;
mod changes;
mod claims;
mod clock;
mod compare;
mod file;
mod found;
mod kernel;
mod named;
mod recorder;
mod scriptlet_run;
mod server;
mod system_changes;
mod transaction;

use crate::firewall::lokkit;
use crate::layout;

pub use bypass::observe::AskedByHand;
pub(crate) use bypass::observe::{asked_for, journal_change};
pub use file::{Audit, FileChange, How, PATH, Run, Side, Transaction, letters};
pub use found::DirectChange;
pub use recorder::Seen;
pub use server::{Auditing, Means};
pub use transaction::RunCommand;

use crate::journal::DIRECTORY;
use crate::system;
use crate::tool::{Tool, UPDATE_HELPER};

/// Where an administrator's zones are.
const LOCAL_ZONES: &str = "/etc/firewalld/zones/";

/// What the audit does not look at: the rpm database, and nodeshim's own records.
const NOT_LOOKED_AT: [&[u8]; 3] = [
    b"/usr/lib/sysimage/rpm",
    b"/var/lib/rpm",
    layout::DIRECTORY.as_bytes(),
];

/// What rpm's names for script files begin with, in its default `%_tmppath`.
const RPM_SCRIPT: &[u8] = b"/var/tmp/rpm-tmp.";

/// Files here that are not larger than [`CLOSE_LIMIT`] are read before the transaction, so that it
/// is known what was in those that change. Elsewhere the rpm database tells, for packaged files.
const LOOKED_AT_CLOSELY: [&[u8]; 6] = [
    b"/etc",
    b"/lib/systemd",
    b"/usr/lib/systemd",
    b"/usr/lib/firewalld",
    b"/usr/lib/sysctl.d",
    b"/usr/local",
];

/// See [`LOOKED_AT_CLOSELY`].
const CLOSE_LIMIT: u64 = 1 << 20;

/// What is larger than this is recorded without a digest.
const DIGEST_LIMIT: u64 = 256 << 20;

/// Whether `path` is `directory` or below it.
fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| matches!(rest.first(), None | Some(b'/')))
}

/// Whether a path is that of a shim in an armed image.
fn is_of_tool(path: &[u8]) -> bool {
    const DIRECTORIES: [&[u8]; 4] = [b"/usr/bin/", b"/usr/sbin/", b"/bin/", b"/sbin/"];
    let name = DIRECTORIES.iter().find_map(|directory| path.strip_prefix(*directory));
    name.is_some_and(|name| Tool::COMMANDS.iter().any(|tool| tool.name().as_bytes() == name))
        || path == UPDATE_HELPER.as_bytes()
}

/// Whether a path is nodeshim's own while an image is armed.
fn is_ours(path: &[u8]) -> bool {
    is_below(path, DIRECTORY.as_bytes()) || is_of_tool(path)
}

fn is_looked_at(path: &[u8]) -> bool {
    !is_of_tool(path)
        && !NOT_LOOKED_AT.iter().any(|directory| is_below(path, directory))
        && !path.starts_with(RPM_SCRIPT)
}

fn is_looked_at_closely(path: &[u8]) -> bool {
    LOOKED_AT_CLOSELY.iter().any(|directory| is_below(path, directory))
}

/// Whether what a file says is compared, and not only its digest: zones of firewalld, lokkit's
/// configuration, and what the system's accounts and settings are read from.
fn is_taken_apart(path: &[u8]) -> bool {
    let is_of_system = || std::str::from_utf8(path).is_ok_and(system::is_text);
    path.starts_with(LOCAL_ZONES.as_bytes()) || path == lokkit::config::PATH.as_bytes() || is_of_system()
}

/// `directory/name`.
fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    path.extend_from_slice(directory.strip_suffix(b"/").unwrap_or(directory));
    path.push(b'/');
    path.extend_from_slice(name);
    path
}
