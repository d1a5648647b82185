//! What plugins asked for as declarations that others carry out: kickstart, osbuild blueprint,
//! Ansible playbook. What a language has no words for becomes a remark.

mod ansible;
mod blueprint;
mod declared;
mod dialect;
mod kickstart;
pub(crate) mod ovirt;
mod ovirt_records;

pub use dialect::{Dialect, Exported, export};
pub use ovirt_records::{DIRECTORY, keep_ovirt_files, ovirt_files, register};

use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};

use self::declared::{Declared, UnitState, declared};
use crate::backend::systemd::{Rules, comes_with_enabling};
use crate::intent::{FirewallItem, Intent, Scope, UnitWant};
use crate::plan::{Note, words};
use crate::root::Root;
use crate::state::{ActiveIntent, State};
use crate::unit::name::{template_of, with_instance};

/// The languages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Commands of an installation.
    Kickstart,
    /// The customizations of an osbuild blueprint.
    Blueprint,
    /// Tasks of a playbook.
    Ansible,
}

/// Writes a state in a format: the file's name and text, and what could not be expressed. The image says
/// which instances of a template there are.
pub fn write(
    root: &Root,
    state: &State,
    default_zone: &str,
    language: Language,
) -> (String, String, Vec<Note>) {
    let (speaks, name): (fn(&Declared, &Context) -> bool, _) = match language {
        Language::Kickstart => (kickstart::speaks, "kickstart"),
        Language::Blueprint => (blueprint::speaks, "blueprint"),
        Language::Ansible => (ansible::speaks, "ansible"),
    };
    let rules = LazyCell::new(|| Rules::load(root, Scope::System));
    let instances = |template: &str, want| {
        let found = match want {
            UnitWant::Enable => rules.default_instance(template).into_iter().collect(),
            _ => rules.instances(template),
        };
        found.iter().filter_map(|instance| with_instance(template, instance)).collect()
    };
    let wanted: Vec<(&str, &ActiveIntent, Vec<Declared>)> = all(state)
        .map(|(plugin, want)| (plugin, want, declared(&want.intent, default_zone, &instances)))
        .collect();
    let users = wanted.iter().flat_map(|(.., declared)| declared).filter_map(|one| match one {
        Declared::User(user) if user.group.is_none() => Some(user.name.clone()),
        _ => None,
    });
    let context = Context {
        default_zone,
        users: users.collect(),
    };
    let mut unsaid: Vec<(&str, &ActiveIntent)> = Vec::new();
    let mut found: BTreeSet<Declared> = BTreeSet::new();
    for (plugin, want, declared) in wanted {
        match !declared.is_empty() && declared.iter().all(|one| speaks(one, &context)) {
            true => found.extend(declared),
            false => unsaid.push((plugin, want)),
        }
    }
    let mut notes = contradictions(&mut found);
    let enabled = units(&found, UnitState::Enabled);
    unsaid.retain(|(_, want)| !comes_with_enabling(&want.intent, &|unit| enabled.contains(&unit)));
    notes.extend(unsaid.into_iter().map(|(plugin, want)| {
        let text = format!("{name} cannot express: {}", words::intent(&want.intent));
        Note::new(Some(plugin), text, &want.events)
    }));
    let (file, text) = match language {
        Language::Kickstart => ("nodeshim.ks", kickstart::text(&found)),
        Language::Blueprint => ("nodeshim.toml", blueprint::text(&found)),
        Language::Ansible => ("nodeshim.yml", ansible::text(&found)),
    };
    (file.to_owned(), text, notes)
}

/// What a format needs to know to decide whether it can express something.
struct Context<'c> {
    default_zone: &'c str,
    /// Users that are made with a group of their own name.
    users: BTreeSet<String>,
}

/// What every file begins with.
const TITLE: &str = "# What plugins asked for, written by nodeshim.\n";

/// Every intent that is in effect, without notes, which are for people.
fn all(state: &State) -> impl Iterator<Item = (&str, &ActiveIntent)> {
    state.plugins.iter().flat_map(|(name, plugin)| {
        let wants = plugin.wants.iter().chain(&plugin.deferred);
        wants
            .filter(|want| !matches!(want.intent, Intent::Note { .. }))
            .map(move |want| (name.as_str(), want))
    })
}

