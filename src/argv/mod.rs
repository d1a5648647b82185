//! Argument vectors to requests, one module a tool. A call is parsed once, into a [`Request`]; nothing
//! below looks at its words again. Words that the tool refuses are a value, too: the original has an
//! answer for them.

pub(crate) mod chkconfig;
mod dialect;
pub(crate) mod firewalld;
pub(crate) mod getopt;
pub(crate) mod lokkit;
pub(crate) mod service;
pub(crate) mod systemctl;
pub(crate) mod sysv_convert;
pub(crate) mod update_helper;

use std::ffi::OsString;

use crate::tool::Tool;
pub(crate) use dialect::Dialect;
use firewalld::Side;

/// A call of a tool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// systemctl
    Systemctl(systemctl::Parsed),
    /// chkconfig, install_initd, remove_initd
    Chkconfig(chkconfig::Parsed),
    /// service
    Service(service::Request),
    /// lokkit
    Lokkit(lokkit::Request),
    /// firewall-cmd
    FirewallCmd(firewalld::Parsed),
    /// firewall-offline-cmd
    FirewallOfflineCmd(firewalld::Parsed),
    /// systemd-update-helper
    UpdateHelper(update_helper::Request),
    /// systemd-sysv-install
    SysvInstall(chkconfig::ParsedInstall),
    /// systemd-sysv-convert; none for words that it does not understand.
    SysvConvert(Option<sysv_convert::Request>),
}

impl Request {
    /// Parses the words after `argv0`; none if the tool is none that can be called.
    pub fn parse(tool: Tool, argv0: &str, args: &[OsString], dialect: &dyn Dialect) -> Option<Request> {
        Some(match tool {
            Tool::Systemctl => {
                Request::Systemctl(systemctl::parse(argv0, args, dialect.generation(), dialect.answers()))
            }
            Tool::Chkconfig => Request::Chkconfig(chkconfig::parse_as(argv0, args)),
            Tool::Service => Request::Service(service::parse(args, dialect.has_systemd())),
            Tool::Lokkit => Request::Lokkit(lokkit::parse(args, &|name| dialect.port(name))),
            Tool::FirewallCmd => Request::FirewallCmd(firewalld::parse(Side::Online, args, dialect)),
            Tool::FirewallOfflineCmd => {
                Request::FirewallOfflineCmd(firewalld::parse(Side::Offline, args, dialect))
            }
            Tool::SystemdUpdateHelper => Request::UpdateHelper(update_helper::parse(args, dialect)),
            Tool::SystemdSysvInstall => Request::SysvInstall(chkconfig::parse_sysv_install(args)),
            Tool::SystemdSysvConvert => Request::SysvConvert(sysv_convert::parse(args)),
            Tool::Bypass | Tool::System | Tool::Nodeshim => return None,
        })
    }

    /// The tool that was called.
    pub fn tool(&self) -> Tool {
        match self {
            Request::Systemctl(_) => Tool::Systemctl,
            Request::Chkconfig(_) => Tool::Chkconfig,
            Request::Service(_) => Tool::Service,
            Request::Lokkit(_) => Tool::Lokkit,
            Request::FirewallCmd(_) => Tool::FirewallCmd,
            Request::FirewallOfflineCmd(_) => Tool::FirewallOfflineCmd,
            Request::UpdateHelper(_) => Tool::SystemdUpdateHelper,
            Request::SysvInstall(_) => Tool::SystemdSysvInstall,
            Request::SysvConvert(_) => Tool::SystemdSysvConvert,
        }
    }
}
