//! Planning: the fold, turned into changes by every backend.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use super::policy_check::{Judge, refuse};
use super::unfulfilled::undone;
use crate::backend::{
    declared, firewalld, first_boot, iptables, lokkit, nftables, rulesets, sysctl, systemd,
};
use crate::boot::{Applied, Postponed, is_for_boot, release};
use crate::config::Backend;
use crate::digest::digest;
use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::detect;
use crate::firewall::firewalld::default_zone;
use crate::intent::{FirewallItem, Intent};
use crate::journal::{Journal, last_event};
use crate::metadata::{self, NodeVersion};
use crate::plan::{Action, Content, DesiredFile, Note, Plan, difference, words};
use crate::policy::{self, Prefer, Rules};
use crate::root::Root;
use crate::state::{self, Declaration, EffectiveState, Fold, Revert, State, ZoneEntry, fold_without};
use crate::undo::repeat;
use crate::undo::{Restored, restore};

/// A plan and the fold that it comes from.
#[derive(Debug, Clone, Default)]
pub struct Prepared {
    /// The state that settling left.
    pub before: State,
    /// What every plugin wants, and which are gone.
    pub fold: Fold,
    /// The changes.
    pub plan: Plan,
    /// The files that settling writes, whether they are so already or not. A shared file is only
    /// among them if it is to be changed.
    pub desired: Vec<DesiredFile>,
    /// What is put back as it was, and what cannot be; both are in the plan, too.
    pub restored: Restored,
    /// What policy had put off until a boot and counts now, sorted.
    pub released: Vec<Postponed>,
    /// The rules that everything was judged by.
    pub policy: Rules,
}

/// Plans; only reads. What policy put off until a boot counts once this node has done it.
pub fn prepare(root: &Root, facts: &Facts, journal: &Journal) -> Result<Prepared> {
    prepare_without(root, facts, journal, &Revert::default())
}

/// Plans as [`prepare`] does, without what is taken back; only reads.
pub fn prepare_without(root: &Root, facts: &Facts, journal: &Journal, revert: &Revert) -> Result<Prepared> {
    prepare_from(root, facts, journal, revert, State::load(root)?)
}

/// As [`prepare`], with the state that settling left read already.
pub fn prepare_again(root: &Root, facts: &Facts, journal: &Journal, before: State) -> Result<Prepared> {
    prepare_from(root, facts, journal, &Revert::default(), before)
}

fn prepare_from(
    root: &Root,
    facts: &Facts,
    journal: &Journal,
    revert: &Revert,
    before: State,
) -> Result<Prepared> {
    let done = Applied::load(root)?.released;
    let is_done =
        |plugin: &str, intent: &Intent| done.iter().any(|of| of.plugin == plugin && of.intent == *intent);
    prepare_with(root, facts, journal, revert, before, &is_done)
}

/// As [`prepare`], for a boot: all that policy put off until then counts.
pub fn prepare_for_boot(root: &Root, facts: &Facts, journal: &Journal) -> Result<Prepared> {
    let before = State::load(root)?;
    prepare_with(root, facts, journal, &Revert::default(), before, &|_, intent| is_for_boot(intent))
}

