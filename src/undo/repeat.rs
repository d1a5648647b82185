//! What requests of another image come to here: the calls that bring their intents about. Firewall
//! openings need none, for the firewall's backends write what stands.

use std::collections::{BTreeMap, BTreeSet};

use crate::backend::systemd::{is_unit_name, unit_file};
use crate::escape::unescape;
use crate::intent::{Intent, Scope, ServiceWant, UnitWant};
use crate::journal::Event;
use crate::plan::{Action, Note, PlannedChange};
use crate::root::Root;
use crate::state::{ActiveIntent, State};
use crate::tool::Tool;

/// Where init scripts and xinetd's services are.
const SCRIPTS: [&str; 3] = ["/etc/rc.d/init.d", "/etc/init.d", "/etc/xinetd.d"];

/// The calls for intents that stand, come from requests of other images alone, and were not carried
/// out here yet. What the image lacks is left until it is there.
pub fn calls(root: &Root, state: &State, events: &[Event]) -> (Vec<PlannedChange>, Vec<Note>) {
    let of_others = events.iter().filter(|event| event.replayed.is_some());
    let replayed: BTreeMap<u64, &Event> = of_others.map(|event| (event.id, event)).collect();
    let (mut changes, mut notes) = (Vec::new(), Vec::new());
    let mut repeated = BTreeSet::new();
    for (name, want) in state.wants() {
        let from_there = !want.events.is_empty() && want.events.iter().all(|id| replayed.contains_key(id));
        let is_done = want.events.iter().any(|id| state.retried.contains(id));
        if !from_there || is_done || is_retried(want) {
            continue;
        }
        match call(root, &want.intent) {
            Carried::Call(path, tool, args) => changes.push(change(name, want, path, tool, args)),
            Carried::Repeat => {
                for event in want.events.iter().filter_map(|id| replayed.get(id)) {
                    // What no tool was called for cannot be repeated.
                    if !Tool::ALL.contains(&event.tool) || !repeated.insert(event.id) {
                        continue;
                    }
                    match arguments(event) {
                        Some(args) => {
                            changes.push(change(name, want, event.tool.name().into(), event.tool, args));
                        }
                        None => {
                            let text = "its words are no text: it is not repeated here";
                            notes.push(Note::new(Some(name), text, &[event.id]));
                        }
                    }
                }
            }
            Carried::Nothing => {}
        }
    }
    (changes, notes)
}

/// Requests to enable that failed are repeated anyway.
fn is_retried(want: &ActiveIntent) -> bool {
    let enables = matches!(
        want.intent,
        Intent::Unit {
            want: UnitWant::Enable,
            scope: Scope::System,
            ..
        }
    );
    want.failed && enables
}

fn change(name: &str, want: &ActiveIntent, path: String, tool: Tool, args: Vec<String>) -> PlannedChange {
    PlannedChange {
        path,
        action: Action::Call { tool, args },
        because: want.events.clone(),
        why: format!("{name} asked for it in another image"),
    }
}

/// How a intent comes about.
enum Carried {
    /// By a call that concerns a path.
    Call(String, Tool, Vec<String>),
    /// By the request itself.
    Repeat,
    /// Not by a call, or not yet.
    Nothing,
}

fn call(root: &Root, intent: &Intent) -> Carried {
    match intent {
        Intent::Unit {
            unit, want, scope, ..
        } => of_unit(root, unit, *want, *scope),
        Intent::Dependency {
            unit,
            target,
            dependency,
        } => match there(root, unit) {
            Some(path) if is_unit_name(unit) && is_unit_name(target) => {
                Carried::Call(path, Tool::Systemctl, words(&[&format!("add-{dependency}"), target, unit]))
            }
            _ => Carried::Nothing,
        },
        Intent::DefaultTarget { unit } => match unit_file(root, unit) {
            Some(path) if is_unit_name(unit) => {
                Carried::Call(path, Tool::Systemctl, words(&["set-default", unit]))
            }
            _ => Carried::Nothing,
        },
        Intent::Service {
            service,
            want,
            levels,
        } => match script(root, service) {
            Some(path) => Carried::Call(path, Tool::Chkconfig, of_service(service, *want, levels.as_deref())),
            None => Carried::Nothing,
        },
        intent if is_repeated(intent) => Carried::Repeat,
        _ => Carried::Nothing,
    }
}

/// Whether only the request itself brings a intent about, as the intent does not say all of it.
pub fn is_repeated(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Withdraw { .. }
            | Intent::Definition { .. }
            | Intent::FirewallSwitch { .. }
            | Intent::FirewallReset { .. }
            | Intent::DefaultZone { .. }
            | Intent::FirewallModule { .. }
            | Intent::Selinux { .. }
            | Intent::Unit {
                want: UnitWant::Link,
                ..
            }
    )
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn of_unit(root: &Root, unit: &str, want: UnitWant, scope: Scope) -> Carried {
    let verb = match want {
        UnitWant::Enable => "enable",
        UnitWant::Disable => "disable",
        UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore => "preset",
        UnitWant::Mask => "mask",
        UnitWant::Unmask => "unmask",
        UnitWant::Link => return Carried::Repeat,
        UnitWant::Revert | UnitWant::Edit => return Carried::Nothing,
    };
    if !is_unit_name(unit) {
        return Carried::Nothing;
    }
    let needs_file = !matches!(want, UnitWant::Mask | UnitWant::Unmask);
    match (scope, there(root, unit)) {
        (Scope::System, None) if needs_file => Carried::Nothing,
        (Scope::System, path) => {
            let path = path.unwrap_or_else(|| format!("/etc/systemd/system/{unit}"));
            Carried::Call(path, Tool::Systemctl, words(&[verb, "--quiet", unit]))
        }
        (Scope::Global, _) => {
            let path = format!("/etc/systemd/user/{unit}");
            Carried::Call(path, Tool::Systemctl, words(&[verb, "--quiet", "--global", unit]))
        }
        (Scope::User, _) => Carried::Nothing,
    }
}

fn of_service(service: &str, want: ServiceWant, levels: Option<&str>) -> Vec<String> {
    let word = match want {
        ServiceWant::Add => return words(&["--add", service]),
        ServiceWant::Remove => return words(&["--del", service]),
        ServiceWant::Override => return words(&["--override", service]),
        ServiceWant::On => "on",
        ServiceWant::Off => "off",
        ServiceWant::Reset => "reset",
        ServiceWant::ResetPriorities => "resetpriorities",
    };
    match levels {
        Some(levels) => words(&["--level", levels, service, word]),
        None => words(&[service, word]),
    }
}

/// Where a unit is, or the init script that stands for it.
pub fn there(root: &Root, unit: &str) -> Option<String> {
    let init = |unit: &str| {
        let service = unit.strip_suffix(".service")?;
        SCRIPTS[..2].iter().map(|at| format!("{at}/{service}")).find(|path| root.is_file(path))
    };
    unit_file(root, unit).or_else(|| init(unit).filter(|_| is_unit_name(unit)))
}

/// Where a SysV service is, or the unit of its name.
pub fn script(root: &Root, service: &str) -> Option<String> {
    if service.contains('/') || service.starts_with(['-', '.']) {
        return None;
    }
    let script = SCRIPTS.iter().map(|at| format!("{at}/{service}")).find(|path| root.is_file(path));
    script.or_else(|| unit_file(root, &format!("{service}.service")))
}

/// The words after the tool's name, if they are text.
fn arguments(event: &Event) -> Option<Vec<String>> {
    let words = event.argv.iter().skip(1);
    words.map(|word| unescape(word).into_string().ok()).collect()
}
