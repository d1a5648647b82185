//! The commands that nodeshim replaces.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

/// A tool, by the name that scriptlets call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tool {
    /// systemd's unit tool.
    Systemctl,
    /// The run level tool of SysV-era systems.
    Chkconfig,
    /// Runs an init script or redirects to systemctl.
    Service,
    /// The command line of system-config-firewall.
    Lokkit,
    /// firewalld's client.
    FirewallCmd,
    /// firewalld's file editor.
    FirewallOfflineCmd,
    /// The script behind the `%systemd_*` macros since systemd 248.
    SystemdUpdateHelper,
    /// chkconfig under the name that systemctl calls it by.
    SystemdSysvInstall,
    /// Remembers where init scripts were on, for the units that replace them.
    SystemdSysvConvert,
    /// No tool: the audit saw a direct change. No command has this name.
    Bypass,
    /// No tool of ours: the audit saw that accounts, alternatives, SELinux's policy or settings of the kernel
    /// changed. Nothing is called by this name.
    System,
    /// No shim: the admin tool itself, for what an administrator did through it.
    Nodeshim,
}

/// Where systemd's macros look for their helper.
pub(crate) const UPDATE_HELPER: &str = "/usr/lib/systemd/systemd-update-helper";

impl Tool {
    /// Commands that are called by name or by path in any of the directories of commands.
    pub(crate) const COMMANDS: [Tool; 7] = [
        Tool::Systemctl,
        Tool::Chkconfig,
        Tool::Service,
        Tool::Lokkit,
        Tool::FirewallCmd,
        Tool::FirewallOfflineCmd,
        Tool::SystemdSysvConvert,
    ];

    /// Every tool that can be called, in the order that listings use.
    pub const ALL: [Tool; 9] = [
        Tool::Systemctl,
        Tool::Chkconfig,
        Tool::Service,
        Tool::Lokkit,
        Tool::FirewallCmd,
        Tool::FirewallOfflineCmd,
        Tool::SystemdUpdateHelper,
        Tool::SystemdSysvInstall,
        Tool::SystemdSysvConvert,
    ];

    /// Whether nothing was called: the audit saw what was done.
    pub fn is_seen(self) -> bool {
        matches!(self, Tool::Bypass | Tool::System)
    }

    /// The file name of the tool.
    pub fn name(self) -> &'static str {
        match self {
            Tool::Systemctl => "systemctl",
            Tool::Chkconfig => "chkconfig",
            Tool::Service => "service",
            Tool::Lokkit => "lokkit",
            Tool::FirewallCmd => "firewall-cmd",
            Tool::FirewallOfflineCmd => "firewall-offline-cmd",
            Tool::SystemdUpdateHelper => "systemd-update-helper",
            Tool::SystemdSysvInstall => "systemd-sysv-install",
            Tool::SystemdSysvConvert => "systemd-sysv-convert",
            Tool::Bypass => "hand",
            Tool::System => "system",
            Tool::Nodeshim => "nodeshim",
        }
    }

    /// The tool whose file name is the last component of `argv0`, exactly: `my-service` is none.
    /// The LSB's `install_initd` and `remove_initd` are links to chkconfig.
    pub fn from_argv0(argv0: &OsStr) -> Option<Tool> {
        let name = Path::new(argv0).file_name()?;
        if ["install_initd", "remove_initd"].map(OsStr::new).contains(&name) {
            return Some(Tool::Chkconfig);
        }
        Tool::ALL.into_iter().find(|tool| tool.name().as_bytes() == name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_file_name_counts() {
        assert_eq!(Tool::from_argv0(OsStr::new("/bin/service")), Some(Tool::Service));
        assert_eq!(Tool::from_argv0(OsStr::new("my-service")), None);
        assert_eq!(Tool::from_argv0(OsStr::new("/")), None);
    }
}
