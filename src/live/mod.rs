//! The edges to what runs on a booted node: systemd and firewalld over D-Bus, the kernel's packet
//! filter through its own programs. Thin: what to do is decided in `crate::boot`.

mod apply;
mod bus;
mod firewall;
mod firewalld;
mod netlink;
mod nft;
mod node;
mod result;
mod stamp;
mod starts;
mod systemctl;
mod systemd;

pub use apply::{Options, apply};
pub use bus::{Bus, Target};
pub use firewalld::Firewalld;
pub use node::boot_id;
pub(crate) use node::is_running_system;
pub use result::{ApplyResult, Filter, JobOutcome};
pub(crate) use stamp::stamp;
pub use systemd::Manager;
