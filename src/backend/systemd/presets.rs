//! Preset files: what `systemctl preset-all` makes of the image is what was recorded, and otherwise
//! what the image's own rules say.
//!
//! systemd takes the first rule that matches, over all files in the order of their names
//! (systemd.preset(5)). Of a template the first rule's list of instances is all that it enables, later
//! lists are not looked at (query_presets() of 252, observed up to 262). So a template has one line for
//! all plugins, and the instances that the image's own rules name are on it, too.

use std::collections::{BTreeMap, BTreeSet};

use super::{PREFIX, PRESETS, comes_with_enabling, is_unit_name};
use crate::attribution::is_builder;
use crate::backend::name::stem;
use crate::intent::{Intent, Scope, UnitWant};
use crate::plan::{Content, Contribution, DesiredFile, Note, words};
use crate::root::Root;
use crate::state::State;
use crate::sysv::native::is_sysv;
use crate::unit::batch::Batch;
use crate::unit::generation::Generation;
use crate::unit::log::Log;
use crate::unit::lookup::Lookup;
use crate::unit::name;
use crate::unit::paths::SearchPath;
use crate::unit::preset::{PresetAnswer, Presets};
use crate::unit::problem::Events;
use crate::unit::tree::Units;

/// The file of templates that several plugins ask for instances of, and that of our own units. No
/// plugin's stem begins with a plus; they sort before all plugins' files.
const SHARED: &str = "+shared";
const OWN: &str = "+own";

/// A request to enable or disable a unit, or to leave it to presets.
struct PresetRequest<'s> {
    plugin: &'s str,
    unit: &'s str,
    want: UnitWant,
    events: &'s [u64],
}

/// One preset file.
#[derive(Default)]
struct File {
    /// Unit → enabled?
    units: BTreeMap<String, bool>,
    /// The lines of templates.
    templates: Vec<String>,
    events: BTreeSet<u64>,
}

/// The preset files that should be there. The last request about a unit counts.
pub(crate) fn presets(root: &Root, state: &State) -> Contribution {
    let mut contribution = Contribution {
        owned: PRESETS.iter().map(|(directory, _)| (*directory, PREFIX)).collect(),
        ..Contribution::default()
    };
    if is_sysv(root) {
        return contribution;
    }
    for (directory, scope) in PRESETS {
        let mut files: BTreeMap<&str, File> = BTreeMap::new();
        let mut rules = None;
        for (subject, asked) in by_subject(state, scope, &mut contribution.notes) {
            match name::is_template(&subject) {
                true => {
                    let rules = rules.get_or_insert_with(|| Rules::load(root, scope));
                    template(&subject, &asked, rules, &mut files);
                }
                false => plain(&subject, &asked, &mut files),
            }
        }
        for (plugin, file) in files {
            let events: Vec<u64> = file.events.iter().copied().collect();
            let (label, stem) = match plugin {
                SHARED => ("several packages", Some(SHARED.into())),
                plugin => (plugin, stem(plugin)),
            };
            match stem {
                Some(stem) => contribution.files.push(file.desired(directory, &stem, label, events)),
                None => {
                    let text = "its name cannot be written into a file: no preset is made for it";
                    contribution.notes.push(Note::new(Some(plugin), text, &events));
                }
            }
        }
    }
    contribution
}

impl File {
    fn desired(self, directory: &str, stem: &str, label: &str, because: Vec<u64>) -> DesiredFile {
        let units = self.units.iter().map(|(unit, enable)| line(unit, *enable));
        let lines: String = units.chain(self.templates).map(|line| line + "\n").collect();
        DesiredFile {
            path: format!("{directory}/{PREFIX}{stem}.preset"),
            content: Content::File {
                text: format!("# Written by nodeshim from what {label} asked for.\n{lines}"),
                mode: 0o644,
            },
            because,
            why: format!("units that {label} enables or disables"),
        }
    }
}