/// What one plugin gives and another takes away is given: taking away is no plugin's to do to
/// another.
fn contradictions(found: &mut BTreeSet<Declared>) -> Vec<Note> {
    let mut states: BTreeMap<String, BTreeSet<UnitState>> = BTreeMap::new();
    for one in found.iter() {
        if let Declared::Unit { unit, state } = one {
            states.entry(unit.clone()).or_default().insert(*state);
        }
    }
    states.retain(|_, states| states.len() > 1);
    let kept_off = templates_with_instances(found);
    let is_open = |one: &Declared| match one {
        Declared::FirewallItem { zone, opening, .. } => found.contains(&Declared::FirewallItem {
            open: true,
            zone: zone.clone(),
            opening: opening.clone(),
        }),
        _ => false,
    };
    let closed = found.iter().filter(|one| matches!(one, Declared::FirewallItem { open: false, .. }));
    let overruled: Vec<Declared> = closed.filter(|one| is_open(one)).cloned().collect();
    found.retain(|one| match one {
        Declared::Unit { unit, .. } if kept_off.contains(unit) => false,
        Declared::Unit { unit, state } => states.get(unit).is_none_or(|states| states.first() == Some(state)),
        one => !overruled.contains(one),
    });
    let of_unit = states
        .keys()
        .map(|unit| format!("plugins disagree about {unit}: the strongest intent for it is written"));
    let of_opening = overruled.iter().filter_map(|one| match one {
        Declared::FirewallItem { zone, opening, .. } => {
            let intent = Intent::Allow {
                opening: opening.clone(),
                zone: Some(zone.clone()),
            };
            Some(format!("plugins disagree, and it is written to {}", words::intent(&intent)))
        }
        _ => None,
    });
    let of_template = kept_off
        .iter()
        .map(|template| format!("instances of {template} are enabled: it is not disabled as a whole"));
    of_unit
        .chain(of_template)
        .chain(of_opening)
        .map(|text| Note::new(None, text, &[]))
        .collect()
}

/// Templates that are to be disabled while an instance is to be enabled: disabling a template takes the links
/// of all its instances back, and the order is the reader's.
fn templates_with_instances(found: &BTreeSet<Declared>) -> BTreeSet<String> {
    let enabled: BTreeSet<String> =
        units(found, UnitState::Enabled).into_iter().filter_map(template_of).collect();
    let disabled = units(found, UnitState::Disabled).into_iter();
    disabled.filter(|unit| enabled.contains(*unit)).map(str::to_owned).collect()
}

/// The units of a state, in order.
fn units(found: &BTreeSet<Declared>, wanted: UnitState) -> Vec<&str> {
    let of = |one| match one {
        &Declared::Unit { ref unit, state } if state == wanted => Some(unit.as_str()),
        _ => None,
    };
    found.iter().filter_map(of).collect()
}

/// `PORT:PROTOCOL` of each port that is opened.
fn ports(found: &BTreeSet<Declared>) -> Vec<String> {
    let of = |one: &Declared| match one {
        Declared::FirewallItem {
            opening: FirewallItem::Port { port, protocol },
            open: true,
            ..
        } => Some(format!("{port}:{protocol}")),
        _ => None,
    };
    found.iter().filter_map(of).collect()
}

/// The services that are opened, or closed.
fn services(found: &BTreeSet<Declared>, wanted: bool) -> Vec<&str> {
    let of = |one| match one {
        &Declared::FirewallItem {
            opening: FirewallItem::FirewallService { ref service },
            open,
            ..
        } if open == wanted => Some(service.as_str()),
        _ => None,
    };
    found.iter().filter_map(of).collect()
}

/// The groups that a user is to be in.
fn groups_of<'f>(found: &'f BTreeSet<Declared>, name: &str) -> Vec<&'f str> {
    let of = |one: &'f Declared| match one {
        Declared::Member { user, group } if user == name => Some(group.as_str()),
        _ => None,
    };
    found.iter().filter_map(of).collect()
}

/// Whether it opens a port or opens or closes a service in the default zone.
fn is_of_default_zone(one: &Declared, context: &Context) -> bool {
    let Declared::FirewallItem { zone, opening, open } = one else {
        return false;
    };
    let is_plain = match opening {
        FirewallItem::Port { .. } => *open,
        FirewallItem::FirewallService { .. } => true,
        _ => false,
    };
    zone == context.default_zone && is_plain
}
