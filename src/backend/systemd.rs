//! The systemd backend: one preset file a plugin with what it explicitly enabled and disabled, so
//! that presets applied at first boot agree with the links that are there; requests to enable a
//! unit that came too early, made again.

use std::collections::{BTreeMap, BTreeSet};

use super::name::stem;
use crate::intent::{DeferredVerb, Intent, Scope, UnitWant};
use crate::plan::{Action, Content, DesiredFile, Note, PlannedChange, words};
use crate::root::Root;
use crate::state::{DeclaredUnit, Plugin, State};
use crate::tool::Tool;

/// Preset files of the system manager, and of every user's.
pub const PRESETS: [(&str, Scope); 2] = [
    ("/etc/systemd/system-preset", Scope::System),
    ("/etc/systemd/user-preset", Scope::Global),
];
/// What our preset files begin with: before the distribution's 85 to 99, after an administrator's
/// lower numbers.
pub const PREFIX: &str = "80-nodeshim-";

const UNIT_DIRECTORIES: [&str; 5] = [
    "/etc/systemd/system",
    "/run/systemd/system",
    "/usr/local/lib/systemd/system",
    "/usr/lib/systemd/system",
    "/lib/systemd/system",
];

/// The preset files that should be there.
pub fn presets(state: &State) -> (Vec<DesiredFile>, Vec<Note>) {
    let (mut files, mut notes) = (Vec::new(), conflicts(state));
    for (name, plugin) in &state.plugins {
        for (directory, scope) in PRESETS {
            let lines = Lines::of(plugin, scope);
            notes.extend(lines.refused.iter().map(|(unit, events)| {
                Note::new(Some(name), format!("{unit:?} cannot be written into a preset"), events)
            }));
            let Some(text) = lines.text(name) else { continue };
            match stem(name) {
                Some(stem) => files.push(DesiredFile {
                    path: format!("{directory}/{PREFIX}{stem}.preset"),
                    content: Content::File { text, mode: 0o644 },
                    because: lines.events.into_iter().collect(),
                    why: format!("units that {name} enables or disables"),
                }),
                None => {
                    let events: Vec<u64> = lines.events.into_iter().collect();
                    let text = "its name cannot be written into a file: no preset is made for it";
                    notes.push(Note::new(Some(name), text, &events));
                }
            }
        }
    }
    (files, notes)
}

/// What is wanted of units and services and no preset file says. What was left to presets is left
/// to them.
pub fn not_preset(state: &State) -> Vec<Note> {
    let is_enabled = |unit: &str| {
        let mut wants = state.plugins.values().flat_map(|plugin| &plugin.wants);
        wants.any(|want| {
            matches!(&want.intent, Intent::Unit { unit: of, want: UnitWant::Enable, scope: Scope::System, .. } if of == unit)
        })
    };
    let is_said = |intent: &Intent| match intent {
        Intent::Unit { want, scope, .. } => {
            *scope != Scope::User
                && !matches!(
                    want,
                    UnitWant::Mask | UnitWant::Unmask | UnitWant::Link | UnitWant::Revert | UnitWant::Edit
                )
        }
        Intent::Service { .. } | Intent::Dependency { .. } | Intent::DefaultTarget { .. } => false,
        Intent::Defer { .. } => comes_with_enabling(intent, &is_enabled),
        _ => true,
    };
    let mut notes = Vec::new();
    for (name, plugin) in &state.plugins {
        let wants = plugin.wants.iter().chain(&plugin.deferred);
        for want in wants.filter(|want| !is_said(&want.intent)) {
            let text = format!("presets cannot express: {}", words::intent(&want.intent));
            notes.push(Note::new(Some(name), text, &want.events));
        }
    }
    notes
}

/// Whether a intent for the boot is what a boot does anyway with a unit that is enabled.
pub fn comes_with_enabling(intent: &Intent, is_enabled: &dyn Fn(&str) -> bool) -> bool {
    let Intent::Defer {
        verb: DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart,
        unit,
        scope: Scope::System,
    } = intent
    else {
        return false;
    };
    is_enabled(unit)
}

/// The lines of one preset file.
#[derive(Default)]
struct Lines {
    /// Unit → enabled?
    plain: BTreeMap<String, bool>,
    /// Template → instances that are enabled.
    instances: BTreeMap<String, BTreeSet<String>>,
    events: BTreeSet<u64>,
    refused: Vec<(String, Vec<u64>)>,
}

impl Lines {
    fn of(plugin: &Plugin, of: Scope) -> Lines {
        let mut lines = Lines::default();
        for want in &plugin.wants {
            let Intent::Unit {
                unit,
                want: wanted @ (UnitWant::Enable | UnitWant::Disable),
                scope,
                ..
            } = &want.intent
            else {
                continue;
            };
            if *scope != of {
                continue;
            }
            if !is_unit_name(unit) {
                lines.refused.push((unit.clone(), want.events.clone()));
                continue;
            }
            lines.events.extend(&want.events);
            match (template(unit), *wanted == UnitWant::Enable) {
                (Some((template, instance)), true) => {
                    lines.instances.entry(template).or_default().insert(instance);
                }
                (_, enable) => {
                    lines.plain.insert(unit.clone(), enable);
                }
            }
        }
        lines
    }

