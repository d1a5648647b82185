//! Printing: text for a terminal of 80 columns, or JSON.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use nodeshim::error::{Error, Result, if_exists};
use nodeshim::escape::printable;
pub use nodeshim::plan::{events, wrapped};
use nodeshim::root::Root;
use serde::Serialize;

/// Prints to standard output. A reader that went away is no error.
pub fn print(text: &str) -> Result<()> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::std_io("standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Prints a value as JSON, indented, with a newline at the end.
pub fn json(value: &impl Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Other(error.to_string()))?;
    print(&format!("{text}\n"))
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// A line on standard error, apart from the data on standard output.
pub fn complain(line: &str) {
    // If nobody reads it, there is nobody to tell.
    let _ = writeln!(io::stderr(), "nodeshim: {}", printable(line));
}

/// Prints a file as it is, several with their names.
pub fn print_files(files: &BTreeMap<String, String>) -> Result<()> {
    if let (1, Some(text)) = (files.len(), files.values().next()) {
        return print(text);
    }
    files.iter().try_for_each(|(path, text)| print(&format!("==> {path} <==\n{text}\n")))
}

/// Writes files below a directory of the caller's, which is made where it is missing.
pub fn write_all(directory: &Path, files: &BTreeMap<String, String>) -> Result<()> {
    let out = directory_at(directory)?;
    for (path, text) in files {
        if let Some((above, _)) = path.rsplit_once('/') {
            out.create_dirs(format!("/{above}"), 0o755)?;
        }
        out.write(format!("/{path}"), text.as_bytes(), Some(0o644))?;
    }
    Ok(())
}

/// A directory of the caller's, made where it is missing.
fn directory_at(path: &Path) -> Result<Root> {
    let path = std::path::absolute(path).map_err(|error| Error::std_io(path, &error))?;
    let mut missing = None;
    for above in path.ancestors() {
        match if_exists(Root::open(above))? {
            None => missing = Some(above),
            Some(there) => {
                if missing.is_some() {
                    let rest = path.strip_prefix(above).unwrap_or(&path);
                    there.create_dirs(Path::new("/").join(rest), 0o755)?;
                }
                break;
            }
        }
    }
    Root::open(&path)
}
