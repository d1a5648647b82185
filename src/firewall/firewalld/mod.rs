//! firewalld's configuration: zones, services, policies, ipsets and the rest, as files.
//!
//! `Service::load`, `Zone::load`, `Zone::save` and [`default_zone`] are the short way in.

pub mod address;
pub mod code;
pub mod conf;
pub mod names;
pub mod port;
mod reader;
pub mod rich;
pub mod service;
pub mod store;
pub mod traffic;
mod xml;
pub mod zone;

pub use code::{Checked, Code, Fault};
pub use conf::{Conf, default_zone};
pub use names::Names;
pub use port::Port;
pub use reader::Head;
pub use service::Service;
pub use store::Kind;
pub use traffic::{ForwardPort, Traffic};
pub use zone::Zone;
