//! Finding out, from within a shim, which scriptlet is calling.
//!
//! The rpm plugin names package and scriptlet in the environment. The script itself is the file
//! that rpm wrote for it: named by an ancestor's command line where `/proc` is mounted, else the
//! only one of its kind in rpm's temporary directory.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::getppid;

use super::{
    ARGUMENT_VARIABLE, FoundBy, Origin, RUN_NAME_VARIABLE, SCRIPTLET_VARIABLE, parse_scriptlet_name,
};
use crate::digest::digest;
use crate::error::Result;
use crate::layout;
use crate::root::Root;

/// Bodies of scriptlets in the image, each under the SHA-256 of its bytes.
pub(crate) const SCRIPTS: &str = layout::SCRIPTS;

/// rpm's default `%_tmppath`.
const TEMPORARY: &str = "/var/tmp";
/// What rpm's names for script files begin with.
const SCRIPT_PREFIX: &[u8] = b"rpm-tmp.";
/// What `rpm -vv` puts before a shell script.
const TRACE_LINE: &[u8] = b"set -x\n";
/// Programs that run scriptlets through rpm's library, besides rpm itself.
pub(crate) const PACKAGE_MANAGERS: [&str; 7] =
    ["dnf", "dnf-3", "dnf5", "microdnf", "yum", "tdnf", "rpm-ostree"];
/// As many ancestors are looked at: scriptlets seldom nest deeper.
const MAX_ANCESTORS: usize = 8;

/// rpm's `PATH` for scriptlets (`SCRIPT_PATH` in lib/rpmscript.c), with the last part up to 4.20.
const SCRIPT_PATHS: [&str; 2] = [
    "/sbin:/bin:/usr/sbin:/usr/bin:/usr/X11R6/bin",
    "/sbin:/bin:/usr/sbin:/usr/bin",
];

/// Who is calling, as far as it can be known here. The script's body is kept in the image, so
/// that its digest means something later. `variable` looks up the caller's environment.
pub fn find<'e>(root: &Root, variable: &dyn Fn(&str) -> Option<&'e str>) -> Origin {
    let mut origin = Origin::default();
    if let Some((scriptlet, nevra)) = variable(SCRIPTLET_VARIABLE).and_then(parse_scriptlet_name) {
        origin.found_by = FoundBy::RpmPlugin;
        origin.scriptlet = Some(scriptlet);
        origin.nevra = Some(nevra);
        origin.arg = variable(ARGUMENT_VARIABLE).and_then(|text| text.parse().ok());
    }
    let ancestry = ancestry(root);
    let (path, arg) = match &ancestry {
        Ancestry::Script(path, arg) => (Some(path.clone()), *arg),
        Ancestry::NotKnown => (only_script(root), None),
        Ancestry::PackageManager | Ancestry::Others => (None, None),
    };
    origin.arg = arg.or(origin.arg);
    let by_rpm = path.is_some() || runs_without_script(&ancestry, variable("PATH"));
    if origin.found_by == FoundBy::Unknown && !by_rpm {
        origin.found_by = FoundBy::Builder;
        origin.run = variable(RUN_NAME_VARIABLE).map(str::to_owned);
    }
    // Who asked is worth recording even if what they run cannot be read.
    origin.script = path.and_then(|path| keep_script(root, &path).ok());
    origin
}

/// What the caller's ancestors tell.
#[derive(Debug, PartialEq, Eq)]
enum Ancestry {
    /// The nearest one that runs a script of rpm's, with its first argument.
    Script(PathBuf, Option<u32>),
    /// None does, and one of them installs packages.
    PackageManager,
    /// None of either.
    Others,
    /// `/proc` does not tell.
    NotKnown,
}

/// Whether rpm runs a program or Lua of a package, for which it writes no script file. A program gets
/// rpm's `PATH`; what Lua starts is recognised by its ancestors only.
fn runs_without_script(ancestry: &Ancestry, path: Option<&str>) -> bool {
    *ancestry == Ancestry::PackageManager || path.is_some_and(|path| SCRIPT_PATHS.contains(&path))
}

