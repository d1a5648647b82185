//! Rules of our blocks that somebody took out of them on a node stay out while the same is asked.

use std::collections::{BTreeMap, BTreeSet};

use super::FILES;
use super::block::{self, Line};
use crate::error::{Result, if_exists};
use crate::firewall::lokkit::rules::is_lokkits;
use crate::plan::{Action, PlannedChange};
use crate::root::Root;

/// Takes those rules out of the planned rule files that were in our blocks when they were applied
/// last and are not there any more; a file that then says what the one there says is not changed.
/// `rules` are those of each file's blocks then. Says what stays closed.
pub(crate) fn keep_closed(
    root: &Root,
    rules: &BTreeMap<String, BTreeSet<String>>,
    changes: &mut Vec<PlannedChange>,
) -> Result<Vec<String>> {
    let (mut closed, mut same) = (Vec::new(), Vec::new());
    for change in changes.iter_mut() {
        let (Some(before), Action::Write { content, .. }) = (rules.get(&change.path), &mut change.action)
        else {
            continue;
        };
        let Some(actual) = text(root, &change.path)? else {
            continue;
        };
        // lokkit writes the whole file, and so drops our block, which no request asked for.
        if is_lokkits(&actual) && !block::has_block(&actual) {
            continue;
        }
        let there = block::rules(&actual);
        let is_taken_out = |rule: &str| before.contains(rule) && !there.contains(rule);
        let kept = block::lines(content).filter(|line| match line {
            Line::Rule(rule) if is_taken_out(rule) => {
                closed.push(format!("{rule} in {}", change.path));
                false
            }
            _ => true,
        });
        let kept: String = kept.map(|line| format!("{}\n", line.text())).collect();
        if kept == actual {
            same.push(change.path.clone());
        }
        *content = kept;
    }
    changes.retain(|change| !same.contains(&change.path));
    Ok(closed)
}

/// The rules in our blocks of the rule files, as `planned` has them or, where it leaves a file as it
/// is, as they are there; by file.
pub(crate) fn rules_in_blocks(
    root: &Root,
    planned: &[PlannedChange],
) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let mut all = BTreeMap::new();
    for (_, path) in FILES {
        let change = planned.iter().find(|change| change.path == path);
        let found = match change.map(|change| &change.action) {
            Some(Action::Write { content, .. }) => block::rules(content),
            Some(_) => BTreeSet::new(),
            None => text(root, path)?.map_or(BTreeSet::new(), |text| block::rules(&text)),
        };
        if !found.is_empty() {
            all.insert(path.to_owned(), found);
        }
    }
    Ok(all)
}

/// A file's text; none where there is none, or no UTF-8.
fn text(root: &Root, path: &str) -> Result<Option<String>> {
    Ok(if_exists(root.read(path))?.and_then(|bytes| String::from_utf8(bytes).ok()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/sysconfig/iptables";

    fn file(rules: &[&str]) -> String {
        let rules: String = rules.iter().map(|rule| format!("-A INPUT {rule}\n")).collect();
        format!("*filter\n-A INPUT -i lo -j ACCEPT\n# nodeshim: begin\n# p\n{rules}# nodeshim: end\nCOMMIT\n")
    }

    /// What is written, and what stays closed.
    fn kept(planned: &[&str], before: &[&str], actual: &str) -> (Option<String>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        root.create_dirs("/etc/sysconfig", 0o755).unwrap();
        root.write(PATH, actual.as_bytes(), None).unwrap();
        let before = BTreeMap::from([(PATH.to_owned(), block::rules(&file(before)))]);
        let mut changes = vec![PlannedChange {
            path: PATH.into(),
            action: Action::Write {
                content: file(planned),
                mode: 0o600,
            },
            because: Vec::new(),
            why: String::new(),
        }];
        let closed = keep_closed(&root, &before, &mut changes).unwrap();
        let written = changes.pop().and_then(|change| match change.action {
            Action::Write { content, .. } => Some(content),
            _ => None,
        });
        (written, closed)
    }

    #[test]
    fn a_rule_that_was_taken_out_stays_out_and_a_new_one_comes_in() {
        let said = vec![format!("-A INPUT --dport 2 in {PATH}")];
        let (written, closed) =
            kept(&["--dport 1", "--dport 2"], &["--dport 1", "--dport 2"], &file(&["--dport 1"]));
        assert_eq!((written, &closed), (None, &said));
        let (written, closed) = kept(
            &["--dport 1", "--dport 2", "--dport 3"],
            &["--dport 1", "--dport 2"],
            &file(&["--dport 1"]),
        );
        assert_eq!((written, &closed), (Some(file(&["--dport 1", "--dport 3"])), &said));
    }

    #[test]
    fn a_file_that_lokkit_has_written_anew_gets_its_blocks_back() {
        let bare = "# Generated by lokkit from x\n*filter\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
        assert_eq!(kept(&["--dport 1"], &["--dport 1"], bare), (Some(file(&["--dport 1"])), Vec::new()));
    }

    #[test]
    fn a_block_that_was_removed_stays_away() {
        let bare = "*filter\n-A INPUT -i lo -j ACCEPT\nCOMMIT\n";
        let (_, closed) = kept(&["--dport 1"], &["--dport 1"], bare);
        assert_eq!(closed.len(), 1);
        let (written, closed) = kept(&["--dport 1"], &[], bare);
        assert_eq!((written, closed), (Some(file(&["--dport 1"])), Vec::new()));
    }
}
