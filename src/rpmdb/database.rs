//! Where an image's rpm database is. `rpm --root` does not chroot before it opens the database: it
//! follows a link on the way there, or in the place of a database file, on the host. So rpm gets the
//! path without links, as the image itself resolves it, and no database file may be a link.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result, if_exists};
use crate::root::{Kind, Root};

/// Where distributions keep the database, in the order in which it is looked for.
pub(crate) const DATABASES: [&str; 2] = ["/usr/lib/sysimage/rpm", "/var/lib/rpm"];

/// The files that a database consists of, by its kind: sqlite, ndb, Berkeley DB.
const FILES: [&str; 3] = ["rpmdb.sqlite", "Packages.db", "Packages"];

/// The directory of the image's database, without links on the way there; `None` if it has none.
///
/// # Errors
/// If a file of the database is a link.
pub fn database(root: &Root) -> Result<Option<PathBuf>> {
    for directory in DATABASES {
        if FILES.iter().any(|file| root.is_file(format!("{directory}/{file}"))) {
            let resolved = root.resolve(directory)?;
            refuse_macros(&resolved)?;
            refuse_links(root, &resolved)?;
            return Ok(Some(resolved));
        }
    }
    Ok(None)
}

/// Where a database is, or would be made.
pub(crate) fn place(root: &Root) -> Result<PathBuf> {
    let [of_images, usual] = DATABASES;
    let usual = if root.is_dir(of_images) { of_images } else { usual };
    match database(root)? {
        Some(path) => Ok(path),
        None => Ok(if_exists(root.resolve(usual))?.unwrap_or_else(|| usual.into())),
    }
}

/// rpm expands macros in the path of a database.
fn refuse_macros(resolved: &Path) -> Result<()> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"/-_.+@:".contains(byte);
    match resolved.as_os_str().as_bytes().iter().all(plain) {
        true => Ok(()),
        false => Err(Error::malformed(resolved, "rpm is not given a database in a directory of such a name")),
    }
}

fn refuse_links(root: &Root, directory: &Path) -> Result<()> {
    let entries = root.list(directory)?;
    match entries.iter().find(|entry| entry.kind == Kind::Link) {
        None => Ok(()),
        Some(link) => Err(Error::malformed(
            directory.join(&link.name),
            "is a link: rpm would take another database for the image's; remove it",
        )),
    }
}

/// Refuses an image whose database rpm would look for outside of it without `--dbpath`.
///
/// # Errors
/// Names the directory, and where rpm would come to on the host.
pub(crate) fn refuse_outer_database(root: &Root) -> Result<()> {
    let host = Root::open("/")?;
    let image = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
    let image = host.resolve(image)?;
    for directory in DATABASES {
        let inner = Path::new(directory).strip_prefix("/").unwrap_or(Path::new(directory));
        let Some(resolved) = if_exists(root.resolve(directory))? else {
            continue;
        };
        let wanted = image.join(resolved.strip_prefix("/").unwrap_or(&resolved));
        let found = if_exists(host.resolve(image.join(inner)))?;
        if found.as_ref() != Some(&wanted) {
            let found = found.map_or("nowhere".into(), |found| found.display().to_string());
            return Err(Error::malformed(
                directory,
                format!("leads rpm out of the image, to {found}: make the link relative"),
            ));
        }
    }
    database(root).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(at: &Path) -> Root {
        let root = Root::open(at).unwrap();
        root.create_dirs("/usr/lib/sysimage/rpm", 0o755).unwrap();
        root.create_dirs("/var/lib", 0o755).unwrap();
        root.write("/usr/lib/sysimage/rpm/rpmdb.sqlite", b"", None).unwrap();
        root
    }

    #[test]
    fn a_relative_link_to_the_database_is_resolved() {
        let place = tempfile::tempdir().unwrap();
        let root = image(place.path());
        root.symlink("../../usr/lib/sysimage/rpm", "/var/lib/rpm").unwrap();
        assert_eq!(database(&root).unwrap().unwrap(), Path::new("/usr/lib/sysimage/rpm"));
        refuse_outer_database(&root).unwrap();
    }

    #[test]
    fn a_database_behind_an_absolute_link_is_the_images_or_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = image(place.path());
        root.create_dirs("/elsewhere", 0o755).unwrap();
        root.rename("/usr/lib/sysimage", "/elsewhere/sysimage").unwrap();
        root.symlink("/elsewhere/sysimage", "/usr/lib/sysimage").unwrap();
        assert_eq!(database(&root).unwrap().unwrap(), Path::new("/elsewhere/sysimage/rpm"));
        let error = refuse_outer_database(&root).unwrap_err().to_string();
        assert!(error.contains("leads rpm out of the image"), "{error}");
    }

    #[test]
    fn a_database_behind_the_name_of_a_macro_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = image(place.path());
        root.rename("/usr/lib/sysimage/rpm", "/usr/lib/sysimage/%(touch pwned)").unwrap();
        root.symlink("%(touch pwned)", "/usr/lib/sysimage/rpm").unwrap();
        assert!(database(&root).unwrap_err().to_string().contains("%(touch pwned)"));
    }

    #[test]
    fn a_database_file_that_is_a_link_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let root = image(place.path());
        root.write("/usr/lib/sysimage/rpm/real", b"", None).unwrap();
        root.replace_with_symlink("real", "/usr/lib/sysimage/rpm/rpmdb.sqlite").unwrap();
        let error = database(&root).unwrap_err().to_string();
        assert!(error.contains("rpmdb.sqlite: is a link"), "{error}");
    }
}
