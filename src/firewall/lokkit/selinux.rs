//! SELinux mode and policy type in `/etc/selinux/config`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::refuse_special;
use crate::error::Result;
use crate::root::Root;

/// The file that is written.
pub(crate) const PATH: &str = "/etc/selinux/config";
/// Where it is read if that is missing; `OLD_SE_CONFIG` in read() of fw_selinux.py.
const FALLBACK: &str = "/etc/sysconfig/selinux";

/// The modes, in the order that messages list them.
pub(crate) const MODES: [&str; 3] = ["enforcing", "permissive", "disabled"];

/// Mode and policy type, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selinux {
    /// One of [`MODES`].
    pub mode: Option<&'static str>,
    /// Any text without control characters.
    pub policy: Option<OsString>,
}

/// The mode of that name, or the message that there is none.
pub(crate) fn mode(name: &OsStr) -> std::result::Result<&'static str, String> {
    let [enforcing, permissive, disabled] = MODES;
    MODES.into_iter().find(|mode| *mode == name).ok_or_else(|| {
        format!(
            "option --selinux: invalid choice: '{}' (choose from '{enforcing}', '{permissive}', '{disabled}')",
            name.display()
        )
    })
}

/// Reads the file. The second value are whole messages about it; if there is any, no call may go
/// on.
pub(crate) fn load(root: &Root) -> Result<(Selinux, Vec<String>)> {
    for path in [PATH, FALLBACK] {
        if root.is_file(path) {
            let (found, errors) = parse(&root.read(path)?);
            return Ok((found, errors.into_iter().map(|error| format!("{path}: {error}")).collect()));
        }
    }
    Ok(Default::default())
}

/// Writes what is wanted over what there is; missing halves are completed by what there is, then
/// by enforcing and targeted; updateSELinux() of fw_lokkit.py. The file is written as a whole and other lines
/// are lost, as write() of fw_selinux.py has it; nothing is written if nothing changes. Whether it was.
pub(crate) fn save(root: &Root, wanted: &Selinux, found: &Selinux) -> Result<bool> {
    let complete = |first: &Selinux, second: &Selinux| Selinux {
        mode: first.mode.or(second.mode),
        policy: first.policy.clone().or(second.policy.clone()),
    };
    let new = complete(wanted, found);
    if new == *found {
        return Ok(false);
    }
    refuse_special(root, PATH)?;
    root.write(PATH, &render(&new), None)?;
    Ok(true)
}

fn parse(text: &[u8]) -> (Selinux, Vec<String>) {
    let mut found = Selinux::default();
    let mut errors = Vec::new();
    for line in text.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii) {
        if let Some(value) = line.strip_prefix(b"SELINUX=") {
            match mode(OsStr::from_bytes(value)) {
                Ok(mode) => found.mode = Some(mode),
                Err(error) => errors.push(error),
            }
        } else if let Some(value) = line.strip_prefix(b"SELINUXTYPE=") {
            found.policy = Some(OsStr::from_bytes(value).to_owned());
        }
    }
    (found, errors)
}

fn render(selinux: &Selinux) -> Vec<u8> {
    let mode = selinux.mode.unwrap_or("enforcing");
    let policy = selinux.policy.as_deref().unwrap_or(OsStr::new("targeted"));
    let text = format!(
        "# The SELinux mode that the system starts in: enforcing (what the policy forbids is denied),\n\
         # permissive (it is only logged) or disabled (no policy is loaded).\n\
         SELINUX={mode}\n\
         # The policy: the name of a directory below /etc/selinux.\n\
         SELINUXTYPE="
    );
    [text.as_bytes(), policy.as_bytes(), b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(path: &str, text: &str) -> (tempfile::TempDir, Root) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/selinux", 0o755).unwrap();
        root.create_dirs("/etc/sysconfig", 0o755).unwrap();
        root.write(path, text.as_bytes(), None).unwrap();
        (dir, root)
    }

    #[test]
    fn selinux_config_keeps_or_gets_both_keys() {
        let wanted = Selinux {
            mode: Some("permissive"),
            policy: None,
        };
        for (path, policy) in [(PATH, "demo"), (FALLBACK, "demo"), ("/etc/other", "targeted")] {
            let (_dir, root) = image(path, " SELINUX=enforcing \r\nSELINUXTYPE=demo\nX=1\n");
            let (found, errors) = load(&root).unwrap();
            assert_eq!(errors, Vec::<String>::new());
            assert!(save(&root, &wanted, &found).unwrap());
            let (now, _) = load(&root).unwrap();
            assert_eq!(now.mode, Some("permissive"));
            assert_eq!(now.policy.as_deref(), Some(OsStr::new(policy)), "{path}");
            assert!(!save(&root, &wanted, &now).unwrap());
        }
    }

    #[test]
    fn a_mode_that_is_none_is_named() {
        let (_dir, root) = image(PATH, "SELINUX=off\n");
        let expected = "/etc/selinux/config: option --selinux: invalid choice: 'off' \
                        (choose from 'enforcing', 'permissive', 'disabled')";
        assert_eq!(load(&root).unwrap().1, [expected]);
    }
}
