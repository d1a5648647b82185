//! The module list of the iptables services: `/etc/sysconfig/iptables-config` and
//! `/etc/sysconfig/ip6tables-config`, shell assignments with comments between them.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::replace;
use super::settings::Settings;
use crate::error::{Result, if_exists};
use crate::root::Root;

/// The files and the prefixes of their keys.
pub(crate) const FILES: [(&str, &str); 2] = [
    ("/etc/sysconfig/iptables-config", "IPTABLES_"),
    ("/etc/sysconfig/ip6tables-config", "IP6TABLES_"),
];

const MODULES: &str = "MODULES";

/// Keys that every such file should have, and their defaults; ip4tablesConfig.clear() of fw_iptables.py.
const KEYS: [(&str, &str); 8] = [
    (MODULES, ""),
    ("MODULES_UNLOAD", "yes"),
    ("SAVE_ON_STOP", "no"),
    ("SAVE_ON_RESTART", "no"),
    ("SAVE_COUNTER", "no"),
    ("STATUS_NUMERIC", "yes"),
    ("STATUS_VERBOSE", "no"),
    ("STATUS_LINENUMBERS", "yes"),
];

/// Applies the module options to one of [`FILES`]; a missing file is made. The file before is kept
/// as `.old` if it changes. Returns the modules that were added to the list or removed from it.
pub(crate) fn save(root: &Root, (path, prefix): (&str, &str), settings: &Settings) -> Result<Changed> {
    let old = if_exists(root.read(path))?.unwrap_or_default();
    let (new, changed) = edit(&old, prefix, settings);
    if new != old {
        replace(root, path, &new, Some(0o600))?;
    }
    Ok(changed)
}

/// The modules that were added to a list or removed from it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Changed {
    added: HashSet<Vec<u8>>,
    /// Without their prefix, as [`stem`] has them.
    removed: HashSet<Vec<u8>>,
}

fn edit(text: &[u8], prefix: &str, settings: &Settings) -> (Vec<u8>, Changed) {
    let mut changed = Changed::default();
    let mut missing: Vec<_> = KEYS.to_vec();
    let mut new = Vec::with_capacity(text.len() + 256);
    for line in text.split_inclusive(|&byte| byte == b'\n') {
        let key = KEYS.iter().find(|(key, _)| value_of(line, prefix, key).is_some());
        missing.retain(|(missing, _)| key.is_none_or(|(key, _)| key != missing));
        let list = value_of(line, prefix, MODULES);
        match list.and_then(|list| edit_list(list, settings, &mut changed)) {
            Some(list) => new.extend(assignment(prefix, MODULES, &list)),
            None => new.extend(line),
        }
    }
    if !missing.is_empty() && !new.is_empty() {
        if !new.ends_with(b"\n") {
            new.push(b'\n');
        }
        new.push(b'\n');
    }
    for (key, default) in missing {
        let list = (key == MODULES).then(|| edit_list(b"", settings, &mut changed)).flatten();
        new.extend(assignment(prefix, key, list.as_deref().unwrap_or(default.as_bytes())));
    }
    (new, changed)
}

fn assignment(prefix: &str, key: &str, value: &[u8]) -> Vec<u8> {
    [prefix.as_bytes(), key.as_bytes(), b"=\"", value, b"\"\n"].concat()
}

/// The value that a line gives a key; a line is an assignment if it holds exactly one `=`, as
/// ip4tablesConfig.read() splits it.
fn value_of<'l>(line: &'l [u8], prefix: &str, key: &str) -> Option<&'l [u8]> {
    let line = line.trim_ascii();
    let rest = line.strip_prefix(prefix.as_bytes())?.strip_prefix(key.as_bytes())?;
    let value = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    if value.contains(&b'=') {
        return None;
    }
    let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
    Some(unquoted.unwrap_or(value))
}

/// Adds, then removes, whatever the order of the options; `None` if the list stays as it is; updateFirewall()
/// of fw_lokkit.py.
fn edit_list(list: &[u8], settings: &Settings, changed: &mut Changed) -> Option<Vec<u8>> {
    let words = list.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut modules: Vec<&[u8]> = words.collect();
    let mut known: HashSet<&[u8]> = modules.iter().map(|module| stem(module)).collect();
    let before = modules.clone();
    for module in settings.add_modules.iter().map(|module| module.as_bytes()) {
        if known.insert(stem(module)) {
            modules.push(module);
            changed.added.insert(module.to_vec());
        }
    }
    let unwanted: HashSet<&[u8]> =
        settings.remove_modules.iter().map(|module| stem(module.as_bytes())).collect();
    modules.retain(|module| !unwanted.contains(stem(module)));
    let left: HashSet<&[u8]> = modules.iter().copied().collect();
    changed.added.retain(|module| left.contains(module.as_slice()));
    let removed = before.iter().filter(|module| !left.contains(*module));
    changed.removed.extend(removed.map(|module| stem(module).to_vec()));
    (modules != before).then(|| modules.join(&b' '))
}

