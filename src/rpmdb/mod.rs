//! What the image's rpm database says, asked of the host's rpm: which packages are installed, and
//! which scriptlets they carry. An image without a database knows of no packages, and says so.

mod about;
mod database;
mod files;
mod installed;
mod keyring;
mod package;
mod program;
mod query;
mod quoted;
mod removal;
mod scriptlets;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::attribution::package_name;
use crate::error::{Error, Result};
use crate::root::Root;

pub use about::{About, about};
pub use database::database;
pub(crate) use database::{DATABASES, place, refuse_outer_database};
pub use files::{Files, Packaged, files};
pub(crate) use files::{files_at, files_of};
pub(crate) use installed::packages_of;
pub use keyring::Keyring;
pub(crate) use keyring::keyring_path;
pub use package::{FileHeader, Hash, Made, PackageFile, Signed, signed};
pub(crate) use package::{header_and_payload, is_of_payload, open_package, package_file};
pub(crate) use program::key_id;
pub use program::{Program, Said, messages, options, quiet};
pub(crate) use removal::trial_removal;
pub use scriptlets::{Scriptlet, owners, scriptlets};

/// An installed package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Its epoch, where it has one.
    pub epoch: Option<u32>,
    /// Its version.
    pub version: String,
    /// Its release.
    pub release: String,
    /// Its architecture; `(none)` for a public key.
    pub arch: String,
}

impl Package {
    /// `name-[epoch:]version-release.arch`, as rpm prints it.
    pub fn nevra(&self) -> String {
        let epoch = self.epoch.map_or(String::new(), |epoch| format!("{epoch}:"));
        format!("{}-{epoch}{}-{}.{}", self.name, self.version, self.release, self.arch)
    }
}

/// A plugin that an installed package says it is: `Provides: ovirt-node-plugin(NAME) = VERSION`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Provided {
    /// The plugin's name, between the parentheses.
    pub plugin: String,
    /// Its version; empty where the package names none.
    pub version: String,
    /// The package's name.
    pub package: String,
    /// The package.
    pub nevra: String,
}

/// The packages that are installed in an image.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Installed {
    /// By name; several of one name are several versions or architectures.
    packages: BTreeMap<String, Vec<Package>>,
    /// The plugins that packages say they are, sorted.
    provided: Vec<Provided>,
    /// By name, which packages which transactions installed.
    installations: BTreeMap<String, Vec<String>>,
    /// Whether the image has a database at all.
    known: bool,
}

impl Installed {
    /// Reads the image's database; an image without one is not an error.
    ///
    /// # Errors
    /// If rpm is missing or cannot read the database.
    pub fn load(root: &Root) -> Result<Installed> {
        match database(root)? {
            None => Ok(Installed::default()),
            Some(path) => {
                let rows = query::packages(root, &path)?;
                let mut installed: Installed = rows.iter().map(|(package, ..)| package.clone()).collect();
                for (package, transaction, provided) in rows {
                    let installation = format!("{} in transaction {transaction}", package.nevra());
                    installed.installations.entry(package.name).or_default().push(installation);
                    installed.provided.extend(provided);
                }
                installed.installations.values_mut().for_each(|same| same.sort());
                installed.provided.sort();
                Ok(installed)
            }
        }
    }

    /// Whether the image has a database: without one nothing is known to be gone.
    pub fn is_known(&self) -> bool {
        self.known
    }

    /// Whether a package of this name is installed, as far as is known.
    pub fn has(&self, name: &str) -> bool {
        self.packages.contains_key(name)
    }

    /// What is installed under a name.
    pub fn of(&self, name: &str) -> &[Package] {
        self.packages.get(name).map_or(&[], Vec::as_slice)
    }

