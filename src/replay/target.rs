//! The image that is carried over to: what it has and lacks of what the old one asks for.

use std::collections::{BTreeMap, BTreeSet};

use super::closed::{closed, ports_of};
use super::{OldImage, TargetImage};
use crate::backend::nftables::NODE_TCP_PORT;
use crate::backend::systemd::{is_unit_name, script, there, unit_state};
use crate::boot;
use crate::error::{Result, if_exists};
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::default_zone;
use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, FirewallObject, Intent, Scope, UnitWant};
use crate::journal::Journal;
use crate::plan::{Action, Plan, PlannedChange, UnitVerb};
use crate::root::Root;
use crate::rpmdb::owners_of;
use crate::settle::{Facts, Planner};
use crate::state::{ActiveIntent, State};
use crate::unit::state::State as FileState;

/// Where units are looked for by their names.
const UNITS: [&str; 2] = ["/usr/lib/systemd/system", "/etc/systemd/system"];
/// The persistent files of a vintage node, one path a line.
const PERSISTENT: &str = "/config/files";

/// Looks at the new image; returns with it the changes that revert there what was reverted in the old one.
pub(super) fn look(
    old: &OldImage,
    root: &Root,
    facts: &Facts,
    journal: &Journal,
) -> Result<(TargetImage, Plan)> {
    let mut own = journal.clone();
    own.events.retain(|event| event.replayed.is_none());
    let asked = own.events.iter().filter_map(|event| event.origin.package());
    let asked_here: BTreeSet<String> =
        asked.filter(|name| facts.installed.has(name)).map(str::to_owned).collect();
    let mut known = TargetImage {
        installed: facts.installed.clone(),
        own: Planner::new(root, facts, &own).of_part().plan()?.fold.state,
        asked_here,
        ..TargetImage::default()
    };
    let plan = undone_units(old, root, &mut known);
    let how = "closed in the old image";
    known.undone.extend(closed(old).into_iter().map(|key| (key, how.to_owned())));
    missing(old, root, &mut known)?;
    taken(old, root, &mut known)?;
    Ok((known, plan))
}

/// Units whose state in the old image is not what was recorded there.
fn undone_units(old: &OldImage, root: &Root, known: &mut TargetImage) -> Plan {
    let mut now = old.state().clone();
    for name in &known.asked_here {
        match known.own.plugins.get(name) {
            Some(plugin) => now.plugins.insert(name.clone(), plugin.clone()),
            None => now.plugins.remove(name),
        };
    }
    let applied = boot::recorded(old.state());
    let mut plan = Plan::default();
    if !old.is_settled {
        return plan;
    }
    for step in boot::units(&now, old.state(), &applied, &old.units).into_iter().filter(|step| step.kept) {
        let state = old.units.get(&step.unit);
        let (verb, how) = match step.verb {
            UnitVerb::Mask => (UnitVerb::Unmask, "unmasked"),
            _ if state.is_some_and(|state| state.is_masked()) => (UnitVerb::Mask, "masked"),
            _ if state.is_some_and(|state| state.is_enabled()) => (UnitVerb::Enable, "enabled"),
            _ => (UnitVerb::Disable, "disabled"),
        };
        for (plugin, want) in old.state().wants().filter(|(_, want)| is_about(want, &step.unit, step.verb)) {
            let key = (plugin.to_owned(), want.intent.clone());
            known.undone.insert(key, format!("{how} in the old image"));
        }
        plan.changes.extend(unit_change(root, &step.unit, verb, how));
    }
    plan
}

/// Whether a want is the one that a step would carry out.
fn is_about(want: &ActiveIntent, unit: &str, verb: UnitVerb) -> bool {
    let Intent::Unit {
        unit: of,
        want,
        scope: Scope::System,
        ..
    } = &want.intent
    else {
        return false;
    };
    let masking = matches!(verb, UnitVerb::Mask | UnitVerb::Unmask);
    of == unit && masking == matches!(want, UnitWant::Mask | UnitWant::Unmask)
}

/// The change that gives a unit's file a state, unless it is so.
fn unit_change(root: &Root, unit: &str, verb: UnitVerb, how: &str) -> Option<PlannedChange> {
    let path = there(root, unit).filter(|_| is_unit_name(unit))?;
    let state = unit_state(root, unit)?;
    let is_so = match verb {
        UnitVerb::Unmask => !state.is_masked(),
        UnitVerb::Mask => state.is_masked(),
        UnitVerb::Enable => state != FileState::Disabled,
        UnitVerb::Disable | UnitVerb::Preset => !state.is_enabled(),
    };
    (!is_so).then(|| PlannedChange {
        path,
        action: Action::Unit {
            verb,
            unit: unit.to_owned(),
            scope: Scope::System,
        },
        because: Vec::new(),
        why: format!("{unit} was {how} in the old image"),
    })
}

