//! The files in a package, unpacked by the host's `rpm2cpio`, which is given an open file and no name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// Nothing that is looked for in a package is longer.
const LIMIT: u64 = 16 << 20;
/// A header of cpio's "new ASCII" format (cpio(5)).
const HEADER: usize = 110;
/// No path is longer.
const MAX_NAME: u64 = 64 << 10;

/// The contents of the `wanted` files, by path. No more is unpacked once `count` of them are found.
pub(super) fn contents(
    package: File,
    path: &Path,
    count: usize,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut child = Command::new("rpm2cpio")
        .stdin(Stdio::from(package))
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| Error::cannot_run("rpm2cpio", &error))?;
    let found = child.stdout.take().map(|output| read(BufReader::new(output), count, wanted));
    // It may still be writing, and the rest is not read.
    let _ = child.kill();
    let _ = child.wait();
    match found {
        Some(Ok(found)) => Ok(found),
        _ => Err(Error::malformed(path, "its files cannot be read")),
    }
}

fn read(
    mut archive: impl Read,
    count: usize,
    wanted: impl Fn(&str) -> bool,
) -> io::Result<BTreeMap<String, Vec<u8>>> {
    let mut found = BTreeMap::new();
    // Files that are in the header alone (%ghost) are never found.
    while found.len() < count {
        let mut header = [0; HEADER];
        archive.read_exact(&mut header)?;
        let (size, name_size) = sizes(&header).ok_or(io::ErrorKind::InvalidData)?;
        if name_size > MAX_NAME {
            return Err(io::ErrorKind::InvalidData.into());
        }
        let mut name = vec![0; name_size as usize];
        archive.read_exact(&mut name)?;
        skip(&mut archive, padding(HEADER as u64 + name_size))?;
        let name = String::from_utf8_lossy(name.strip_suffix(b"\0").unwrap_or(&name)).into_owned();
        if name == "TRAILER!!!" {
            break;
        }
        let name = name.trim_start_matches('.').to_owned();
        if wanted(&name) {
            if size > LIMIT {
                return Err(io::ErrorKind::FileTooLarge.into());
            }
            let mut content = vec![0; size as usize];
            archive.read_exact(&mut content)?;
            found.insert(name, content);
        } else {
            skip(&mut archive, size)?;
        }
        skip(&mut archive, padding(size))?;
    }
    Ok(found)
}

/// The length of an entry's content and of its name.
fn sizes(header: &[u8; HEADER]) -> Option<(u64, u64)> {
    let field = |at: usize| {
        let digits = header.get(6 + 8 * at..14 + 8 * at)?;
        u64::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    let is_known = matches!(&header[..6], b"070701" | b"070702");
    is_known.then_some(())?;
    Some((field(6)?, field(11)?))
}

/// What fills up to the next multiple of four bytes.
fn padding(length: u64) -> u64 {
    length.wrapping_neg() % 4
}

fn skip(archive: &mut impl Read, count: u64) -> io::Result<()> {
    match io::copy(&mut archive.take(count), &mut io::sink())? {
        skipped if skipped == count => Ok(()),
        _ => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn entries_are_found_between_others() {
        let mut archive = Vec::new();
        for (name, content) in [("./etc/a", "one"), ("./etc/long", "12345"), ("TRAILER!!!", "")] {
            let fields = [0, 0, 0, 0, 0, 0, content.len(), 0, 0, 0, 0, name.len() + 1, 0];
            let fields: String = fields.iter().map(|field| format!("{field:08X}")).collect();
            for part in [format!("070701{fields}{name}\0"), content.to_owned()] {
                archive.extend(part.bytes());
                archive.resize(archive.len().next_multiple_of(4), 0);
            }
        }
        let is_long = |name: &str| name == "/etc/long";
        let long = BTreeMap::from([("/etc/long".to_owned(), b"12345".to_vec())]);
        assert_eq!(read(archive.as_slice(), 2, is_long).unwrap(), long);
        let cut = &archive[..archive.len() - 30];
        assert!(read(cut, 2, is_long).is_err());
        assert_eq!(read(cut, 1, is_long).unwrap(), long, "nothing is read behind the last");
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_archive_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let archive = [b"070701".as_slice(), &bytes].concat();
            let _ = read(archive.as_slice(), usize::MAX, |_| true);
        }
    }
}