    /// All packages, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().flatten()
    }

    /// All packages, `name-[epoch:]version-release.arch` each.
    pub(crate) fn nevras(&self) -> BTreeSet<String> {
        self.iter().map(Package::nevra).collect()
    }

    /// The plugins that installed packages say they are, by name.
    pub fn provided(&self) -> &[Provided] {
        &self.provided
    }

    /// The newest NEVRA of a name by the order of the database's own listing.
    pub fn nevra(&self, name: &str) -> Option<String> {
        self.of(name).last().map(Package::nevra)
    }

    /// What tells one installation of a name from every other one; empty if it is not installed.
    pub fn installation(&self, name: &str) -> String {
        self.installations.get(name).map_or(String::new(), |same| same.join(", "))
    }

    /// Whether exactly this package is installed.
    pub fn has_nevra(&self, nevra: &str) -> bool {
        package_name(nevra).is_some_and(|name| self.of(name).iter().any(|p| p.nevra() == nevra))
    }
}

impl FromIterator<Package> for Installed {
    /// A database that holds these packages.
    fn from_iter<I: IntoIterator<Item = Package>>(packages: I) -> Self {
        let mut by_name: BTreeMap<String, Vec<Package>> = BTreeMap::new();
        for package in packages {
            by_name.entry(package.name.clone()).or_default().push(package);
        }
        by_name.values_mut().for_each(|same| same.sort());
        Installed {
            packages: by_name,
            provided: Vec::new(),
            installations: BTreeMap::new(),
            known: true,
        }
    }
}

/// Which installed packages the paths belong to: path and package name, sorted. Nothing where the
/// image has no database.
pub(crate) fn owners_of(root: &Root, paths: &[String]) -> Result<Vec<(String, String)>> {
    let asked: Vec<Vec<u8>> = paths.iter().map(|path| path.clone().into_bytes()).collect();
    let files = files_at(root, &asked)?;
    let owners = paths.iter().flat_map(|path| {
        let packaged = files.get(path.as_bytes()).into_iter().flatten();
        packaged.filter_map(|packaged| Some((path.clone(), package_name(&packaged.nevra)?.to_owned())))
    });
    let mut owners: Vec<(String, String)> = owners.collect();
    owners.sort();
    owners.dedup();
    Ok(owners)
}

/// The records that oVirt's own tools keep of plugins, for the packages that say they are plugins:
/// name, `version-release.arch` and the time of installation as rpm prints it in the C locale.
///
/// # Errors
/// If rpm is missing or cannot read the database.
pub fn records(root: &Root) -> Result<Vec<[String; 3]>> {
    const FORMAT: &str = "%{NAME:shescape}\t%{VERSION:shescape}\t%{RELEASE:shescape}\t%{ARCH:shescape}\t\
                          %{INSTALLTIME:date}[\t%{PROVIDENAME:shescape}]\n";
    let Some(path) = database(root)? else {
        return Ok(Vec::new());
    };
    let mut records = Vec::new();
    for fields in quoted::records(&query::query_all(root, &path, FORMAT)?) {
        let [name, version, release, arch, time, provided @ ..] = fields.as_slice() else {
            return Err(unreadable(&fields.join(" ")));
        };
        if provided.iter().any(|provided| provided.starts_with("ovirt-node-plugin(")) {
            records.push([name.clone(), format!("{version}-{release}.{arch}"), time.clone()]);
        }
    }
    records.sort();
    Ok(records)
}

fn unreadable(line: &str) -> Error {
    Error::program("rpm", format!("printed a line that cannot be read: {}", crate::escape::printable(line)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, epoch: Option<u32>) -> Package {
        Package {
            name: name.into(),
            epoch,
            version: "1".into(),
            release: "2.el9".into(),
            arch: "noarch".into(),
        }
    }

    #[test]
    fn a_nevra_has_an_epoch_only_where_the_package_has_one() {
        assert_eq!(package("a-b", None).nevra(), "a-b-1-2.el9.noarch");
        assert_eq!(package("a-b", Some(0)).nevra(), "a-b-0:1-2.el9.noarch");
    }

    #[test]
    fn an_image_without_a_database_knows_of_no_packages() {
        let dir = tempfile::tempdir().unwrap();
        let installed = Installed::load(&Root::open(dir.path()).unwrap()).unwrap();
        assert!(!installed.is_known());
        assert!(!installed.has("bash"));
        assert!(Installed::from_iter([package("x", None)]).has_nevra("x-1-2.el9.noarch"));
    }
}