/// Goes up from the caller as far as `/proc` shows it.
fn ancestry(root: &Root) -> Ancestry {
    let mut pid = getppid().as_raw();
    let mut installs = false;
    for _ in 0..MAX_ANCESTORS {
        // A process file has no length, so it is read as what it is: a short file.
        let Ok(line) = root.read(format!("/proc/{pid}/cmdline")) else {
            break;
        };
        if let Some((path, arg)) = parse_command_line(&line) {
            return Ancestry::Script(path, arg);
        }
        installs |= is_package_manager(&line);
        let parent = root.read_text(format!("/proc/{pid}/stat")).ok().and_then(|stat| parent_of(&stat));
        match parent {
            Some(parent) if parent > 1 => pid = parent,
            Some(_) if installs => return Ancestry::PackageManager,
            Some(_) => return Ancestry::Others,
            None => break,
        }
    }
    if installs {
        Ancestry::PackageManager
    } else {
        Ancestry::NotKnown
    }
}

/// Whether a command line is that of a program which installs packages, or of an interpreter that runs
/// one.
fn is_package_manager(line: &[u8]) -> bool {
    let words = line.split(|byte| *byte == 0).take(2);
    let names = words.filter_map(|word| Path::new(OsStr::from_bytes(word)).file_name()?.to_str());
    names.into_iter().any(|name| name == "rpm" || PACKAGE_MANAGERS.contains(&name))
}

fn parse_command_line(line: &[u8]) -> Option<(PathBuf, Option<u32>)> {
    let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
    let at = words.iter().position(|word| {
        let path = Path::new(OsStr::from_bytes(word));
        path.starts_with(TEMPORARY)
            && path.file_name().is_some_and(|name| name.as_bytes().starts_with(SCRIPT_PREFIX))
    })?;
    let arg = words.get(at + 1).and_then(|word| str::from_utf8(word).ok()?.parse().ok());
    Some((PathBuf::from(OsStr::from_bytes(words[at])), arg))
}

/// The parent's number in a `/proc/PID/stat` line; the command name before it may hold anything.
fn parent_of(stat: &str) -> Option<i32> {
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(1)?.parse().ok()
}

/// rpm runs one scriptlet at a time, so a lone script file is the running one's. Several mean
/// left-overs, and then none is taken.
fn only_script(root: &Root) -> Option<PathBuf> {
    let entries = root.list(TEMPORARY).ok()?;
    let mut scripts = entries.iter().filter(|entry| entry.name.as_bytes().starts_with(SCRIPT_PREFIX));
    let script = scripts.next()?;
    scripts.next().is_none().then(|| Path::new(TEMPORARY).join(&script.name))
}

/// The digest of the script that rpm is running, its body kept in the image; none if there is no
/// script file, or more than one. Needs no `/proc`.
pub fn running_script(root: &Root) -> Option<String> {
    keep_script(root, &only_script(root)?).ok()
}

/// Stores a script's body under its digest, once, and returns the digest.
fn keep_script(root: &Root, path: &Path) -> Result<String> {
    let content = root.read(path)?;
    let body = content.strip_prefix(TRACE_LINE).unwrap_or(&content);
    let digest = digest(body);
    root.keep_once(SCRIPTS, &digest, body, 0o644)?;
    Ok(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_script_and_its_argument_stand_on_the_command_line() {
        let found = parse_command_line(b"/bin/sh\0/var/tmp/rpm-tmp.AbC123\x002\0");
        assert_eq!(found, Some((PathBuf::from("/var/tmp/rpm-tmp.AbC123"), Some(2))));
        assert_eq!(parse_command_line(b"rpm\0-i\0/var/tmp/foo.rpm\0"), None);
    }

    #[test]
    fn what_rpm_runs_without_a_script_is_not_the_builders() {
        assert!(is_package_manager(b"/usr/bin/python3\0/usr/bin/dnf\0install\0x"));
        assert!(!is_package_manager(b"sh\0-c\0rpm -i x"));
        let rpms = Some("/sbin:/bin:/usr/sbin:/usr/bin:/usr/X11R6/bin");
        assert!(runs_without_script(&Ancestry::NotKnown, rpms));
        assert!(runs_without_script(&Ancestry::PackageManager, None));
        assert!(!runs_without_script(
            &Ancestry::Others,
            Some("/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin")
        ));
    }

    #[test]
    fn a_command_name_with_brackets_hides_no_parent() {
        assert_eq!(parent_of("12 (a) b (c) S 7 12 12 0"), Some(7));
    }
}