fn prepare_with(
    root: &Root,
    facts: &Facts,
    journal: &Journal,
    revert: &Revert,
    before: State,
    counts: &dyn Fn(&str, &Intent) -> bool,
) -> Result<Prepared> {
    let about = state::Facts {
        installed: &facts.installed,
        before: &before,
    };
    let mut fold = fold_without(&journal.events, &about, revert);
    let mut plan = Plan::default();
    let declared = Declared::load(root, facts, &before, revert)?;
    fold.state.retracted.clone_from(&declared.retracted);
    let policy = declared.policy.clone();
    plan.notes.extend(declare_all(declared, &mut fold));
    let judge = Judge::new(root, &policy, journal);
    plan.notes.extend(refuse(&judge, &before, &mut fold, counts));
    let released = release(&mut fold.state, counts);
    if !facts.installed.is_known() {
        plan.note(None, "the image has no rpm database: nothing is known to be gone", &[]);
    }
    plan.changes.extend(systemd::retries(root, &fold.state));
    let (calls, notes) = repeat::calls(root, &fold.state, &journal.events);
    plan.changes.extend(calls);
    plan.notes.extend(notes);
    plan.changes.extend(systemd::declared(root, &fold.state));
    let restored = restore(root, &journal.events, &before, &fold)?;
    let (calls, restorations): (Vec<_>, Vec<_>) = restored
        .changes
        .iter()
        .cloned()
        .partition(|change| matches!(change.action, Action::Call { .. }));
    plan.changes.extend(restorations);
    plan.notes.extend(restored.left.iter().cloned());
    let (mut desired, notes) = systemd::presets(&fold.state);
    plan.notes.extend(notes);
    let (files, notes) = declared::files(root, &fold.state);
    desired.extend(files);
    plan.notes.extend(notes);
    desired.extend(super::first_boot::files(root, &fold.state));
    plan.notes.extend(undone(root, &fold.state, &|plugin, want| judge.of(plugin, want)));
    let firewall = plan_firewall(root, facts, &fold)?;
    plan.notes.extend(firewall.notes);
    desired.extend(firewall.desired);
    fold.state.placed = firewall.placed;
    fold.state.originals = firewall.originals;
    let mut owned = systemd::owned();
    owned.extend([(nftables::DIRECTORY, ""), firewalld::OWNED]);
    owned.extend(first_boot::owned());
    owned.extend(declared::OWNED);
    plan.changes.extend(difference(root, &desired, &owned)?);
    // They change files that are planned as a whole above.
    plan.changes.extend(calls);
    desired.retain(|file| file.content != Content::Nothing);
    Ok(Prepared {
        before,
        fold,
        plan,
        desired,
        restored,
        released,
        policy,
    })
}

/// What files declare, and what policy says.
pub(super) struct Declared {
    declarations: Vec<Declaration>,
    pub(super) policy: Rules,
    default_zone: String,
    /// See [`State::retracted`].
    retracted: BTreeMap<String, String>,
    pub(super) notes: Vec<Note>,
}

impl Declared {
    pub(super) fn load(root: &Root, facts: &Facts, before: &State, revert: &Revert) -> Result<Declared> {
        let loaded = metadata::load_all(root)?;
        let node = NodeVersion::load(root);
        let (mut declarations, mut notes) = metadata::declarations(&loaded, &facts.installed, &node);
        let (of_files, not_read) = metadata::firewall_files(root, &facts.installed)?;
        declarations.extend(of_files);
        notes.extend(not_read);
        let retracted = retract(&mut declarations, facts, before, revert);
        Ok(Declared {
            retracted,
            declarations,
            policy: policy::load(root).checked()?.rules,
            default_zone: default_zone(root),
            notes,
        })
    }

    /// See [`State::declarations`].
    fn digest(&self) -> String {
        let Declared {
            declarations,
            policy,
            default_zone,
            ..
        } = self;
        match declarations.is_empty() && policy.is_empty() {
            true => String::new(),
            false => digest(format!("{declarations:?} {policy:?} {default_zone}").as_bytes()),
        }
    }
}

/// Takes out what an administrator took back, as long as the same installation declares it; returns
/// whose that is.
fn retract(
    declarations: &mut Vec<Declaration>,
    facts: &Facts,
    before: &State,
    revert: &Revert,
) -> BTreeMap<String, String> {
    let mut retracted = BTreeMap::new();
    declarations.retain(|declaration| {
        let name = &declaration.plugin;
        let installation = facts.installed.installation(name);
        let earlier = before.retracted.get(name) == Some(&installation) && !revert.again.contains(name);
        let counts = !earlier && !revert.plugins.contains(name);
        if !counts {
            retracted.insert(name.clone(), installation);
        }
        counts
    });
    retracted
}

