//! `/etc/firewalld/firewalld.conf` (firewalld.conf(5)): values, and rewriting that keeps comments
//! and lines of other versions.

use super::conf_values::{KEYS, Key};
use super::store::{Kind, Tree, replace_file};
use crate::error::{Result, if_exists};
use crate::root::Root;

/// The file's name in the local configuration.
const FILE: &str = "firewalld.conf";

/// The zone where none is set.
pub const FALLBACK_ZONE: &str = "public";

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conf {
    text: String,
    changes: Vec<(&'static str, String)>,
    missing: bool,
}

impl Conf {
    /// Loads it; a missing file means defaults throughout.
    pub fn load(tree: &Tree) -> Result<Conf> {
        let text = if_exists(tree.root.read_text(tree.file(FILE)))?;
        Ok(Conf {
            missing: text.is_none(),
            ..Conf::parse(&text.unwrap_or_default())
        })
    }

    /// The configuration of this text.
    pub fn parse(text: &str) -> Conf {
        Conf {
            // firewalld reads it in text mode, where a carriage return ends a line, too.
            text: text.replace("\r\n", "\n").replace('\r', "\n"),
            ..Conf::default()
        }
    }

    /// The value of a key, as set, in the file, or by default.
    pub fn get(&self, key: &str) -> &str {
        let changed = self.changes.iter().find(|(changed, _)| *changed == key);
        let changed = changed.map(|(_, value)| value.as_str());
        changed.or_else(|| self.in_file(key)).unwrap_or_else(|| default(key))
    }

    fn in_file(&self, key: &str) -> Option<&str> {
        let takes = |value: &&str| Key::find(key).is_none_or(|key| key.takes(value));
        self.first(key).filter(takes)
    }

    /// What the first line of a key that has a value says.
    fn first(&self, key: &str) -> Option<&str> {
        let mut lines = self.text.lines().filter_map(assignment);
        lines.find(|(found, value)| *found == key && !value.is_empty()).map(|(_, value)| value)
    }

    /// What firewalld logs about the file when it reads it.
    pub fn complaints(&self, tree: &Tree) -> Vec<String> {
        let mut said = Vec::new();
        let mut seen: Vec<&str> = Vec::new();
        for line in self.text.lines().map(strip) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let wrong = match assignment(line) {
                None => "Invalid option definition",
                Some((key, _)) if !is_known(key) => "Invalid option",
                Some((_, "")) => "Missing value",
                Some((key, _)) if seen.contains(&key) => "Duplicate option definition",
                Some((key, _)) => {
                    seen.push(key);
                    continue;
                }
            };
            said.push(format!("ERROR: {wrong}: '{line}'"));
        }
        for key in &KEYS {
            match self.first(key.name) {
                Some(value) if !key.takes(value) => said.push(key.complaint(value)),
                None if key.name == "DefaultZone" && !self.missing => {
                    said.push(format!("ERROR: DefaultZone is not set, using default value '{FALLBACK_ZONE}'"))
                }
                _ => {}
            }
        }
        let zone = self.get("DefaultZone");
        if self.default_zone(tree) != zone {
            said.push(format!("ERROR: Default zone '{zone}' is not valid. Using '{FALLBACK_ZONE}'."));
        }
        said
    }

    /// Sets every key to what it is without a file.
    pub fn reset(&mut self) {
        self.changes.clear();
        for key in &KEYS {
            self.set(key.name, spelt_without_file(key.default));
        }
    }

    /// Sets a key of firewalld 1.3.
    pub fn set(&mut self, key: &'static str, value: &str) {
        self.changes.retain(|(changed, _)| *changed != key);
        self.changes.push((key, value.to_owned()));
    }

    /// The file with the changes in it and every key that was missing added at its end; none if
    /// the file says all of it already. A key that is set twice keeps its first line, even one
    /// that firewalld does not know.
    pub fn rewritten(&self) -> Option<String> {
        let mut text = String::new();
        let mut done: Vec<&str> = Vec::new();
        let (mut blank, mut modified) = (false, false);
        for line in self.text.lines() {
            if line.is_empty() {
                if !blank {
                    text.push('\n');
                }
                blank = true;
                continue;
            }
            // A comment that is indented is split like a value here.
            let split = Some(line).filter(|line| !line.starts_with('#')).and_then(halves);
            if let Some((key, value)) = split {
                if done.contains(&key) {
                    modified = true;
                    continue;
                }
                done.push(key);
                if is_known(key) && value != self.get(key) {
                    push_line(&mut text, &format!("{key}={}", self.get(key)));
                    (blank, modified) = (false, true);
                    continue;
                }
            }
            push_line(&mut text, line);
            blank = false;
        }
        modified |= self.add_missing(&mut text, &done, blank);
        modified.then_some(text)
    }

    /// Whether there were any.
    fn add_missing(&self, text: &mut String, done: &[&str], mut blank: bool) -> bool {
        let mut any = false;
        for key in KEYS.iter().filter(|key| !key.obsolete && !done.contains(&key.name)) {
            if !blank {
                text.push('\n');
                blank = true;
            }
            let value = match self.missing {
                true => spelt_without_file(self.get(key.name)),
                false => self.get(key.name),
            };
            push_line(text, &format!("{}={value}", key.name));
            any = true;
        }
        any
    }

    /// Writes the file if it does not say all of it, keeping the one that was there as
    /// `firewalld.conf.old`.
    pub fn save(&self, tree: &Tree) -> Result<()> {
        let Some(text) = self.rewritten() else {
            return Ok(());
        };
        replace_file(tree.root, &tree.file(FILE), &text).map(drop)
    }

    /// The default zone: `DefaultZone=`, or `public` if that zone does not exist.
    pub fn default_zone(&self, tree: &Tree) -> String {
        let zone = self.get("DefaultZone");
        let exists = zone == FALLBACK_ZONE || tree.exists(Kind::Zone, zone);
        (if exists { zone } else { FALLBACK_ZONE }).to_owned()
    }
}

