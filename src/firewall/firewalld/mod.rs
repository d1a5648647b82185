//! firewalld's configuration: zones, services, policies, ipsets and the rest, as files.
//!
//! The models are pure: they read texts and write texts. [`store`] finds, loads and saves the files.
//! [`Grammar`] holds what the meaning of a text depends on.

pub(crate) mod address;
pub(crate) mod code;
pub(crate) mod conf;
mod conf_values;
pub(crate) mod direct;
mod encoding;
pub(crate) mod entry;
pub(crate) mod generation;
pub(crate) mod grammar;
pub(crate) mod helper;
pub(crate) mod icmptype;
pub(crate) mod ipset;
pub(crate) mod ipset_entry;
pub(crate) mod kind;
pub(crate) mod lockdown;
pub(crate) mod packaged;
pub(crate) mod policy;
pub(crate) mod port;
mod reader;
pub mod rich;
pub(crate) mod service;
mod stock;
mod stock_data;
pub mod store;
pub(crate) mod traffic;
pub(crate) mod whole;
mod xml;
pub(crate) mod zone;

pub use code::{Checked, Code, Fault};
pub use conf::Conf;
pub(crate) use conf::default_zone;
pub use direct::Direct;
pub(crate) use encoding::read_xml;
pub use generation::{Feature, Generation};
pub use grammar::Grammar;
pub use helper::Helper;
pub use icmptype::Icmptype;
pub use ipset::Ipset;
pub use kind::Kind;
pub use lockdown::Whitelist;
pub use policy::Policy;
pub use port::Port;
pub use reader::Head;
pub(crate) use reader::add_once;
pub use service::Service;
pub use store::Tree;
pub use traffic::{ForwardPort, Traffic};
pub use whole::Whole;
pub use zone::Zone;
