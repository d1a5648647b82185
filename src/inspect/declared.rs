//! What plugins declare besides intents, held against what is there: the files that they mean to
//! change against those that their scriptlets changed, and their hooks against the image's.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::{Hook, ScriptletEntry};
use crate::attribution::package_name;
use crate::audit::{Audit, FileChange};
use crate::error::Result;
use crate::escape::Escaped;
use crate::metadata::{self, Metadata, NodeVersion};
use crate::root::Root;
use crate::rpmdb::{Installed, files_at};
use crate::vdsm;

/// What one plugin declares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Declared {
    /// The metadata file.
    pub source: String,
    /// The paths of others that it means to change, in its order.
    pub changes: Vec<DeclaredChange>,
    /// Paths that its scriptlets changed by themselves and that it does not declare, sorted. Its own
    /// files, and places where files come and go, are none.
    pub undeclared: Vec<String>,
    /// The hooks that it says it ships.
    pub hooks: Vec<DeclaredHook>,
    /// Hooks that it ships besides these, as `POINT/NAME`; none if it declares none at all.
    pub undeclared_hooks: Vec<String>,
}

/// A path that a plugin means to change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeclaredChange {
    /// The path, or a directory above what is changed.
    pub path: String,
    /// Whether one of its scriptlets was seen to change it.
    pub happened: bool,
}

/// A hook that a plugin says it ships.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeclaredHook {
    /// The point.
    pub point: String,
    /// The file name.
    pub name: String,
    /// How the image differs from that.
    pub problem: Option<String>,
}

impl DeclaredHook {
    /// Its path in an image.
    pub fn path(&self) -> String {
        format!("{}/{}/{}", vdsm::HOOKS, self.point, self.name)
    }
}

impl Declared {
    /// Marks what scriptlets changed without its being declared.
    pub(super) fn mark(&self, entries: &mut [ScriptletEntry]) {
        for change in entries.iter_mut().flat_map(|entry| &mut entry.changes) {
            change.undeclared =
                change.change.request.is_none() && self.undeclared.contains(&change.change.path);
        }
    }
}

/// What every plugin declares, by its package's name; only reads.
pub(super) fn declared(
    root: &Root,
    installed: &Installed,
    hooks: &[Hook],
) -> Result<BTreeMap<String, Declared>> {
    let loaded = metadata::load_all(root)?;
    let (owned, _) = metadata::in_force(&loaded, installed, &NodeVersion::load(root));
    if owned.is_empty() {
        return Ok(BTreeMap::new());
    }
    let changed = Changed::of(&Audit::read(root)?);
    let hooks = Hooks::of(hooks);
    let mut found: BTreeMap<String, Declared> = BTreeMap::new();
    for one in owned {
        let entry = found.entry(one.plugin.clone()).or_insert_with(|| Declared {
            source: one.path,
            ..Declared::default()
        });
        let changes = one.metadata.changes.iter().map(|path| DeclaredChange {
            path: path.clone(),
            happened: changed.has(&one.plugin, path),
        });
        entry.changes.extend(changes);
        add_hooks(entry, &one.plugin, one.metadata, &hooks);
    }
    leave_out_own(root, &changed, &mut found)?;
    Ok(found)
}

/// The image's hooks, by point and name, and by package.
struct Hooks<'h> {
    by_place: BTreeMap<(&'h str, &'h str), &'h Hook>,
    by_package: BTreeMap<&'h str, Vec<&'h Hook>>,
}

