//! Whether a rule matches an intent.

use crate::intent::{FirewallItem, FirewallObject, Intent, ServiceWant, UnitWant, Verdict};
use crate::policy::query::{Lookup, PolicyQuery};
use crate::policy::rule::Rule;
use crate::policy::traffic::{may_open, through};
use crate::tool::Tool;
use crate::unit::glob;

/// Whether the query matches all keys of the rule.
pub(super) fn fits(rule: &Rule, query: &PolicyQuery, lookup: &dyn Lookup) -> bool {
    let intent = query.intent;
    of_caller(rule, query)
        && listed(&rule.kind, |kind| {
            kind == kind_of(intent) || kind == "allow" && opens(rule, intent, lookup)
        })
        && rule.global.is_none_or(|global| global == intent.is_global())
        && listed(&rule.want, |want| want_of(intent) == Some(want))
        && globbed(&rule.unit, &units_of(intent))
        && globbed(&rule.service, &services_of(intent))
        && globbed(&rule.interface, &interface_of(intent))
        && globbed(&rule.definition, &definition_of(intent))
        && globbed(&rule.account, &accounts_of(intent))
        && in_zone(rule, intent, lookup)
        && through(rule, intent, lookup)
}

/// Whether a rule that does not allow openings of ports also matches an intent that opens them in
/// another way.
fn opens(rule: &Rule, intent: &Intent, lookup: &dyn Lookup) -> bool {
    rule.verdict != Verdict::Allow && !rule.port.is_empty() && may_open(intent, lookup)
}

fn of_caller(rule: &Rule, query: &PolicyQuery) -> bool {
    // An unknown package may be any: only `*` matches it.
    let plugin = listed(&rule.plugin, |pattern| match query.plugin {
        Some(plugin) => glob::matches(pattern, plugin),
        None => pattern == "*",
    });
    plugin
        && (rule.tool.is_empty() || rule.tool.iter().any(|tool| called(*tool, rule, query)))
        && rule.source.is_none_or(|source| source == query.source)
}

/// A direct change has no tool: a rule that does not allow a tool's request also matches the same
/// change made directly; a rule that allows it must name the tool `hand`.
fn called(tool: Tool, rule: &Rule, query: &PolicyQuery) -> bool {
    let stands_in = || match query.intent {
        Intent::Unit { .. } | Intent::Dependency { .. } | Intent::DefaultTarget { .. } => {
            tool == Tool::Systemctl
        }
        Intent::Service { .. } => tool == Tool::Chkconfig,
        Intent::Note { .. } => false,
        Intent::Selinux { .. } => tool == Tool::Lokkit,
        _ => matches!(tool, Tool::Lokkit | Tool::FirewallCmd | Tool::FirewallOfflineCmd),
    };
    query.tools.contains(&tool)
        || rule.verdict != Verdict::Allow && query.tools.contains(&Tool::Bypass) && stands_in()
}

fn listed(list: &[String], fits: impl Fn(&str) -> bool) -> bool {
    list.is_empty() || list.iter().any(|entry| fits(entry))
}

fn globbed(patterns: &[String], names: &[String]) -> bool {
    listed(patterns, |pattern| names.iter().any(|name| glob::matches(pattern, name)))
}

/// The intent's kind, as the journal names it.
fn kind_of(intent: &Intent) -> &'static str {
    match intent {
        Intent::Unit { .. } => "unit",
        Intent::Dependency { .. } => "dependency",
        Intent::DefaultTarget { .. } => "default-target",
        Intent::Defer { .. } => "defer",
        Intent::Service { .. } => "service",
        Intent::Allow { .. } => "allow",
        Intent::Withdraw { .. } => "withdraw",
        Intent::Definition { .. } => "definition",
        Intent::FirewallSwitch { .. } => "firewall-switch",
        Intent::FirewallReset { .. } => "firewall-reset",
        Intent::DefaultZone { .. } => "default-zone",
        Intent::FirewallModule { .. } => "firewall-module",
        Intent::Selinux { .. } => "selinux",
        Intent::KernelModule { .. } => "kernel-module",
        Intent::BootParameter { .. } => "boot-parameter",
        Intent::Sysctl { .. } => "sysctl",
        Intent::Alternative { .. } => "alternative",
        Intent::SelinuxPolicy { .. } => "selinux-policy",
        Intent::User { .. } => "user",
        Intent::Group { .. } => "group",
        Intent::Member { .. } => "member",
        Intent::Note { .. } => "note",
    }
}

