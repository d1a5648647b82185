//! firewalld's configuration: zones, services, policies, ipsets and the rest, as files.
//!
//! `Service::load`, `Zone::load`, `Zone::save` and [`default_zone`] are the short way in.

pub mod address;
pub mod code;
pub mod conf;
mod conf_values;
pub mod direct;
pub mod helper;
pub mod icmptype;
pub mod ipset;
pub mod lockdown;
pub mod names;
pub mod policy;
pub mod port;
mod reader;
pub mod rich;
pub mod service;
mod stock;
mod stock_data;
pub mod store;
pub mod traffic;
mod xml;
pub mod zone;

pub use code::{Checked, Code, Fault};
pub use conf::{Conf, default_zone};
pub use direct::Direct;
pub use helper::Helper;
pub use icmptype::Icmptype;
pub use ipset::Ipset;
pub use lockdown::Whitelist;
pub use names::Names;
pub use policy::Policy;
pub use port::Port;
pub use reader::Head;
pub use service::Service;
pub use store::{Kind, Tree};
pub use traffic::{ForwardPort, Traffic};
pub use zone::Zone;
