//! Running `rpm -qa` on an image's database.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use super::{Package, Provided, unreadable};
use crate::error::{Error, Result};
use crate::root::Root;

const PACKAGE: &str = "%{NAME}\t%|EPOCH?{%{EPOCH}}|\t%{VERSION}\t%{RELEASE}\t%{ARCH}	%{INSTALLTID}\
                       [\t%{PROVIDENAME} %{PROVIDEVERSION}]\n";

/// A package, the transaction that installed it, and the plugins that it provides.
pub(super) type Row = (Package, String, Vec<Provided>);

/// Every package in the database at `path` inside the image.
pub(super) fn packages(root: &Root, path: &str) -> Result<Vec<Row>> {
    let text = query_all(root, path, PACKAGE)?;
    let read = |line| {
        let package = package(line).ok_or_else(|| unreadable(line))?;
        let transaction = line.split('\t').nth(5).unwrap_or_default().to_owned();
        let provided = line.split('\t').skip(6).filter_map(|field| provided(field, &package)).collect();
        Ok((package, transaction, provided))
    };
    text.lines().map(read).collect()
}

/// `ovirt-node-plugin(NAME) VERSION`
fn provided(field: &str, package: &Package) -> Option<Provided> {
    let (plugin, version) = field.strip_prefix("ovirt-node-plugin(")?.rsplit_once(") ")?;
    Some(Provided {
        plugin: plugin.to_owned(),
        version: version.to_owned(),
        package: package.name.clone(),
        nevra: package.nevra(),
    })
}

/// Which packages the paths belong to: path and package, in rpm's order.
pub(super) fn owners_of(root: &Root, database: &str, paths: &[String]) -> Result<Vec<(String, String)>> {
    let at = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
    let output = Command::new("rpm")
        .arg("--root")
        .arg(&at)
        .args(["--dbpath", database, "--nodigest", "--nosignature", "-qf"])
        .args(["--qf", "[%{=NAME}\t%{FILENAMES}\n]", "--"])
        .args(paths)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Other(format!("rpm cannot be run: {error}")))?;
    // A path that nobody owns is a line of words, and fails the command.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let asked: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let mut owners: Vec<(String, String)> = text
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .filter(|(_, path)| asked.contains(path))
        .map(|(name, path)| (path.to_owned(), name.to_owned()))
        .collect();
    owners.sort();
    owners.dedup();
    Ok(owners)
}

/// The output of `rpm -qa --qf FORMAT`, bytes that are not UTF-8 replaced.
pub(super) fn query_all(root: &Root, path: &str, format: &str) -> Result<String> {
    let answer = query(root, path, format, &["-qa".into()])?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What `rpm ARGS --qf FORMAT` prints.
pub(super) fn query(root: &Root, path: &str, format: &str, args: &[OsString]) -> Result<Vec<u8>> {
    let output = ask(root, path, format, args)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| line.starts_with("error:")).or(said.lines().next());
    let reason = first.unwrap_or("rpm gave no reason").trim_start_matches("error: ").to_owned();
    Err(Error::malformed(Path::new(path), format!("the rpm database cannot be read: {reason}")))
}

/// Runs a query on the database at `path` inside the image. Signatures are not looked at: they
/// were when the packages were installed.
pub(super) fn ask(root: &Root, path: &str, format: &str, args: &[OsString]) -> Result<Output> {
    let at = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
    Command::new("rpm")
        .arg("--root")
        .arg(&at)
        .args([
            "--dbpath",
            path,
            "--nodigest",
            "--nosignature",
            "-q",
            "--qf",
            format,
        ])
        .args(args)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Other(format!("rpm cannot be run: {error}")))
}

fn package(line: &str) -> Option<Package> {
    let mut fields = line.split('\t');
    let mut field = || fields.next().map(str::to_owned);
    let (name, epoch) = (field()?, field()?);
    Some(Package {
        name,
        epoch: if epoch.is_empty() {
            None
        } else {
            Some(epoch.parse().ok()?)
        },
        version: field()?,
        release: field()?,
        arch: field()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let found = package("a-b\t3\t1.0\t2.el9\tx86_64").unwrap();
        assert_eq!(found.nevra(), "a-b-3:1.0-2.el9.x86_64");
        assert_eq!(package("a\t\t1\t1\tnoarch").unwrap().epoch, None);
        assert_eq!(package("a\tx\t1\t1\tnoarch"), None);
        assert_eq!(package("a\t\t1"), None);
    }
}
