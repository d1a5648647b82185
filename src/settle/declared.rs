//! What metadata and other files declare, as of now.

use std::collections::BTreeMap;

use super::Facts;
use crate::digest::digest;
use crate::error::Result;
use crate::firewall::firewalld::default_zone;
use crate::metadata::{self, NodeVersion};
use crate::plan::{Note, words};
use crate::policy::{self, Prefer, RuleSource, Rules};
use crate::root::Root;
use crate::state::{self, Declaration, Fold, Revert, State};

/// What files declare, and what policy says.
#[derive(Clone)]
pub(super) struct Declared {
    declarations: Vec<Declaration>,
    pub(super) policy: Rules,
    /// The zone of what names none.
    pub(super) default_zone: String,
    /// See [`State::retracted`].
    pub(super) retracted: BTreeMap<String, String>,
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
            policy: match &facts.policy {
                Some(rules) => rules.clone(),
                None => policy::load(root).checked()?.rules,
            },
            default_zone: default_zone(root),
            notes,
        })
    }

    /// See [`State::declarations`].
    pub(super) fn digest(&self) -> String {
        let Declared {
            declarations,
            policy,
            default_zone,
            ..
        } = self;
        // What one run added counts for that run.
        let mut policy = policy.clone();
        policy.rules.retain(|rule| rule.id.source != RuleSource::Run);
        match declarations.is_empty() && policy.is_empty() {
            true => String::new(),
            false => digest(format!("{declarations:?} {policy:?} {default_zone}").as_bytes()),
        }
    }
}

/// Leaves out what an administrator reverted, as long as the same installation declares it; returns
/// the plugins.
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

/// Adds what files declare to what was requested.
pub(super) fn declare_all(declared: Declared, fold: &mut Fold) -> Vec<Note> {
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