/// What was asked of each unit, in the order in which it counts: what files declare, then requests
/// as they were made, then those of builders. All instances of a template come under the template.
fn by_subject<'s>(
    state: &'s State,
    of: Scope,
    notes: &mut Vec<Note>,
) -> BTreeMap<String, Vec<PresetRequest<'s>>> {
    let mut subjects: BTreeMap<String, Vec<PresetRequest>> = BTreeMap::new();
    for (plugin, want) in state.wants() {
        let (unit, state, scope) = match &want.intent {
            Intent::Unit {
                unit, want, scope, ..
            } => (unit, want, scope),
            // preset-all takes the link default.target away with those of a target that it disables
            // (observed with 252.39).
            Intent::DefaultTarget { unit } => (unit, &UnitWant::Enable, &Scope::System),
            _ => continue,
        };
        if *scope != of || answer_for(*state).is_none() {
            continue;
        }
        if !is_unit_name(unit) {
            let text = format!("{unit:?} cannot be written into a preset");
            notes.push(Note::new(Some(plugin), text, &want.events));
            continue;
        }
        let subject = name::template_of(unit).unwrap_or_else(|| unit.clone());
        subjects.entry(subject).or_default().push(PresetRequest {
            plugin,
            unit,
            want: *state,
            events: &want.events,
        });
    }
    for asked in subjects.values_mut() {
        // A builder's word comes last, but for what the builder left to presets. What one file declares enabled no other one disables.
        asked.sort_by_key(|one| {
            let enables = answer_for(one.want) == Some(PresetAnswer::Enable);
            let presets =
                matches!(one.want, UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore);
            (is_builder(one.plugin) && !presets, one.events.last().copied(), enables)
        });
    }
    subjects
}

/// The lines of presets for a request; none if it does not concern presets.
fn answer_for(want: UnitWant) -> Option<PresetAnswer> {
    match want {
        UnitWant::Enable | UnitWant::PresetEnable => Some(PresetAnswer::Enable),
        UnitWant::Disable | UnitWant::PresetDisable => Some(PresetAnswer::Disable),
        UnitWant::PresetIgnore => Some(PresetAnswer::Ignore),
        UnitWant::Mask | UnitWant::Unmask | UnitWant::Link | UnitWant::Revert | UnitWant::Edit => None,
    }
}

fn is_explicit(want: UnitWant) -> bool {
    matches!(want, UnitWant::Enable | UnitWant::Disable)
}

/// A unit is written into the files of all plugins that asked for what counts.
fn plain<'s>(unit: &str, asked: &[PresetRequest<'s>], files: &mut BTreeMap<&'s str, File>) {
    let Some(last) = asked.last().filter(|last| is_explicit(last.want)) else {
        return;
    };
    for one in asked.iter().filter(|one| one.want == last.want) {
        let file = files.entry(one.plugin).or_default();
        file.units.insert(unit.to_owned(), last.want == UnitWant::Enable);
        file.events.extend(one.events);
    }
}

fn line(unit: &str, enable: bool) -> String {
    format!("{} {unit}", if enable { "enable" } else { "disable" })
}

/// A template is written once: the instances that the image's own rules give it, changed by one
/// request after the other.
fn template<'s>(
    template: &str,
    asked: &[PresetRequest<'s>],
    rules: &Rules,
    files: &mut BTreeMap<&'s str, File>,
) {
    if !asked.iter().any(|one| is_explicit(one.want)) {
        return;
    }
    let mut instances = rules.instances(template);
    let mut disabled = BTreeSet::new();
    for one in asked {
        let own = name::instance_of(one.unit).map(str::to_owned);
        let all = || match &own {
            Some(instance) => vec![instance.clone()],
            None if one.want == UnitWant::Enable => rules.default_instance(template).into_iter().collect(),
            None => rules.instances(template).into_iter().collect(),
        };
        match (answer_for(one.want), &own) {
            (Some(PresetAnswer::Enable), _) => {
                all().iter().for_each(|instance| _ = disabled.remove(instance));
                instances.extend(all());
            }
            (Some(PresetAnswer::Disable), Some(instance)) => {
                instances.remove(instance);
                disabled.insert(instance.clone());
            }
            (Some(PresetAnswer::Disable), None) => instances.clear(),
            _ => {}
        }
    }
    let plugins: BTreeSet<&str> = asked.iter().map(|one| one.plugin).collect();
    let only = asked.first().filter(|_| plugins.len() == 1).map(|one| one.plugin);
    let file = files.entry(only.unwrap_or(SHARED)).or_default();
    file.events.extend(asked.iter().flat_map(|one| one.events));
    // Only who names the instance itself asks for it: `systemctl preset w@i.service`.
    let lines = disabled.iter().filter_map(|instance| name::with_instance(template, instance));
    file.templates.extend(lines.map(|unit| line(&unit, false)));
    let list: String = instances.iter().map(|instance| format!(" {instance}")).collect();
    file.templates.push(match list.is_empty() {
        true => line(template, false),
        false => format!("enable {template}{list}"),
    });
}

