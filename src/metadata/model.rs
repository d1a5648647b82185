//! What a metadata file says, checked.

use crate::intent::{DeferredVerb, FirewallItem, Intent, Scope, UnitWant};

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
    /// The intents that it declares, in the order of its sections. Hooks and files that it changes
    /// are no intents: they come with the package.
    pub fn intents(&self) -> Vec<Intent> {
        let mut intents = self.openings();
        intents.extend(self.units());
        intents.extend(self.modules.iter().cloned().map(|module| Intent::KernelModule { module }));
        intents.extend(self.parameters.iter().cloned().map(|parameter| Intent::BootParameter { parameter }));
        intents.extend(self.accounts());
        intents
    }

    fn openings(&self) -> Vec<Intent> {
        let ports = self.ports.iter().cloned().map(|(port, protocol)| FirewallItem::Port { port, protocol });
        let services = self.services.iter().cloned().map(|service| FirewallItem::FirewallService { service });
        let allow = |opening| Intent::Allow {
            opening,
            zone: self.zone.clone(),
        };
        ports.chain(services).map(allow).collect()
    }

    fn units(&self) -> Vec<Intent> {
        let intent = |unit: &String, want| Intent::Unit {
            unit: unit.clone(),
            want,
            scope: Scope::System,
            rule: None,
        };
        let enable = self.enable.iter().map(|unit| intent(unit, UnitWant::Enable));
        let disable = self.disable.iter().map(|unit| intent(unit, UnitWant::Disable));
        let start = self.start.iter().map(|unit| Intent::Defer {
            verb: DeferredVerb::Start,
            unit: unit.clone(),
            scope: Scope::System,
        });
        enable.chain(disable).chain(start).collect()
    }

    fn accounts(&self) -> Vec<Intent> {
        let groups = self.groups.iter().map(|group| Intent::Group {
            group: group.name.clone(),
            gid: group.gid,
        });
        let users = self.users.iter().map(|user| Intent::User {
            user: user.name.clone(),
            uid: user.uid,
            group: user.group.clone(),
            comment: user.comment.clone(),
            home: user.home.clone(),
            shell: user.shell.clone(),
        });
        let members = self.users.iter().flat_map(|user| {
            user.groups.iter().map(|group| Intent::Member {
                user: user.name.clone(),
                group: group.clone(),
            })
        });
        groups.chain(users).chain(members).collect()
    }
}