impl Changed {
    /// Whether the module was added.
    pub(crate) fn added(&self, module: &OsStr) -> bool {
        self.added.contains(module.as_bytes())
    }

    /// Whether the module was removed, in either of its spellings.
    pub(crate) fn removed(&self, module: &OsStr) -> bool {
        self.removed.contains(stem(module.as_bytes()))
    }
}

/// What `ip_x` and `nf_x`, two spellings of one module (`modalias` in updateFirewall()), have in common;
/// other names as they are.
fn stem(module: &[u8]) -> &[u8] {
    match module {
        [b'i', b'p', rest @ ..] | [b'n', b'f', rest @ ..] if rest.starts_with(b"_") => rest,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(text: &str, add: &[&str], remove: &[&str]) -> (String, Changed) {
        let mut settings = Settings::default();
        settings.add_modules.extend(add.iter().map(Into::into));
        settings.remove_modules.extend(remove.iter().map(Into::into));
        let (text, changed) = edit(text.as_bytes(), "IPTABLES_", &settings);
        (String::from_utf8(text).unwrap(), changed)
    }

    const REST: &str = "IPTABLES_MODULES_UNLOAD=\"yes\"\nIPTABLES_SAVE_ON_STOP=\"no\"\n\
                        IPTABLES_SAVE_ON_RESTART=\"no\"\nIPTABLES_SAVE_COUNTER=\"no\"\n\
                        IPTABLES_STATUS_NUMERIC=\"yes\"\nIPTABLES_STATUS_VERBOSE=\"no\"\n\
                        IPTABLES_STATUS_LINENUMBERS=\"yes\"\n";

    #[test]
    fn modules_are_added_then_removed_whatever_their_spelling() {
        let cases: [(&str, &[&str], &[&str], &str); 8] = [
            ("=\"nf_a\"", &["nf_b", "xt_c"], &[], "=\"nf_a nf_b xt_c\""),
            ("=\"ip_a\"", &["nf_a"], &[], "=\"ip_a\""),
            ("=\"nf_a ip_b\"", &[], &["ip_a", "nf_b"], "=\"\""),
            ("=\"nf_a\"", &["nf_b"], &["nf_b"], "=\"nf_a\""),
            ("=\"\"", &["Not A Module"], &[], "=\"Not A Module\""),
            (" = nf_a", &["b"], &[], "=\"nf_a b\""),
            ("=\"a  b\"", &["a"], &["c"], "=\"a  b\""),
            ("=\"_a\"", &["nf_b"], &[], "=\"_a nf_b\""),
        ];
        for (list, add, remove, expected) in cases {
            let text = format!("# head\n{REST}IPTABLES_MODULES{list}\n");
            let expected = format!("# head\n{REST}IPTABLES_MODULES{expected}\n");
            assert_eq!(edited(&text, add, remove).0, expected, "{list} {add:?} {remove:?}");
        }
    }

    #[test]
    fn missing_keys_are_appended_after_an_empty_line() {
        let all = format!("IPTABLES_MODULES=\"a\"\n{REST}");
        assert_eq!(edited("", &["a"], &[]).0, all);
        assert_eq!(edited("# head", &["a"], &[]).0, format!("# head\n\n{all}"));
        assert_eq!(edited(REST, &[], &["a"]).0, format!("{REST}\nIPTABLES_MODULES=\"\"\n"));
        let two_signs = "IPTABLES_MODULES=\"a=b\"\n";
        assert_eq!(edited(two_signs, &["a"], &[]).0, format!("{two_signs}\n{all}"));
    }

    #[test]
    fn lokkit_addmodule_and_removemodule_report_which_modules_changed() {
        let text = format!("IPTABLES_MODULES=\"ip_a\"\n{REST}");
        let (_, changed) = edited(&text, &["b", "nf_a", "c"], &["nf_a", "c", "d"]);
        for (module, added) in [("b", true), ("nf_a", false), ("c", false)] {
            assert_eq!(changed.added(OsStr::new(module)), added, "{module}");
        }
        for (module, removed) in [("nf_a", true), ("ip_a", true), ("c", false), ("d", false)] {
            assert_eq!(changed.removed(OsStr::new(module)), removed, "{module}");
        }
    }
}
