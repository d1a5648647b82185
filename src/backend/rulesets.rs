//! What each plugin wants of the firewall, and what the image's own configuration says of it: what
//! the backends write.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::items::canonical;
use crate::firewall::node::{Node, Taken, Upcoming};
use crate::firewall::ruleset::Ruleset;
use crate::intent::{FirewallItem, FirewallObject, Intent};
use crate::plan::{Action, Contribution, Note};
use crate::root::Root;
use crate::state::{ActiveIntent, State};

/// Everything that a backend writes.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// What each plugin wants.
    pub rulesets: BTreeMap<String, Ruleset>,
    /// What else the image's configuration says.
    pub node: Node,
    /// What plugins took out of zones, with the zones.
    pub removed: Vec<(FirewallItem, String)>,
    /// What could not be understood.
    pub notes: Vec<Note>,
    /// What plugins define or edit besides entries of zones.
    pub edits: Vec<Edit>,
    /// What only firewalld itself can do.
    pub unexpressed: Vec<Note>,
    /// Whether anybody asked for anything of a firewall.
    pub is_wanted: bool,
}

/// A plugin's own version of something that firewalld knows by a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// The plugin.
    pub plugin: String,
    /// What that is.
    pub object: FirewallObject,
    /// Its name.
    pub name: String,
    /// The requests.
    pub events: Vec<u64>,
}

impl Wanted {
    /// A note about something that cannot be set up as asked, for every plugin that made or edited it;
    /// for no plugin if none did.
    pub fn unmet(&self, object: FirewallObject, name: Option<&str>, text: &str) -> Vec<Note> {
        let is_it = |edit: &&Edit| edit.object == object && name.is_none_or(|name| edit.name == name);
        let of = |edit: &Edit| Note::unmet(&edit.plugin, text, &edit.events);
        let notes: Vec<Note> = self.edits.iter().filter(is_it).map(of).collect();
        match notes.is_empty() {
            true => vec![Note::new(None, text, &[])],
            false => notes,
        }
    }

    /// Says of policies and sets why they are left out, and of what no packet filter but firewalld has.
    /// `is_set_up` knows the helpers that are.
    pub fn left_out(&self, is_set_up: &dyn Fn(&str) -> bool) -> Vec<Note> {
        let node = self.node.left_out.iter().flat_map(|((kind, name), why)| {
            let text = format!("{} {name} is not set up: {why}", kind.word());
            self.unmet(kind.object(), Some(name), &text)
        });
        let edits = self.edits.iter().filter_map(|edit| {
            let text = match (edit.object, &edit.name) {
                (FirewallObject::Helper, name) if is_set_up(name) => return None,
                (FirewallObject::Helper, name) => format!("helper {name} is not set up"),
                (FirewallObject::Icmptype, name) => {
                    format!("ICMP type {name} is not set up: only firewalld takes new ones")
                }
                (FirewallObject::Direct, name) if name == "passthrough" => {
                    "a passthrough for the running firewall is not set up".to_owned()
                }
                _ => return None,
            };
            Some(Note::unmet(&edit.plugin, text, &edit.events))
        });
        node.chain(edits).collect()
    }
}

/// What settling undoes in the image's configuration.
#[derive(Debug, Clone, Copy, Default)]
pub struct Undone<'a> {
    /// What is not wanted any more, each with the plugin that had asked for it.
    pub withdrawn: &'a [(&'a str, &'a ActiveIntent)],
    /// What is put back as it was.
    pub restored: Option<&'a Contribution>,
}

impl Undone<'_> {
    /// The default zone after that was reverted.
    pub(crate) fn default_zone(&self, root: &Root) -> String {
        self.upcoming().default_zone(root)
    }

    /// The files that are put back, by path; none for one that goes.
    pub(crate) fn files(&self) -> BTreeMap<PathBuf, Option<String>> {
        self.upcoming().files
    }

    /// What that makes of the configuration, but for what is withdrawn.
    fn upcoming(&self) -> Upcoming {
        let mut upcoming = Upcoming::default();
        for change in self.restored.iter().flat_map(|sum| sum.changes.iter().chain(&sum.after_files)) {
            match &change.action {
                Action::Write { content, .. } => {
                    upcoming.files.insert(change.path.clone().into(), Some(content.clone()));
                }
                Action::Remove => {
                    upcoming.files.insert(change.path.clone().into(), None);
                }
                Action::Intent {
                    intent:
                        Intent::Allow {
                            opening,
                            zone: Some(zone),
                        },
                } => upcoming.given.push((zone.clone(), opening.clone())),
                _ => {}
            }
        }
        upcoming
    }
}

