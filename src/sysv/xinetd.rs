//! Services of xinetd: one file each, on unless its `disable` line says yes; readXinetdServiceInfo() and
//! setXinetdService() of chkconfig 1.33.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::script::is_leftover;
use crate::error::{Result, if_exists};
use crate::root::Root;

const DIRECTORY: &str = "/etc/xinetd.d";
/// chkconfig leaves a file that it has written readable by root alone.
const MODE: u32 = 0o600;

fn path(name: &OsStr) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// Reads a service's file. A name that is no file name has none.
///
/// # Errors
/// If the file cannot be read.
pub fn load(root: &Root, name: &OsStr) -> Result<Option<String>> {
    if name.is_empty() || name.as_bytes().contains(&b'/') {
        return Ok(None);
    }
    if_exists(root.read_text(path(name)))
}

/// The services and their states, sorted by name.
///
/// # Errors
/// If the directory cannot be listed.
pub fn load_all(root: &Root) -> Result<Vec<(OsString, bool)>> {
    let entries = if_exists(root.list(DIRECTORY))?.unwrap_or_default();
    let states = entries.into_iter().filter(|entry| !is_leftover(&entry.name)).filter_map(|entry| {
        let text = root.read_text(path(&entry.name)).ok()?;
        Some((entry.name, is_on(&text)))
    });
    Ok(states.collect())
}

/// Whether a file's service is on: the last line that begins with `disable`, whatever follows
/// the word, decides by having a `yes` in it.
pub(crate) fn is_on(text: &str) -> bool {
    let mut disable = text.lines().filter_map(|line| line.trim_ascii_start().strip_prefix("disable"));
    !disable.next_back().is_some_and(|value| value.contains("yes"))
}

/// The file with the state written into it, the way chkconfig edits: lines that begin with
/// `disable`, and empty ones, go; a new line comes after each line that begins with a brace.
pub fn with_state(text: &str, on: bool) -> String {
    let mut edited = String::with_capacity(text.len() + 16);
    for line in text.split_inclusive('\n') {
        let start = line.trim_ascii_start();
        if start.is_empty() || start.starts_with("disable") {
            continue;
        }
        // A carriage return before the end of a line stays.
        edited.push_str(line.strip_suffix('\n').unwrap_or(line));
        edited.push('\n');
        if start.starts_with('{') {
            edited.push_str(if on {
                "\tdisable\t= no\n"
            } else {
                "\tdisable\t= yes\n"
            });
        }
    }
    edited
}

/// Writes a service's state. Returns whether its file changed.
///
/// # Errors
/// If the file is missing or cannot be written.
pub fn save(root: &Root, name: &OsStr, text: &str, on: bool) -> Result<bool> {
    let edited = with_state(text, on);
    let mode = root.meta_followed(path(name))?.mode;
    if edited == text && mode == MODE {
        return Ok(false);
    }
    root.write(path(name), edited.as_bytes(), Some(MODE))?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn xinetd_service_is_off_only_with_disable_yes() {
        for (line, on) in [
            ("", true),
            ("\tdisable = yes\n", false),
            ("disable=yes\n", false),
            ("\tdisable\t\t= no\n", true),
            ("\tdisable = YES\n", true),
            ("\tdisabled = yes\n", false),
            ("\tdisable =yes # why\n", false),
            ("\tdisable = yes\n\tdisable = no\n", true),
            ("# disable = yes\n", true),
        ] {
            assert_eq!(is_on(&format!("service x\n{{\n{line}}}\n")), on, "{line:?}");
        }
    }

    #[test]
    fn the_state_is_written_after_the_brace_and_old_lines_go() {
        let text = "service echo\n\n{\n\tdisable\t\t= yes\n\tdisabled = x\n\tuser = root\n}";
        let on = "service echo\n{\n\tdisable\t= no\n\tuser = root\n}\n";
        assert_eq!(with_state(text, true), on);
        assert_eq!(with_state(on, true), on);
        assert!(!is_on(&with_state(on, false)));
        assert_eq!(with_state("{\r\n\r\n\tuser = root\r", true), "{\r\n\tdisable\t= no\n\tuser = root\r\n");
    }
}
