//! Carrying out requests: each tool changes exactly the files that the original would change,
//! answers as the original would answer, and says which intents the request carried.

mod call;
pub mod chkconfig;
pub mod firewall_cmd;
pub mod firewall_offline_cmd;
mod firewalld;
mod govern;
pub mod lokkit;
mod output;
mod parts;
mod programs;
pub mod service;
pub mod systemctl;
pub mod sysv_convert;
pub mod sysv_install;
pub mod update_helper;

pub use call::{Call, Env, Reply};
pub use govern::{Governor, Names, govern};
pub use output::{Output, Stream};
pub use parts::{Part, parts};
pub use programs::{Program, Programs};

use crate::tool::Tool;

/// Carries a call out.
pub fn carry_out(tool: Tool, call: &Call) -> Reply {
    match tool {
        Tool::Systemctl => systemctl::carry_out(call),
        Tool::Chkconfig => chkconfig::carry_out(call),
        Tool::Service => service::carry_out(call),
        Tool::Lokkit => lokkit::carry_out(call),
        Tool::FirewallCmd => firewall_cmd::carry_out(call),
        Tool::FirewallOfflineCmd => firewall_offline_cmd::carry_out(call),
        Tool::SystemdUpdateHelper => update_helper::carry_out(call),
        Tool::SystemdSysvInstall => sysv_install::carry_out(call),
        Tool::SystemdSysvConvert => sysv_convert::carry_out(call),
        Tool::Hand => Reply::error("no tool has this name", 2),
        Tool::Nodeshim => Reply::error("nodeshim is not a tool that scriptlets call", 1),
    }
}