/// The preset rules of an image that are not ours, and its units.
pub(crate) struct Rules<'r> {
    presets: Presets,
    units: Units<'r>,
}

impl<'r> Rules<'r> {
    /// Those of a manager in an image.
    pub(crate) fn load(root: &'r Root, scope: Scope) -> Rules<'r> {
        let generation = Generation::detect(root);
        let path = match scope {
            Scope::System => SearchPath::system(root, generation),
            Scope::Global | Scope::User => SearchPath::global(),
        };
        let is_other = |file: &str| !file.starts_with(PREFIX);
        let quiet = Log::default();
        Rules {
            presets: Presets::load_some(root, scope, generation, ("", &quiet), &is_other).unwrap_or_default(),
            units: Units::new(root, path, generation, ""),
        }
    }

    /// The instances of a template that these rules enable.
    pub(crate) fn instances(&self, template: &str) -> BTreeSet<String> {
        let answer = self.presets.query(template, false);
        let listed = answer.instances.iter().filter_map(|unit| name::instance_of(unit));
        match answer.verdict {
            PresetAnswer::Enable if answer.instances.is_empty() => {
                self.default_instance(template).into_iter().collect()
            }
            PresetAnswer::Enable => listed.map(str::to_owned).collect(),
            PresetAnswer::Disable | PresetAnswer::Ignore => BTreeSet::new(),
        }
    }

    /// `DefaultInstance=` of a template.
    pub(crate) fn default_instance(&self, template: &str) -> Option<String> {
        let mut batch = Batch::default();
        let lookup = Lookup::LOAD_AND_FOLLOW;
        let index = batch.discover(&self.units, template, lookup, 0, &mut Events::default()).ok()?;
        let unit = batch.units.get(index)?;
        let full = unit.install.default_name(template)?;
        name::instance_of(&full).map(str::to_owned)
    }
}

/// The preset of our own units, which keeps them where a tool applies presets later: of all those that
/// links among `files` enable, and of units of the image that load our `firewall`. None if there are none.
pub(crate) fn own_preset(files: &[DesiredFile], firewall: &BTreeSet<String>) -> Option<DesiredFile> {
    let mut units: BTreeSet<String> = firewall.iter().map(|unit| line(unit, true)).collect();
    let mut templates: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for file in files.iter().filter(|file| matches!(file.content, Content::Link { .. })) {
        let Some((directory, unit)) = file.path.rsplit_once('/') else {
            continue;
        };
        if !directory.ends_with(".wants") || !unit.starts_with("nodeshim-") {
            continue;
        }
        match (name::template_of(unit), name::instance_of(unit)) {
            (Some(template), Some(instance)) => _ = templates.entry(template).or_default().insert(instance),
            _ => _ = units.insert(line(unit, true)),
        }
    }
    let of_templates = templates.into_iter().map(|(template, instances)| {
        let instances: Vec<&str> = instances.into_iter().collect();
        format!("enable {template} {}", instances.join(" "))
    });
    let lines: String = units.into_iter().chain(of_templates).map(|line| line + "\n").collect();
    (!lines.is_empty()).then(|| DesiredFile {
        path: format!("{}/{PREFIX}{OWN}.preset", PRESETS[0].0),
        content: Content::File {
            text: format!("# Written by nodeshim: its own units.\n{lines}"),
            mode: 0o644,
        },
        because: Vec::new(),
        why: "keeps nodeshim's own units where presets are applied".into(),
    })
}

/// What is wanted of units and services and no preset file says. What was left to presets is left
/// to them.
pub(crate) fn not_preset(state: &State) -> Vec<Note> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{ActiveIntent, Plugin};

    fn want(unit: &str, want: UnitWant, id: u64) -> ActiveIntent {
        let intent = Intent::Unit {
            unit: unit.into(),
            want,
            scope: Scope::System,
            rule: None,
        };
        ActiveIntent::new(intent, vec![id])
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
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let Contribution { files, notes, .. } = presets(&root, &state(&[("p", wants)]));
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
    fn the_last_request_about_a_unit_counts_whoever_made_it() {
        let on = ("a", vec![want("x.service", UnitWant::Enable, 1)]);
        let off = ("b", vec![want("x.service", UnitWant::Disable, 2)]);
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let files = presets(&root, &state(&[on, off])).files;
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["/etc/systemd/system-preset/80-nodeshim-b.preset"]);
    }
}
