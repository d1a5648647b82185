//! SELinux's configuration and the local part of its policy: `/etc/selinux/config`, and the store that
//! semodule(8), semanage(8) and setsebool(8) keep, `/var/lib/selinux/TYPE/active` or, before Enterprise Linux 8,
//! `/etc/selinux/TYPE/active`.

use std::collections::BTreeSet;

use crate::escape::Escaped;
use crate::intent::{Intent, SelinuxPart};

pub(crate) const CONFIG: &str = "/etc/selinux/config";
const STORES: [&str; 2] = ["/var/lib/selinux/", "/etc/selinux/"];

/// Files of the store that hold what was set locally, a line each.
const LOCAL: [(&str, SelinuxPart); 5] = [
    ("booleans.local", SelinuxPart::Boolean),
    ("ports.local", SelinuxPart::Port),
    ("file_contexts.local", SelinuxPart::FileContext),
    ("seusers.local", SelinuxPart::Login),
    ("interfaces.local", SelinuxPart::Interface),
];

/// What of the store a path is.
enum Place<'p> {
    /// A file of a module, by the module's name.
    Module(&'p str),
    /// A file of lines.
    Lines(SelinuxPart),
}

fn place(path: &str) -> Option<Place<'_>> {
    let rest = STORES.iter().find_map(|store| path.strip_prefix(store))?;
    let (_, rest) = rest.split_once("/active/")?;
    if let Some((_, part)) = LOCAL.iter().find(|(name, _)| *name == rest) {
        return Some(Place::Lines(*part));
    }
    // modules/PRIORITY/NAME/{cil,hll,lang_ext}
    let mut parts = rest.strip_prefix("modules/")?.split('/');
    let (priority, name, file) = (parts.next()?, parts.next()?, parts.next()?);
    let is_module = priority.bytes().all(|byte| byte.is_ascii_digit()) && ["cil", "hll"].contains(&file);
    (is_module && parts.next().is_none()).then_some(Place::Module(name))
}

/// Whether a path is of SELinux's configuration or local policy.
pub(crate) fn is_of_policy(path: &str) -> bool {
    path == CONFIG || place(path).is_some()
}

/// Whether what the file says is compared, and not only that it changed.
pub(crate) fn is_text(path: &str) -> bool {
    path == CONFIG || matches!(place(path), Some(Place::Lines(_)))
}

/// A module that was added or removed.
pub(crate) fn module(path: &str, is_there: bool) -> Option<Intent> {
    match place(path)? {
        Place::Module(name) => Some(Intent::SelinuxPolicy {
            part: SelinuxPart::Module,
            name: name.to_owned(),
            removed: !is_there,
        }),
        Place::Lines(_) => None,
    }
}

/// What two states of a file of text differ in.
pub(crate) fn between(path: &str, before: &str, after: &str) -> Vec<Intent> {
    if path == CONFIG {
        return config(before, after).into_iter().collect();
    }
    let Some(Place::Lines(part)) = place(path) else {
        return Vec::new();
    };
    let lines = |text: &'_ str| -> BTreeSet<String> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    };
    let (before, after) = (lines(before), lines(after));
    let intent = |name: &String, removed| Intent::SelinuxPolicy {
        part,
        name: name.clone(),
        removed,
    };
    let added = after.difference(&before).map(|line| intent(line, false));
    added.chain(before.difference(&after).map(|line| intent(line, true))).collect()
}

/// The mode and the type of policy where they differ, selinux(8).
fn config(before: &str, after: &str) -> Option<Intent> {
    let value = |text: &str, key: &str| {
        let mut values = text.lines().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix('='));
        values.next_back().map(|value| value.trim().to_lowercase())
    };
    let changed = |key| value(after, key).filter(|now| value(before, key).as_ref() != Some(now));
    let (mode, policy) = (changed("SELINUX"), changed("SELINUXTYPE"));
    (mode.is_some() || policy.is_some()).then(|| Intent::Selinux {
        mode,
        policy: policy.map(Escaped::new),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(part: SelinuxPart, name: &str, removed: bool) -> Intent {
        Intent::SelinuxPolicy {
            part,
            name: name.into(),
            removed,
        }
    }

    #[test]
    fn a_module_is_known_by_its_place_in_either_store() {
        let of = |path| module(path, true);
        let vend = Some(part(SelinuxPart::Module, "vend", false));
        assert_eq!(of("/var/lib/selinux/targeted/active/modules/400/vend/cil"), vend);
        assert_eq!(of("/etc/selinux/targeted/active/modules/400/vend/hll"), vend);
        for path in [
            "/var/lib/selinux/targeted/active/modules/400/vend/lang_ext",
            "/var/lib/selinux/targeted/active/modules/disabled/vend",
            "/var/lib/selinux/targeted/active/policy.kern",
            "/opt/selinux/targeted/active/modules/400/vend/cil",
        ] {
            assert_eq!(of(path), None, "{path}");
        }
    }

    #[test]
    fn booleans_and_ports_are_compared_by_line() {
        let booleans = "/var/lib/selinux/targeted/active/booleans.local";
        let (before, after) = ("# local\nold=1\n", "# local\nhttpd_can_network_connect=1\n");
        let expected = [
            part(SelinuxPart::Boolean, "httpd_can_network_connect=1", false),
            part(SelinuxPart::Boolean, "old=1", true),
        ];
        assert_eq!(between(booleans, before, after), expected);
        let ports = "/var/lib/selinux/targeted/active/ports.local";
        let line = "portcon tcp 9443  system_u:object_r:http_port_t:s0\n";
        let port = part(SelinuxPart::Port, "portcon tcp 9443 system_u:object_r:http_port_t:s0", false);
        assert_eq!(between(ports, "", line), [port]);
    }

    #[test]
    fn the_mode_is_what_the_last_line_says() {
        let mode = |mode: &str| format!("# SELINUX= can be\nSELINUX={mode}\nSELINUXTYPE=targeted\n");
        let changed = between(CONFIG, &mode("enforcing"), &mode("Permissive"));
        let expected = Intent::Selinux {
            mode: Some("permissive".into()),
            policy: None,
        };
        assert_eq!(changed, [expected]);
        assert_eq!(between(CONFIG, &mode("enforcing"), &mode("enforcing")), []);
    }
}
