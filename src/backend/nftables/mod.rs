//! The nftables backend: one `inet` table that is the node's whole firewall, one included file a
//! plugin, all loaded in one transaction by a unit of its own before the network comes up.
//!
//! An accepting table next to another firewall would open nothing, since a packet has to pass every
//! base chain; so this backend is for images that start no other firewall. Once an image has this
//! firewall it keeps it: without any plugin it lets in secure shell alone.

mod base;
mod chains;
mod direct;
mod helpers;
mod icmp;
mod model;
mod nat;
mod part;
mod policies;
mod rich;
mod text;
mod translate;
mod unit;
mod zones;

use crate::intent::FirewallObject;
use std::collections::{BTreeMap, BTreeSet};

use super::name::stem;
use crate::backend::rulesets::Wanted;
use crate::config::Backend;
use crate::error::Result;
use crate::firewall::definitions::Definitions;
use crate::firewall::detect;
use crate::firewall::helpers::Tracking;
use crate::plan::{Content, Contribution, DesiredFile, Memory, Note};
use crate::root::Root;

use base::Beyond;
pub(crate) use base::NODE_TCP_PORT;
use chains::{Builder, Chain};
use direct::Direct;
pub(crate) use helpers::TABLE as HELPERS_TABLE;
pub use model::Document;
pub(crate) use model::TABLE;
use policies::Policies;
pub use text::render;
pub(crate) use unit::{HELPERS, UNIT_NAME, is_switched_off};
use zones::Zones;

/// The file that is loaded.
pub const MAIN: &str = "/etc/nftables/nodeshim.nft";
/// The directory of the plugins' files.
pub const DIRECTORY: &str = "/etc/nftables/nodeshim.d";

const HEADER: &str = "# Written by nodeshim from what the installed plugins asked for.\n\
                      # `nodeshim why` tells who asked; `nodeshim settle` writes it anew.\n";

/// The ruleset: the node's own part, and the part of each plugin under its name.
#[derive(Debug, Clone)]
pub struct Firewall {
    /// The node's own part.
    pub base: Document,
    /// The same without direct rules and policies: a rule that the node's nft refuses takes all that it is
    /// loaded with along.
    closed: Document,
    /// The plugins' parts, and the events that justify each.
    pub plugins: BTreeMap<String, (Document, Vec<u64>)>,
    /// Connection tracking helpers.
    helpers: BTreeSet<Tracking>,
    /// What could not be expressed.
    pub notes: Vec<Note>,
    /// Whether anybody asked for anything of a firewall.
    is_wanted: bool,
}

impl Firewall {
    /// Puts the ruleset together: what the node's own configuration says of its zones, and what
    /// plugins want.
    pub fn build(wanted: &Wanted, definitions: &Definitions) -> Firewall {
        let (node, rulesets) = (&wanted.node, &wanted.rulesets);
        let zones = Zones::of(node, rulesets);
        let remark = |text: &String| Note::new(None, text.as_str(), &[]);
        let mut notes: Vec<Note> = zones.notes.iter().map(remark).collect();
        notes.extend(wanted.unexpressed.iter().cloned());
        notes.extend(wanted.left_out(&|helper| definitions.tracking(helper).is_some()));
        let mut own = Builder::new("", node, definitions);
        for (zone, content) in &node.zones {
            own.zone(zone, &content.rules, &zones);
        }
        notes.extend(own.take_said().iter().map(remark));
        // Only zones that packets can come in by have chains.
        let is_reached = |chain: &Chain| chain.zone().is_none_or(|zone| zones.is_active(zone));
        own.rules.retain(|chain, _| is_reached(chain));
        let used = own.rules.keys().cloned().collect();
        let closed = base::base(&zones, &used, &own, &Beyond::default());
        let direct = Direct::of(node, &mut own);
        notes
            .extend(own.take_said().iter().flat_map(|text| wanted.unmet(FirewallObject::Direct, None, text)));
        own.rules.retain(|chain, _| is_reached(chain));
        for policy in &node.policies {
            own.policy(policy);
            let said = own.take_said().into_iter().map(|text| format!("policy {}: {text}", policy.name));
            notes.extend(
                said.flat_map(|text| wanted.unmet(FirewallObject::Policy, Some(&policy.name), &text)),
            );
        }
        let mut helpers = std::mem::take(&mut own.helpers);
        let mut used: BTreeSet<Chain> = own.rules.keys().cloned().collect();
        let mut plugins = BTreeMap::new();
        for (name, rules) in rulesets.iter().filter(|(_, rules)| !rules.is_empty()) {
            let events: Vec<u64> = rules.events.iter().copied().collect();
            let Some(stem) = stem(name) else {
                let text = "its name cannot be written into a file: nothing is opened for it";
                notes.push(Note::unmet(name, text, &events));
                continue;
            };
            let mut builder = Builder::new(&stem, node, definitions);
            for (zone, rules) in &rules.zones {
                builder.zone(zone, rules, &zones);
            }
            notes.extend(builder.notes.iter().map(|text| Note::new(Some(name), text.as_str(), &events)));
            notes.extend(builder.unmet.iter().map(|text| Note::unmet(name, text.as_str(), &events)));
            used.extend(builder.rules.keys().cloned());
            helpers.append(&mut builder.helpers);
            plugins.insert(stem.to_string(), (builder.document(), events));
        }
        let policies = Policies::of(node, &zones, &used);
        Firewall {
            base: base::base(&zones, &used, &own, &Beyond { direct, policies }),
            closed,
            plugins,
            helpers,
            notes,
            is_wanted: wanted.is_wanted,
        }
    }

