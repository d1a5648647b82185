//! Settings of the kernel in files: parameters of sysctl.d(5), modules of modules-load.d(5).

use std::collections::BTreeMap;

use crate::intent::Intent;

const SYSCTL_CONF: &str = "/etc/sysctl.conf";

/// Directories of files that are read at boot.
const PARAMETERS: [&str; 2] = ["/etc/sysctl.d/", "/usr/lib/sysctl.d/"];
const MODULES: [&str; 2] = ["/etc/modules-load.d/", "/usr/lib/modules-load.d/"];

fn is_in(directories: &[&str], path: &str) -> bool {
    let name = directories.iter().find_map(|directory| path.strip_prefix(directory));
    name.is_some_and(|name| !name.contains('/') && name.ends_with(".conf"))
}

/// Whether a path is a file of settings of the kernel.
pub(crate) fn is_of_kernel(path: &str) -> bool {
    path == SYSCTL_CONF || is_in(&PARAMETERS, path) || is_in(&MODULES, path)
}

/// Settings that were added to a file. Settings that were removed from it give no intent: the kernel's
/// own value applies again, and the module is not loaded.
pub(crate) fn between(path: &str, before: &str, after: &str) -> Vec<Intent> {
    let (before, after) = match is_in(&MODULES, path) {
        true => (modules(before), modules(after)),
        false => (parameters(before), parameters(after)),
    };
    after.into_iter().filter(|intent| !before.contains(intent)).collect()
}

/// Lines that are no comments; both formats begin them with `#` or `;`.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with(['#', ';']))
}

fn modules(text: &str) -> Vec<Intent> {
    lines(text).filter_map(module).collect()
}

/// Of one key the last line counts.
fn parameters(text: &str) -> Vec<Intent> {
    let pairs = lines(text).filter_map(|line| line.split_once('='));
    let last: BTreeMap<&str, &str> = pairs.map(|(key, value)| (key.trim(), value)).collect();
    last.into_iter().filter_map(|(key, value)| parameter(key, value)).collect()
}

/// A kernel parameter. A `-` before the key has failures ignored; keys are written with dots.
pub(crate) fn parameter(key: &str, value: &str) -> Option<Intent> {
    let key = with_dots(key.trim().trim_start_matches('-'));
    let is_key =
        !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/:*@".contains(&byte));
    let value = value.trim();
    let is_value = !value.is_empty() && !value.chars().any(char::is_control);
    (is_key && is_value).then(|| Intent::Sysctl {
        key,
        value: value.to_owned(),
    })
}

/// `net/ipv4/conf/eth0.1/forwarding` as `net.ipv4.conf.eth0/1.forwarding`: where a slash comes first, slashes
/// and dots have each other's meaning, sysctl.d(5).
fn with_dots(key: &str) -> String {
    let first = key.find(['.', '/']).and_then(|at| key.as_bytes().get(at));
    let swap = |c| match c {
        '/' => '.',
        '.' => '/',
        other => other,
    };
    match first {
        Some(b'/') => key.chars().map(swap).collect(),
        _ => key.to_owned(),
    }
}

/// As the kernel has them: letters, digits, `_` and `-`.
pub(crate) fn is_module(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    (1..=55).contains(&text.len()) && text.bytes().all(plain)
}

/// A module of the kernel by its name; none for what is no name.
pub(crate) fn module(name: &str) -> Option<Intent> {
    (is_module(name) && !name.starts_with('-')).then(|| Intent::KernelModule {
        module: name.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(key: &str, value: &str) -> Intent {
        Intent::Sysctl {
            key: key.into(),
            value: value.into(),
        }
    }

    #[test]
    fn parameters_are_compared_by_key_with_dots() {
        let path = "/etc/sysctl.d/50-vend.conf";
        let after = "# c\n; c\nvm.swappiness = 10\n-net/ipv4/ip_forward=1\nvm.swappiness=20\nno line\n";
        let expected = [set("net.ipv4.ip_forward", "1"), set("vm.swappiness", "20")];
        assert_eq!(between(path, "", after), expected);
        assert_eq!(between(path, "vm.swappiness = 20\n", after), [set("net.ipv4.ip_forward", "1")]);
        assert_eq!(between(path, after, ""), []);
        let vlan = parameter("net/ipv4/conf/eth0.1/forwarding", "1");
        assert_eq!(vlan, Some(set("net.ipv4.conf.eth0/1.forwarding", "1")));
    }

    #[test]
    fn modules_are_names_alone() {
        let path = "/etc/modules-load.d/vend.conf";
        let module = |module: &str| Intent::KernelModule {
            module: module.into(),
        };
        assert_eq!(between(path, "", "# c\nbonding\n\nip vs\n"), [module("bonding")]);
        assert!(is_of_kernel(path) && is_of_kernel(SYSCTL_CONF));
        assert!(!is_of_kernel("/etc/sysctl.d/x.conf.rpmsave") && !is_of_kernel("/etc/sysctl.d/a/b.conf"));
    }
}
