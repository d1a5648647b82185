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
pub fn execute(tool: Tool, call: &Call) -> Reply {
    match tool {
        Tool::Systemctl => systemctl::execute(call),
        Tool::Chkconfig => chkconfig::execute(call),
        Tool::Service => service::execute(call),
        Tool::Lokkit => lokkit::execute(call),
        Tool::FirewallCmd => firewall_cmd::execute(call),
        Tool::FirewallOfflineCmd => firewall_offline_cmd::execute(call),
        Tool::SystemdUpdateHelper => update_helper::execute(call),
        Tool::SystemdSysvInstall => sysv_install::execute(call),
        Tool::SystemdSysvConvert => sysv_convert::execute(call),
        Tool::Bypass => Reply::error("no tool has this name", 2),
        Tool::Nodeshim => Reply::error("nodeshim is not a tool that scriptlets call", 1),
    }
}
