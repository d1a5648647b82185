//! The firewall: the backend that the image uses writes what is wanted, every other one takes away
//! what it had written.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use crate::backend::rulesets::{Undone, Wanted, wanted};
use crate::backend::{firewalld, iptables, lokkit, nftables, sysctl};
use crate::config::{Backend, Unused};
use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::detect;
use crate::intent::{FirewallItem, Intent, Scope, UnitWant};
use crate::plan::{Action, Contribution, Note, PlannedChange, UnitVerb};
use crate::root::Root;
use crate::state::{ActiveIntent, Fold, Plugin, State, Subject, subject};

/// The nftables ruleset for a state, for any backend of the image.
///
/// # Errors
/// Where the image's configuration cannot be read at all.
pub fn firewall(root: &Root, state: &State) -> Result<(nftables::Firewall, Vec<Note>)> {
    let definitions = Definitions::new(root);
    let wanted = wanted(root, state, &Undone::default(), &definitions)?;
    let firewall = nftables::Firewall::build(&wanted, &definitions);
    let mut notes = wanted.notes;
    notes.extend(firewall.notes.iter().cloned());
    Ok((firewall, notes))
}

/// Secure shell is the node's own: a plugin that asked for it does not take it along.
fn is_nodes_own(intent: &Intent) -> bool {
    let Intent::Allow { opening, .. } = intent else {
        return false;
    };
    match opening {
        FirewallItem::FirewallService { service } => service == "ssh",
        FirewallItem::Port { port, protocol } => {
            protocol == "tcp" && *port == nftables::NODE_TCP_PORT.to_string()
        }
        _ => false,
    }
}

/// What is not wanted any more and is removed from the image. SSH stays open, unless somebody decided to close
/// it.
fn withdrawn<'f>(root: &Root, fold: &'f Fold, restored: &Contribution) -> Vec<(&'f str, &'f ActiveIntent)> {
    let undone = Undone {
        restored: Some(restored),
        ..Undone::default()
    };
    let default_zone = undone.default_zone(root);
    let item = |intent: &Intent| subject(intent).in_zone(&default_zone);
    let closed: BTreeSet<Subject> = fold
        .state
        .wants()
        .filter(|(_, want)| matches!(want.intent, Intent::Withdraw { .. }))
        .map(|(_, want)| item(&want.intent))
        .collect();
    let mut withdrawn = fold.withdrawn();
    withdrawn.retain(|(_, want)| !is_nodes_own(&want.intent) || closed.contains(&item(&want.intent)));
    withdrawn
}

/// The units that load the rules at boot, which are to be enabled or to stay enabled: those that settling
/// enables in an image that has no `nft` and enables no other firewall although one `is_wanted`, and those that
/// a package enabled which is gone. Never those that somebody has disabled.
fn loaders(root: &Root, chosen: Backend, fold: &Fold, is_wanted: bool) -> Contribution {
    let mut sum = Contribution::default();
    let (there, missing) = (detect::loaders(root, chosen), detect::not_enabled(root, chosen));
    let mut kept = fold.state.loaders.clone();
    if fold.gone.iter().any(|(name, plugin)| has_given_firewall(fold, name, plugin)) {
        kept.extend(there.iter().filter(|unit| !missing.contains(unit)).map(|unit| (*unit).to_owned()));
    }
    let off = |unit: &str| fold.state.wants().find(|(_, want)| switches_off(&want.intent, unit));
    kept.retain(|unit| there.contains(&unit.as_str()) && off(unit).is_none());
    for unit in missing.into_iter().filter(|_| is_wanted && detect::nft(root).is_none()) {
        if let Some((name, want)) = off(unit) {
            let text = format!(
                "warning: {unit} is switched off: no rule is loaded at boot, and nothing is kept out"
            );
            sum.notes.push(Note::new(Some(name), text, &want.events));
            continue;
        }
        kept.insert(unit.to_owned());
        sum.changes.push(PlannedChange {
            path: format!("/usr/lib/systemd/system/{unit}"),
            action: Action::Unit {
                verb: UnitVerb::Enable,
                unit: unit.to_owned(),
                scope: Scope::System,
            },
            because: Vec::new(),
            why: "loads the firewall rules at boot: the image has no nft".into(),
        });
    }
    sum.memory.loaders = Some(kept);
    sum
}

