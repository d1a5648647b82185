//! Choosing what else has to be installed, by dnf, from directories of packages and nothing else.
//!
//! dnf looks at the image's rpm database from a root of its own, so that nothing of it gets into
//! the image, and copies what it chose; the copies are checked and installed like the others.

use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::stage::{Staged, take};
use crate::error::{Error, Result, if_exists};
use crate::program;
use crate::root::Root;
use crate::rpmdb::{DATABASES, database, messages, package_file};
use crate::tempdir::PrivateDirectory;

/// Where things are in the private directory.
const CHOSEN: &str = "chosen";
const ROOT: &str = "root";
const CACHE: &str = "cache";

/// The packages that `given` need and the image lacks; or what dnf said, if there are no such.
pub(super) fn resolve(
    root: &Root,
    private: &PrivateDirectory,
    given: &[Staged],
    repositories: &[PathBuf],
) -> Result<std::result::Result<Vec<Staged>, Vec<String>>> {
    let at = |name: &str| private.path.join(name);
    for name in [CHOSEN, ROOT, CACHE] {
        private.host.create_dir(at(name), 0o700)?;
    }
    lay_out(root, private)?;
    let mut dnf = dnf(private)?;
    let own = metadata(private, &private.path, "given", given)?;
    dnf.arg(format!("--repofrompath=nodeshim-given,{}", url(&own)));
    for (number, directory) in repositories.iter().enumerate() {
        let directory = std::path::absolute(directory).map_err(|error| Error::std_io(directory, &error))?;
        let repository = if private.host.is_file(directory.join("repodata/repomd.xml")) {
            directory
        } else {
            metadata(private, &directory, &format!("repository-{number}"), &[])?
        };
        dnf.arg(format!("--repofrompath=nodeshim-{number},{}", url(&repository)));
    }
    let nevras: Result<BTreeSet<String>> =
        given.iter().map(|staged| Ok(package_file(&staged.copy)?.nevra)).collect();
    let nevras = nevras?;
    let chosen = at(CHOSEN).display().to_string();
    // dnf 5 downloads nothing that it can reach by a path, unless it is to keep the transaction.
    let packages = if keeps_transactions()? {
        dnf.args(["install", &format!("--store={chosen}/kept")]);
        at(CHOSEN).join("kept/packages")
    } else {
        dnf.args([&format!("--destdir={chosen}"), "--downloadonly", "install"]);
        at(CHOSEN)
    };
    dnf.args(&nevras);
    let output = program::run(&mut dnf)?;
    if !output.status.success() {
        return Ok(Err(messages(&String::from_utf8_lossy(&output.stderr))));
    }
    let mut chosen = Vec::new();
    // Where everything is there already, there is no transaction to keep.
    for entry in if_exists(private.host.list(&packages))?.unwrap_or_default() {
        let path = packages.join(&entry.name);
        if !nevras.contains(&package_file(&path)?.nevra) {
            let number = given.len() + chosen.len();
            chosen.extend(take(private, &path, number)?);
        }
    }
    Ok(Ok(chosen))
}

/// A root that holds nothing but the way to the image's database.
fn lay_out(root: &Root, private: &PrivateDirectory) -> Result<()> {
    let Some(database) = database(root)? else {
        return Ok(());
    };
    let image = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
    let target = image.join(database.strip_prefix("/").unwrap_or(&database));
    for place in DATABASES {
        let link = private.path.join(ROOT).join(place.trim_start_matches('/'));
        private.host.create_dirs(link.parent().unwrap_or(&link), 0o700)?;
        private.host.symlink(&target, link)?;
    }
    Ok(())
}

/// Whether `dnf` is dnf 5 of a release that can keep a transaction (5.2 and later).
fn keeps_transactions() -> Result<bool> {
    let help = program::run(Command::new("dnf").args(["install", "--help"]))?;
    let words = String::from_utf8_lossy(&help.stdout).into_owned();
    Ok(words.split([' ', '=', '\n']).any(|word| word == "--store"))
}

/// dnf without the host's configuration, repositories and plugins.
fn dnf(private: &PrivateDirectory) -> Result<Command> {
    let [.., usual] = DATABASES;
    private.write(".rpmmacros", format!("%_dbpath {usual}\n").as_bytes())?;
    let cache = private.path.join(CACHE).display().to_string();
    let configuration = format!(
        "[main]\nreposdir={cache}/none\nvarsdir={cache}/none\npluginpath={cache}/none\ncachedir={cache}\nlogdir={cache}\n\
         persistdir={cache}\ngpgcheck=0\ninstall_weak_deps=0\nkeepcache=0\nmetadata_expire=0\nbest=1\n"
    );
    let configuration = private.write("dnf.conf", configuration.as_bytes())?;
    let mut dnf = Command::new("dnf");
    dnf.arg("-c")
        .arg(configuration)
        .args(["--quiet", "--assumeyes", "--noplugins", "--releasever=/"]);
    dnf.arg(format!("--installroot={}", private.path.join(ROOT).display()));
    dnf.env_remove("XDG_CONFIG_HOME");
    dnf.env("HOME", &private.path);
    Ok(dnf)
}

/// Makes metadata for the packages in `directory`, in a directory next to it, and returns where; `only` these, if
/// any are named.
fn metadata(private: &PrivateDirectory, directory: &Path, name: &str, only: &[Staged]) -> Result<PathBuf> {
    let place = private.path.join(name);
    private.host.create_dir(&place, 0o700)?;
    let mut command = Command::new("createrepo_c");
    command
        .args(["--quiet", "--no-database", "--baseurl"])
        .arg(url(directory))
        .arg("--outputdir")
        .arg(&place);
    for staged in only {
        command.arg("--includepkg").arg(staged.copy.file_name().unwrap_or_default());
    }
    let output = program::run(command.arg(directory))?;
    if output.status.success() {
        return Ok(place);
    }
    let said = messages(&String::from_utf8_lossy(&output.stderr));
    let reason = said.last().map_or("createrepo_c gave no reason", String::as_str);
    Err(Error::malformed(directory, crate::escape::printable(reason)))
}

/// A path as a URL.
fn url(path: &Path) -> String {
    let mut url = String::from("file://");
    for byte in path.as_os_str().as_bytes() {
        if byte.is_ascii_alphanumeric() || b"/-_.~".contains(byte) {
            url.push(char::from(*byte));
        } else {
            url.push_str(&format!("%{byte:02X}"));
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_becomes_a_url_without_blanks_or_commas() {
        assert_eq!(url(Path::new("/a b/c,d%.rpm")), "file:///a%20b/c%2Cd%25.rpm");
    }
}