impl<'h> Hooks<'h> {
    fn of(hooks: &'h [Hook]) -> Hooks<'h> {
        let mut by_package: BTreeMap<&str, Vec<&Hook>> = BTreeMap::new();
        for hook in hooks {
            hook.packages.iter().for_each(|package| by_package.entry(package).or_default().push(hook));
        }
        Hooks {
            by_place: hooks.iter().map(|hook| (place(hook), hook)).collect(),
            by_package,
        }
    }
}

fn place(hook: &Hook) -> (&str, &str) {
    (hook.point.as_str(), hook.name.as_str())
}

fn add_hooks(entry: &mut Declared, plugin: &str, metadata: &Metadata, hooks: &Hooks) {
    let own = hooks.by_package.get(plugin).map_or(&[][..], Vec::as_slice);
    for hook in &metadata.hooks {
        let there = hooks.by_place.get(&(hook.point.as_str(), hook.name.as_str()));
        let problem = match there {
            Some(there) if !there.packages.is_empty() && !there.packages.iter().any(|one| one == plugin) => {
                Some(format!("belongs to {}", there.packages.join(" and ")))
            }
            Some(there) => there.problem.clone(),
            None => vdsm::absence(&hook.point, &hook.name, own.iter().map(|hook| place(hook))),
        };
        entry.hooks.push(DeclaredHook {
            point: hook.point.clone(),
            name: hook.name.clone(),
            problem,
        });
    }
    if !entry.hooks.is_empty() {
        let declared: BTreeSet<(&str, &str)> =
            entry.hooks.iter().map(|one| (one.point.as_str(), one.name.as_str())).collect();
        let others = own.iter().filter(|hook| !declared.contains(&place(hook)));
        entry.undeclared_hooks = others.map(|hook| format!("{}/{}", hook.point, hook.name)).collect();
    }
}

/// What scriptlets changed: paths as they are recorded, and whether they did it by themselves.
struct Changed(BTreeMap<String, BTreeMap<Escaped, bool>>);

impl Changed {
    fn of(audit: &Audit) -> Changed {
        let mut found: BTreeMap<String, BTreeMap<Escaped, bool>> = BTreeMap::new();
        for run in &audit.runs {
            let Some(package) = run.origin.package() else {
                continue;
            };
            let of_package = found.entry(package.to_owned()).or_default();
            for change in run.changes.iter().filter(|change| stays(change)) {
                let by_itself = change.request.is_none();
                *of_package.entry(change.path.clone()).or_default() |= by_itself;
            }
        }
        Changed(found)
    }

    fn of_plugin(&self, plugin: &str) -> impl Iterator<Item = (&Escaped, bool)> {
        let changes = self.0.get(plugin).into_iter().flatten();
        changes.map(|(path, by_itself)| (path, *by_itself))
    }

    fn has(&self, plugin: &str, declared: &str) -> bool {
        self.of_plugin(plugin).any(|(path, _)| is_below(&path.shown(), declared))
    }
}

fn stays(change: &FileChange) -> bool {
    change.before.is_some() || change.after.is_some()
}

fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Where files come, change and go by themselves.
const VOLATILE: [&str; 7] = [
    "/tmp",
    "/var/tmp",
    "/var/cache",
    "/var/log",
    "/var/lock",
    "/run",
    "/var/run",
];

/// Paths that scriptlets of a plugin changed directly and that it does not declare, its own files
/// among them.
fn undeclared<'c>(plugin: &str, declared: &Declared, changed: &'c Changed) -> Vec<&'c Escaped> {
    let is_declared = |path: &str| {
        // A directory may have to be made for what is declared.
        declared.changes.iter().any(|one| is_below(path, &one.path) || is_below(&one.path, path))
    };
    let by_itself = changed.of_plugin(plugin).filter(|(_, by_itself)| *by_itself).map(|(path, _)| path);
    let counts = |path: &str| !is_declared(path) && !VOLATILE.iter().any(|place| is_below(path, place));
    by_itself.filter(|path| counts(&path.shown())).collect()
}

/// Fills in what is not declared, except each plugin's own files; asks rpm once for all of them.
fn leave_out_own(root: &Root, changed: &Changed, found: &mut BTreeMap<String, Declared>) -> Result<()> {
    let undeclared: Vec<Vec<&Escaped>> =
        found.iter().map(|(plugin, entry)| undeclared(plugin, entry, changed)).collect();
    let bytes = |path: &Escaped| path.raw().into_encoded_bytes();
    let paths: BTreeSet<Vec<u8>> = undeclared.iter().flatten().map(|path| bytes(path)).collect();
    if paths.is_empty() {
        return Ok(());
    }
    let owners = files_at(root, &paths.into_iter().collect::<Vec<_>>())?;
    for ((plugin, entry), paths) in found.iter_mut().zip(undeclared) {
        let is_own = |path: &Escaped| {
            let mut owners = owners.get(&bytes(path)).into_iter().flatten();
            owners.any(|file| package_name(&file.nevra) == Some(plugin))
        };
        let of_others = paths.into_iter().filter(|path| !is_own(path));
        entry.undeclared = of_others.map(Escaped::shown).collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_below_a_directory_by_whole_components() {
        assert!(is_below("/etc/a", "/etc/a") && is_below("/etc/a/b", "/etc/a"));
        assert!(!is_below("/etc/ab", "/etc/a") && !is_below("/etc", "/etc/a"));
    }
}
