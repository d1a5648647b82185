//! Printing: text for a terminal of 80 columns, or JSON.

use std::io::{self, Write};

use nodeshim::error::{Error, Result};
use nodeshim::escape::printable;
pub use nodeshim::plan::{events, wrapped};
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