/// Notes intents about units, scripts and services of the firewall that are not there.
fn missing(old: &OldImage, root: &Root, known: &mut TargetImage) -> Result<()> {
    let definitions = Definitions::new(root);
    let defined: BTreeSet<String> =
        old.state().wants().filter_map(|(_, want)| defines(&want.intent)).collect();
    let (mut units, mut gone) = (None, BTreeMap::new());
    for (plugin, want) in requested(old.state()) {
        let text = match &want.intent {
            Intent::Unit {
                unit,
                want,
                scope: Scope::System,
                ..
            } if !matches!(want, UnitWant::Mask | UnitWant::Unmask | UnitWant::Link) => Some(unit),
            Intent::Defer {
                unit,
                scope: Scope::System,
                ..
            } if is_unit_name(unit) => Some(unit),
            Intent::Dependency { unit, .. } | Intent::DefaultTarget { unit } => Some(unit),
            _ => None,
        };
        let said = match (text, &want.intent) {
            (Some(unit), _) if there(root, unit).is_none() => {
                let all = match &mut units {
                    Some(all) => all,
                    none => none.insert(Units::load(root)?),
                };
                Some(all.gone(old, plugin, unit))
            }
            (None, Intent::Service { service, .. }) if script(root, service).is_none() => {
                Some(format!("there is no service {service}"))
            }
            (
                None,
                Intent::Allow {
                    opening: FirewallItem::FirewallService { service },
                    ..
                },
            ) if !defined.contains(service) && definitions.service(service).is_none() => {
                Some(format!("the firewall knows no service {service}"))
            }
            _ => None,
        };
        gone.extend(said.map(|said| ((plugin.to_owned(), want.intent.clone()), said)));
    }
    known.gone = gone;
    Ok(())
}

fn requested(state: &State) -> impl Iterator<Item = (&str, &ActiveIntent)> {
    let all = state.plugins.iter();
    let all = all.flat_map(|(name, plugin)| {
        plugin.wants.iter().chain(&plugin.deferred).map(move |want| (name.as_str(), want))
    });
    all.filter(|(_, want)| !want.events.is_empty())
}

fn defines(intent: &Intent) -> Option<String> {
    match intent {
        Intent::Definition { object, name, .. } if *object == FirewallObject::Service => Some(name.clone()),
        _ => None,
    }
}

/// The units of an image, with the packages that own them and the other names that they take.
struct Units {
    owned: Vec<(String, String)>,
    aliases: BTreeMap<String, String>,
}

impl Units {
    fn load(root: &Root) -> Result<Units> {
        let mut aliases = BTreeMap::new();
        let paths = unit_paths(root, "")?;
        for path in &paths {
            let unit = path.rsplit('/').next().unwrap_or(path);
            let text = root.read_text(path).unwrap_or_default();
            for names in text.lines().filter_map(|line| line.trim().strip_prefix("Alias=")) {
                aliases.extend(names.split_whitespace().map(|name| (name.to_owned(), unit.to_owned())));
            }
        }
        let owned = owners_of(root, &paths)?;
        Ok(Units { owned, aliases })
    }

    /// What is said of a unit that is not there. A unit of another name is named if it says that
    /// it takes this one, or if it is the only new one of the package.
    fn gone(&self, old: &OldImage, plugin: &str, unit: &str) -> String {
        if let Some(other) = self.aliases.get(unit) {
            return format!("there is no {unit}; {other} takes its name");
        }
        let kind = unit.rsplit('.').next().unwrap_or_default();
        let is_new = |name: &&str| name.ends_with(&format!(".{kind}")) && there(&old.root, name).is_none();
        let of_plugin = self.owned.iter().filter(|(_, package)| package == plugin);
        let names = of_plugin.filter_map(|(path, _)| path.rsplit('/').next()).filter(is_new);
        let names: Vec<&str> = names.collect();
        match names.as_slice() {
            [other] => format!("there is no {unit}; {plugin} brings {other}"),
            _ => format!("there is no {unit}"),
        }
    }
}

/// The paths of unit files whose names end so.
fn unit_paths(root: &Root, ending: &str) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for directory in UNITS {
        let entries = if_exists(root.list(directory))?.unwrap_or_default();
        let names = entries.iter().filter_map(|entry| entry.name.to_str());
        let names = names.filter(|name| is_unit_name(name) && name.ends_with(ending));
        paths.extend(names.map(|name| format!("{directory}/{name}")).filter(|path| root.is_file(path)));
    }
    Ok(paths)
}

