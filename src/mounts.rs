//! File systems that are mounted below an image: parts of it that neither an overlay on it shows nor
//! a watch over its own file system sees.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::root::Root;

/// The kernel's list for this process.
const TABLE: &str = "/proc/self/mountinfo";

/// What the kernel fills, or what is empty after a boot: no package's files belong there.
const NOT_OF_THE_IMAGE: [&str; 5] = ["dev", "proc", "sys", "run", "tmp"];

/// The directories below an image that are mount points and belong to it, as absolute paths in the
/// image, sorted. None where `/proc` is not mounted. Single files that are mounted over are a
/// container engine's: `/etc/hosts`.
pub(crate) fn below(image: &Path) -> Result<Vec<PathBuf>> {
    let image = std::path::absolute(image).map_err(|error| Error::std_io(image, &error))?;
    let host = Root::open("/")?;
    let image = host.resolve(image)?;
    match host.read(TABLE) {
        Ok(table) => {
            let mut places = parts(&image, &table);
            places.retain(|place| host.is_dir(image.join(place.strip_prefix("/").unwrap_or(place))));
            Ok(places)
        }
        Err(error) if error.is_missing() => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

fn parts(image: &Path, table: &[u8]) -> Vec<PathBuf> {
    let places = table.split(|byte| *byte == b'\n').filter_map(|line| {
        let field = line.split(|byte| *byte == b' ').nth(4)?;
        let place = PathBuf::from(unescape(field));
        let inside = place.strip_prefix(image).ok()?;
        let first = inside.iter().next()?;
        NOT_OF_THE_IMAGE.iter().all(|name| first != *name).then(|| Path::new("/").join(inside))
    });
    let mut places: Vec<PathBuf> = places.collect();
    places.sort();
    places.dedup();
    places
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
        let found = |image: &str, places: &[&str]| -> Vec<PathBuf> {
            parts(Path::new(image), places.iter().map(|place| line(place)).collect::<String>().as_bytes())
        };
        let nothing: [PathBuf; 0] = [];
        assert_eq!(found("/srv/image", &["/", "/srv/image", "/srv/image/dev", "/srv/image2/usr"]), nothing);
        assert_eq!(found("/srv/a b", &["/srv/a\\040b/usr"]), [PathBuf::from("/usr")]);
        assert_eq!(
            found("/", &["/var/lib", "/", "/proc", "/dev/shm", "/boot", "/var/lib"]),
            ["/boot", "/var/lib"].map(PathBuf::from)
        );
    }
}
