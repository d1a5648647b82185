//! Which files packages own, and how they left the package.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use super::{database, query, unreadable};
use crate::error::Result;
use crate::root::Root;

/// A file of an installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Packaged {
    /// The package, `name-[epoch:]version-release.arch`.
    pub nevra: String,
    /// Length in bytes.
    pub size: u64,
    /// Time of change that rpm gives it, seconds since 1970.
    pub modified: i64,
    /// Digest of its content, lower case hex; empty for what has none.
    pub digest: String,
}

/// Packaged files by path; several packages may own one.
pub type Files = BTreeMap<Vec<u8>, Vec<Packaged>>;

/// As many paths are asked for at once.
const AT_ONCE: usize = 500;

const FORMAT: &str =
    "[%{=NEVRA:shescape}\t%{LONGFILESIZES}\t%{FILEMTIMES}\t%{FILEDIGESTS}\t%{FILENAMES:shescape}\n]";

/// Every file of every installed package. An image without a database has none.
///
/// # Errors
/// If rpm is missing or cannot read the database.
pub fn files(root: &Root) -> Result<Files> {
    let Some(database) = database(root)? else {
        return Ok(Files::new());
    };
    let answer = query::query(root, &database, FORMAT, &["-qa".into()])?;
    let mut files = Files::new();
    read(&answer, |path, packaged| files.entry(path).or_default().push(packaged))?;
    Ok(files)
}

/// What packages own of `paths`; those that none owns are missing.
pub(crate) fn files_at(root: &Root, paths: &[Vec<u8>]) -> Result<Files> {
    let mut files = Files::new();
    let Some(database) = database(root)? else {
        return Ok(files);
    };
    // rpm expands macros in a path that is not absolute, and repeats a path that no package owns,
    // which could be mistaken for an answer.
    let plain = |path: &&Vec<u8>| path.starts_with(b"/") && !path.contains(&b'\n');
    let absolute: Vec<&Vec<u8>> = paths.iter().filter(plain).collect();
    for some in absolute.chunks(AT_ONCE) {
        let mut args = vec![OsString::from("-qf")];
        args.extend(some.iter().map(|path| OsStr::from_bytes(path).to_owned()));
        let answer = query::ask(root, &database, FORMAT, &args)?;
        // If no package owns one of them, rpm prints a message, answers for the others, and fails.
        // It prints all files of the owners, once for each path.
        read_where(
            &answer.stdout,
            |line| !line.starts_with(b"'"),
            |path, packaged| {
                if some.contains(&&path) {
                    let same = files.entry(path).or_default();
                    if !same.contains(&packaged) {
                        same.push(packaged);
                    }
                }
            },
        )?;
    }
    Ok(files)
}

/// The files of these packages, by NEVRA; one that is not installed has none.
pub(crate) fn files_of(root: &Root, nevras: &[&str]) -> Result<Files> {
    let mut files = Files::new();
    let Some(database) = database(root)?.filter(|_| !nevras.is_empty()) else {
        return Ok(files);
    };
    let mut args = vec![OsString::from("-q")];
    args.extend(nevras.iter().map(OsString::from));
    let answer = query::ask(root, &database, FORMAT, &args)?;
    read_where(
        &answer.stdout,
        |line| !line.starts_with(b"'"),
        |path, packaged| files.entry(path).or_default().push(packaged),
    )?;
    Ok(files)
}

fn read(answer: &[u8], each: impl FnMut(Vec<u8>, Packaged)) -> Result<()> {
    read_where(answer, |_| false, each)
}

/// Passes over lines that are to be `skipped`.
fn read_where(
    mut answer: &[u8],
    skipped: impl Fn(&[u8]) -> bool,
    mut each: impl FnMut(Vec<u8>, Packaged),
) -> Result<()> {
    while !answer.is_empty() {
        let end = answer.iter().position(|byte| *byte == b'\n').map_or(answer.len(), |at| at + 1);
        if skipped(&answer[..end]) {
            answer = &answer[end..];
            continue;
        }
        let (path, packaged, rest) = record(answer).ok_or_else(|| {
            let line = answer.split(|byte| *byte == b'\n').next().unwrap_or_default();
            unreadable(&String::from_utf8_lossy(line))
        })?;
        each(path, packaged);
        answer = rest;
    }
    Ok(())
}

/// The first record of rpm's answer, and what follows it.
fn record(answer: &[u8]) -> Option<(Vec<u8>, Packaged, &[u8])> {
    let (nevra, answer) = unquote(answer)?;
    let mut fields = answer.strip_prefix(b"\t")?.splitn(4, |byte| *byte == b'\t');
    let mut field = || fields.next().and_then(|field| str::from_utf8(field).ok());
    let (size, modified, digest) = (field()?, field()?, field()?);
    let packaged = Packaged {
        nevra: String::from_utf8_lossy(&nevra).into_owned(),
        size: size.parse().ok()?,
        modified: modified.parse().ok()?,
        digest: digest.to_owned(),
    };
    let (path, rest) = unquote(fields.next()?)?;
    Some((path, packaged, rest.strip_prefix(b"\n")?))
}

/// A word in single quotes, in which `'\''` stands for a quote, and what follows it.
fn unquote(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let mut word = Vec::new();
    let mut rest = text.strip_prefix(b"'")?;
    loop {
        let end = rest.iter().position(|byte| *byte == b'\'')?;
        word.extend_from_slice(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix(b"\\''") {
            Some(more) => {
                word.push(b'\'');
                rest = more;
            }
            None => return Some((word, rest)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_hold_any_file_name() {
        let answer = b"'a-1-1.noarch'\t5\t70\tabc\t'/it'\\''s\n\xff'\n'b-1-1.noarch'\t0\t1\t\t'/x'\n";
        let mut found = Vec::new();
        read(answer, |path, packaged| found.push((path, packaged))).unwrap();
        assert_eq!(found[0].0, b"/it's\n\xff");
        assert_eq!((found[0].1.size, found[0].1.modified, found[0].1.digest.as_str()), (5, 70, "abc"));
        assert_eq!((found[1].0.as_slice(), found[1].1.digest.as_str()), (&b"/x"[..], ""));
        assert!(read(b"'a'\t1\t'open", |_, _| {}).is_err());
    }
}
