//! The originals to compare with: Debian's, unpacked side by side and run with their own loaders.

use std::path::PathBuf;
use std::process::Command;

use super::side::SYSTEMCTL;
use super::support;

/// An original to compare with.
#[derive(Clone)]
pub struct Peer {
    /// The tree that it lies in with its libraries; none is this machine's own.
    pub tree: Option<PathBuf>,
    /// As which the shim answers, as the configuration spells it.
    pub generation: String,
}

/// The newest that has a generation of its own. What comes after it is compared once there is one.
const NEWEST: u16 = 262;

impl Peer {
    /// systemctl of a suite of Debian, with the number of its systemd where that stays the same: this machine's
    /// own if it has that number, else one that is fetched once and kept. The error says why there is none.
    pub fn of(suite: &str, number: Option<u16>) -> Result<Peer, String> {
        let own = version(&mut Command::new(SYSTEMCTL));
        if number.is_some() && own == number {
            return Ok(Peer::new(None, number.unwrap_or_default()));
        }
        let kept = std::env::var_os("NODESHIM_HOSTS").unwrap_or_else(|| "/var/cache/nodeshim-tests".into());
        let kept = PathBuf::from(kept).join("systemctl");
        let tree = kept.join(suite);
        if !tree.is_dir() {
            let script = support::project().join("tests/lib/systemctl-peers");
            let output = Command::new(script).arg(&kept).arg(suite).output().expect("the script starts");
            if !output.status.success() {
                return Err(format!("systemctl of Debian {suite} could not be had"));
            }
        }
        let found = version(Command::new("chroot").arg(&tree).args(["/usr/bin/systemctl"]));
        match found {
            Some(found) if found <= NEWEST && number.is_none_or(|number| number == found) => {
                Ok(Peer::new(Some(tree), found))
            }
            Some(found) => {
                Err(format!("systemctl of Debian {suite} is {found}, which has no generation here"))
            }
            None => Err(format!("systemctl of Debian {suite} does not run here")),
        }
    }

    fn new(tree: Option<PathBuf>, generation: u16) -> Peer {
        Peer {
            tree,
            generation: generation.to_string(),
        }
    }

    /// The one that `NODESHIM_PEER` names, a tree as `tests/lib/systemctl-peers` makes it, whose generation
    /// `NODESHIM_GENERATION` tells.
    pub fn given() -> Option<Peer> {
        let tree = std::env::var_os("NODESHIM_PEER")?;
        Some(Peer {
            tree: Some(tree.into()),
            generation: std::env::var("NODESHIM_GENERATION").expect("NODESHIM_GENERATION with NODESHIM_PEER"),
        })
    }
}

/// The number in `systemd 252 (252.39-1)`.
fn version(systemctl: &mut Command) -> Option<u16> {
    let output = systemctl.arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout);
    text.strip_prefix("systemd ")?.split_whitespace().next()?.parse().ok()
}