/// Every kind.
pub(super) const KINDS: [&str; 22] = [
    "unit",
    "dependency",
    "default-target",
    "defer",
    "service",
    "allow",
    "withdraw",
    "definition",
    "firewall-switch",
    "firewall-reset",
    "default-zone",
    "firewall-module",
    "selinux",
    "kernel-module",
    "boot-parameter",
    "sysctl",
    "alternative",
    "selinux-policy",
    "user",
    "group",
    "member",
    "note",
];

/// Every word that [`want_of`] knows.
pub(super) const WANTS: [&str; 27] = [
    "enable",
    "disable",
    "preset",
    "mask",
    "unmask",
    "link",
    "revert",
    "edit",
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "reload-or-restart",
    "try-reload-or-restart",
    "isolate",
    "kill",
    "add",
    "remove",
    "on",
    "off",
    "reset",
    "reset-priorities",
    "override",
    "new",
    "delete",
    "load",
];

/// What is wanted, as the journal names it; all that presets decide is `preset`.
fn want_of(intent: &Intent) -> Option<&str> {
    Some(match intent {
        Intent::Unit { want, .. } => match want {
            UnitWant::Enable => "enable",
            UnitWant::Disable => "disable",
            UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore => "preset",
            UnitWant::Mask => "mask",
            UnitWant::Unmask => "unmask",
            UnitWant::Link => "link",
            UnitWant::Revert => "revert",
            UnitWant::Edit => "edit",
        },
        Intent::Defer { verb, .. } => verb.word(),
        Intent::Service { want, .. } => match want {
            ServiceWant::Add => "add",
            ServiceWant::Remove => "remove",
            ServiceWant::On => "on",
            ServiceWant::Off => "off",
            ServiceWant::Reset => "reset",
            ServiceWant::ResetPriorities => "reset-priorities",
            ServiceWant::Override => "override",
        },
        Intent::FirewallModule { load: true, .. } => "load",
        Intent::FirewallModule { load: false, .. } => "remove",
        Intent::FirewallSwitch { on: true } => "on",
        Intent::FirewallSwitch { on: false } => "off",
        Intent::Definition { change, .. } => change.word(),
        _ => return None,
    })
}

/// A SysV service counts as the unit that systemd makes of it.
fn units_of(intent: &Intent) -> Vec<String> {
    match intent {
        Intent::Unit { unit, .. } | Intent::Defer { unit, .. } | Intent::DefaultTarget { unit } => {
            vec![unit.clone()]
        }
        Intent::Dependency { unit, target, .. } => vec![unit.clone(), target.clone()],
        Intent::Service { service, .. } => vec![format!("{service}.service")],
        _ => Vec::new(),
    }
}

fn opening_of(intent: &Intent) -> Option<&FirewallItem> {
    match intent {
        Intent::Allow { opening, .. } | Intent::Withdraw { opening, .. } => Some(opening),
        _ => None,
    }
}

fn services_of(intent: &Intent) -> Vec<String> {
    match (intent, opening_of(intent)) {
        (_, Some(FirewallItem::FirewallService { service })) => vec![service.clone()],
        (Intent::Definition { object, name, .. }, _) if *object == FirewallObject::Service => {
            vec![name.clone()]
        }
        _ => Vec::new(),
    }
}

fn interface_of(intent: &Intent) -> Vec<String> {
    match opening_of(intent) {
        Some(FirewallItem::Interface { interface, .. }) => vec![interface.clone()],
        Some(FirewallItem::Masquerade { interface } | FirewallItem::ForwardPort { interface, .. }) => {
            interface.iter().cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn definition_of(intent: &Intent) -> Vec<String> {
    match intent {
        Intent::Definition { object, name, .. } => vec![format!("{}/{name}", object.word())],
        _ => Vec::new(),
    }
}

/// The user and the groups that an intent is about; a user's are its name and its primary group's.
fn accounts_of(intent: &Intent) -> Vec<String> {
    match intent {
        Intent::User { user, group, .. } => [user].into_iter().chain(group).cloned().collect(),
        Intent::Group { group, .. } => vec![group.clone()],
        Intent::Member { user, group } => vec![user.clone(), group.clone()],
        _ => Vec::new(),
    }
}

fn in_zone(rule: &Rule, intent: &Intent, lookup: &dyn Lookup) -> bool {
    if rule.zone.is_empty() {
        return true;
    }
    let zone = match intent {
        Intent::Allow { zone, .. } | Intent::Withdraw { zone, .. } => zone.clone(),
        Intent::DefaultZone { zone } => Some(zone.clone()),
        Intent::Definition { object, name, .. } if *object == FirewallObject::Zone => Some(name.clone()),
        _ => return false,
    };
    let zone = zone.unwrap_or_else(|| lookup.default_zone());
    rule.zone.iter().any(|pattern| glob::matches(pattern, &zone))
}
