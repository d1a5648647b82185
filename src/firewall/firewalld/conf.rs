//! `/etc/firewalld/firewalld.conf` (firewalld.conf(5)): values, and rewriting that keeps comments
//! and lines of other versions.

use super::code::{Checked, Code};
use super::conf_values::{Added, Key, find, keys};
use super::generation::{Generation, NEWEST};
use super::grammar::Grammar;
use super::kind::Kind;
use super::store::{Tree, replace_file};
use crate::error::{Result, if_exists};
use crate::root::Root;

/// The file's name in the local configuration.
pub(crate) const FILE: &str = "firewalld.conf";

/// The zone where none is set.
const FALLBACK_ZONE: &str = "public";

/// What is logged where the file cannot be used.
const FALLBACK_SETTINGS: &str = "WARNING: Using fallback firewalld configuration settings.";

/// The configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conf {
    text: String,
    changes: Vec<(&'static str, String)>,
    missing: bool,
}

impl Conf {
    /// Loads it; a missing file means defaults throughout.
    ///
    /// # Errors
    /// If the file cannot be read.
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
            // `firewalld_conf.read` (1.3.3) opens the file in Python's text mode, where a carriage return
            // ends a line, too.
            text: text.replace("\r\n", "\n").replace('\r', "\n"),
            ..Conf::default()
        }
    }

    /// The value of a key, as set, in the file, or by default.
    pub fn get(&self, key: &str, grammar: &Grammar) -> &str {
        self.value(key, grammar.generation())
    }

    fn value(&self, key: &str, generation: Generation) -> &str {
        let changed = self.changes.iter().find(|(changed, _)| *changed == key);
        if let Some((_, value)) = changed {
            return value;
        }
        let known = find(key, generation);
        let takes = |value: &&str| known.is_none_or(|key| key.takes(value) || !key.replaces());
        self.first(key).filter(takes).unwrap_or_else(|| known.map_or("", |key| key.default))
    }

    /// What the first line of a key that has a value says.
    fn first(&self, key: &str) -> Option<&str> {
        let mut lines = self.text.lines().filter_map(assignment);
        lines.find(|(found, value)| *found == key && !value.is_empty()).map(|(_, value)| value)
    }

    /// What firewalld logs about the file when it reads it.
    pub fn complaints(&self, tree: &Tree, grammar: &Grammar) -> Vec<String> {
        let generation = grammar.generation();
        let mut said = Vec::new();
        if self.missing {
            return self.missing_file(tree);
        }
        let mut seen: Vec<&str> = Vec::new();
        for line in self.text.lines().map(strip) {
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let wrong = match assignment(line) {
                None => "Invalid option definition",
                Some((key, _)) if find(key, generation).is_none() => "Invalid option",
                Some((_, "")) => "Missing value",
                Some((key, _)) if seen.contains(&key) => "Duplicate option definition",
                Some((key, _)) => {
                    seen.push(key);
                    continue;
                }
            };
            said.push(format!("ERROR: {wrong}: '{line}'"));
        }
        for key in keys(generation) {
            match self.first(key.name) {
                Some(value) if !key.takes(value) => said.push(key.complaint(value)),
                None if key.name == "DefaultZone" => {
                    said.push(format!(
                        "ERROR: DefaultZone is not set, using default value '{FALLBACK_ZONE}'"
                    ));
                }
                _ => {}
            }
        }
        if let Err(fault) = self.check(grammar) {
            said.push(format!("WARNING: {fault}"));
            said.push(FALLBACK_SETTINGS.to_owned());
        }
        said
    }

    /// What is logged of a default zone that does not exist.
    pub(crate) fn zone_complaint(&self, tree: &Tree) -> Option<String> {
        let zone = self.zone();
        let used = self.default_zone(tree);
        (used != zone).then(|| format!("ERROR: Default zone '{zone}' is not valid. Using '{used}'."))
    }

    fn missing_file(&self, tree: &Tree) -> Vec<String> {
        if !tree.has_firewalld() {
            return Vec::new();
        }
        let path = tree.file(FILE);
        let path = path.display();
        let why = format!("[Errno 2] No such file or directory: '{path}'");
        vec![
            format!("ERROR: Failed to load '{path}': {why}"),
            format!("WARNING: {why}"),
            FALLBACK_SETTINGS.to_owned(),
        ]
    }

    /// Whether the values go together (`sanity_check` of 2.2 and later).
    ///
    /// # Errors
    /// `INVALID_VALUE`
    pub fn check(&self, grammar: &Grammar) -> Checked<()> {
        let filter = self.get("IPv6_rpfilter", grammar);
        if self.get("FirewallBackend", grammar) == "iptables" && filter.ends_with("-forward") {
            return Err(Code::InvalidValue.about(format!(
                "IPv6_rpfilter={filter} is incompatible with FirewallBackend=iptables. This is a limitation of the iptables backend."
            )));
        }
        Ok(())
    }

    /// Sets every key to what it is without a file.
    pub fn reset(&mut self, grammar: &Grammar) {
        self.changes.clear();
        for key in keys(grammar.generation()).filter(|key| key.replaces()) {
            self.set(key.name, spelled_without_file(key.default));
        }
    }

    /// Sets a key.
    pub fn set(&mut self, key: &'static str, value: &str) {
        self.changes.retain(|(changed, _)| *changed != key);
        self.changes.push((key, value.to_owned()));
    }

    /// The file with the changes in it and every key that was missing added at its end; none if
    /// the file says all of it already. A key that is set twice keeps its first line, even one
    /// that firewalld does not know.
    pub fn rewritten(&self, grammar: &Grammar) -> Option<String> {
        let generation = grammar.generation();
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
                if find(key, generation).is_some() && value != self.value(key, generation) {
                    push_line(&mut text, &format!("{key}={}", self.value(key, generation)));
                    (blank, modified) = (false, true);
                    continue;
                }
            }
            push_line(&mut text, line);
            blank = false;
        }
        modified |= self.add_missing(&mut text, &done, blank, generation);
        modified.then_some(text)
    }

    /// Whether there were any.
    fn add_missing(&self, text: &mut String, done: &[&str], mut blank: bool, generation: Generation) -> bool {
        let mut any = false;
        let is_added = |key: &&Key| match key.added {
            Added::Always => true,
            Added::WithoutFile => {
                self.missing || self.changes.iter().any(|(changed, _)| *changed == key.name)
            }
            Added::Never => false,
        };
        let mut added: Vec<&Key> =
            keys(generation).filter(is_added).filter(|key| !done.contains(&key.name)).collect();
        if !self.missing {
            // What reading the file sets comes before what only a reset does.
            added.sort_by_key(|key| key.added == Added::WithoutFile);
        }
        for key in added {
            if !blank {
                text.push('\n');
                blank = true;
            }
            let value = self.value(key.name, generation);
            let value = if self.missing {
                spelled_without_file(value)
            } else {
                value
            };
            push_line(text, &format!("{}={value}", key.name));
            any = true;
        }
        any
    }

    /// Writes the file if it does not say all of it, keeping the one that was there as
    /// `firewalld.conf.old`.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, tree: &Tree, grammar: &Grammar) -> Result<()> {
        let Some(text) = self.rewritten(grammar) else {
            return Ok(());
        };
        replace_file(tree.root, &tree.file(FILE), &text).map(drop)
    }

    /// What `DefaultZone=` says, whether there is such a zone or not.
    pub fn zone(&self) -> &str {
        self.value("DefaultZone", NEWEST)
    }

    /// The default zone: `DefaultZone=`, or if that zone does not exist the first of `public`,
    /// `external` and `block` that does (`_start_check()` of core/fw.py).
    pub(crate) fn default_zone(&self, tree: &Tree) -> String {
        let zone = self.zone();
        if zone == FALLBACK_ZONE || tree.exists(Kind::Zone, zone) {
            return zone.to_owned();
        }
        let exists = |zone: &&str| tree.exists(Kind::Zone, zone);
        let used = [FALLBACK_ZONE, "external"].into_iter().find(exists);
        // Where firewalld is not there yet, its stock zones will be.
        used.unwrap_or(if tree.exists(Kind::Zone, "block") {
            "block"
        } else {
            FALLBACK_ZONE
        })
        .to_owned()
    }
}

