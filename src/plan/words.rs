//! Intents in words.

use crate::escape::Escaped;
use crate::intent::{FirewallItem, Intent, Scope, ServiceWant, UnitWant};

/// An intent as a short phrase that completes "PACKAGE asked to ...".
pub fn intent(intent: &Intent) -> String {
    match intent {
        Intent::Unit {
            unit, want, scope, ..
        } => format!("{} {unit}{}", unit_verb(*want), of_scope(*scope)),
        Intent::Dependency {
            unit,
            target,
            dependency,
        } => format!("have {target} pull in {unit} ({dependency})"),
        Intent::DefaultTarget { unit } => format!("set default target {unit}"),
        Intent::Defer { verb, unit, scope } => {
            format!("{} {unit}{} at boot", verb.word(), of_scope(*scope))
        }
        Intent::Service {
            service,
            want,
            levels,
        } => {
            let levels = levels.as_ref().map_or(String::new(), |levels| format!(" in run levels {levels}"));
            format!("{} service {service}{levels}", service_verb(*want))
        }
        Intent::Allow { opening, zone } => format!("{}{}", opening_words(opening), in_zone(zone)),
        Intent::Withdraw { opening, zone } => {
            format!("{}{}", closing_words(opening), in_zone(zone))
        }
        Intent::Definition { object, name, change } => {
            format!("{} firewalld {} {name}", change.word(), object.word())
        }
        Intent::FirewallSwitch { on } => format!("switch the firewall {}", if *on { "on" } else { "off" }),
        Intent::FirewallReset { defaults } => match defaults {
            Some(defaults) => format!("reset the firewall to the {defaults} defaults"),
            None => "reset the firewall".into(),
        },
        Intent::DefaultZone { zone } => format!("set default zone {zone}"),
        Intent::FirewallModule { module, load } => {
            format!("{} firewall module {}", if *load { "load" } else { "not load" }, module.shown())
        }
        Intent::Selinux { mode, policy } => {
            let policy = policy.as_ref().map(Escaped::shown);
            let parts: Vec<String> = mode.iter().cloned().chain(policy).collect();
            format!("set SELinux to {}", parts.join(" "))
        }
        Intent::KernelModule { module } => format!("load kernel module {module} at boot"),
        Intent::BootParameter { parameter } => format!("boot with {parameter}"),
        Intent::Sysctl { key, value } => format!("set kernel parameter {key} to {value}"),
        Intent::Alternative { name, path } => match path {
            Some(path) => format!("set alternative {name} to {path}"),
            None => format!("remove alternative {name}"),
        },
        Intent::SelinuxPolicy { part, name, removed } => {
            let verb = if *removed { "remove" } else { "add" };
            format!("{verb} SELinux {} {name}", part.word())
        }
        Intent::User { user, uid, .. } => format!("have user {user}{}", numbered(*uid)),
        Intent::Group { group, gid } => format!("have group {group}{}", numbered(*gid)),
        Intent::Member { user, group } => format!("have {user} in group {group}"),
        Intent::Note { text, .. } => text.clone(),
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
        ServiceWant::On => "enable",
        ServiceWant::Off => "disable",
        ServiceWant::Reset => "reset",
        ServiceWant::ResetPriorities => "reset the order of",
        ServiceWant::Override => "override",
    }
}

fn in_zone(zone: &Option<String>) -> String {
    zone.as_ref().map_or(String::new(), |zone| format!(" in zone {zone}"))
}

/// An entry of a zone as a noun: `source 10.0.0.0/8`, `masquerade`.
pub(crate) fn entry(opening: &FirewallItem) -> String {
    let words = opening_words(opening);
    let noun = ["open ", "bind ", "trust "].iter().find_map(|verb| words.strip_prefix(verb));
    noun.map_or_else(|| words.clone(), str::to_owned)
}

/// The opposite of what opens: what is removed has no verb of its own but `close` and `unbind`.
fn closing_words(opening: &FirewallItem) -> String {
    let words = opening_words(opening);
    let opposite = [
        ("open ", "close "),
        ("bind ", "unbind "),
        ("trust ", "not trust "),
    ];
    let found = opposite
        .iter()
        .find_map(|(open, close)| Some(format!("{close}{}", words.strip_prefix(open)?)));
    found.unwrap_or_else(|| format!("remove: {words}"))
}

fn opening_words(opening: &FirewallItem) -> String {
    match opening {
        FirewallItem::Port { port, protocol } => format!("open {port}/{protocol}"),
        FirewallItem::SourcePort { port, protocol } => format!("open source port {port}/{protocol}"),
        FirewallItem::Protocol { protocol } => format!("open protocol {protocol}"),
        FirewallItem::FirewallService { service } => format!("open service {service}"),
        FirewallItem::Interface { interface, trusted } if *trusted => format!("trust interface {interface}"),
        FirewallItem::Interface { interface, .. } => format!("bind interface {interface}"),
        FirewallItem::Source { source } => format!("bind source {source}"),
        FirewallItem::Masquerade { interface } => match interface {
            Some(interface) => format!("masquerade by {interface}"),
            None => "masquerade".into(),
        },
        FirewallItem::ForwardPort {
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
        FirewallItem::BlockIcmp { icmp_type } => format!("block ICMP {icmp_type}"),
        FirewallItem::IcmpBlockInversion => "block all ICMP but what is listed".into(),
        FirewallItem::IntraZoneForward => "forward between interfaces".into(),
        FirewallItem::RichRule { rule } => format!("rich rule {rule}"),
        FirewallItem::CustomRules { family, table, file } => {
            format!("include {family} {table} rules from {}", file.shown())
        }
    }
}
