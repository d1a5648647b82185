//! What systemd-sysv-convert remembers: the levels in which init scripts were on before units
//! took their place.

use std::ops::RangeInclusive;

use crate::error::{Result, if_exists};
use crate::root::Root;

/// Where it is kept, one line for each service and level: name, level and start priority, with
/// tabs between them.
const DATABASE: &str = "/var/lib/systemd/sysv-convert/database";

/// A service that was on in a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Saved {
    /// Name of the init script.
    pub service: String,
    /// Run level, 2 to 5.
    pub level: usize,
    /// Start priority.
    pub priority: u8,
}

/// The levels that a service's choice is kept for.
pub(crate) const LEVELS: RangeInclusive<usize> = 2..=5;
/// No priority is higher.
const HIGHEST: u8 = 99;

/// Reads the database's text; lines of another form, and levels and priorities that there are not,
/// are passed over.
pub(crate) fn parse(text: &str) -> Vec<Saved> {
    let line = |line: &str| {
        let mut fields = line.split('\t');
        let service = fields.next()?.to_owned();
        let level = fields.next()?.parse().ok()?;
        let priority = fields.next()?.trim_end().parse().ok()?;
        (LEVELS.contains(&level) && priority <= HIGHEST).then_some(Saved {
            service,
            level,
            priority,
        })
    };
    text.lines().filter_map(line).collect()
}

/// Reads the database; one that is not there is empty.
pub(crate) fn load(root: &Root) -> Result<Vec<Saved>> {
    Ok(parse(&if_exists(root.read_text(DATABASE))?.unwrap_or_default()))
}

/// Adds to the database what it does not hold yet. Returns whether it changed.
pub(crate) fn save(root: &Root, new: &[Saved]) -> Result<bool> {
    let mut text = if_exists(root.read_text(DATABASE))?.unwrap_or_default();
    let known = parse(&text);
    let missing: Vec<&Saved> = new.iter().filter(|saved| !known.contains(saved)).collect();
    if missing.is_empty() {
        return Ok(false);
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    for saved in missing {
        text.push_str(&format!("{}\t{}\t{}\n", saved.service, saved.level, saved.priority));
    }
    if let Some((directory, _)) = DATABASE.rsplit_once('/') {
        root.create_dirs(directory, 0o755)?;
    }
    root.write(DATABASE, text.as_bytes(), None)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_saved_is_read_again_and_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let saved = |level| Saved {
            service: "foo".into(),
            level,
            priority: 7,
        };
        assert!(save(&root, &[saved(3)]).unwrap());
        assert!(save(&root, &[saved(3), saved(5)]).unwrap());
        assert!(!save(&root, &[saved(5)]).unwrap());
        assert_eq!(root.read_text(DATABASE).unwrap(), "foo\t3\t7\nfoo\t5\t7\n");
        assert_eq!(load(&root).unwrap(), [saved(3), saved(5)]);
    }

    #[test]
    fn lines_that_say_something_else_are_passed_over() {
        assert_eq!(parse("\nfoo\nfoo\t3\nfoo\tx\t1\nfoo\t3\t300\nfoo\t3\t100\nfoo\t1\t5\nfoo\t6\t5\n"), []);
    }
}
