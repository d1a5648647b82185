//! vdsm's hooks in an image: whose they are, in which order they run, and what is wrong with them.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::error::{Result, if_exists};
use crate::root::{Kind, Root};
use crate::rpmdb;
use crate::vdsm;

/// A hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Hook {
    /// The point that it runs at.
    pub point: String,
    /// Its file name; those of one point run in the order of these.
    pub name: String,
    /// The number that its name begins with.
    pub order: Option<u32>,
    /// Its permission bits in octal.
    pub mode: String,
    /// The packages that it belongs to.
    pub packages: Vec<String>,
    /// What is wrong with it.
    pub problem: Option<String>,
}

impl Hook {
    /// Its path in the image.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", vdsm::HOOKS, self.point, self.name)
    }
}

/// Every hook, by point and name.
///
/// # Errors
/// If a directory of hooks cannot be listed, or rpm cannot be asked for the owners.
pub fn hooks(root: &Root) -> Result<Vec<Hook>> {
    let mut hooks = Vec::new();
    for point in if_exists(root.list(vdsm::HOOKS))?.unwrap_or_default() {
        let Some(point_name) = point.name.to_str().filter(|_| point.kind == Kind::Dir) else {
            continue;
        };
        for entry in if_exists(root.list(format!("{}/{point_name}", vdsm::HOOKS)))?.unwrap_or_default() {
            let Some(name) = entry.name.to_str().filter(|_| entry.kind != Kind::Dir) else {
                continue;
            };
            hooks.push(hook(root, point_name, name));
        }
    }
    hooks.sort();
    let paths: Vec<String> = hooks.iter().map(Hook::path).collect();
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, package) in rpmdb::owners_of(root, &paths)? {
        owners.entry(path).or_default().push(package);
    }
    for (hook, path) in hooks.iter_mut().zip(&paths) {
        hook.packages = owners.remove(path).unwrap_or_default();
        hook.packages.dedup();
        if let [first, second, ..] = hook.packages.as_slice()
            && hook.problem.is_none()
        {
            hook.problem = Some(format!("belongs to both {first} and {second}: one of them is not run"));
        }
    }
    note_same_names(&mut hooks);
    Ok(hooks)
}

fn hook(root: &Root, point: &str, name: &str) -> Hook {
    let mut hook = Hook {
        point: point.to_owned(),
        name: name.to_owned(),
        order: vdsm::order(name),
        ..Hook::default()
    };
    match root.meta_followed(hook.path()) {
        Ok(meta) => {
            const REGULAR: u32 = 0o100_000;
            let kind = if meta.kind == Kind::File { REGULAR } else { 0 };
            hook.mode = format!("{:04o}", meta.mode & 0o7777);
            hook.problem = vdsm::problem(&hook.path(), kind | meta.mode & 0o7777);
        }
        Err(error) => hook.problem = Some(error.to_string()),
    }
    hook
}

/// Two packages' hooks that do the same thing under another number, by their names.
fn note_same_names(hooks: &mut [Hook]) {
    let stem = |hook: &Hook| {
        let name = hook.name.trim_start_matches(|c: char| c.is_ascii_digit());
        (hook.point.clone(), name.to_owned())
    };
    let mut known: BTreeMap<(String, String), Vec<Hook>> = BTreeMap::new();
    for hook in hooks.iter().filter(|hook| !hook.packages.is_empty()) {
        known.entry(stem(hook)).or_default().push(hook.clone());
    }
    for hook in hooks.iter_mut().filter(|hook| hook.problem.is_none() && !hook.packages.is_empty()) {
        let same = known.get(&stem(hook)).map_or(&[][..], Vec::as_slice);
        let other = same.iter().find(|other| other.name != hook.name && other.packages != hook.packages);
        if let Some(other) = other {
            let package = other.packages.first().map_or("", String::as_str);
            hook.problem = Some(format!("{package} has a hook of the same name, {}", other.name));
        }
    }
}
