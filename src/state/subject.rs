//! What an intent is about: a later intent on the same subject by the same plugin replaces an earlier
//! one, and two plugins that want the same subject share it.

use crate::escape::Escaped;
use crate::intent::{DeferredVerb, FirewallItem, FirewallObject, Intent, Scope, SelinuxPart, UnitWant};

/// What an intent is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Subject {
    /// Whether a unit is pulled in by `[Install]` links.
    Enablement(String, Scope),
    /// Whether a unit is masked.
    Mask(String, Scope),
    /// A unit's own link or local changes.
    Local(String, Scope, UnitWant),
    /// A unit that a target pulls in: unit, target, kind.
    Dependency(String, String, String),
    /// The target to boot into.
    DefaultTarget,
    /// What to do to a unit at boot.
    Deferred(String, Scope, Option<DeferredVerb>),
    /// Whether a SysV service is registered.
    Registration(String),
    /// Whether a SysV service runs in some levels.
    Levels(String, Option<String>),
    /// Something that the firewall lets through or does, in a zone.
    FirewallItem(FirewallItem, Option<String>),
    /// A firewalld definition: object, name.
    Definition(FirewallObject, String),
    /// The firewall as a whole.
    FirewallSwitch,
    /// The firewall's starting point.
    FirewallReset,
    /// The default zone.
    DefaultZone,
    /// A kernel module of the firewall.
    FirewallModule(Escaped),
    /// SELinux.
    Selinux,
    /// A kernel module that is loaded at boot.
    KernelModule(String),
    /// A parameter of the kernel's command line.
    BootParameter(String),
    /// A parameter of the kernel.
    Sysctl(String),
    /// A common name of programs.
    Alternative(String),
    /// A local addition to SELinux's policy; of a boolean its name alone.
    SelinuxPolicy(SelinuxPart, String),
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A user in a group.
    Member(String, String),
    /// Something worth knowing.
    Note(String),
}

impl Subject {
    /// The same, in `default_zone` where no zone was named.
    pub(crate) fn in_zone(self, default_zone: &str) -> Subject {
        match self {
            Subject::FirewallItem(opening, None) => {
                Subject::FirewallItem(opening, Some(default_zone.to_owned()))
            }
            other => other,
        }
    }
}

/// What `intent` is about.
pub fn subject(intent: &Intent) -> Subject {
    match intent.clone() {
        Intent::Unit {
            unit, want, scope, ..
        } => match want {
            UnitWant::Mask | UnitWant::Unmask => Subject::Mask(unit, scope),
            UnitWant::Link | UnitWant::Revert | UnitWant::Edit => Subject::Local(unit, scope, want),
            _ => Subject::Enablement(unit, scope),
        },
        Intent::Dependency {
            unit,
            target,
            dependency,
        } => Subject::Dependency(unit, target, dependency),
        Intent::DefaultTarget { .. } => Subject::DefaultTarget,
        Intent::Defer { verb, unit, scope } => Subject::Deferred(unit, scope, own_kind(verb)),
        Intent::Service {
            service,
            want,
            levels,
        } => match want {
            crate::intent::ServiceWant::Add | crate::intent::ServiceWant::Remove => {
                Subject::Registration(service)
            }
            _ => Subject::Levels(service, levels),
        },
        Intent::Allow { opening, zone } | Intent::Withdraw { opening, zone } => {
            Subject::FirewallItem(canonical(opening), zone)
        }
        Intent::Definition { object, name, .. } => Subject::Definition(object, name),
        Intent::FirewallSwitch { .. } => Subject::FirewallSwitch,
        Intent::FirewallReset { .. } => Subject::FirewallReset,
        Intent::DefaultZone { .. } => Subject::DefaultZone,
        Intent::FirewallModule { module, .. } => Subject::FirewallModule(module),
        Intent::Selinux { .. } => Subject::Selinux,
        Intent::KernelModule { module } => Subject::KernelModule(module),
        Intent::BootParameter { parameter } => Subject::BootParameter(parameter),
        Intent::Sysctl { key, .. } => Subject::Sysctl(key),
        Intent::Alternative { name, .. } => Subject::Alternative(name),
        Intent::SelinuxPolicy { part, name, .. } => {
            let about = match part {
                SelinuxPart::Boolean => name.split('=').next().unwrap_or_default().to_owned(),
                _ => name,
            };
            Subject::SelinuxPolicy(part, about)
        }
        Intent::User { user, .. } => Subject::User(user),
        Intent::Group { group, .. } => Subject::Group(group),
        Intent::Member { user, group } => Subject::Member(user, group),
        Intent::Note { text, .. } => Subject::Note(text),
    }
}

/// Starting, restarting, reloading and stopping a unit are one subject: what came last counts.
fn own_kind(verb: DeferredVerb) -> Option<DeferredVerb> {
    matches!(verb, DeferredVerb::Isolate | DeferredVerb::Kill).then_some(verb)
}

/// The same port under one spelling.
fn canonical(opening: FirewallItem) -> FirewallItem {
    match opening {
        FirewallItem::Port { port, protocol } => FirewallItem::Port {
            port: port_text(&port),
            protocol: protocol.to_lowercase(),
        },
        FirewallItem::SourcePort { port, protocol } => FirewallItem::SourcePort {
            port: port_text(&port),
            protocol: protocol.to_lowercase(),
        },
        other => other,
    }
}

/// `0080` as `80`, `5-5` as `5`; anything that is no port as it is.
fn port_text(text: &str) -> String {
    let bound = |text: &str| text.parse::<u16>().ok();
    let (low, high) = text.split_once('-').unwrap_or((text, text));
    match (bound(low), bound(high)) {
        (Some(low), Some(high)) if low == high => low.to_string(),
        (Some(low), Some(high)) => format!("{low}-{high}"),
        _ => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(port: &str) -> Subject {
        let opening = FirewallItem::Port {
            port: port.into(),
            protocol: "TCP".into(),
        };
        subject(&Intent::Allow { opening, zone: None })
    }

    #[test]
    fn spellings_of_one_port_are_one_subject() {
        assert_eq!(port("0080"), port("80"));
        assert_eq!(port("80-80"), port("80"));
        assert_ne!(port("80-81"), port("80"));
        assert_eq!(port("http"), port("http"));
    }
}
