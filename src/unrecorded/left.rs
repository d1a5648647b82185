//! `left.toml`: the files that start units and open the firewall, as nodeshim left them when it last
//! changed the image.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, if_exists};
use crate::escape::Escaped;
use crate::firewall::OWN_SERVICE;
use crate::firewall::firewalld::{Conf, Kind as FirewallKind, Tree, store};
use crate::firewall::lokkit::config;
use crate::journal::DIRECTORY;
use crate::layout;
use crate::root::{Kind, Root};
use crate::sysv::layout::level_path;
use crate::unit::name::pulled_in_by;

/// The file.
pub(crate) const PATH: &str = layout::LEFT;
const FORMAT: u64 = 1;

const UNITS: &str = "/etc/systemd/system";
const ZONES: &str = "/etc/firewalld/zones";
/// A longer zone file is not looked at: it would have more ports than there are.
const ZONE_LIMIT: u64 = 1 << 22;

/// What was left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct Left {
    format: u64,
    /// The last event of the journal then.
    pub last_event: u64,
    /// The packages that were installed when the image was settled last,
    /// `name-[epoch:]version-release.arch`; none where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub packages: Option<BTreeSet<String>>,
    /// Those of them that came without nodeshim, whose scriptlets call the tools.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub unrecorded: BTreeSet<String>,
    /// The machine that the image was, machine-id(5); empty if it was none yet.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub machine: String,
    /// The default zone that firewalld's configuration names.
    pub default_zone: String,
    /// Where links point, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<Escaped, Escaped>,
    /// What files held that define services, ipsets and other objects of firewalld, by their paths; none where
    /// an earlier version did not look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definitions: Option<BTreeMap<Escaped, String>>,
    /// What zone files and lokkit's configuration held, by their paths.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<Escaped, String>,
}

impl Left {
    /// Reads the file; none if there is none.
    ///
    /// # Errors
    /// A newer format, or what is no such file.
    pub(super) fn load(root: &Root) -> Result<Option<Left>> {
        let Some(text) = root.read_own(PATH)? else {
            return Ok(None);
        };
        let left: Left = toml::from_str(&text).map_err(|error| Error::damaged(PATH, error.message()))?;
        match left.format {
            found if found > FORMAT => Err(Error::NewerFormat {
                path: PATH.into(),
                found,
                supported: FORMAT,
            }),
            _ => Ok(Some(left)),
        }
    }

    /// Looks at the image as it is now. Packages are not known then.
    pub(super) fn look(root: &Root) -> Left {
        let mut links = links_in(root, UNITS);
        for entry in root.list(UNITS).unwrap_or_default().iter().filter(|entry| entry.kind == Kind::Dir) {
            let Some(name) = entry.name.to_str() else {
                continue;
            };
            if pulled_in_by(name).is_some() {
                links.append(&mut links_in(root, &format!("{UNITS}/{name}")));
            }
        }
        for level in 0..=6 {
            links.append(&mut links_in(root, &level_path(level)));
        }
        let zones = root.list(ZONES).unwrap_or_default().into_iter();
        let zones = zones.filter(|entry| entry.kind == Kind::File);
        let zones = zones.filter_map(|entry| Some(format!("{ZONES}/{}", entry.name.to_str()?)));
        let files = zones.filter(|path| path.ends_with(".xml")).chain([config::PATH.to_owned()]);
        let files = files.filter(|path| root.meta(path).is_ok_and(|meta| meta.size <= ZONE_LIMIT));
        Left {
            format: FORMAT,
            last_event: 0,
            packages: None,
            unrecorded: BTreeSet::new(),
            machine: machine(root),
            default_zone: Conf::load(&Tree::of(root)).unwrap_or_default().zone().to_owned(),
            links,
            definitions: Some(definitions(root)),
            files: files
                .filter_map(|path| Some((Escaped::new(&path), root.read_text(&path).ok()?)))
                .collect(),
        }
    }

    /// Writes the file, unless it is the same already.
    pub(super) fn save(&self, root: &Root) -> Result<()> {
        let text = toml::to_string(self).map_err(|error| Error::malformed(PATH, error.to_string()))?;
        if if_exists(root.read(PATH))?.is_some_and(|old| old == text.as_bytes()) {
            return Ok(());
        }
        root.create_dirs(DIRECTORY, 0o755)?;
        root.write_synced(PATH, text.as_bytes(), Some(0o600))
    }
}

/// What the image's own files define besides zones; not what settling writes.
fn definitions(root: &Root) -> BTreeMap<Escaped, String> {
    let kinds = FirewallKind::ALL.into_iter().filter(|kind| *kind != FirewallKind::Zone);
    let paths = kinds.flat_map(|kind| {
        let names = store::local_names(root, kind).unwrap_or_default().into_iter();
        let names = names.filter(|name| !name.starts_with(OWN_SERVICE));
        names.map(move |name| store::local(kind, &name))
    });
    paths
        .filter(|path| root.meta(path).is_ok_and(|meta| meta.size <= ZONE_LIMIT))
        .filter_map(|path| Some((Escaped::new(&path), root.read_text(&path).ok()?)))
        .collect()
}

/// A first boot writes the id of an image that has none.
fn machine(root: &Root) -> String {
    let id = root.read_text("/etc/machine-id").unwrap_or_default();
    let id = id.trim();
    if id == "uninitialized" {
        String::new()
    } else {
        id.to_owned()
    }
}

fn links_in(root: &Root, directory: &str) -> BTreeMap<Escaped, Escaped> {
    let listed = root.list_links(directory).unwrap_or_default().into_iter();
    let link = |(entry, target): (crate::root::Entry, Option<std::path::PathBuf>)| {
        Some((Escaped::new(Path::new(directory).join(&entry.name)), Escaped::new(target?)))
    };
    listed.filter_map(link).collect()
}
