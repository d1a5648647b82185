//! Recognising the shim by the content of a file. Inode numbers change when an image is copied or
//! its files are copied to the upper layer of an overlay, and they do not show whether somebody
//! wrote into the file.

use std::path::Path;

use super::SHIM_PATH;
use crate::digest::{digest, digest_of, hex};
use crate::error::{Error, Result, if_exists};
use crate::escape::Escaped;
use crate::root::{Kind, Meta, Root};

/// Words that every build of the shim carries and no other program does.
pub const MARK: [u8; 40] = *b"nodeshim: stands in for a tool of images";

/// No shim is larger.
const MAX_SHIM: u64 = 16 << 20;

/// What is known of the shim in an image.
#[derive(Debug)]
pub(super) struct Identity {
    /// SHA-256 of its content; none where no list says so and it is not there.
    digest: Option<String>,
    /// The file at the shim's own path, with any content.
    place: Option<Meta>,
    /// How long it is, where its own place has it as it should be.
    size: Option<u64>,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nothing.
    Nothing,
    /// Our shim, perhaps of another build, perhaps with something written into it since.
    Shim,
    /// A directory, which is never diverted.
    Directory,
    /// Something else: an original.
    Other,
}

impl Identity {
    /// Looks at the shim's own place in the image; `digest` is what a list says of its content.
    pub(crate) fn of_shim(root: &Root, digest: Option<&str>) -> Result<Identity> {
        let place = if_exists(root.meta(SHIM_PATH))?;
        let is_file = place.is_some_and(|meta| meta.kind == Kind::File && meta.size <= MAX_SHIM);
        let found = if is_file {
            Some(content_digest(root, SHIM_PATH)?)
        } else {
            None
        };
        let is_right = found.is_some() && digest.is_none_or(|digest| found.as_deref() == Some(digest));
        Ok(Identity {
            digest: digest.map(str::to_owned).or(found),
            size: place.filter(|_| is_right).map(|meta| meta.size),
            place,
        })
    }

    /// The shim that lies at its own place and is known to be as it should be.
    pub(crate) fn of_known(digest: &str, place: Meta) -> Identity {
        Identity {
            digest: Some(digest.to_owned()),
            size: Some(place.size),
            place: Some(place),
        }
    }

    /// Whether the shim's own place has it as it should be.
    pub(super) fn is_whole(&self) -> bool {
        self.size.is_some()
    }

    /// What is at `path`. A file is read only if it is not a hard link to the shim.
    pub(super) fn at(&self, root: &Root, path: &Path) -> Result<Standing> {
        let Some(meta) = if_exists(root.meta(path))? else {
            return Ok(Standing::Nothing);
        };
        Ok(match meta.kind {
            Kind::Dir => Standing::Directory,
            // What was written into it changed all its names.
            Kind::File if self.is_name_of_shim(&meta) || self.holds_shim(root, path, &meta)? => {
                Standing::Shim
            }
            _ => Standing::Other,
        })
    }

    fn is_name_of_shim(&self, meta: &Meta) -> bool {
        self.place.is_some_and(|place| (place.device, place.inode) == (meta.device, meta.inode))
    }

    fn holds_shim(&self, root: &Root, path: &Path, meta: &Meta) -> Result<bool> {
        if meta.size > MAX_SHIM {
            return Ok(false);
        }
        let content = root.read(path)?;
        // Most originals differ in length, which is known at once; a digest takes milliseconds.
        let may_be_equal = self.size.is_none_or(|size| size == meta.size);
        let is_equal = |shim: &String| may_be_equal && digest(&content) == *shim;
        Ok(self.digest.as_ref().is_some_and(is_equal) || is_marked(&content))
    }
}

/// Whether a program is a shim of some build.
fn is_marked(content: &[u8]) -> bool {
    let mut is_of_mark = [false; 256];
    MARK.iter().for_each(|byte| is_of_mark[usize::from(*byte)] = true);
    // Wherever the mark is, one of these bytes is in it.
    let mut every = content.iter().enumerate().skip(MARK.len() - 1).step_by(MARK.len());
    let is_at = |at: usize, byte: u8| {
        let mut places = (0..MARK.len()).filter(|place| MARK[*place] == byte);
        places.any(|place| content[at - place..].starts_with(&MARK))
    };
    content.starts_with(b"\x7fELF")
        && every.any(|(at, byte)| is_of_mark[usize::from(*byte)] && is_at(at, *byte))
}

/// What tells one original from another: SHA-256 of a file's content, a link's target behind an arrow;
/// `None` if nothing is there.
pub(super) fn fingerprint(root: &Root, path: &Path) -> Result<Option<String>> {
    let Some(meta) = if_exists(root.meta(path))? else {
        return Ok(None);
    };
    Ok(Some(match meta.kind {
        Kind::File => content_digest(root, path)?,
        Kind::Link => format!("-> {}", Escaped::new(root.read_link(path)?).recorded()),
        _ => "neither file nor link".into(),
    }))
}

fn content_digest(root: &Root, path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    let digest = digest_of(root.open_read(path)?);
    Ok(hex(&digest.map_err(|error| Error::std_io(path, &error))?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shim_of_another_build_is_known_by_its_mark_wherever_that_is() {
        for before in 0..100 {
            for after in [0, 1, 39, 40] {
                let content = [
                    b"\x7fELF",
                    vec![b'x'; before].as_slice(),
                    &MARK,
                    vec![b' '; after].as_slice(),
                ]
                .concat();
                assert!(is_marked(&content), "{before} bytes before, {after} after");
                let torn = [
                    b"\x7fELF",
                    vec![b'x'; before].as_slice(),
                    &MARK[1..],
                    vec![b' '; after].as_slice(),
                ]
                .concat();
                assert!(!is_marked(&torn), "{before} bytes before, {after} after");
            }
        }
        assert!(!is_marked(&MARK) && !is_marked(b""));
    }
}
