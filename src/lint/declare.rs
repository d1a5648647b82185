//! How an intent is written in metadata instead of a scriptlet.

use crate::intent::{DeferredVerb, FirewallItem, Intent, Scope, ServiceWant, UnitWant};

/// The lines of a metadata file that stand for an intent; none if there are none.
pub fn replacement(intent: &Intent) -> Option<String> {
    let list = |section: &str, key: &str, value: &str| Some(format!("[{section}] {key} = [{value:?}]"));
    match intent {
        Intent::Unit {
            unit,
            want,
            scope: Scope::System,
            ..
        } => match want {
            UnitWant::Enable => list("units", "enable", unit),
            UnitWant::Disable => list("units", "disable", unit),
            _ => None,
        },
        Intent::Defer {
            verb: DeferredVerb::Start | DeferredVerb::Restart,
            unit,
            scope: Scope::System,
        } => list("units", "start", unit),
        Intent::Service {
            service,
            want: ServiceWant::Add | ServiceWant::On,
            ..
        } => list("units", "enable", &format!("{service}.service")),
        Intent::Allow { opening, zone } => {
            let zone = zone.as_ref().map_or(String::new(), |zone| format!(" with zone = {zone:?}"));
            let entry = match opening {
                FirewallItem::Port { port, protocol } => {
                    list("firewall", "ports", &format!("{port}/{protocol}"))
                }
                FirewallItem::FirewallService { service } => list("firewall", "services", service),
                _ => None,
            };
            entry.map(|entry| entry + &zone)
        }
        _ => None,
    }
}

/// What stands for a command that is no tool's but changes what metadata can declare.
pub fn of_program(program: &str) -> Option<&'static str> {
    Some(match program.rsplit('/').next()? {
        "useradd" | "adduser" => "[[user]]",
        "groupadd" | "addgroup" => "[[group]]",
        "modprobe" | "insmod" => "[kernel] modules",
        "grubby" => "[kernel] parameters",
        _ => return None,
    })
}

/// Why a command is nothing that nodeshim sees or can keep.
pub fn bypasses(program: &str) -> Option<&'static str> {
    Some(match program.rsplit('/').next()? {
        "iptables" | "ip6tables" | "iptables-restore" | "nft" | "ebtables" => {
            "changes the firewall of the machine that builds the image, not the image's"
        }
        "setenforce" | "sysctl" => "changes the kernel that builds the image, not the image",
        "dbus-send" | "busctl" | "loginctl" => "needs a running system",
        _ => return None,
    })
}
