//! Carrying out requests: each tool changes exactly the files that the original would change,
//! answers as the original would answer, and says which intents the request carried.
//!
//! A [`Request`] is what a call's words were parsed to. Policy judges its clauses, what is held back is
//! left out of it, and exactly the request that is left is carried out.

mod call;
mod chkconfig;
mod clause;
mod command;
mod derive;
mod enforce;
mod firewall_cmd;
mod firewalld;
pub(crate) mod lokkit;
mod output;
mod programs;
mod service;
mod systemctl;
mod sysv_convert;
mod sysv_install;
#[cfg(test)]
mod test_image;
mod update_helper;

pub use crate::argv::Request;
pub use call::{Call, Env, Reply, Unprinted};
pub(crate) use chkconfig::{RunLevels, is_on_in};
pub use clause::{Clause, Position};
pub use command::Command;
pub use enforce::{Names, PolicyContext, enforce};
pub use output::{Output, Stream};
pub use programs::{Program, Programs};

use std::ffi::OsString;

use crate::argv::firewalld::Side;
use crate::tool::Tool;

/// Carries a request out.
pub fn execute(call: &Call, request: Request) -> Reply {
    match request {
        Request::Systemctl(parsed) => systemctl::execute(call, parsed),
        Request::Chkconfig(parsed) => chkconfig::execute(call, parsed),
        Request::Service(request) => service::execute(call, request),
        Request::Lokkit(request) => lokkit::execute(call, request),
        Request::FirewallCmd(parsed) => firewall_cmd::execute(call, parsed),
        Request::FirewallOfflineCmd(parsed) => firewalld::answer(Side::Offline, call, parsed),
        Request::UpdateHelper(request) => update_helper::execute(call, request),
        Request::SysvInstall(parsed) => sysv_install::execute(call, parsed),
        Request::SysvConvert(request) => sysv_convert::execute(call, request),
    }
}

/// Parses the words of a call and carries them out without asking policy.
pub fn run(tool: Tool, call: &Call, args: &[OsString]) -> Reply {
    match Request::parse(tool, call.argv0, args, call) {
        Some(request) => execute(call, request),
        None => Reply::error(format!("{} is not a tool that scriptlets call", tool.name()), 2),
    }
}

/// Carries out what one tool asks another for; the originals start it.
fn redirect(call: &Call, request: Request) -> Reply {
    execute(&call.to(request.tool().name(), call.config), request)
}