    fn text(&self, plugin: &str) -> Option<String> {
        if self.plain.is_empty() && self.instances.is_empty() {
            return None;
        }
        let label = stem(plugin).unwrap_or_default();
        let mut text = format!("# Written by nodeshim from what {label} asked for.\n");
        for (unit, enable) in &self.plain {
            text.push_str(&format!("{} {unit}\n", if *enable { "enable" } else { "disable" }));
        }
        for (template, instances) in &self.instances {
            let instances: Vec<&str> = instances.iter().map(String::as_str).collect();
            text.push_str(&format!("enable {template} {}\n", instances.join(" ")));
        }
        Some(text)
    }
}

/// Unit names as systemd has them: what could be a glob or a second word is none.
pub fn is_unit_name(unit: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    (1..=255).contains(&unit.len()) && unit.contains('.') && unit.bytes().all(plain)
}

/// The template and instance of `NAME@INSTANCE.suffix`.
fn template(unit: &str) -> Option<(String, String)> {
    let (stem, suffix) = unit.rsplit_once('.')?;
    let (name, instance) = stem.split_once('@')?;
    (!instance.is_empty()).then(|| (format!("{name}@.{suffix}"), instance.to_owned()))
}

/// Units that one plugin enables and another disables.
fn conflicts(state: &State) -> Vec<Note> {
    /// Enabled? → the first plugin that wants it so, and its events.
    type By<'s> = BTreeMap<bool, (&'s str, &'s [u64])>;
    let mut wanted: BTreeMap<(&str, Scope), By> = BTreeMap::new();
    for (name, want) in state.wants() {
        if let Intent::Unit {
            unit,
            want: wanted_state @ (UnitWant::Enable | UnitWant::Disable),
            scope,
            ..
        } = &want.intent
        {
            let enable = *wanted_state == UnitWant::Enable;
            wanted.entry((unit, *scope)).or_default().entry(enable).or_insert((name, &want.events));
        }
    }
    let both = wanted.iter().filter_map(|((unit, _), by)| Some((unit, by.get(&true)?, by.get(&false)?)));
    both.map(|(unit, (on, first), (off, second))| {
        let text =
            format!("{unit} is enabled by {on} and disabled by {off}: the first name decides at first boot");
        Note::new(None, text, &[*first, *second].concat())
    })
    .collect()
}

/// Requests to enable a unit that was not there then and is there now.
pub fn retries(root: &Root, state: &State) -> Vec<PlannedChange> {
    let mut changes = Vec::new();
    for (name, want) in state.wants().filter(|(_, want)| want.failed) {
        let Intent::Unit {
            unit,
            want: UnitWant::Enable,
            scope: Scope::System,
            ..
        } = &want.intent
        else {
            continue;
        };
        let done = want.events.iter().any(|id| state.retried.contains(id));
        let Some(path) = unit_file(root, unit).filter(|_| !done && is_unit_name(unit)) else {
            continue;
        };
        changes.push(PlannedChange {
            path,
            action: Action::Call {
                tool: Tool::Systemctl,
                args: vec!["enable".into(), unit.clone()],
            },
            because: want.events.clone(),
            why: format!("{name} enabled {unit} before the unit was there"),
        });
    }
    changes
}

/// What has to be done to units that files alone ask for: to enable or disable them once, and to
/// disable those that were enabled this way and nobody wants any more.
pub fn declared(root: &Root, state: &State) -> Vec<PlannedChange> {
    let wanted = declared_units(state);
    let mut changes = Vec::new();
    for (unit, why) in &wanted {
        let Some(path) = unit_file(root, &unit.unit) else {
            continue;
        };
        if !state.declared.contains(unit) {
            let verb = if unit.enable { "enable" } else { "disable" };
            changes.push(unit_call(path, verb, unit, why.clone()));
        }
    }
    let kept: BTreeSet<&str> = state.wants().filter_map(|(_, want)| enabled_unit(&want.intent)).collect();
    for unit in state.declared.iter().filter(|unit| unit.enable && !kept.contains(unit.unit.as_str())) {
        let path =
            unit_file(root, &unit.unit).unwrap_or_else(|| format!("{}/{}", UNIT_DIRECTORIES[0], unit.unit));
        changes.push(unit_call(path, "disable", unit, "no file declares it enabled any more".into()));
    }
    changes
}

