//! Whether a rule speaks of a wish.

use crate::firewall::ports::PortRange;
use crate::intent::{Opening, ServiceWant, UnitWant, Verdict, Wish};
use crate::policy::Rule;
use crate::tool::Tool;
use crate::unit::glob;

/// Ports with their protocol.
pub type Ports = Vec<(String, PortRange)>;

/// What names in wishes stand for. It is asked only where a rule depends on it.
pub trait Lookup {
    /// The destination ports of a service of the firewall.
    fn service(&self, name: &str) -> Ports;
    /// The destination ports that a rich rule is about.
    fn rich_rule(&self, rule: &str) -> Ports;
    /// A port by its name.
    fn port(&self, name: &str, protocol: &str) -> Option<PortRange>;
    /// The zone of what names none.
    fn default_zone(&self) -> String;
}

/// Where a wish comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A request.
    Scriptlet,
    /// A file of metadata.
    Metadata,
}

/// A wish, and who has it.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The package's name, if it is known.
    pub plugin: Option<&'a str>,
    /// The tools that were called for it.
    pub tools: &'a [Tool],
    /// Where it comes from.
    pub source: Source,
    /// The wish.
    pub wish: &'a Wish,
}

/// Whether everything that the rule names is so.
pub fn fits(rule: &Rule, ask: &Ask, lookup: &dyn Lookup) -> bool {
    let wish = ask.wish;
    of_caller(rule, ask)
        && listed(&rule.kind, |kind| kind == kind_of(wish))
        && rule.global.is_none_or(|global| global == wish.is_global())
        && listed(&rule.want, |want| want_of(wish) == Some(want))
        && globbed(&rule.unit, &units_of(wish))
        && globbed(&rule.service, &services_of(wish))
        && globbed(&rule.interface, &interface_of(wish))
        && globbed(&rule.definition, &definition_of(wish))
        && in_zone(rule, wish, lookup)
        && through(rule, wish, lookup)
}

fn of_caller(rule: &Rule, ask: &Ask) -> bool {
    // What is not known cannot be told apart from what is meant: only `*` covers it.
    let plugin = listed(&rule.plugin, |pattern| match ask.plugin {
        Some(plugin) => glob::matches(pattern, plugin),
        None => pattern == "*",
    });
    plugin
        && (rule.tool.is_empty() || rule.tool.iter().any(|tool| called(*tool, rule, ask)))
        && rule.source.is_none_or(|source| source == ask.source)
}

/// What was done by hand goes around a tool: a rule that refuses what the tool is asked for covers it,
/// one that allows it has to name the hand.
fn called(tool: Tool, rule: &Rule, ask: &Ask) -> bool {
    let stands_in = || match ask.wish {
        Wish::Unit { .. } | Wish::Dependency { .. } | Wish::DefaultTarget { .. } => tool == Tool::Systemctl,
        Wish::Service { .. } => tool == Tool::Chkconfig,
        Wish::Note { .. } => false,
        _ => matches!(tool, Tool::Lokkit | Tool::FirewallCmd | Tool::FirewallOfflineCmd),
    };
    ask.tools.contains(&tool)
        || rule.verdict != Verdict::Allow && ask.tools.contains(&Tool::Hand) && stands_in()
}

fn listed(list: &[String], fits: impl Fn(&str) -> bool) -> bool {
    list.is_empty() || list.iter().any(|entry| fits(entry))
}

fn globbed(patterns: &[String], names: &[String]) -> bool {
    listed(patterns, |pattern| names.iter().any(|name| glob::matches(pattern, name)))
}

/// The wish's kind, as the journal names it.
pub fn kind_of(wish: &Wish) -> &'static str {
    match wish {
        Wish::Unit { .. } => "unit",
        Wish::Dependency { .. } => "dependency",
        Wish::DefaultTarget { .. } => "default-target",
        Wish::Defer { .. } => "defer",
        Wish::Service { .. } => "service",
        Wish::Allow { .. } => "allow",
        Wish::Withdraw { .. } => "withdraw",
        Wish::Definition { .. } => "definition",
        Wish::FirewallSwitch { .. } => "firewall-switch",
        Wish::FirewallReset { .. } => "firewall-reset",
        Wish::DefaultZone { .. } => "default-zone",
        Wish::FirewallModule { .. } => "firewall-module",
        Wish::Selinux { .. } => "selinux",
        Wish::KernelModule { .. } => "kernel-module",
        Wish::BootParameter { .. } => "boot-parameter",
        Wish::User { .. } => "user",
        Wish::Group { .. } => "group",
        Wish::Member { .. } => "member",
        Wish::Note { .. } => "note",
    }
}

/// Every kind.
pub const KINDS: [&str; 19] = [
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
    "user",
    "group",
    "member",
    "note",
];

