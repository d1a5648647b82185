//! The kernel's packet filter: nftables and the iptables services' rules.

use std::time::Duration;

use super::netlink::has_table;
use crate::backend::nftables::TABLE;
use crate::error::Result;
use crate::program::succeed_within;

/// The kernel takes a second for tens of thousands of elements.
const LIMIT: Duration = Duration::from_secs(60);

/// Loads a file in one transaction: all of it, or nothing changes.
pub(super) fn load(file: &str) -> Result<()> {
    succeed_within("nft", &["-f", file], LIMIT).map(drop)
}

/// Whether the node's own table is there. nft reads all sets of all tables before it lists their names, so it is
/// asked only where the kernel itself does not answer; its message says why then.
pub(super) fn is_loaded() -> Result<bool> {
    if let Ok(is_loaded) = has_table(TABLE) {
        return Ok(is_loaded);
    }
    let tables = succeed_within("nft", &["list", "tables"], LIMIT)?;
    let table = format!("table inet {TABLE}");
    Ok(tables.lines().any(|line| line.trim() == table))
}

/// Removes a table, if it is there.
pub(super) fn drop_table(name: &str) -> Result<()> {
    succeed_within("nft", &[&format!("add table inet {name}; delete table inet {name}")], LIMIT).map(drop)
}

/// Loads the iptables services' rules of one family; each table in one transaction.
pub(super) fn restore(program: &str, file: &str) -> Result<()> {
    succeed_within(program, &[file], LIMIT).map(drop)
}
