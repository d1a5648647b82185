//! The layout of nodeshim's own directory in an image, on one page. Each file has a format version of
//! its own; the module that reads it describes the format.

/// nodeshim's directory, next to the rpm database of image-based systems.
pub(crate) const DIRECTORY: &str = "/usr/lib/sysimage/nodeshim";
/// The journal. Its closed parts are next to it, as `journal-FIRST-LAST.toml.zst`.
pub(crate) const JOURNAL: &str = "/usr/lib/sysimage/nodeshim/journal.toml";
/// The events of the closed parts that still count.
pub(crate) const JOURNAL_INDEX: &str = "/usr/lib/sysimage/nodeshim/journal-index.toml";
/// What a crash left of an event that was not written whole.
pub(crate) const JOURNAL_TORN: &str = "/usr/lib/sysimage/nodeshim/journal.torn";
/// A journal that `repair` writes, before it takes the place of a damaged one.
pub(crate) const JOURNAL_REBUILT: &str = "/usr/lib/sysimage/nodeshim/journal.rebuilt";
/// The lock of everybody who appends to the journal. It is never renamed or removed.
pub(crate) const LOCK: &str = "/usr/lib/sysimage/nodeshim/lock";
/// What files held that requests overwrote or removed, each under the SHA-256 of its bytes.
pub(crate) const REPLACED: &str = "/usr/lib/sysimage/nodeshim/replaced";
/// Bodies of scriptlets, each under the SHA-256 of its bytes.
pub(crate) const SCRIPTS: &str = "/usr/lib/sysimage/nodeshim/scriptlets";
/// Which package each scriptlet belongs to, as far as it was learnt after the call.
pub(crate) const ORIGINS: &str = "/usr/lib/sysimage/nodeshim/origins.toml";
/// The state as it was settled last.
pub(crate) const STATE: &str = "/usr/lib/sysimage/nodeshim/state.toml";
/// How the last settling left the files that others may change.
pub(crate) const LEFT: &str = "/usr/lib/sysimage/nodeshim/left.toml";
/// The audit's record: which files scriptlets changed.
pub(crate) const CHANGES: &str = "/usr/lib/sysimage/nodeshim/changes.toml";
/// What a crash left of a record of the audit that was not written whole.
pub(crate) const CHANGES_TORN: &str = "/usr/lib/sysimage/nodeshim/changes.torn";
/// What was found of packages' signatures.
pub(crate) const TRUST: &str = "/usr/lib/sysimage/nodeshim/trust.toml";
/// Which paths are diverted to the shim; it exists while an image is armed.
pub(crate) const ARMED: &str = "/usr/lib/sysimage/nodeshim/armed.toml";
/// Where the original tools wait while an image is armed, each under its own path.
pub(crate) const REAL: &str = "/usr/lib/sysimage/nodeshim/real";
/// The shim; the tools' paths are further names of it while an image is armed.
pub(crate) const SHIM: &str = "/usr/lib/sysimage/nodeshim/shim";
/// Files that lay in an original's place and were no longer the original.
pub(crate) const SUSPECT: &str = "/usr/lib/sysimage/nodeshim/suspect";
/// Files of nodeshim's own that could not be read.
pub(crate) const DAMAGED: &str = "/usr/lib/sysimage/nodeshim/damaged";
/// What a run has to know at its end; it exists while a run is at work.
pub(crate) const RUN: &str = "/usr/lib/sysimage/nodeshim/run.toml";
/// The lock of everybody who arms, disarms, settles or runs. It says who that is.
pub(crate) const RUN_LOCK: &str = "/usr/lib/sysimage/nodeshim/run.lock";
/// The rules that `run --policy` adds; it exists while that run is at work.
pub(crate) const RUN_POLICY: &str = "/usr/lib/sysimage/nodeshim/run-policy.toml";
/// Which firewalld the rpm database named when the image was armed.
pub(crate) const FIREWALLD: &str = "/usr/lib/sysimage/nodeshim/firewalld.toml";
/// What would be firewalld's running configuration; only kept with `answers = "strict"`.
pub(crate) const FIREWALLD_RUNTIME: &str = "/usr/lib/sysimage/nodeshim/firewalld-runtime";
