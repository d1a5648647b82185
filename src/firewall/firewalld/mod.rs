//! firewalld's configuration: zones, services, policies, ipsets and the rest, as files.
//!
//! The models are pure: they read texts and write texts. [`store`] finds, loads and saves the files.
//! [`Grammar`] holds what the meaning of a text depends on.

pub mod address;
pub mod code;
pub mod conf;
mod conf_values;
pub mod direct;
pub mod generation;
pub mod grammar;
pub mod helper;
pub mod icmptype;
pub mod ipset;
pub mod ipset_entry;
pub mod kind;
pub mod lockdown;
pub mod policy;
pub mod port;
mod reader;
pub mod rich;
pub mod service;
mod stock;
mod stock_data;
pub mod store;
pub mod traffic;
pub mod whole;
mod xml;
pub mod zone;

pub use code::{Checked, Code, Fault};
pub use conf::{Conf, default_zone};
pub use direct::Direct;
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
pub use service::Service;
pub use store::Tree;
pub use traffic::{ForwardPort, Traffic};
pub use whole::Whole;
pub use zone::Zone;