    /// The node's own part without direct rules and policies, for `nft -f -`.
    ///
    /// # Errors
    /// A rule that cannot be written as text.
    pub fn closed(&self) -> Result<String> {
        Ok(format!("{HEADER}\n{}", render(&self.closed)?))
    }

    /// The ruleset of the connection tracking helpers, if there are any.
    fn helpers(&self) -> Option<String> {
        let is_used = self.helpers.iter().any(|helper| !helper.ports.is_empty());
        is_used.then(|| format!("{HEADER}\n{}", helpers::text(&self.helpers)))
    }

    /// The connection tracking helpers, which are in none of the texts: they have a table of their own.
    pub(crate) fn remarks_on_helpers(&self) -> Vec<Note> {
        let used = self.helpers.iter().filter(|helper| !helper.ports.is_empty());
        let text = |helper: &Tracking| format!("connection tracking helper {} is not in it", helper.name);
        used.map(|helper| Note::new(None, text(helper), &[])).collect()
    }

    /// Everything as one text, for `nft -f -`.
    pub fn flattened(&self) -> Result<String> {
        let mut text = format!("{HEADER}\n{}", render(&self.base)?);
        for (stem, (document, _)) in &self.plugins {
            text.push_str(&format!("\n# {stem}\n{}", render(document)?));
        }
        Ok(text)
    }

    /// Everything as one document, for the JSON that `nft -j -f -` reads.
    pub fn whole(&self) -> Document {
        let mut whole = self.base.clone();
        for (document, _) in self.plugins.values() {
            whole.append(document.clone());
        }
        whole
    }

    /// The plugins' files and the main one. The units that load them are there if the image has `nft`.
    fn files(&self, nft: Option<&str>) -> Result<Vec<DesiredFile>> {
        let mut files = Vec::new();
        for (stem, (document, events)) in &self.plugins {
            files.push(file(
                format!("{DIRECTORY}/{stem}.nft"),
                format!("{HEADER}\n{}", render(document)?),
                events.clone(),
                format!("the firewall rules of {stem}"),
            ));
        }
        let include = format!("\ninclude \"{DIRECTORY}/*.nft\"\n");
        let text = format!("{HEADER}\n{}{include}", render(&self.base)?);
        files.push(file(MAIN.into(), text, Vec::new(), "the node's own firewall rules".into()));
        files.extend(match nft {
            Some(nft) => unit::files(self.closed()?, self.helpers(), nft),
            None => unit::absent("the image has no nft"),
        });
        Ok(files)
    }
}

fn file(path: String, text: String, because: Vec<u64>, why: String) -> DesiredFile {
    DesiredFile {
        path,
        content: Content::File { text, mode: 0o644 },
        because,
        why,
    }
}

/// The files of a firewall, or none of them where the image has another. Without any plugin the
/// firewall is there if the image is to `keep` it.
///
/// # Errors
/// A rule that cannot be written as text.
pub(crate) fn contribute(root: &Root, firewall: Option<&Firewall>, keep: bool) -> Result<Contribution> {
    let wanted = firewall.filter(|firewall| keep || firewall.is_wanted);
    let nft = detect::nft(root);
    let mut notes = firewall.map(|firewall| firewall.notes.clone()).unwrap_or_default();
    if let Some(missing) = detect::missing(root, Backend::Nftables).filter(|_| wanted.is_some()) {
        notes.push(Note::new(None, format!("warning: {missing}"), &[]));
    }
    Ok(Contribution {
        files: match wanted {
            Some(firewall) => firewall.files(nft)?,
            None => absent(),
        },
        notes,
        owned: vec![(DIRECTORY, "")],
        memory: Memory {
            own_firewall: Some(wanted.is_some()),
            ..Memory::default()
        },
        ..Contribution::default()
    })
}

fn absent() -> Vec<DesiredFile> {
    let why = "nodeshim's own firewall is not used";
    let main = DesiredFile {
        path: MAIN.into(),
        content: Content::Nothing,
        because: Vec::new(),
        why: why.into(),
    };
    std::iter::once(main).chain(unit::absent(why)).collect()
}
