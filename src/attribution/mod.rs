//! Who asked: which package's scriptlet, or the builder. A shim takes the origin from the rpm plugin,
//! else keeps the script that is running; after the transaction the digest of that script is looked
//! up among the scriptlets of the packages.

mod caller;
mod learned;
mod origin;
pub mod plugin_protocol;
mod resolve;

pub(crate) use caller::{PACKAGE_MANAGERS, SCRIPTS};
pub use caller::{find, running_script};
pub use learned::{Learned, Origins, PATH as ORIGINS_PATH};
pub use origin::{
    ARGUMENT_VARIABLE, BUILDER, CONFIG_VARIABLE, CONTAIN_VARIABLE, FoundBy, HOME_VARIABLE, Origin,
    SCRIPTLET_VARIABLE, package_name, parse_scriptlet_name,
};
pub(crate) use origin::{RUN_NAME_VARIABLE, UNKNOWN, is_builder, is_package};
pub use resolve::{Owners, resolve};