/// Notes ports that another plugin, or a socket of the image, has in the new image and had not in
/// the old one.
fn taken(old: &OldImage, root: &Root, known: &mut TargetImage) -> Result<()> {
    let (before, now) = (Definitions::new(&old.root), Definitions::new(root));
    let (old_zone, zone) = (default_zone(&old.root), default_zone(root));
    let mut holders: Vec<(String, (String, PortRange))> = Vec::new();
    for (plugin, want) in known.own.wants() {
        let ports = ports_of(want, &zone, &now);
        holders.extend(ports.into_iter().map(|port| (plugin.to_owned(), port)));
    }
    let had: BTreeSet<(String, (String, PortRange))> = old
        .state()
        .wants()
        .flat_map(|(plugin, want)| {
            let ports = ports_of(want, &old_zone, &before).into_iter();
            ports.map(move |port| (plugin.to_owned(), port))
        })
        .collect();
    holders.retain(|holder| !had.contains(holder));
    let sockets = sockets(old, root)?;
    for (plugin, want) in requested(old.state()).filter(|(name, _)| !known.asked_here.contains(*name)) {
        for port in ports_of(want, &old_zone, &before) {
            let other = holders.iter().find(|(who, of)| who != plugin && overlap(of, &port));
            let socket = sockets.iter().find(|it| it.owner != plugin && overlap(&it.port, &port));
            let who = match (other, socket) {
                (Some((who, _)), _) => format!("{who} has asked for it here"),
                (None, Some(socket)) => format!("{} listens on it here", socket.unit),
                (None, None) => continue,
            };
            // Secure shell is the node's own in every image.
            if !port.1.contains(NODE_TCP_PORT) {
                known.taken.insert((plugin.to_owned(), want.intent.clone()), who);
            }
        }
    }
    Ok(())
}

fn overlap(a: &(String, PortRange), b: &(String, PortRange)) -> bool {
    a.0 == b.0 && a.1.low <= b.1.high && b.1.low <= a.1.high
}

/// A socket that listens on a port.
struct Socket {
    unit: String,
    /// The package; empty if it belongs to none.
    owner: String,
    /// Protocol and number.
    port: (String, PortRange),
}

/// The sockets that the new image has and the old one had not.
fn sockets(old: &OldImage, root: &Root) -> Result<Vec<Socket>> {
    if !old.root.is_dir(UNITS[0]) {
        return Ok(Vec::new());
    }
    let mut paths = unit_paths(root, ".socket")?;
    paths.retain(|path| !old.root.is_file(path));
    let owners: BTreeMap<String, String> = owners_of(root, &paths)?.into_iter().collect();
    let mut sockets = Vec::new();
    for path in paths {
        let owner = owners.get(&path).cloned().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or(&path).to_owned();
        for line in root.read_text(&path).unwrap_or_default().lines() {
            let listens = [("ListenStream", "tcp"), ("ListenDatagram", "udp")];
            let found = listens.iter().find_map(|(key, protocol)| {
                let value = line.trim().strip_prefix(key)?.trim_start().strip_prefix('=')?.trim();
                let port = PortRange::parse(value.rsplit(':').next()?)?;
                Some((protocol.to_string(), port))
            });
            sockets.extend(found.map(|port| Socket {
                unit: name.clone(),
                owner: owner.clone(),
                port,
            }));
        }
    }
    Ok(sockets)
}

/// The files of what is settled that a vintage node's persistent ones cover, or lie in a directory
/// that one covers: what a newer image brings there is not seen.
pub(super) fn covered(root: &Root, facts: &Facts) -> Result<Vec<String>> {
    let Some(text) = if_exists(root.read_text(PERSISTENT))? else {
        return Ok(Vec::new());
    };
    let prepared = Planner::new(root, facts, &Journal::read(root)?).plan()?;
    let files = prepared.desired.into_iter().map(|file| file.path);
    let shared = ["/etc/sysconfig/iptables", "/etc/sysconfig/ip6tables"].map(str::to_owned);
    let all: BTreeSet<String> = files.chain(shared).filter(|path| root.exists(path)).collect();
    let covers = |line: &str, path: &str| {
        let rest = path.strip_prefix(line.trim_end_matches('/'));
        line.starts_with('/') && rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    Ok(all
        .into_iter()
        .filter(|path| text.lines().any(|line| covers(line.trim(), path)))
        .collect())
}