/// The default zone of an image.
pub fn default_zone(root: &Root) -> String {
    let tree = Tree::of(root);
    Conf::load(&tree).unwrap_or_default().default_zone(&tree)
}

fn push_line(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

/// `KEY = VALUE` of a line that is no comment.
fn assignment(line: &str) -> Option<(&str, &str)> {
    let line = strip(line);
    if line.starts_with(['#', ';']) {
        return None;
    }
    halves(line)
}

/// What stands before and after the `=`, blanks around both dropped; none if there are two of it.
fn halves(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.split_once('=').filter(|(_, value)| !value.contains('='))?;
    Some((strip(key), strip(value)))
}

/// Without the blanks around it, as firewalld's language counts them: separators are some.
fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\x1c'..='\x1f').contains(&c))
}

fn is_known(key: &str) -> bool {
    Key::find(key).is_some()
}

fn default(key: &str) -> &'static str {
    Key::find(key).map_or("", |key| key.default)
}

/// Without a file the fallback is spelt in another way.
fn spelt_without_file(value: &str) -> &str {
    if value == "True" { "yes" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REST: &str = "CleanupOnExit=yes\nCleanupModulesOnExit=no\nLockdown=no\nIPv6_rpfilter=yes\n\
                        IndividualCalls=no\nLogDenied=off\nFirewallBackend=nftables\nFlushAllOnReload=True\n\
                        RFC3964_IPv4=True\n";

    #[test]
    fn rewriting_keeps_what_it_does_not_know() {
        for (before, after) in [
            ("", format!("\nDefaultZone=internal\n{REST}")),
            ("DefaultZone=public\n", format!("DefaultZone=internal\n\n{REST}")),
            (
                "# c\n\n\nDefaultZone=public\n# d\nfoo=bar\nbad line\nDefaultZone=block\n",
                format!("# c\n\nDefaultZone=internal\n# d\nfoo=bar\nbad line\n\n{REST}"),
            ),
            (
                "Lockdown=\nMinimalMark=100\nNftablesFlowtable=off\nLogDenied = all \n\n",
                format!(
                    "Lockdown=no\nMinimalMark=100\nNftablesFlowtable=off\nLogDenied = all \n\nDefaultZone=internal\n{}",
                    REST.replace("Lockdown=no\n", "").replace("LogDenied=off\n", "")
                ),
            ),
            ("foo\n\n\r", format!("foo\n\nDefaultZone=internal\n{REST}")),
            (
                "DefaultZone=public\rLogDenied=all\r\nfoo=1\n\n\n \n\n;x=1\n;x=1\nfoo=2\r",
                format!(
                    "DefaultZone=internal\nLogDenied=all\nfoo=1\n\n \n\n;x=1\n\n{}",
                    REST.replace("LogDenied=off\n", "")
                ),
            ),
            (
                "#\x1c\nDefaultZone\x1f= public\x1c\n# a=b\n # a=b\n # a=b\n",
                format!("#\x1c\nDefaultZone=internal\n# a=b\n # a=b\n\n{REST}"),
            ),
        ] {
            let mut conf = Conf::parse(before);
            conf.set("DefaultZone", "internal");
            assert_eq!(conf.rewritten().as_deref(), Some(after.as_str()), "{before:?}");
        }
    }

    #[test]
    fn blanks_alone_are_no_reason_to_write() {
        let text = format!("\n\n\rDefaultZone=internal\r\n\n{REST}");
        let mut conf = Conf::parse(&text);
        conf.set("DefaultZone", "internal");
        assert_eq!(conf.rewritten(), None);
    }

    #[test]
    fn the_first_value_counts_and_an_empty_one_does_not() {
        let conf = Conf::parse("Lockdown=\n LogDenied = all \nLogDenied=off\n# DefaultZone=x\n");
        assert_eq!(conf.get("LogDenied"), "all");
        assert_eq!(conf.get("Lockdown"), "no");
        assert_eq!(conf.get("DefaultZone"), "public");
    }
}