/// Whether an erased plugin had enabled the firewall, and that was not reverted by name.
fn has_given_firewall(fold: &Fold, name: &str, plugin: &Plugin) -> bool {
    let gives = |want: &ActiveIntent| {
        let is_reverted = want.events.iter().all(|event| fold.reverted.contains(event));
        want.intent == Intent::FirewallSwitch { on: true } && !is_reverted
    };
    !fold.reverted_plugins.contains(name) && plugin.wants.iter().any(gives)
}

fn switches_off(intent: &Intent, of: &str) -> bool {
    let Intent::Unit { unit, want, .. } = intent else {
        return false;
    };
    unit == of && matches!(want, UnitWant::Disable | UnitWant::Mask)
}

/// What all backends add together. `without_own` takes nodeshim's own firewall away if no plugin wants
/// anything of it; what is `restored` counts already.
pub(super) fn contribute(
    root: &Root,
    facts: &Facts,
    fold: &Fold,
    restored: &Contribution,
    without_own: bool,
) -> Result<Contribution> {
    let chosen = detect::backend(root, &facts.config);
    log::debug!("the firewall is written for {}", chosen.word());
    let withdrawn = withdrawn(root, fold, restored);
    let mut sum = lokkit::withdraw(root, &withdrawn)?;
    let state = match chosen {
        Backend::Iptables => lokkit::without_its_own(root, &fold.state, &sum)?,
        _ => Cow::Borrowed(&fold.state),
    };
    let undone = Undone {
        withdrawn: &withdrawn,
        restored: Some(restored),
    };
    let definitions = Definitions::upcoming(root, undone.files());
    let wanted = wanted(root, &state, &undone, &definitions)?;
    let (rulesets, default_zone) = (&wanted.rulesets, wanted.node.default_zone.as_str());
    sum += Contribution::of_notes(wanted.notes.clone());
    let (nothing, none) = (BTreeMap::new(), Wanted::default());
    let of_chosen = |backend| if chosen == backend { rulesets } else { &nothing };
    let rules = iptables::Firewall::build(
        if chosen == Backend::Iptables {
            &wanted
        } else {
            &none
        },
        &definitions,
    );
    sum += iptables::contribute(root, &rules, &sum)?;
    let table = (chosen == Backend::Nftables).then(|| nftables::Firewall::build(&wanted, &definitions));
    let given = fold.state.own_firewall || root.exists(nftables::MAIN);
    let keep = given && !without_own && facts.config.firewall.unused == Unused::Keep;
    sum += nftables::contribute(root, table.as_ref(), keep)?;
    // firewalld turns forwarding on by itself.
    sum += sysctl::contribute((chosen != Backend::Firewalld).then_some(&wanted));
    let input = firewalld::Input {
        definitions: &definitions,
        rulesets: of_chosen(Backend::Firewalld),
        withdrawn: &withdrawn,
        placed: &fold.state.placed,
        originals: &fold.state.originals,
        whole: false,
        default_zone,
    };
    sum += firewalld::contribute(root, &input)?;
    if chosen != Backend::Nftables {
        let chooses = facts.config.firewall.backend == Backend::Auto;
        sum += loaders(root, chosen, fold, chooses && !rulesets.is_empty());
    }
    // That of nftables is said with its files.
    if chosen != Backend::Nftables && !rulesets.is_empty() {
        let missing = detect::missing(root, chosen);
        sum.notes
            .extend(missing.map(|missing| Note::new(None, format!("warning: {missing}"), &[])));
    }
    Ok(sum)
}
