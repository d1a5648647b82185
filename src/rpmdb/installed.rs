//! What installed packages run: scriptlets, and the programs behind them.

use std::collections::BTreeSet;

use super::quoted::records;
use super::scriptlets::{SINGLE, scriptlets};
use super::{PackageFile, database, query};
use crate::attribution::package_name;
use crate::error::Result;
use crate::root::Root;

/// Those of the installed packages that `wanted` names, `name-[epoch:]version-release.arch`, with their
/// scriptlets and what runs them. Triggers run in the shell as far as is known here, and files are not
/// listed.
///
/// # Errors
/// A database that cannot be read.
pub(crate) fn packages_of(root: &Root, wanted: &BTreeSet<&str>) -> Result<Vec<PackageFile>> {
    let Some(path) = database(root)?.filter(|_| !wanted.is_empty()) else {
        return Ok(Vec::new());
    };
    let mut packages: Vec<PackageFile> = wanted
        .iter()
        .filter_map(|nevra| {
            Some(PackageFile {
                name: package_name(nevra)?.to_owned(),
                nevra: (*nevra).to_owned(),
                ..PackageFile::default()
            })
        })
        .collect();
    for scriptlet in scriptlets(root)? {
        if let Some(package) = packages.iter_mut().find(|package| package.nevra == scriptlet.nevra) {
            package.scriptlets.push(scriptlet);
        }
    }
    for mut fields in records(&query::query_all(root, &path, &format_of_programs())?) {
        if let Some(package) = packages.iter_mut().find(|package| fields.first() == Some(&package.nevra))
            && fields.len() > 2
        {
            let program = fields.split_off(2);
            package.programs.extend(fields.pop().map(|kind| (kind, program)));
        }
    }
    Ok(packages)
}

/// One record a scriptlet that there is at most one of: `'NEVRA' TAB KIND [TAB 'WORD']... NEWLINE`.
fn format_of_programs() -> String {
    let of = |(tag, kind): &(&str, &str)| {
        let kind = kind.replace('%', "%%");
        format!("%|{tag}PROG?{{%{{NEVRA:shescape}}\t{kind}[\t%{{{tag}PROG:shescape}}]\n}}|")
    };
    SINGLE.iter().filter(|(tag, _)| *tag != "VERIFYSCRIPT").map(of).collect()
}