fn unit_call(path: String, verb: &str, unit: &DeclaredUnit, why: String) -> PlannedChange {
    PlannedChange {
        path,
        action: Action::Call {
            tool: Tool::Systemctl,
            args: [verb, "--quiet", &unit.unit].map(str::to_owned).to_vec(),
        },
        because: Vec::new(),
        why,
    }
}

fn enabled_unit(intent: &Intent) -> Option<&str> {
    match intent {
        Intent::Unit {
            unit,
            want: UnitWant::Enable | UnitWant::PresetEnable,
            scope: Scope::System,
            ..
        } => Some(unit),
        _ => None,
    }
}

/// The units that no request asked for, each with what asks for it. What one plugin wants enabled
/// no other one's file disables.
fn declared_units(state: &State) -> BTreeMap<DeclaredUnit, String> {
    let enabled: BTreeSet<&str> = state.wants().filter_map(|(_, want)| enabled_unit(&want.intent)).collect();
    let mut units = BTreeMap::new();
    for (name, want) in state.wants().filter(|(_, want)| want.events.is_empty()) {
        let Intent::Unit {
            unit,
            want: wanted @ (UnitWant::Enable | UnitWant::Disable),
            scope: Scope::System,
            ..
        } = &want.intent
        else {
            continue;
        };
        let enable = *wanted == UnitWant::Enable;
        if is_unit_name(unit) && (enable || !enabled.contains(unit.as_str())) {
            let verb = if enable { "enabled" } else { "disabled" };
            let why = format!("{name} declares {unit} {verb}");
            units.insert(
                DeclaredUnit {
                    unit: unit.clone(),
                    enable,
                },
                why,
            );
        }
    }
    units
}

/// What is carried out of [`declared`] once its changes, but for those that `failed`, are made.
pub fn declared_after(
    root: &Root,
    state: &State,
    failed: impl Fn(&DeclaredUnit) -> bool,
) -> BTreeSet<DeclaredUnit> {
    let wanted = declared_units(state);
    let done = |unit: &DeclaredUnit| {
        state.declared.contains(unit) || unit_file(root, &unit.unit).is_some() && !failed(unit)
    };
    wanted.into_keys().filter(done).collect()
}

/// Where a unit's file is, or its template's.
pub fn unit_file(root: &Root, unit: &str) -> Option<String> {
    let names = std::iter::once(unit.to_owned()).chain(template(unit).map(|(template, _)| template));
    names
        .flat_map(|name| UNIT_DIRECTORIES.map(|directory| format!("{directory}/{name}")))
        .find(|path| root.is_file(path))
}

/// Our preset files that no plugin needs any more are in these directories, under this prefix.
pub fn owned() -> Vec<(&'static str, &'static str)> {
    PRESETS.iter().map(|(directory, _)| (*directory, PREFIX)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::ActiveIntent;

    fn want(unit: &str, want: UnitWant, id: u64) -> ActiveIntent {
        ActiveIntent {
            intent: Intent::Unit {
                unit: unit.into(),
                want,
                scope: Scope::System,
                rule: None,
            },
            runtime: false,
            failed: false,
            events: vec![id],
            declared: Vec::new(),
            denied_before: Vec::new(),
        }
    }

    fn state(plugins: &[(&str, Vec<ActiveIntent>)]) -> State {
        let mut state = State::default();
        for (name, wants) in plugins {
            let plugin = Plugin {
                wants: wants.clone(),
                ..Plugin::default()
            };
            state.plugins.insert(name.to_string(), plugin);
        }
        state
    }

    #[test]
    fn a_preset_holds_explicit_intents_and_groups_instances() {
        let wants = vec![
            want("b.service", UnitWant::Disable, 1),
            want("a.service", UnitWant::Enable, 2),
            want("w@2.service", UnitWant::Enable, 3),
            want("w@1.service", UnitWant::Enable, 4),
            want("c.service", UnitWant::PresetEnable, 5),
            want("evil.service\nenable *", UnitWant::Enable, 6),
            want("*.service", UnitWant::Enable, 7),
        ];
        let (files, notes) = presets(&state(&[("p", wants)]));
        assert_eq!(files.len(), 1);
        assert_eq!(files[0].path, "/etc/systemd/system-preset/80-nodeshim-p.preset");
        let Content::File { text, .. } = &files[0].content else {
            panic!("no file")
        };
        let expected = "# Written by nodeshim from what p asked for.\nenable a.service\n\
                        disable b.service\nenable w@.service 1 2\n";
        assert_eq!(text, expected);
        assert_eq!(notes.len(), 2);
    }

    #[test]
    fn opposite_intents_of_two_plugins_are_noted() {
        let on = ("a", vec![want("x.service", UnitWant::Enable, 1)]);
        let off = ("b", vec![want("x.service", UnitWant::Disable, 2)]);
        let (_, notes) = presets(&state(&[on, off]));
        assert_eq!(notes[0].because, [1, 2]);
    }
}
