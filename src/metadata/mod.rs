//! Plugin metadata: `/usr/share/ovirt-node/plugins.d/NAME.toml`, in which a package declares what
//! its scriptlets would otherwise ask for. Declared intents count like requested ones, hold while the
//! package is installed and are withdrawn with it.

mod declarations;
mod model;
mod ovirt;
mod parse;
pub(crate) mod payload;
mod version;

use crate::root::Root;

pub(crate) use declarations::declarations;
pub use declarations::{Loaded, Owned, in_force, load_all};
pub use model::{Group, Hook, Metadata, User};
pub(crate) use ovirt::{FIREWALL_DIRECTORY, GENERATED, firewall_files};
pub use parse::parse;
pub use version::{NodeVersion, compare};

/// Where packages put their metadata.
pub const DIRECTORY: &str = "/usr/share/ovirt-node/plugins.d";

/// Whether a path is that of a metadata file.
pub(crate) fn is_metadata(path: &str) -> bool {
    path.strip_prefix(DIRECTORY)
        .is_some_and(|name| name.starts_with('/') && name.ends_with(".toml"))
}

/// Whether an image has any.
pub fn is_there(root: &Root) -> bool {
    root.is_dir(DIRECTORY) || ovirt::names(root).is_ok_and(|names| !names.is_empty())
}

/// The newest schema that this build reads.
pub const SCHEMA: u32 = 1;
