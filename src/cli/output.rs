//! Printing: text as wide as the terminal, or JSON.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::OnceLock;

use nodeshim::error::{Error, Result, if_exists};
use nodeshim::escape::printable;
pub use nodeshim::plan::events;
use nodeshim::plan::{self, Width};
use nodeshim::root::Root;
use rustix::termios::tcgetwinsize;
use serde::Serialize;

use super::progress;
use super::style::{Paint, is_quiet, lines, paint, paint_error};

/// What a terminal is at least used for; below it, words would be cut rather than wrapped.
const NARROWEST: usize = 20;

/// How wide lines on standard output may be: `COLUMNS`, else the terminal's width, else no limit, so
/// that in a pipe one record is one line.
pub fn width() -> Width {
    static WIDTH: OnceLock<Width> = OnceLock::new();
    *WIDTH.get_or_init(|| {
        let named = std::env::var("COLUMNS").ok().and_then(|text| text.parse::<usize>().ok());
        let shown = || {
            let size = io::stdout().is_terminal().then(|| tcgetwinsize(io::stdout()).ok()).flatten();
            size.map(|size| usize::from(size.ws_col))
        };
        let columns = named.filter(|columns| *columns > 0).or_else(shown).filter(|columns| *columns > 0);
        Width(columns.map(|columns| columns.max(NARROWEST)))
    })
}

/// [`plan::wrapped`] for standard output.
pub fn wrapped(head: &str, indent: usize, text: &str) -> String {
    plan::wrapped(width(), head, indent, text)
}

/// Prints to standard output. A reader that went away is no error.
pub fn print(text: &str) -> Result<()> {
    progress::end();
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Error::std_io("standard output", &error))
        }
        _ => Ok(()),
    }
}

/// The version of what `--json` prints. It counts up when a key changes its meaning or goes; new keys
/// do not count.
const SCHEMA: u32 = 1;

/// An object of ours.
#[derive(Serialize)]
struct Object<'v, T> {
    schema: u32,
    #[serde(flatten)]
    value: &'v T,
}

/// A list of ours.
#[derive(Serialize)]
struct List<'v, T> {
    schema: u32,
    items: &'v [T],
}

/// A value that has keys as JSON, with [`SCHEMA`].
pub fn json_text(value: &impl Serialize) -> Result<String> {
    indented(&Object {
        schema: SCHEMA,
        value,
    })
}

/// Prints [`json_text`].
pub fn json(value: &impl Serialize) -> Result<()> {
    print(&json_text(value)?)
}

/// Prints a list as JSON: an object with [`SCHEMA`] and its `items`.
pub fn json_list<T: Serialize>(items: &[T]) -> Result<()> {
    foreign_json(&List {
        schema: SCHEMA,
        items,
    })
}

/// Prints a value in a format that is not ours as JSON.
pub fn foreign_json(value: &impl Serialize) -> Result<()> {
    print(&indented(value)?)
}

/// JSON, indented, with a newline at the end.
fn indented(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(format!("{text}\n"))
}

/// An error as JSON, one line.
pub fn json_error(error: &Error) -> String {
    serde_json::json!({"schema": SCHEMA, "error": error.to_string()}).to_string()
}

/// `1 change`, `2 changes`.
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// The names of the files that declare something, in brackets with a blank before; nothing for none.
pub fn declared_in(paths: &[String]) -> String {
    let names: Vec<&str> = paths.iter().filter_map(|path| path.rsplit('/').next()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!(" [{}]", names.join(" ")),
    }
}

/// A table with a head; nothing where it has no rows. Columns are as wide as what is in them; the last
/// one has no end.
pub fn columns<const N: usize>(head: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.map(|row| row.map(|cell| printable(&cell))).collect();
    if rows.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; N]> = std::iter::once(head.map(str::to_owned)).chain(rows).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for (at, row) in rows.iter().enumerate() {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        let line = line.trim_end();
        text.push_str(&if at == 0 {
            paint(Paint::Strong, line)
        } else {
            line.to_owned()
        });
        text.push('\n');
    }
    text
}

/// A line on standard error about something that is wrong, apart from the data on standard output.
pub fn complain(line: &str) {
    progress::end();
    // If standard error is closed, there is no way to report that.
    let _ = writeln!(io::stderr(), "{} {}", paint_error(Paint::Careful, "nodeshim:"), printable(line));
}

/// A line on standard error that one may do without.
pub fn remark(line: &str) {
    if !is_quiet() {
        progress::end();
        let _ = writeln!(io::stderr(), "nodeshim: {}", printable(line));
    }
}

/// Prints what a verb did, as opposed to what it was asked to show, with colours.
pub fn tell(text: &str) -> Result<()> {
    if is_quiet() { Ok(()) } else { print(&lines(text)) }
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
