//! The layout of nodeshim's own directory in an image, on one page. Each file has a format version of
//! its own; the module that reads it describes the format.

/// nodeshim's directory, next to the rpm database of image-based systems.
pub(crate) const DIRECTORY: &str = "/usr/lib/sysimage/nodeshim";
/// The journal. Its closed parts are next to it, as `journal-FIRST-LAST.toml.zst`.
pub(crate) const JOURNAL: &str = "/usr/lib/sysimage/nodeshim/journal.toml";
/// The events of the closed parts that still count.
pub(crate) const JOURNAL_INDEX: &str = "/usr/lib/sysimage/nodeshim/journal-index.toml";
/// An incomplete event that a crash left.
pub(crate) const JOURNAL_TORN: &str = "/usr/lib/sysimage/nodeshim/journal.torn";
/// A journal that `repair` writes, before it takes the place of a damaged one.
pub(crate) const JOURNAL_REBUILT: &str = "/usr/lib/sysimage/nodeshim/journal.rebuilt";
/// The lock for appending to the journal. It is never renamed or removed.
pub(crate) const LOCK: &str = "/usr/lib/sysimage/nodeshim/lock";
/// Contents of files that requests overwrote or removed, each under its SHA-256.
pub(crate) const REPLACED: &str = "/usr/lib/sysimage/nodeshim/replaced";
/// Bodies of scriptlets, each under its SHA-256.
pub(crate) const SCRIPTS: &str = "/usr/lib/sysimage/nodeshim/scriptlets";
/// The packages of scriptlets whose package was found only after the call.
pub(crate) const ORIGINS: &str = "/usr/lib/sysimage/nodeshim/origins.toml";
/// The state as it was settled last.
pub(crate) const STATE: &str = "/usr/lib/sysimage/nodeshim/state.toml";
/// How the last settling left the files that others may change.
pub(crate) const LEFT: &str = "/usr/lib/sysimage/nodeshim/left.toml";
/// The audit's record: which files scriptlets changed.
pub(crate) const CHANGES: &str = "/usr/lib/sysimage/nodeshim/changes.toml";
/// An incomplete record of the audit that a crash left.
pub(crate) const CHANGES_TORN: &str = "/usr/lib/sysimage/nodeshim/changes.torn";
/// The signatures of installed packages.
pub(crate) const TRUST: &str = "/usr/lib/sysimage/nodeshim/trust.toml";
/// The paths that are diverted to the shim; it exists while an image is armed.
pub(crate) const ARMED: &str = "/usr/lib/sysimage/nodeshim/armed.toml";
/// The original tools while an image is armed, each under its own path.
pub(crate) const REAL: &str = "/usr/lib/sysimage/nodeshim/real";
/// The shim; the tools' paths are further names of it while an image is armed.
pub(crate) const SHIM: &str = "/usr/lib/sysimage/nodeshim/shim";
/// Files that were found in the place of an original and are not the original.
pub(crate) const SUSPECT: &str = "/usr/lib/sysimage/nodeshim/suspect";
/// Files of nodeshim's own that could not be read.
pub(crate) const DAMAGED: &str = "/usr/lib/sysimage/nodeshim/damaged";
/// What a run needs at its end; it exists during a run.
pub(crate) const RUN: &str = "/usr/lib/sysimage/nodeshim/run.toml";
/// The lock for arming, disarming, settling and runs. It has the number of the process that holds
/// it.
pub(crate) const RUN_LOCK: &str = "/usr/lib/sysimage/nodeshim/run.lock";
/// The rules that `run --policy` adds; it exists during that run.
pub(crate) const RUN_POLICY: &str = "/usr/lib/sysimage/nodeshim/run-policy.toml";
/// Which firewalld the rpm database named when the image was armed.
pub(crate) const FIREWALLD: &str = "/usr/lib/sysimage/nodeshim/firewalld.toml";
/// What would be the configuration of the running firewalld; only written with
/// `answers = "strict"`.
pub(crate) const FIREWALLD_RUNTIME: &str = "/usr/lib/sysimage/nodeshim/firewalld-runtime";
