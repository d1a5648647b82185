//! Plugin metadata: `/usr/share/ovirt-node/plugins.d/NAME.toml`, in which a package declares what
//! its scriptlets would otherwise ask for. Declared wishes count like requested ones, hold while the
//! package is installed and are withdrawn with it.

mod declarations;
mod model;
mod parse;
mod version;

pub use declarations::{Loaded, declarations, load_all};
pub use model::{Group, Hook, Metadata, User};
pub use parse::{Problem, parse};
pub use version::{NodeVersion, compare};

/// Where packages put their metadata.
pub const DIRECTORY: &str = "/usr/share/ovirt-node/plugins.d";
/// The newest schema that this build reads.
pub const SCHEMA: u32 = 1;
