//! What a wish is about: a later wish on the same subject by the same plugin replaces an earlier
//! one, and two plugins that want the same subject share it.

use crate::intent::{DeferredVerb, Opening, Scope, UnitWant, Wish};

/// What a wish is about.
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
    Opening(Opening, Option<String>),
    /// A firewalld definition: object, name.
    Definition(String, String),
    /// The firewall as a whole.
    FirewallSwitch,
    /// The firewall's starting point.
    FirewallReset,
    /// The default zone.
    DefaultZone,
    /// A kernel module of the firewall.
    FirewallModule(String),
    /// SELinux.
    Selinux,
    /// A kernel module that is loaded at boot.
    KernelModule(String),
    /// A parameter of the kernel's command line.
    BootParameter(String),
    /// A user.
    User(String),
    /// A group.
    Group(String),
    /// A user in a group.
    Member(String, String),
    /// Something worth knowing.
    Note(String),
}

/// What `wish` is about.
pub fn subject(wish: &Wish) -> Subject {
    match wish.clone() {
        Wish::Unit {
            unit, want, scope, ..
        } => match want {
            UnitWant::Mask | UnitWant::Unmask => Subject::Mask(unit, scope),
            UnitWant::Link | UnitWant::Revert | UnitWant::Edit => Subject::Local(unit, scope, want),
            _ => Subject::Enablement(unit, scope),
        },
        Wish::Dependency {
            unit,
            target,
            dependency,
        } => Subject::Dependency(unit, target, dependency),
        Wish::DefaultTarget { .. } => Subject::DefaultTarget,
        Wish::Defer { verb, unit, scope } => Subject::Deferred(unit, scope, own_kind(verb)),
        Wish::Service {
            service,
            want,
            levels,
        } => match want {
            crate::intent::ServiceWant::Add | crate::intent::ServiceWant::Remove => {
                Subject::Registration(service)
            }
            _ => Subject::Levels(service, levels),
        },
        Wish::Allow { opening, zone } | Wish::Withdraw { opening, zone } => {
            Subject::Opening(canonical(opening), zone)
        }
        Wish::Definition { object, name, .. } => Subject::Definition(object, name),
        Wish::FirewallSwitch { .. } => Subject::FirewallSwitch,
        Wish::FirewallReset { .. } => Subject::FirewallReset,
        Wish::DefaultZone { .. } => Subject::DefaultZone,
        Wish::FirewallModule { module, .. } => Subject::FirewallModule(module),
        Wish::Selinux { .. } => Subject::Selinux,
        Wish::KernelModule { module } => Subject::KernelModule(module),
        Wish::BootParameter { parameter } => Subject::BootParameter(parameter),
        Wish::User { user, .. } => Subject::User(user),
        Wish::Group { group, .. } => Subject::Group(group),
        Wish::Member { user, group } => Subject::Member(user, group),
        Wish::Note { text, .. } => Subject::Note(text),
    }
}

/// Starting, restarting, reloading and stopping a unit are one subject: what came last counts.
fn own_kind(verb: DeferredVerb) -> Option<DeferredVerb> {
    matches!(verb, DeferredVerb::Isolate | DeferredVerb::Kill).then_some(verb)
}

/// The same port under one spelling.
fn canonical(opening: Opening) -> Opening {
    match opening {
        Opening::Port { port, protocol } => Opening::Port {
            port: port_text(&port),
            protocol: protocol.to_lowercase(),
        },
        Opening::SourcePort { port, protocol } => Opening::SourcePort {
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
        let opening = Opening::Port {
            port: port.into(),
            protocol: "TCP".into(),
        };
        subject(&Wish::Allow { opening, zone: None })
    }

    #[test]
    fn spellings_of_one_port_are_one_subject() {
        assert_eq!(port("0080"), port("80"));
        assert_eq!(port("80-80"), port("80"));
        assert_ne!(port("80-81"), port("80"));
        assert_eq!(port("http"), port("http"));
    }
}
