//! The header of a package file, read without rpm: rpm takes the names of files that it is given for
//! patterns and expands macros in them, and what it reads may be a list of further files.
//!
//! The `rpm` library trusts the lengths in a header, so they are looked at first, by the rules of
//! rpm's own `hdrblobVerifyInfo` (lib/header.c, 4.18).

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rpm::{IndexData, PackageMetadata};

use crate::error::{Error, Result};

/// Longer headers are refused; those that distributions build stay below a quarter of it.
const LIMIT: usize = 64 << 20;
/// The lead, which only says by its start that this is a package.
const LEAD: usize = 96;
const LEAD_MAGIC: [u8; 4] = [0xed, 0xab, 0xee, 0xdb];
/// What every header begins with.
const MAGIC: [u8; 4] = [0x8e, 0xad, 0xe8, 0x01];
/// How long a header's beginning is, and each entry of its index.
const UNIT: usize = 16;

/// The bytes that one item of each type takes at least, in the order of the types' numbers: null, char,
/// int8, int16, int32, int64, string, binary, array of strings, translated strings.
const ITEM: [usize; 10] = [0, 1, 1, 2, 4, 8, 1, 1, 1, 1];

/// A package's header and the one with its signatures.
pub(super) struct Headers {
    both: PackageMetadata,
    path: PathBuf,
    /// The package up to the end of its header, and where that begins.
    bytes: Vec<u8>,
    main: usize,
}

impl Headers {
    /// Reads the headers of the package that `file` is; `path` is what it is spoken of by.
    pub(super) fn read(file: &mut File, path: &Path) -> Result<Headers> {
        let (bytes, main) = take_headers(file, path)?;
        let both = PackageMetadata::parse(&mut bytes.as_slice());
        Ok(Headers {
            both: both.map_err(|error| Error::malformed(path, error.to_string()))?,
            path: path.to_owned(),
            bytes,
            main,
        })
    }

    /// The texts that a tag holds; none if it is not there.
    pub(super) fn texts(&self, tag: impl Into<u32>) -> Result<Vec<String>> {
        Ok(match self.entry(tag.into())? {
            Some(IndexData::StringTag(text)) => vec![text],
            Some(IndexData::StringArray(texts) | IndexData::I18NString(texts)) => texts,
            _ => Vec::new(),
        })
    }

    /// The first text that a tag holds.
    pub(super) fn text(&self, tag: impl Into<u32>) -> Result<Option<String>> {
        Ok(self.texts(tag)?.into_iter().next())
    }

    /// The numbers that a tag holds; none if it is not there.
    pub(super) fn numbers(&self, tag: impl Into<u32>) -> Result<Vec<u64>> {
        Ok(match self.entry(tag.into())? {
            Some(IndexData::Int16(numbers)) => numbers.into_iter().map(u64::from).collect(),
            Some(IndexData::Int32(numbers)) => numbers.into_iter().map(u64::from).collect(),
            Some(IndexData::Int64(numbers)) => numbers,
            Some(IndexData::Char(numbers) | IndexData::Int8(numbers)) => {
                numbers.into_iter().map(u64::from).collect()
            }
            _ => Vec::new(),
        })
    }

    /// The signatures that are held under a tag of the other header: bytes, or base64 since rpm 6.
    pub(super) fn signatures(&self, tag: impl Into<u32>) -> Vec<Vec<u8>> {
        match self.both.signature.entry(tag) {
            Ok(IndexData::Bin(bytes)) => vec![bytes],
            Ok(IndexData::StringArray(texts)) => {
                texts.iter().map(|text| STANDARD.decode(text).unwrap_or_default()).collect()
            }
            // What cannot be understood is not the same as nothing.
            Ok(_) => vec![Vec::new()],
            Err(_) => Vec::new(),
        }
    }

    /// The bytes that a signature of the header is made over.
    pub(super) fn main(&self) -> &[u8] {
        &self.bytes[self.main..]
    }

    /// Whether it is a source package: one that names no source package that it was built from.
    pub(crate) fn is_source(&self) -> bool {
        self.both.is_source_package()
    }

    fn entry(&self, tag: u32) -> Result<Option<IndexData>> {
        match self.both.header.entry(tag) {
            Ok(data) => Ok(Some(data)),
            Err(rpm::Error::TagNotFound(_)) => Ok(None),
            Err(error) => Err(Error::malformed(&self.path, error.to_string())),
        }
    }
}

/// The bytes of a package up to the end of its header, if all lengths in them hold, and where the header
/// begins that is not the one with the signatures.
fn take_headers(file: &mut File, path: &Path) -> Result<(Vec<u8>, usize)> {
    let io = |error: std::io::Error| Error::std_io(path, &error);
    let no_package = || Error::malformed(path, "this is not an RPM package");
    let length = usize::try_from(file.metadata().map_err(io)?.len()).unwrap_or(usize::MAX);
    let (mut bytes, mut main) = (Vec::new(), 0);
    let mut more = |bytes: &mut Vec<u8>, count: usize| {
        let from = bytes.len();
        if count > LIMIT || from + count > length {
            return Err(Error::malformed(path, "its header is truncated, or too long"));
        }
        bytes.resize(from + count, 0);
        file.read_exact(&mut bytes[from..]).map_err(io)
    };
    more(&mut bytes, LEAD + UNIT).map_err(|_| no_package())?;
    if bytes[..LEAD_MAGIC.len()] != LEAD_MAGIC {
        return Err(no_package());
    }
    for is_main in [false, true] {
        let start = bytes.len() - UNIT;
        main = start;
        let [entries, data] = lengths(&bytes[start..]).ok_or_else(no_package)?;
        more(&mut bytes, entries * UNIT + data)?;
        if !is_sound(&bytes[start + UNIT..], entries, data) {
            return Err(Error::malformed(path, "its header is not as rpm writes it"));
        }
        if !is_main {
            // The header with the signatures is filled up to a multiple of eight bytes.
            let padding = (8 - data % 8) % 8;
            more(&mut bytes, padding + UNIT)?;
        }
    }
    Ok((bytes, main))
}

/// How many entries a header has, and how many bytes of data, from its beginning.
fn lengths(beginning: &[u8]) -> Option<[usize; 2]> {
    let number = |at: usize| Some(u32::from_be_bytes(beginning.get(at..at + 4)?.try_into().ok()?) as usize);
    let (entries, data) = (number(8)?, number(12)?);
    (beginning.starts_with(&MAGIC) && entries < 0x1_0000 && data <= LIMIT).then_some([entries, data])
}

/// Whether every entry of an index lies within the data.
fn is_sound(bytes: &[u8], entries: usize, data: usize) -> bool {
    bytes[..entries * UNIT].chunks_exact(UNIT).all(|entry| {
        let number = |at: usize| u32::from_be_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]]);
        let (kind, offset, count) = (number(4) as usize, number(8) as usize, number(12) as usize);
        let (Some(size), Some(room)) = (ITEM.get(kind), data.checked_sub(offset)) else {
            return false;
        };
        count > 0 && count.checked_mul(*size).is_some_and(|needed| needed <= room)
    })
}