/// Every word that [`want_of`] knows.
pub const WANTS: [&str; 27] = [
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
fn want_of(wish: &Wish) -> Option<&str> {
    Some(match wish {
        Wish::Unit { want, .. } => match want {
            UnitWant::Enable => "enable",
            UnitWant::Disable => "disable",
            UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore => "preset",
            UnitWant::Mask => "mask",
            UnitWant::Unmask => "unmask",
            UnitWant::Link => "link",
            UnitWant::Revert => "revert",
            UnitWant::Edit => "edit",
        },
        Wish::Defer { verb, .. } => verb.word(),
        Wish::Service { want, .. } => match want {
            ServiceWant::Add => "add",
            ServiceWant::Remove => "remove",
            ServiceWant::On => "on",
            ServiceWant::Off => "off",
            ServiceWant::Reset => "reset",
            ServiceWant::ResetPriorities => "reset-priorities",
            ServiceWant::Override => "override",
        },
        Wish::FirewallSwitch { on: true } => "on",
        Wish::FirewallSwitch { on: false } => "off",
        Wish::Definition { change, .. } => change,
        _ => return None,
    })
}

/// A SysV service counts as the unit that systemd makes of it.
fn units_of(wish: &Wish) -> Vec<String> {
    match wish {
        Wish::Unit { unit, .. } | Wish::Defer { unit, .. } | Wish::DefaultTarget { unit } => {
            vec![unit.clone()]
        }
        Wish::Dependency { unit, target, .. } => vec![unit.clone(), target.clone()],
        Wish::Service { service, .. } => vec![format!("{service}.service")],
        _ => Vec::new(),
    }
}

fn opening_of(wish: &Wish) -> Option<&Opening> {
    match wish {
        Wish::Allow { opening, .. } | Wish::Withdraw { opening, .. } => Some(opening),
        _ => None,
    }
}

fn services_of(wish: &Wish) -> Vec<String> {
    match (wish, opening_of(wish)) {
        (_, Some(Opening::FirewallService { service })) => vec![service.clone()],
        (Wish::Definition { object, name, .. }, _) if object == "service" => vec![name.clone()],
        _ => Vec::new(),
    }
}

fn interface_of(wish: &Wish) -> Vec<String> {
    match opening_of(wish) {
        Some(Opening::Interface { interface, .. }) => vec![interface.clone()],
        Some(Opening::Masquerade { interface } | Opening::ForwardPort { interface, .. }) => {
            interface.iter().cloned().collect()
        }
        _ => Vec::new(),
    }
}

fn definition_of(wish: &Wish) -> Vec<String> {
    match wish {
        Wish::Definition { object, name, .. } => vec![format!("{object}/{name}")],
        _ => Vec::new(),
    }
}

fn in_zone(rule: &Rule, wish: &Wish, lookup: &dyn Lookup) -> bool {
    if rule.zone.is_empty() {
        return true;
    }
    let zone = match wish {
        Wish::Allow { zone, .. } | Wish::Withdraw { zone, .. } => zone.clone(),
        Wish::DefaultZone { zone } => Some(zone.clone()),
        Wish::Definition { object, name, .. } if object == "zone" => Some(name.clone()),
        _ => return false,
    };
    let zone = zone.unwrap_or_else(|| lookup.default_zone());
    rule.zone.iter().any(|pattern| glob::matches(pattern, &zone))
}

/// Ports and protocols. What refuses covers a wish that it meets at one port; what allows has to
/// cover it whole.
fn through(rule: &Rule, wish: &Wish, lookup: &dyn Lookup) -> bool {
    if rule.port.is_empty() && rule.protocol.is_empty() {
        return true;
    }
    let Some(opening) = opening_of(wish) else {
        return false;
    };
    let same = |protocol: &str| listed(&rule.protocol, |known| known.eq_ignore_ascii_case(protocol));
    if rule.port.is_empty()
        && let Opening::Protocol { protocol } | Opening::SourcePort { protocol, .. } = opening
    {
        return same(protocol);
    }
    let ports = ports_of(opening, lookup);
    let whole = |range: &PortRange| {
        rule.port.is_empty()
            || rule.port.iter().any(|known| known.low <= range.low && range.high <= known.high)
    };
    let meets = |range: &PortRange| {
        rule.port.is_empty()
            || rule.port.iter().any(|known| known.low <= range.high && range.low <= known.high)
    };
    match rule.verdict {
        Verdict::Allow => !ports.is_empty() && ports.iter().all(|(p, range)| same(p) && whole(range)),
        _ => ports.iter().any(|(protocol, range)| same(protocol) && meets(range)),
    }
}

fn ports_of(opening: &Opening, lookup: &dyn Lookup) -> Ports {
    match opening {
        Opening::Port { port, protocol } | Opening::ForwardPort { port, protocol, .. } => {
            let range = PortRange::parse(port).or_else(|| lookup.port(port, protocol));
            range.map(|range| (protocol.clone(), range)).into_iter().collect()
        }
        Opening::FirewallService { service } => lookup.service(service),
        Opening::RichRule { rule } => lookup.rich_rule(rule),
        _ => Ports::new(),
    }
}
