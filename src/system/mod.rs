//! What scriptlets change of a system besides units and the firewall, as intents: accounts, alternatives,
//! SELinux's policy and settings of the kernel. What files say before and after comes in, and the commands
//! of a scriptlet's text; nothing is read here.

pub(crate) mod accounts;
pub(crate) mod commands;
pub(crate) mod programs;
pub(crate) mod selinux;
pub(crate) mod settings;

use crate::intent::Intent;

/// What a path of the system is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Area {
    /// passwd(5) and group(5).
    Accounts,
    /// What common names of programs stand for.
    Alternatives,
    /// SELinux's mode and local policy.
    Selinux,
    /// sysctl.d(5) and modules-load.d(5).
    Kernel,
}

impl Area {
    /// In words, as a note begins.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Area::Accounts => "accounts",
            Area::Alternatives => "alternatives",
            Area::Selinux => "SELinux",
            Area::Kernel => "the kernel's settings",
        }
    }
}

const ALTERNATIVES: &str = "/etc/alternatives/";

/// What a path is about; none for most.
pub(crate) fn area(path: &str) -> Option<Area> {
    match path {
        accounts::PASSWD | accounts::GROUP => Some(Area::Accounts),
        _ if selinux::is_of_policy(path) => Some(Area::Selinux),
        _ if settings::is_of_kernel(path) => Some(Area::Kernel),
        _ if path.strip_prefix(ALTERNATIVES).is_some_and(|name| !name.contains('/')) => {
            Some(Area::Alternatives)
        }
        _ => None,
    }
}

/// Whether what the file at a path says is compared, and not only that it changed.
pub(crate) fn is_text(path: &str) -> bool {
    match area(path) {
        Some(Area::Accounts | Area::Kernel) => true,
        Some(Area::Selinux) => selinux::is_text(path),
        Some(Area::Alternatives) | None => false,
    }
}

/// An alternative by its link below `/etc/alternatives`, alternatives(8).
pub(crate) fn alternative(path: &str, target: Option<&str>) -> Option<Intent> {
    let name = path.strip_prefix(ALTERNATIVES)?;
    Some(Intent::Alternative {
        name: name.to_owned(),
        path: target.map(str::to_owned),
    })
}
