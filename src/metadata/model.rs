//! What a metadata file says, checked.

use crate::intent::{DeferredVerb, Opening, Scope, UnitWant, Wish};

/// A metadata file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// One line about the plugin.
    pub summary: Option<String>,
    /// The lowest version of the node that it works on, as numbers.
    pub minimum_node: Option<String>,
    /// The zone of its openings; the default zone if absent.
    pub zone: Option<String>,
    /// Ports, as `N` or `N-M`, with their protocols.
    pub ports: Vec<(String, String)>,
    /// firewalld's names of services.
    pub services: Vec<String>,
    /// Units to enable, with suffix.
    pub enable: Vec<String>,
    /// Units to disable.
    pub disable: Vec<String>,
    /// Units to start at boot.
    pub start: Vec<String>,
    /// Kernel modules to load at boot.
    pub modules: Vec<String>,
    /// Parameters of the kernel's command line.
    pub parameters: Vec<String>,
    /// System users.
    pub users: Vec<User>,
    /// System groups.
    pub groups: Vec<Group>,
    /// The vdsm hooks that it ships.
    pub hooks: Vec<Hook>,
    /// Files of others that it means to change.
    pub changes: Vec<String>,
}

/// A system user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// Login name.
    pub name: String,
    /// Its number, if a certain one is needed.
    pub uid: Option<u32>,
    /// Its primary group.
    pub group: Option<String>,
    /// Further groups.
    pub groups: Vec<String>,
    /// Full name.
    pub comment: Option<String>,
    /// Home directory.
    pub home: Option<String>,
    /// Login shell.
    pub shell: Option<String>,
}

/// A system group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its number, if a certain one is needed.
    pub gid: Option<u32>,
}

/// A vdsm hook.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hook {
    /// The event that it is run at, `before_vm_start`.
    pub point: String,
    /// Its file name.
    pub name: String,
}

impl Metadata {
    /// The wishes that it declares, in the order of its sections. Hooks and files that it changes
    /// are no wishes: they come with the package.
    pub fn wishes(&self) -> Vec<Wish> {
        let mut wishes = self.openings();
        wishes.extend(self.units());
        wishes.extend(self.modules.iter().cloned().map(|module| Wish::KernelModule { module }));
        wishes.extend(self.parameters.iter().cloned().map(|parameter| Wish::BootParameter { parameter }));
        wishes.extend(self.accounts());
        wishes
    }

    fn openings(&self) -> Vec<Wish> {
        let ports = self.ports.iter().cloned().map(|(port, protocol)| Opening::Port { port, protocol });
        let services = self.services.iter().cloned().map(|service| Opening::FirewallService { service });
        let allow = |opening| Wish::Allow {
            opening,
            zone: self.zone.clone(),
        };
        ports.chain(services).map(allow).collect()
    }

    fn units(&self) -> Vec<Wish> {
        let wish = |unit: &String, want| Wish::Unit {
            unit: unit.clone(),
            want,
            scope: Scope::System,
            rule: None,
        };
        let enable = self.enable.iter().map(|unit| wish(unit, UnitWant::Enable));
        let disable = self.disable.iter().map(|unit| wish(unit, UnitWant::Disable));
        let start = self.start.iter().map(|unit| Wish::Defer {
            verb: DeferredVerb::Start,
            unit: unit.clone(),
            scope: Scope::System,
        });
        enable.chain(disable).chain(start).collect()
    }

    fn accounts(&self) -> Vec<Wish> {
        let groups = self.groups.iter().map(|group| Wish::Group {
            group: group.name.clone(),
            gid: group.gid,
        });
        let users = self.users.iter().map(|user| Wish::User {
            user: user.name.clone(),
            uid: user.uid,
            group: user.group.clone(),
            comment: user.comment.clone(),
            home: user.home.clone(),
            shell: user.shell.clone(),
        });
        let members = self.users.iter().flat_map(|user| {
            user.groups.iter().map(|group| Wish::Member {
                user: user.name.clone(),
                group: group.clone(),
            })
        });
        groups.chain(users).chain(members).collect()
    }
}
