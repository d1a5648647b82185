//! Commands that work on another root than their run does: what they install would not be seen, and a
//! forgotten `--root` would change the machine that builds the image.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::root::Root;

/// A program that works on a root that its options name.
struct Program {
    names: &'static [&'static str],
    /// Its options for a root; one that ends in `=` has the value in the same word.
    options: &'static [&'static str],
    /// What makes it change the root that it works on.
    changes: &'static [&'static str],
}

const PROGRAMS: [Program; 4] = [
    Program {
        names: &["rpm"],
        options: &["--root", "-r", "--root="],
        changes: &[
            "-i",
            "-U",
            "-F",
            "-e",
            "-ivh",
            "-Uvh",
            "-Fvh",
            "-ev",
            "--install",
            "--upgrade",
            "--freshen",
            "--erase",
            "--reinstall",
        ],
    },
    Program {
        names: &["dnf", "dnf-3", "dnf5", "microdnf", "yum", "tdnf"],
        options: &["--installroot", "--installroot="],
        changes: &[
            "install",
            "localinstall",
            "reinstall",
            "upgrade",
            "update",
            "downgrade",
            "remove",
            "erase",
            "distro-sync",
            "swap",
            "group",
            "groupinstall",
        ],
    },
    Program {
        names: &["zypper"],
        options: &["--root", "-R", "--root=", "--installroot", "--installroot="],
        changes: &["install", "in", "remove", "rm", "update", "up", "dup"],
    },
    Program {
        names: &["systemctl"],
        options: &["--root", "--root="],
        changes: &[],
    },
];

/// chroot's options take no word of their own.
const CHROOT: &str = "chroot";

/// Refuses a command whose words name another root than `root`, or that would change the system that
/// it runs on instead.
///
/// # Errors
///
/// Names both roots.
pub(super) fn check(root: &Root, argv: &[OsString]) -> Result<()> {
    for (index, word) in argv.iter().enumerate() {
        let Some(name) = Path::new(word).file_name().and_then(OsStr::to_str) else {
            continue;
        };
        let rest = &argv[index + 1..];
        if name == CHROOT {
            let named = rest.iter().find(|word| !word.as_encoded_bytes().starts_with(b"-"));
            // What is called inside of the chroot names its roots as they are there.
            return named.map_or(Ok(()), |named| is_same(root, Path::new(named), word));
        }
        let Some(program) = PROGRAMS.iter().find(|program| program.names.contains(&name)) else {
            continue;
        };
        return match named_root(rest, program.options) {
            Some(named) => is_same(root, &named, word),
            None if rest.iter().any(|word| program.changes.iter().any(|verb| word == verb)) => {
                is_same(root, Path::new("/"), word)
            }
            None => Ok(()),
        };
    }
    Ok(())
}

fn named_root(words: &[OsString], options: &[&str]) -> Option<PathBuf> {
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let text = word.to_str().unwrap_or_default();
        for option in options {
            if option.ends_with('=') {
                if let Some(value) = text.strip_prefix(option) {
                    return Some(value.into());
                }
            } else if text == *option {
                return words.next().map(PathBuf::from);
            }
        }
    }
    None
}

fn is_same(root: &Root, named: &Path, program: &OsStr) -> Result<()> {
    let place = std::path::absolute(named).unwrap_or_else(|_| named.to_owned());
    let number = |root: &Root| root.meta("/").ok().map(|meta| (meta.device, meta.inode));
    let same = match Root::open(&place) {
        Ok(other) => number(&other) == number(root),
        Err(_) => place == root.path(),
    };
    if same {
        return Ok(());
    }
    let (program, own) = (Path::new(program).display(), root.path().display());
    Err(Error::Refused(format!(
        "{program} works on {}, this run on {own}: name the same root",
        named.display()
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn another_root_is_refused_with_both_names() {
        let image = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let root = Root::open(image.path()).unwrap();
        let (own, other) = (image.path().display(), other.path().display());
        let refused = [
            format!("rpm --root {other} -i x.rpm"),
            format!("rpm -r {other} -i x.rpm"),
            format!("sudo dnf --installroot={other} install x"),
            format!("dnf install --installroot {other} x"),
            format!("unshare -m chroot {other} rpm -i x.rpm"),
            "rpm -Uvh x.rpm".to_owned(),
            "/usr/bin/dnf -y install x".to_owned(),
        ];
        for line in refused {
            let text = check(&root, &words(&line)).expect_err(&line).to_string();
            assert!(text.contains(&own.to_string()), "{text}");
        }
        let fine = [
            format!("rpm --root {own} -i x.rpm"),
            format!("rpm --root={own}/ -e x"),
            format!("chroot --userspec=0 {own} dnf install x"),
            format!("dnf --installroot={own} install x"),
            "rpm --version".to_owned(),
            "sh -c true".to_owned(),
        ];
        fine.iter().for_each(|line| check(&root, &words(line)).unwrap());
    }
}