/// What every plugin wants and which are gone: from the state file alone if nothing has happened
/// and nothing was declared since it was written, else from the journal.
pub fn standing(root: &Root, facts: &Facts) -> Result<EffectiveState> {
    let before = State::load(root)?;
    let is_new = last_event(root)? == before.last_event
        && Declared::load(root, facts, &before, &Revert::default())?.digest() == before.declarations;
    if is_new {
        return Ok(EffectiveState::settled(before, &facts.installed));
    }
    Ok(EffectiveState::from(&prepare_again(root, facts, &Journal::read(root)?, before)?.fold))
}

/// Adds what files declare to what was requested.
fn declare_all(declared: Declared, fold: &mut Fold) -> Vec<Note> {
    fold.state.declarations = declared.digest();
    let prefer = declared.policy.prefer;
    let found = state::declare(fold, &declared.declarations, prefer, &declared.default_zone);
    let mut notes = declared.notes;
    notes.extend(found.iter().map(|contradiction| {
        let counts = match prefer {
            Prefer::Scriptlet => "the scriptlet",
            Prefer::Metadata => "the file",
        };
        let text = format!(
            "{} says: {}, its scriptlet: {}; {counts} counts",
            contradiction.source,
            words::intent(&contradiction.declared),
            words::intent(&contradiction.requested),
        );
        Note::new(Some(&contradiction.plugin), text, &contradiction.events)
    }));
    notes
}

/// The nftables ruleset for a state, whatever backend the image uses.
pub fn firewall(root: &Root, state: &State) -> (nftables::Firewall, Vec<Note>) {
    let default_zone = default_zone(root);
    let definitions = Definitions::new(root);
    let (rulesets, mut notes) = rulesets(state, &default_zone, &definitions);
    let firewall = nftables::Firewall::build(&rulesets, &default_zone, &definitions);
    notes.extend(firewall.notes.iter().cloned());
    (firewall, notes)
}

/// What the firewall's backends plan together.
struct FirewallPlan {
    desired: Vec<DesiredFile>,
    notes: Vec<Note>,
    placed: BTreeSet<ZoneEntry>,
    originals: BTreeMap<String, String>,
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

/// The chosen backend writes what is wanted; every other one takes away what it had written.
fn plan_firewall(root: &Root, facts: &Facts, fold: &Fold) -> Result<FirewallPlan> {
    let default_zone = default_zone(root);
    let definitions = Definitions::new(root);
    let (rulesets, mut notes) = rulesets(&fold.state, &default_zone, &definitions);
    let chosen = detect::backend(root, &facts.config);
    let mut withdrawn = fold.withdrawn();
    withdrawn.retain(|(_, want)| !is_nodes_own(&want.intent));
    let (mut desired, lokkit_notes) = lokkit::withdraw(root, &withdrawn)?;
    notes.extend(lokkit_notes);
    let nothing = BTreeMap::new();
    let of_chosen = |backend| if chosen == backend { &rulesets } else { &nothing };
    let of_iptables = iptables::Firewall::build(of_chosen(Backend::Iptables), &default_zone, &definitions);
    notes.extend(iptables::files(root, &of_iptables, &mut desired)?);
    let of_nftables = match chosen {
        Backend::Nftables => {
            let firewall = nftables::Firewall::build(&rulesets, &default_zone, &definitions);
            notes.extend(firewall.notes.iter().cloned());
            firewall.files()?
        }
        _ => Vec::new(),
    };
    desired.extend(if of_nftables.is_empty() {
        nftables::absent()
    } else {
        of_nftables
    });
    desired.push(sysctl::file(match chosen {
        // It does so itself.
        Backend::Firewalld => &nothing,
        _ => &rulesets,
    }));
    let of_firewalld = firewalld::files(
        root,
        &firewalld::Input {
            rulesets: of_chosen(Backend::Firewalld),
            withdrawn: &withdrawn,
            placed: &fold.state.placed,
            originals: &fold.state.originals,
            whole: false,
            default_zone: &default_zone,
        },
    )?;
    notes.extend(of_firewalld.notes);
    desired.extend(of_firewalld.desired);
    Ok(FirewallPlan {
        desired,
        notes,
        placed: of_firewalld.placed,
        originals: of_firewalld.originals,
    })
}
