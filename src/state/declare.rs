//! Wishes that files declare without any request: a second source beside the journal. The same
//! wish from both is one wish with two sources. Pure.

use super::life::same_direction;
use super::{Fold, Plugin, Subject, Want, subject};
use crate::intent::{UnitWant, Wish};
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
    pub wishes: Vec<Wish>,
}

/// A wish of a file that contradicts one of the same plugin's requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Contradiction {
    /// The plugin.
    pub plugin: String,
    /// The file.
    pub source: String,
    /// What the file declares.
    pub declared: Wish,
    /// What was requested.
    pub requested: Wish,
    /// The requests.
    pub events: Vec<u64>,
}

/// Adds declared wishes to a fold. Declarations are taken in order; of two files of one plugin that
/// contradict each other the first counts. An opening without a zone is one in `default_zone`.
pub fn declare(
    fold: &mut Fold,
    declarations: &[Declaration],
    prefer: Prefer,
    default_zone: &str,
) -> Vec<Contradiction> {
    let mut contradictions = Vec::new();
    for declaration in declarations.iter().filter(|declaration| !declaration.wishes.is_empty()) {
        let plugin = fold.state.plugins.entry(declaration.plugin.clone()).or_default();
        if plugin.nevra.is_none() {
            plugin.nevra.clone_from(&declaration.nevra);
        }
        for wish in &declaration.wishes {
            let found = add(plugin, wish, &declaration.source, prefer, default_zone);
            contradictions.extend(found.map(|requested| Contradiction {
                plugin: declaration.plugin.clone(),
                source: declaration.source.clone(),
                declared: wish.clone(),
                requested: requested.wish,
                events: requested.events,
            }));
        }
    }
    contradictions
}

/// Adds one wish; returns the want that contradicts it, as it was.
fn add(plugin: &mut Plugin, wish: &Wish, source: &str, prefer: Prefer, default_zone: &str) -> Option<Want> {
    let list = match wish {
        Wish::Defer { .. } => &mut plugin.deferred,
        _ => &mut plugin.wants,
    };
    let about = about(wish, default_zone);
    let Some(want) = list.iter_mut().find(|want| self::about(&want.wish, default_zone) == about) else {
        list.push(declared(wish, source));
        return None;
    };
    if agrees(&want.wish, wish) {
        // What is declared is for good, whatever a request for the running system meant.
        want.runtime = false;
        if !want.declared.iter().any(|known| known == source) {
            want.declared.push(source.to_owned());
            want.declared.sort();
        }
        return None;
    }
    if left_to_presets(&want.wish) && want.declared.is_empty() {
        *want = declared(wish, source);
        return None;
    }
    let contradicted = want.clone();
    if prefer == Prefer::Metadata && want.declared.is_empty() {
        *want = declared(wish, source);
    }
    Some(contradicted)
}

fn declared(wish: &Wish, source: &str) -> Want {
    Want {
        wish: wish.clone(),
        runtime: false,
        failed: false,
        events: Vec::new(),
        declared: vec![source.to_owned()],
        denied_before: Vec::new(),
    }
}

/// What the presets decided is not what the package asked for: a file that says more decides.
fn left_to_presets(wish: &Wish) -> bool {
    let Wish::Unit { want, .. } = wish else {
        return false;
    };
    matches!(want, UnitWant::PresetEnable | UnitWant::PresetDisable | UnitWant::PresetIgnore)
}

/// What a wish is about, the zone of an opening filled in.
fn about(wish: &Wish, default_zone: &str) -> Subject {
    match subject(wish) {
        Subject::Opening(opening, None) => Subject::Opening(opening, Some(default_zone.to_owned())),
        other => other,
    }
}

/// A preset that enabled a unit agrees with a file that declares it enabled.
fn agrees(known: &Wish, declared: &Wish) -> bool {
    match (known, declared) {
        (Wish::Unit { want: known, .. }, Wish::Unit { want: declared, .. }) => {
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
    use crate::intent::{Opening, Scope};

    fn unit(want: UnitWant) -> Wish {
        Wish::Unit {
            unit: "a.service".into(),
            want,
            scope: Scope::System,
            rule: None,
        }
    }

    fn port(zone: Option<&str>) -> Wish {
        let opening = Opening::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let zone = zone.map(Into::into);
        Wish::Allow { opening, zone }
    }

    fn fold(wishes: &[Wish]) -> Fold {
        let wants = wishes.iter().map(|wish| Want {
            wish: wish.clone(),
            runtime: false,
            failed: false,
            events: vec![3],
            declared: Vec::new(),
            denied_before: Vec::new(),
        });
        let plugin = Plugin {
            nevra: None,
            wants: wants.collect(),
            ..Plugin::default()
        };
        let mut fold = Fold::default();
        fold.state.plugins.insert("p".into(), plugin);
        fold
    }

    fn declaration(wishes: &[Wish]) -> [Declaration; 1] {
        [Declaration {
            plugin: "p".into(),
            nevra: Some("p-1-1.noarch".into()),
            source: "/p.toml".into(),
            wishes: wishes.to_vec(),
        }]
    }

    #[test]
    fn the_same_wish_from_both_is_one_with_two_sources() {
        let mut fold = fold(&[port(Some("public")), unit(UnitWant::PresetEnable)]);
        let declared = declaration(&[port(None), unit(UnitWant::Enable)]);
        assert_eq!(declare(&mut fold, &declared, Prefer::Scriptlet, "public"), []);
        let plugin = &fold.state.plugins["p"];
        assert_eq!(plugin.wants.len(), 2);
        assert!(plugin.wants.iter().all(|want| want.events == [3] && want.declared == ["/p.toml"]));
    }

    #[test]
    fn a_contradiction_is_told_and_decided() {
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
            assert_eq!(fold.state.plugins["p"].wants[0].wish, unit(expected));
        }
    }
}