/// The default zone of an image.
pub(crate) fn default_zone(root: &Root) -> String {
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

/// Without a file the fallbacks are spelled in another way.
fn spelled_without_file(value: &str) -> &str {
    match value {
        "True" => "yes",
        "False" => "no",
        value => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar() -> Grammar<'static> {
        Grammar::of_generation(Generation(1, 3))
    }

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
            assert_eq!(conf.rewritten(&grammar()).as_deref(), Some(after.as_str()), "{before:?}");
        }
    }

    #[test]
    fn blanks_alone_are_no_reason_to_write() {
        let text = format!("\n\n\rDefaultZone=internal\r\n\n{REST}");
        let mut conf = Conf::parse(&text);
        conf.set("DefaultZone", "internal");
        assert_eq!(conf.rewritten(&grammar()), None);
    }

    #[test]
    fn the_first_value_counts_and_an_empty_one_does_not() {
        let conf = Conf::parse("Lockdown=\n LogDenied = all \nLogDenied=off\n# DefaultZone=x\n");
        assert_eq!(conf.get("LogDenied", &grammar()), "all");
        assert_eq!(conf.get("Lockdown", &grammar()), "no");
        assert_eq!(conf.get("DefaultZone", &grammar()), "public");
    }

    #[test]
    fn each_generation_has_its_own_keys_and_words() {
        let rewritten = |text: &str, generation| {
            let mut conf = Conf::parse(text);
            conf.set("DefaultZone", "drop");
            conf.rewritten(&Grammar::of_generation(generation)).unwrap()
        };
        let loose = "DefaultZone=public\nIPv6_rpfilter=loose\n";
        assert!(rewritten(loose, Generation(1, 3)).contains("IPv6_rpfilter=yes\n"));
        let newest = rewritten(loose, Generation(2, 5));
        assert!(newest.contains("IPv6_rpfilter=loose\n") && !newest.contains("Lockdown"), "{newest}");
        assert!(!newest.contains("Nftables") && newest.contains("CleanupModulesOnExit=no\n"), "{newest}");
        let oldest = rewritten(loose, Generation(0, 9));
        assert!(
            oldest.contains("AllowZoneDrifting=False\n") && !oldest.contains("CleanupModules"),
            "{oldest}"
        );
        let policy = |value: &str| find("ReloadPolicy", Generation(2, 5)).unwrap().takes(value);
        assert!(
            policy("drop") && policy("INPUT:ACCEPT; output=REJECT") && !policy("INPUT:LOG") && !policy("x")
        );
    }
}
