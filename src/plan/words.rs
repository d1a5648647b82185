//! Wishes in words.

use crate::intent::{Opening, Scope, ServiceWant, UnitWant, Wish};

/// A wish as a short phrase that completes "PLUGIN wants to ...".
pub fn wish(wish: &Wish) -> String {
    match wish {
        Wish::Unit {
            unit, want, scope, ..
        } => format!("{} {unit}{}", unit_verb(*want), of_scope(*scope)),
        Wish::Dependency {
            unit,
            target,
            dependency,
        } => format!("have {target} pull in {unit} ({dependency})"),
        Wish::DefaultTarget { unit } => format!("boot into {unit}"),
        Wish::Defer { verb, unit, scope } => {
            format!("{} {unit}{} at boot", verb.word(), of_scope(*scope))
        }
        Wish::Service {
            service,
            want,
            levels,
        } => {
            let levels = levels.as_ref().map_or(String::new(), |levels| format!(" in run levels {levels}"));
            format!("{} service {service}{levels}", service_verb(*want))
        }
        Wish::Allow { opening, zone } => format!("{}{}", opening_words(opening), in_zone(zone)),
        Wish::Withdraw { opening, zone } => {
            format!("take back: {}{}", opening_words(opening), in_zone(zone))
        }
        Wish::Definition { object, name, change } => format!("{change} firewalld {object} {name}"),
        Wish::FirewallSwitch { on } => format!("switch the firewall {}", if *on { "on" } else { "off" }),
        Wish::FirewallReset { defaults } => match defaults {
            Some(defaults) => format!("reset the firewall to the {defaults} defaults"),
            None => "reset the firewall".into(),
        },
        Wish::DefaultZone { zone } => format!("make {zone} the default zone"),
        Wish::FirewallModule { module, load } => {
            format!("{} firewall module {module}", if *load { "load" } else { "not load" })
        }
        Wish::Selinux { mode, policy } => {
            let parts: Vec<&str> = [mode, policy].into_iter().flatten().map(String::as_str).collect();
            format!("set SELinux to {}", parts.join(" "))
        }
        Wish::KernelModule { module } => format!("load kernel module {module} at boot"),
        Wish::BootParameter { parameter } => format!("boot with {parameter}"),
        Wish::User { user, uid, .. } => format!("have user {user}{}", numbered(*uid)),
        Wish::Group { group, gid } => format!("have group {group}{}", numbered(*gid)),
        Wish::Member { user, group } => format!("have {user} in group {group}"),
        Wish::Note { text, .. } => text.clone(),
    }
}

fn numbered(id: Option<u32>) -> String {
    id.map_or(String::new(), |id| format!(" ({id})"))
}

fn unit_verb(want: UnitWant) -> &'static str {
    match want {
        UnitWant::Enable => "enable",
        UnitWant::Disable => "disable",
        UnitWant::PresetEnable => "preset (enable)",
        UnitWant::PresetDisable => "preset (disable)",
        UnitWant::PresetIgnore => "preset (ignore)",
        UnitWant::Mask => "mask",
        UnitWant::Unmask => "unmask",
        UnitWant::Link => "link",
        UnitWant::Revert => "revert",
        UnitWant::Edit => "edit",
    }
}

/// Whose manager is meant, with a blank before; nothing for the system's.
pub fn of_scope(scope: Scope) -> &'static str {
    match scope {
        Scope::System => "",
        Scope::Global => " for all users",
        Scope::User => " for the calling user",
    }
}

fn service_verb(want: ServiceWant) -> &'static str {
    match want {
        ServiceWant::Add => "register",
        ServiceWant::Remove => "unregister",
        ServiceWant::On => "start",
        ServiceWant::Off => "not start",
        ServiceWant::Reset => "reset",
        ServiceWant::ResetPriorities => "reset the order of",
        ServiceWant::Override => "override",
    }
}

fn in_zone(zone: &Option<String>) -> String {
    zone.as_ref().map_or(String::new(), |zone| format!(" in zone {zone}"))
}

fn opening_words(opening: &Opening) -> String {
    match opening {
        Opening::Port { port, protocol } => format!("open {port}/{protocol}"),
        Opening::SourcePort { port, protocol } => format!("open source port {port}/{protocol}"),
        Opening::Protocol { protocol } => format!("open protocol {protocol}"),
        Opening::FirewallService { service } => format!("open service {service}"),
        Opening::Interface { interface, trusted } if *trusted => format!("trust interface {interface}"),
        Opening::Interface { interface, .. } => format!("bind interface {interface}"),
        Opening::Source { source } => format!("bind source {source}"),
        Opening::Masquerade { interface } => match interface {
            Some(interface) => format!("masquerade by {interface}"),
            None => "masquerade".into(),
        },
        Opening::ForwardPort {
            interface,
            port,
            protocol,
            to_port,
            to_address,
        } => {
            let from = interface.as_ref().map_or(String::new(), |interface| format!(" from {interface}"));
            let address = to_address.as_deref().unwrap_or("this host");
            let to = to_port.as_ref().map_or(String::new(), |port| format!(" port {port}"));
            format!("forward {port}/{protocol}{from} to {address}{to}")
        }
        Opening::BlockIcmp { icmp_type } => format!("block ICMP {icmp_type}"),
        Opening::IcmpBlockInversion => "block all ICMP but what is listed".into(),
        Opening::IntraZoneForward => "forward between interfaces".into(),
        Opening::RichRule { rule } => format!("rich rule {rule}"),
        Opening::CustomRules { family, table, file } => format!("include {family} {table} rules from {file}"),
    }
}
