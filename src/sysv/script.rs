//! Init scripts of an image: loaded, with override files applied.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use nix::errno::Errno;

use super::header::{Defaults, Header};
use super::layout::{Layout, OVERRIDES};
use crate::error::{Result, if_exists};

/// Why a script can't be worked with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// It can't be read, or there is none.
    Unreadable(Errno),
    /// Its header is missing or not usable.
    Unsupported,
}

/// A script's values.
#[derive(Debug)]
pub(crate) struct Script {
    /// With the override file applied.
    pub defaults: Defaults,
    /// What is wrong with the override file.
    pub warning: Option<String>,
}

/// Reads one script and its override file.
pub(crate) fn load(layout: &Layout, name: &OsStr) -> std::result::Result<Script, Trouble> {
    let own = read(layout, name)?;
    // readServiceInfo() gives up before it opens the override file.
    let mut script = Script {
        defaults: own.clone().defaults().ok_or(Trouble::Unsupported)?,
        warning: None,
    };
    if let Some(over) = read_override(layout, name) {
        let (header, warning) = overlay(own, over, name);
        script.defaults = header.defaults().ok_or(Trouble::Unsupported)?;
        script.warning = warning;
    }
    Ok(script)
}

/// Reads one script without its override file.
pub(crate) fn load_plain(layout: &Layout, name: &OsStr) -> std::result::Result<Defaults, Trouble> {
    read(layout, name)?.defaults().ok_or(Trouble::Unsupported)
}

/// Reads every script whose name `wanted` has not ruled out, in the order of their names. Those
/// that can't be worked with are passed over.
pub(crate) fn load_all(
    layout: &Layout,
    wanted: impl Fn(&OsStr) -> bool,
) -> Result<Vec<(OsString, Defaults)>> {
    let overridden = overridden(layout)?;
    let mut scripts = Vec::new();
    for entry in layout.root().list(layout.init())? {
        if is_leftover(&entry.name) || !wanted(&entry.name) {
            continue;
        }
        let found = if overridden.contains(&entry.name) {
            load(layout, &entry.name).map(|script| script.defaults)
        } else {
            load_plain(layout, &entry.name)
        };
        scripts.extend(found.ok().map(|defaults| (entry.name, defaults)));
    }
    Ok(scripts)
}

fn overridden(layout: &Layout) -> Result<HashSet<OsString>> {
    let entries = if_exists(layout.root().list(OVERRIDES))?.unwrap_or_default();
    Ok(entries.into_iter().map(|entry| entry.name).collect())
}

/// Whether a service has an override file.
pub(crate) fn has_override(layout: &Layout, name: &OsStr) -> bool {
    layout.root().is_file(Path::new(OVERRIDES).join(name))
}

fn read(layout: &Layout, name: &OsStr) -> std::result::Result<Header, Trouble> {
    let bytes = name.as_bytes();
    if bytes.is_empty() || bytes == b"." || bytes == b".." {
        // The directory itself.
        return Err(Trouble::Unreadable(Errno::ENODEV));
    }
    if bytes.contains(&b'/') {
        return Err(Trouble::Unreadable(Errno::ENOENT));
    }
    let text = layout.root().read_text(layout.script(name)).map_err(|error| {
        Trouble::Unreadable(match error.errno() {
            Some(Errno::EISDIR) => Errno::ENODEV,
            Some(errno) => errno,
            None => Errno::EIO,
        })
    })?;
    if text.is_empty() {
        return Err(Trouble::Unreadable(Errno::EINVAL));
    }
    Ok(Header::parse(&text))
}

fn read_override(layout: &Layout, name: &OsStr) -> Option<Header> {
    let text = layout.root().read_text(Path::new(OVERRIDES).join(name)).ok()?;
    Some(Header::parse(&text))
}

/// An override file without a good `chkconfig:` line keeps the script's values. chkconfig 1.33 takes -1 and 100,
/// its marks for "not given", as priorities, since readServiceInfo() compares with -2: links are
/// called `S-1foo` and `K100foo`. This is not copied.
fn overlay(own: Header, over: Header, name: &OsStr) -> (Header, Option<String>) {
    let file = || format!("{OVERRIDES}/{}", name.to_string_lossy());
    if over.broken {
        return (own, Some(format!("{}: the chkconfig line is not valid, the file is ignored", file())));
    }
    let warning = over
        .priorities
        .is_none()
        .then(|| format!("{}: no chkconfig line, the script's priorities are kept", file()));
    (own.overlaid(over), warning)
}

/// Whether listings and dependencies skip a name: hidden files and what editors and rpm
/// leave behind; readServices().
pub(crate) fn is_leftover(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let suffix = name.iter().rposition(|byte| *byte == b'.').and_then(|dot| name.get(dot..));
    name.starts_with(b".")
        || name.ends_with(b"~")
        || name.ends_with(b",")
        || suffix.is_some_and(|suffix| [&b".rpmsave"[..], b".rpmnew", b".rpmorig", b".swp"].contains(&suffix))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::root::Root;

    fn with_scripts(files: &[(&str, &str)]) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/init.d", 0o755).unwrap();
        root.create_dirs(OVERRIDES, 0o755).unwrap();
        for (path, text) in files {
            root.write(path, text.as_bytes(), None).unwrap();
        }
        (dir, root)
    }

    #[test]
    fn left_over_names() {
        for name in [".foo", "foo~", "foo,", "foo.rpmsave", "a.b.swp"] {
            assert!(is_leftover(OsStr::new(name)), "{name}");
        }
        for name in ["foo", "foo.bak", "foo.old", "foo.rpmsave.x", "rpmsave"] {
            assert!(!is_leftover(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_faulty_override_file_keeps_the_scripts_values_and_warns() {
        let script = "# chkconfig: 345 60 40\n";
        for (over, levels, start) in [
            ("# chkconfig: 2 11 22\n", "2", 11),
            ("# chkconfig: 2 11\n", "345", 60),
            ("### BEGIN INIT INFO\n# Default-Start: 2\n", "2", 60),
        ] {
            let (_dir, root) = with_scripts(&[("/etc/init.d/foo", script), ("/etc/chkconfig.d/foo", over)]);
            let script = load(&Layout::find(&root, false), OsStr::new("foo")).unwrap();
            assert_eq!((script.defaults.levels.to_string().as_str(), script.defaults.start), (levels, start));
            assert_eq!(script.warning.is_some(), start == 60, "{over}");
        }
    }

    #[test]
    fn what_is_no_script_says_why() {
        let (_dir, root) = with_scripts(&[("/etc/init.d/empty", ""), ("/etc/init.d/none", "exit 0\n")]);
        root.create_dirs("/etc/init.d/dir", 0o755).unwrap();
        root.symlink("/etc/shadow", "/etc/init.d/gone").unwrap();
        let layout = Layout::find(&root, false);
        for (name, trouble) in [
            ("empty", Trouble::Unreadable(Errno::EINVAL)),
            ("none", Trouble::Unsupported),
            ("dir", Trouble::Unreadable(Errno::ENODEV)),
            ("", Trouble::Unreadable(Errno::ENODEV)),
            ("..", Trouble::Unreadable(Errno::ENODEV)),
            ("gone", Trouble::Unreadable(Errno::ENOENT)),
            ("nosuch", Trouble::Unreadable(Errno::ENOENT)),
            ("../init.d/none", Trouble::Unreadable(Errno::ENOENT)),
        ] {
            assert_eq!(load(&layout, OsStr::new(name)).unwrap_err(), trouble, "{name}");
        }
    }
}
