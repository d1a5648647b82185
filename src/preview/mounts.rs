//! File systems that are mounted below an image, which an overlay on it does not show.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::root::Root;

/// What the kernel fills, or what is empty after a boot: no package's files belong there.
const NOT_OF_THE_IMAGE: [&str; 5] = ["dev", "proc", "sys", "run", "tmp"];

/// Refuses an image of which a part is another file system. `image` is canonical.
pub(super) fn check(image: &Path) -> Result<()> {
    let table = Root::open("/")?.read("/proc/self/mountinfo")?;
    match below(image, &table) {
        None => Ok(()),
        Some(place) => Err(Error::Other(format!(
            "{}: {} is a file system of its own, which a throw-away copy of the image would not hold",
            image.display(),
            place.display()
        ))),
    }
}

/// The first mount point strictly below `image`, with what belongs to an image.
fn below(image: &Path, table: &[u8]) -> Option<PathBuf> {
    let places = table.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        Some(PathBuf::from(unescape(field)))
    });
    places.into_iter().find(|place| {
        let first = place.strip_prefix(image).ok().and_then(|rest| rest.iter().next());
        first.is_some_and(|first| NOT_OF_THE_IMAGE.iter().all(|name| first != *name))
    })
}

/// The kernel writes blanks and the like as a backslash and three octal digits: proc(5).
fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((first, after)) = rest.split_first() {
        let digits =
            after.get(..3).filter(|_| *first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    OsString::from_vec(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_belongs_to_the_image_counts() {
        let line = |place: &str| format!("36 35 98:0 / {place} rw,noatime - ext4 /dev/root rw\n");
        let found = |image: &str, places: &[&str]| {
            below(Path::new(image), places.iter().map(|place| line(place)).collect::<String>().as_bytes())
        };
        assert_eq!(found("/srv/image", &["/", "/srv/image", "/srv/image/dev", "/srv/image2/usr"]), None);
        assert_eq!(found("/srv/a b", &["/srv/a\\040b/usr"]), Some(PathBuf::from("/srv/a b/usr")));
        assert_eq!(found("/", &["/", "/proc", "/dev/shm", "/var"]), Some(PathBuf::from("/var")));
    }
}
