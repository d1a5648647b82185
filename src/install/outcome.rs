//! How an installation ended, by what is installed afterwards and by what rpm said.

use serde::Serialize;

use crate::rpmdb::Installed;
use crate::run::Finished;
use crate::trust::{Checked, Signature};

/// The exit code where policy forbids it, or denies what files of the packages ask for.
pub const FORBIDDEN: u8 = 32;

/// How it ended, with an exit code of its own for each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "ending", content = "about")]
pub enum Ending {
    /// All packages are installed, or erased, and their scriptlets went well.
    Installed,
    /// It was only tried, and would be possible.
    Tried,
    /// All packages are installed, or erased; some scriptlet failed.
    ScriptletFailed,
    /// A signature is in the way; nothing was run.
    Refused(Signature),
    /// Packages are not signed, which this policy file forbids; nothing was run.
    Forbidden(String),
    /// Policy denies what files of the packages ask for, a line each; nothing was run.
    Denied(Vec<String>),
    /// dnf or rpm refuses: something is needed, conflicts, is installed already or newer.
    Impossible,
    /// rpm failed; these packages are not installed, the others are.
    Failed(Vec<String>),
    /// There is no room; these packages are not installed.
    DiskFull(Vec<String>),
    /// Something else was the matter.
    Killed,
}

/// How rpm says that there is no room, before and while it unpacks.
const FULL: [&str; 3] = [
    "No space left on device",
    "more space on the",
    "more inodes on the",
];

impl Ending {
    /// The exit code.
    pub fn exit(&self) -> u8 {
        match self {
            Ending::Installed | Ending::Tried => 0,
            Ending::Refused(signature) => signature.exit(),
            Ending::Forbidden(_) | Ending::Denied(_) => FORBIDDEN,
            Ending::Impossible => 20,
            Ending::Failed(_) => 21,
            Ending::ScriptletFailed => 22,
            Ending::DiskFull(_) => 23,
            Ending::Killed => 1,
        }
    }

    /// The ending of a transaction that rpm does not begin.
    pub(super) fn of_test(messages: &[String]) -> Ending {
        if is_full(messages) {
            Ending::DiskFull(Vec::new())
        } else {
            Ending::Impossible
        }
    }

    /// The ending of an erasure that left and removed these packages, and whose scriptlet `failed` or not.
    pub fn of_erasure(left: &[String], removed: &[String], failed: bool) -> Ending {
        match (left.is_empty(), removed.is_empty()) {
            (true, _) if failed => Ending::ScriptletFailed,
            (true, _) => Ending::Installed,
            // A scriptlet may have vetoed it, after others ran.
            (false, true) if !failed => Ending::Impossible,
            (false, _) => Ending::Failed(left.to_owned()),
        }
    }

    /// The ending of a transaction. `before` is what was installed, where some of it was to be
    /// installed again.
    pub(super) fn of_run(
        packages: &[Checked],
        before: Option<&Installed>,
        installed: &Installed,
        (finished, scriptlet_failed): (Finished, bool),
        messages: &[String],
    ) -> Ending {
        // Installing again what was there can fail half way and leave it in the database.
        let is_new = |package: &Checked| {
            let name = &package.package.name;
            before.is_none_or(|before| before.installation(name) != installed.installation(name))
        };
        let missing: Vec<String> = packages
            .iter()
            .filter(|package| !installed.has_nevra(&package.nevra))
            .map(|package| package.nevra.clone())
            .collect();
        match finished {
            _ if !missing.is_empty() && is_full(messages) => Ending::DiskFull(missing),
            Finished::Killed(_) if missing.is_empty() => Ending::Killed,
            _ if !missing.is_empty() => Ending::Failed(missing),
            Finished::Exited(0) if !scriptlet_failed => Ending::Installed,
            Finished::Exited(0) => Ending::ScriptletFailed,
            // Since rpm 6 a scriptlet that fails after its package is installed is a failure of rpm's.
            _ if scriptlet_failed && packages.iter().all(is_new) => Ending::ScriptletFailed,
            _ if is_full(messages) => Ending::DiskFull(missing),
            _ => Ending::Failed(missing),
        }
    }
}

fn is_full(messages: &[String]) -> bool {
    messages.iter().any(|line| FULL.iter().any(|full| line.contains(full)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpmdb::{FileHeader, Package};

    #[test]
    fn every_ending_has_its_own_exit_code() {
        let nothing = Vec::new();
        let endings = [
            Ending::Impossible,
            Ending::Failed(nothing.clone()),
            Ending::ScriptletFailed,
            Ending::DiskFull(nothing),
            Ending::Killed,
            Ending::Refused(Signature::Missing),
            Ending::Forbidden(String::new()),
            Ending::Refused(Signature::Tampered),
            Ending::Refused(Signature::UnknownKey),
            Ending::Refused(Signature::ExpiredKey),
            Ending::Refused(Signature::RevokedKey),
            Ending::Refused(Signature::UnfitKey),
            Ending::Refused(Signature::Unreadable),
            Ending::Installed,
        ];
        let codes: std::collections::BTreeSet<u8> = endings.iter().map(Ending::exit).collect();
        assert_eq!(codes.len(), endings.len());
    }

    #[test]
    fn a_scriptlet_that_fails_is_told_from_an_installation_that_does() {
        let package = |name: &str| Checked {
            file: String::new(),
            package: FileHeader {
                name: name.into(),
                ..FileHeader::default()
            },
            nevra: format!("{name}-1-1.noarch"),
            signature: Signature::Good,
            key: None,
            fingerprint: None,
            user: None,
            reason: String::new(),
        };
        let installed: Installed = [Package {
            name: "there".into(),
            epoch: None,
            version: "1".into(),
            release: "1".into(),
            arch: "noarch".into(),
        }]
        .into_iter()
        .collect();
        let of = |name: &str, before: Option<&Installed>, code: u8, failed: bool| {
            Ending::of_run(&[package(name)], before, &installed, (Finished::Exited(code), failed), &[])
        };
        assert_eq!(of("there", None, 0, false), Ending::Installed);
        // rpm before 6, and since.
        assert_eq!(of("there", None, 0, true), Ending::ScriptletFailed);
        assert_eq!(of("there", None, 1, true), Ending::ScriptletFailed);
        assert_eq!(of("gone", None, 1, true), Ending::Failed(vec!["gone-1-1.noarch".into()]));
        // It was there before, in the same transaction.
        assert_eq!(of("there", Some(&installed), 1, true), Ending::Failed(Vec::new()));
        assert_eq!(of("there", None, 1, false), Ending::Failed(Vec::new()));
    }

    #[test]
    fn no_room_is_told_from_other_refusals() {
        let of = |line: &str| Ending::of_test(&[line.to_owned()]);
        let full = "\tinstalling package a-1-1.noarch needs 10MB more space on the / filesystem";
        assert_eq!(of(full), Ending::DiskFull(Vec::new()));
        assert_eq!(of("\tb is needed by a-1-1.noarch"), Ending::Impossible);
    }
}
