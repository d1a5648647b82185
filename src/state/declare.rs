//! Intents that files declare without any request: a second source besides the journal. The same
//! intent from both is one intent with two sources. Pure.

use super::lifetime::same_direction;
use super::{ActiveIntent, Fold, Plugin, subject};
use crate::intent::{Intent, UnitWant};
use crate::policy::Prefer;

/// What one file declares for one plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declaration {
    /// The plugin's package name.
    pub plugin: String,
    /// The installed package, if it is known.
    pub nevra: Option<String>,
    /// The file, by its path in the image.
    pub source: String,
    /// What it declares, in order.
    pub intents: Vec<Intent>,
}

/// An intent of a file that contradicts one of the same plugin's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The plugin.
    pub plugin: String,
    /// The file.
    pub source: String,
    /// What the file declares.
    pub declared: Intent,
    /// What was requested.
    pub requested: Intent,
    /// The requests.
    pub events: Vec<u64>,
}

/// Adds declared intents to a fold. Declarations are taken in order; of two files of one plugin that
/// contradict each other the first counts. An opening without a zone is one in `default_zone`.
pub fn declare(
    fold: &mut Fold,
    declarations: &[Declaration],
    prefer: Prefer,
    default_zone: &str,
) -> Vec<Contradiction> {
    let mut contradictions = Vec::new();
    for declaration in declarations.iter().filter(|declaration| !declaration.intents.is_empty()) {
        let plugin = fold.state.plugins.entry(declaration.plugin.clone()).or_default();
        if plugin.nevra.is_none() {
            plugin.nevra.clone_from(&declaration.nevra);
        }
        for intent in &declaration.intents {
            let found = add(plugin, intent, &declaration.source, prefer, default_zone);
            contradictions.extend(found.map(|requested| Contradiction {
                plugin: declaration.plugin.clone(),
                source: declaration.source.clone(),
                declared: intent.clone(),
                requested: requested.intent,
                events: requested.events,
            }));
        }
    }
    contradictions
}

/// Adds one intent; returns the want that contradicts it, as it was.
fn add(
    plugin: &mut Plugin,
    intent: &Intent,
    source: &str,
    prefer: Prefer,
    default_zone: &str,
) -> Option<ActiveIntent> {
    let list = match intent {
        Intent::Defer { .. } => &mut plugin.deferred,
        _ => &mut plugin.wants,
    };
    let about = subject(intent).in_zone(default_zone);
    let Some(want) = list.iter_mut().find(|want| subject(&want.intent).in_zone(default_zone) == about) else {
        list.push(declared(intent, source));
        return None;
    };
    if agrees(&want.intent, intent) {
        // A declaration is permanent, even if a request asked for the same only for the running
        // system.
        want.runtime = false;
        if !want.declared.iter().any(|known| known == source) {
            want.declared.push(source.to_owned());
            want.declared.sort();
        }
        return None;
    }
    if want.intent.is_left_to_presets() && want.declared.is_empty() {
        *want = declared(intent, source);
        return None;
    }
    let contradicted = want.clone();
    if prefer == Prefer::Metadata && want.declared.is_empty() {
        *want = declared(intent, source);
    }
    Some(contradicted)
}

fn declared(intent: &Intent, source: &str) -> ActiveIntent {
    ActiveIntent {
        declared: vec![source.to_owned()],
        ..ActiveIntent::new(intent.clone(), Vec::new())
    }
}

/// A preset that enabled a unit agrees with a file that declares it enabled.
fn agrees(known: &Intent, declared: &Intent) -> bool {
    match (known, declared) {
        (Intent::Unit { want: known, .. }, Intent::Unit { want: declared, .. }) => {
            plain(*known) == plain(*declared)
        }
        _ => same_direction(known, declared),
    }
}

fn plain(want: UnitWant) -> UnitWant {
    match want {
        UnitWant::PresetEnable => UnitWant::Enable,
        UnitWant::PresetDisable => UnitWant::Disable,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{FirewallItem, Scope};

    fn unit(want: UnitWant) -> Intent {
        Intent::Unit {
            unit: "a.service".into(),
            want,
            scope: Scope::System,
            rule: None,
        }
    }

    fn port(zone: Option<&str>) -> Intent {
        let opening = FirewallItem::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let zone = zone.map(Into::into);
        Intent::Allow { opening, zone }
    }

    fn fold(intents: &[Intent]) -> Fold {
        let wants = intents.iter().map(|intent| ActiveIntent::new(intent.clone(), vec![3]));
        let plugin = Plugin {
            nevra: None,
            wants: wants.collect(),
            ..Plugin::default()
        };
        let mut fold = Fold::default();
        fold.state.plugins.insert("p".into(), plugin);
        fold
    }

    fn declaration(intents: &[Intent]) -> [Declaration; 1] {
        [Declaration {
            plugin: "p".into(),
            nevra: Some("p-1-1.noarch".into()),
            source: "/p.toml".into(),
            intents: intents.to_vec(),
        }]
    }

    #[test]
    fn the_same_intent_from_both_is_one_with_two_sources() {
        let mut fold = fold(&[port(Some("public")), unit(UnitWant::PresetEnable)]);
        let declared = declaration(&[port(None), unit(UnitWant::Enable)]);
        assert_eq!(declare(&mut fold, &declared, Prefer::Scriptlet, "public"), []);
        let plugin = &fold.state.plugins["p"];
        assert_eq!(plugin.wants.len(), 2);
        assert!(plugin.wants.iter().all(|want| want.events == [3] && want.declared == ["/p.toml"]));
    }

    #[test]
    fn contradiction_of_metadata_and_scriptlet_is_decided_by_policy() {
        for (prefer, expected) in [
            (Prefer::Scriptlet, UnitWant::Enable),
            (Prefer::Metadata, UnitWant::Disable),
        ] {
            let mut fold = fold(&[unit(UnitWant::Enable)]);
            let found = declare(&mut fold, &declaration(&[unit(UnitWant::Disable)]), prefer, "public");
            assert_eq!(found.len(), 1);
            assert_eq!(
                (&found[0].declared, &found[0].requested),
                (&unit(UnitWant::Disable), &unit(UnitWant::Enable))
            );
            assert_eq!(fold.state.plugins["p"].wants[0].intent, unit(expected));
        }
    }
}
