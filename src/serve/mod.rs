//! The D-Bus object by which others ask a running node for its plugins: the service that answers,
//! and the call that tells the service of changes.
//!
//! The bus starts the service, which exits when it is idle and changes nothing. It answers with the
//! data of `nodeshim report`.

mod announce;
mod caller;
mod dictionary;
mod known;
mod object;
mod service;

pub use announce::Changes;
pub use service::{Options, serve};

/// The service's name on the bus, and its interface's.
pub const NAME: &str = "org.ovirt.node.Plugins1";
/// The object's path.
pub const PATH: &str = "/org/ovirt/node/Plugins1";
