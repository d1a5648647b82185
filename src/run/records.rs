//! nodeshim's records as they were before a run, remembered outside of the image, so that every change
//! that a package makes to them is noticed.

use std::collections::BTreeMap;
use std::io::Read;

use crate::attribution::ORIGINS_PATH;
use crate::audit;
use crate::digest::digest;
use crate::error::if_exists;
use crate::intercept::set_aside;
use crate::journal;
use crate::layout;
use crate::root::Root;
use crate::rpmdb::files_at;
use crate::{policy, state, trust, unrecorded};

/// Records that are only appended to during a run.
const APPENDED: [&str; 2] = [journal::PATH, audit::PATH];
/// Records that do not change during a run.
const KEPT: [&str; 7] = [
    state::PATH,
    layout::RUN_POLICY,
    layout::JOURNAL_INDEX,
    layout::FIREWALLD,
    ORIGINS_PATH,
    trust::PATH,
    unrecorded::PATH,
];
/// Larger records are not looked at.
const LIMIT: u64 = 64 << 20;

/// Lengths and digests of the records, and digests of the policy.
#[derive(Debug)]
pub(super) struct Records {
    records: BTreeMap<&'static str, (u64, String)>,
    policy: BTreeMap<String, String>,
}

impl Records {
    /// Looks at them.
    pub(super) fn of(root: &Root) -> Records {
        let record = |path: &&'static str| {
            let length = root.meta(path).ok()?.size;
            Some((*path, (length, beginning(root, path, length)?)))
        };
        Records {
            records: APPENDED.iter().chain(&KEPT).filter_map(record).collect(),
            policy: policy_files(root),
        }
    }

    /// What was done to them since, in words. What is no fault is added to `remarks`.
    pub(super) fn changed(&self, root: &Root, remarks: &mut Vec<String>) -> Vec<String> {
        let mut lines = Vec::new();
        for (path, (length, before)) in &self.records {
            let now = if_exists(root.meta(path)).ok().flatten();
            let line = match now {
                None => "was removed during the run",
                Some(_) if beginning(root, path, *length).as_ref() != Some(before) => {
                    "was changed during the run, and not by nodeshim"
                }
                Some(now) if KEPT.contains(path) && now.size != *length => {
                    "was changed during the run, and not by nodeshim"
                }
                Some(_) => continue,
            };
            lines.push(format!("{path}: {line}"));
        }
        let came = KEPT.into_iter().filter(|path| !self.records.contains_key(path) && root.exists(path));
        lines.extend(came.map(|path| came_with_run(root, path)));
        lines.extend(self.changed_policy(root, remarks));
        lines
    }

    /// Policy and configuration that came, went or changed, with the package that has it.
    fn changed_policy(&self, root: &Root, remarks: &mut Vec<String>) -> Vec<String> {
        let now = policy_files(root);
        let differs = |path: &&String| self.policy.get(*path) != now.get(*path);
        let mut paths: Vec<&String> = self.policy.keys().chain(now.keys()).filter(differs).collect();
        paths.sort_unstable();
        paths.dedup();
        let bytes: Vec<Vec<u8>> = paths.iter().map(|path| path.as_bytes().to_vec()).collect();
        let owners = if bytes.is_empty() {
            Default::default()
        } else {
            files_at(root, &bytes).unwrap_or_default()
        };
        let owner = |path: &String| owners.get(path.as_bytes()).and_then(|owners| owners.first());
        // Where no rule stood before, a package's rules can only forbid more.
        let had_policy = self.policy.keys().any(|path| path != crate::config::PATH);
        let is_first =
            |path: &&String| !had_policy && path.starts_with(policy::DIRECTORIES[0]) && owner(path).is_some();
        let (first, others): (Vec<&String>, Vec<&String>) = paths.into_iter().partition(is_first);
        remarks.extend(first.into_iter().filter_map(|path| {
            let nevra = &owner(path)?.nevra;
            Some(format!("{path}: the image's first policy, of {nevra}, counts from the next run on"))
        }));
        let line = |path: &String| {
            let what = match (self.policy.contains_key(path), now.contains_key(path)) {
                (false, _) => "came with the run",
                (true, false) => "was removed during the run",
                (true, true) => "was changed during the run",
            };
            let owner = owner(path).map_or(String::new(), |owner| format!(" by {}", owner.nevra));
            format!("{path}: {what}{owner}; the run was settled by the policy that it began with")
        };
        others.into_iter().map(line).collect()
    }
}

/// Sets a record aside that only nodeshim makes, and says so: it would count for what nodeshim found out.
fn came_with_run(root: &Root, path: &str) -> String {
    match set_aside(root, path) {
        Ok(place) => format!("{path}: came with the run and is not nodeshim's; kept as {}", place.display()),
        Err(error) => format!("{path}: came with the run and is not nodeshim's: {error}"),
    }
}

/// The digest of a file's first bytes; none if it is shorter, or no file.
fn beginning(root: &Root, path: &str, length: u64) -> Option<String> {
    let file = root.open_read(path).ok()?;
    let mut bytes = Vec::new();
    file.take(length.min(LIMIT)).read_to_end(&mut bytes).ok()?;
    (bytes.len() as u64 == length.min(LIMIT)).then(|| digest(&bytes))
}

/// The files that policy and configuration are read from, by path.
fn policy_files(root: &Root) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut add = |path: String| {
        let content = root.read(&path).map(|content| digest(&content));
        files.insert(path, content.unwrap_or_else(|error| error.to_string()));
    };
    for directory in policy::DIRECTORIES {
        for entry in root.list(directory).unwrap_or_default() {
            add(format!("{directory}/{}", entry.name.to_string_lossy()));
        }
    }
    if root.exists(crate::config::PATH) {
        add(crate::config::PATH.to_owned());
    }
    files
}