/// What a state wants, in the image's configuration as it is after that was reverted.
///
/// # Errors
/// Where the image's configuration cannot be read at all.
pub fn wanted(root: &Root, state: &State, undone: &Undone, definitions: &Definitions) -> Result<Wanted> {
    let mut upcoming = undone.upcoming();
    let default_zone = upcoming.default_zone(root);
    let (rulesets, mut notes) = rulesets(state, &default_zone, definitions);
    let items = |want: &ActiveIntent| {
        let (item, zone, _) = opening(&want.intent, &want.events)?;
        Some((zone.unwrap_or(&default_zone).to_owned(), canonical(item)))
    };
    let open: Taken = state.wants().filter_map(|(_, want)| items(want)).collect();
    let goes = undone.withdrawn.iter().filter_map(|(_, want)| items(want));
    upcoming.taken = open.iter().cloned().chain(goes).collect();
    let named: BTreeSet<&str> =
        rulesets.values().flat_map(|ruleset| ruleset.zones.keys().map(String::as_str)).collect();
    let node = Node::load(root, definitions, named, &upcoming)?;
    notes.extend(node.notes.iter().map(|text| Note::new(None, text.as_str(), &[])));
    let is_wanted = state
        .plugins
        .values()
        .flat_map(|plugin| &plugin.wants)
        .any(|want| is_of_firewall(&want.intent));
    let removed =
        state
            .plugins
            .values()
            .flat_map(|plugin| &plugin.wants)
            .filter_map(|want| match &want.intent {
                Intent::Withdraw { opening, zone } => {
                    let zone = zone.as_deref().unwrap_or(&default_zone);
                    (!open.contains(&(zone.to_owned(), canonical(opening))))
                        .then(|| (opening.clone(), zone.to_owned()))
                }
                _ => None,
            });
    let removed = removed.collect();
    let wants = || {
        state
            .plugins
            .iter()
            .flat_map(|(name, plugin)| plugin.wants.iter().map(move |want| (name, want)))
    };
    let unexpressed = wants().filter(|(_, want)| matches!(want.intent, Intent::FirewallSwitch { on: false }));
    let unexpressed = unexpressed.map(|(name, want)| {
        let text = "the firewall stays on, though it was asked to be turned off";
        Note::new(Some(name), text, &want.events)
    });
    Ok(Wanted {
        unexpressed: unexpressed.collect(),
        edits: wants().filter_map(|(name, want)| edit(name, want)).collect(),
        removed,
        rulesets,
        node,
        notes,
        is_wanted,
    })
}

/// Whether an intent asks for something that only a firewall can give.
fn is_of_firewall(intent: &Intent) -> bool {
    match intent {
        Intent::Allow { .. }
        | Intent::Withdraw { .. }
        | Intent::Definition { .. }
        | Intent::DefaultZone { .. } => true,
        Intent::FirewallSwitch { on } => *on,
        _ => false,
    }
}

/// What a plugin makes or edits; what it deletes is gone.
fn edit(plugin: &str, want: &ActiveIntent) -> Option<Edit> {
    match &want.intent {
        Intent::Definition { object, name, change } if !change.deletes() => Some(Edit {
            plugin: plugin.to_owned(),
            object: *object,
            name: name.clone(),
            events: want.events.clone(),
        }),
        _ => None,
    }
}

/// What each plugin wants of the firewall.
pub fn rulesets(
    state: &State,
    default_zone: &str,
    definitions: &Definitions,
) -> (BTreeMap<String, Ruleset>, Vec<Note>) {
    let (mut rulesets, mut notes) = (BTreeMap::new(), Vec::new());
    for (name, plugin) in &state.plugins {
        let wanted = plugin.wants.iter().filter_map(|want| opening(&want.intent, &want.events));
        let ruleset = Ruleset::collect(wanted, default_zone, definitions);
        let not_understood = ruleset.notes.iter().map(|(text, events)| Note::unmet(name, text, events));
        notes.extend(not_understood);
        if !ruleset.is_empty() {
            rulesets.insert(name.clone(), ruleset);
        }
    }
    (rulesets, notes)
}

fn opening<'w>(
    intent: &'w Intent,
    events: &'w [u64],
) -> Option<(&'w FirewallItem, Option<&'w str>, &'w [u64])> {
    match intent {
        Intent::Allow { opening, zone } => Some((opening, zone.as_deref(), events)),
        _ => None,
    }
}
