//! Running `rpm -qa` on an image's database.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output};

use super::quoted::records;
use super::{Package, Provided, unreadable};
use crate::error::{Error, Result};
use crate::program;
use crate::root::Root;

const PACKAGE: &str = "%{NAME:shescape}\t%|EPOCH?{%{EPOCH}}|\t%{VERSION:shescape}\t%{RELEASE:shescape}\t\
                       %{ARCH:shescape}\t%{INSTALLTID}[\t%{PROVIDENAME:shescape}\t%{PROVIDEVERSION:shescape}]\n";

/// A package, the transaction that installed it, and the plugins that it provides.
pub(super) type Row = (Package, String, Vec<Provided>);

/// Every package in the database at `path` inside the image.
pub(super) fn packages(root: &Root, path: &Path) -> Result<Vec<Row>> {
    let read = |fields: Vec<String>| row(&fields).ok_or_else(|| unreadable(&fields.join(" ")));
    records(&query_all(root, path, PACKAGE)?).into_iter().map(read).collect()
}

fn row(fields: &[String]) -> Option<Row> {
    let (fields, provides) = fields.split_at_checked(6)?;
    let [name, epoch, version, release, arch, transaction] = fields else {
        return None;
    };
    let package = Package {
        name: name.clone(),
        epoch: match epoch.as_str() {
            "" => None,
            epoch => Some(epoch.parse().ok()?),
        },
        version: version.clone(),
        release: release.clone(),
        arch: arch.clone(),
    };
    let provided = provides.chunks_exact(2).filter_map(|pair| provided(&pair[0], &pair[1], &package));
    let provided = provided.collect();
    Some((package, transaction.clone(), provided))
}

/// What a package says by `ovirt-node-plugin(NAME) = VERSION`.
fn provided(name: &str, version: &str, package: &Package) -> Option<Provided> {
    let plugin = name.strip_prefix("ovirt-node-plugin(")?.strip_suffix(')')?;
    Some(Provided {
        plugin: plugin.to_owned(),
        version: version.to_owned(),
        package: package.name.clone(),
        nevra: package.nevra(),
    })
}

/// The output of `rpm -qa --qf FORMAT`, bytes that are not UTF-8 replaced.
pub(super) fn query_all(root: &Root, path: &Path, format: &str) -> Result<String> {
    let answer = query(root, path, format, &["-qa".into()])?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// What `rpm ARGS --qf FORMAT` prints.
pub(super) fn query(root: &Root, path: &Path, format: &str, args: &[OsString]) -> Result<Vec<u8>> {
    let output = ask(root, path, format, args)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| line.starts_with("error:")).or(said.lines().next());
    let reason = first.unwrap_or("rpm gave no reason").trim_start_matches("error: ").to_owned();
    Err(Error::malformed(path, format!("the rpm database cannot be read: {reason}")))
}

/// Runs a query on the database at `path` inside the image. Signatures are not looked at: they
/// were when the packages were installed.
pub(super) fn ask(root: &Root, path: &Path, format: &str, args: &[OsString]) -> Result<Output> {
    let at = std::path::absolute(root.path()).map_err(|error| Error::std_io(root.path(), &error))?;
    let mut command = Command::new("rpm");
    command.arg("--root").arg(&at).arg("--dbpath").arg(path);
    command.args(["--nodigest", "--nosignature", "-q", "--qf", format]).args(args);
    program::run(&mut command)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newline_in_a_header_makes_no_package() {
        let of = |text: &str| row(&records(text)[0]);
        let (package, transaction, provided) =
            of("'a-b'\t3\t'1.0'\t'2.el9'\t'x86_64'\t77\t'zzz\nfake\t\t1'\t''\t'ovirt-node-plugin(p)'\t'4'\n")
                .unwrap();
        assert_eq!((package.nevra().as_str(), transaction.as_str()), ("a-b-3:1.0-2.el9.x86_64", "77"));
        assert_eq!(
            (provided.len(), provided[0].plugin.as_str(), provided[0].version.as_str()),
            (1, "p", "4")
        );
        assert_eq!(of("'a'\t\t'1'\t'1'\t'noarch'\t0\n").unwrap().0.epoch, None);
        assert_eq!(of("'a'\tx\t'1'\t'1'\t'noarch'\t0\n"), None);
        assert_eq!(of("'a'\t\t'1'\n"), None);
    }
}
