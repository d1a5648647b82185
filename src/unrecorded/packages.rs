//! Packages that came, changed or went without nodeshim: their scriptlets called the original tools, and
//! nothing of it is recorded.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::left::Left;
use crate::attribution::package_name;
use crate::error::Result;
use crate::intent::Intent;
use crate::journal::Journal;
use crate::lint::{Context, ForecastItem, of_package};
use crate::plan::{Note, words as plan_words};
use crate::policy::Rules;
use crate::root::Root;
use crate::rpmdb::{Installed, PackageFile, packages_of};
use crate::state::{Plugin, State};

/// A package that rpm installed, upgraded or erased while no shim stood in for the tools.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Outside {
    /// `name-[epoch:]version-release.arch`; of one that is gone the last that is known.
    pub nevra: String,
    /// What was done.
    pub how: How,
    /// What its scriptlets ask for, in words; of one that is gone what it had asked for.
    pub asks: Vec<String>,
    /// The same as intents.
    #[serde(skip)]
    pub intents: Vec<Intent>,
}

/// What was done to a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum How {
    /// It was not there before.
    Installed,
    /// Another version was there before.
    Upgraded,
    /// It was there before.
    Erased,
}

/// How many of its requests are named of a package.
const SHOWN: usize = 5;

impl Outside {
    /// The package's name.
    pub fn name(&self) -> &str {
        package_name(&self.nevra).unwrap_or(&self.nevra)
    }

    /// A remark on it.
    pub fn note(&self) -> Note {
        Note::new(Some(self.name()), format!("{}: {}", self.nevra, self.words()), &[])
    }

    /// In words, without the package's name.
    pub fn words(&self) -> String {
        let (how, what, advice) = match self.how {
            How::Installed => ("installed", "its scriptlets ask for", INSTALL_AGAIN),
            How::Upgraded => ("upgraded", "its scriptlets ask for", INSTALL_AGAIN),
            How::Erased => ("erased", "settling withdraws what it had asked for", ""),
        };
        let more = match self.asks.len().saturating_sub(SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let shown = self.asks.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
        format!("was {how} without nodeshim; {what}: {shown}{more}{advice}")
    }
}

const INSTALL_AGAIN: &str = ", which was not recorded; install it again with nodeshim run";

/// The packages that are not known from a run. `left` is what was known, `before` the settled state.
pub(super) fn outside(
    root: &Root,
    left: &Left,
    installed: &Installed,
    before: &State,
) -> Result<Vec<Outside>> {
    if !installed.is_known() {
        return Ok(Vec::new());
    }
    let here = installed.nevras();
    // What a run has installed since the image was settled last is known by its requests.
    let known = left.packages.as_ref().unwrap_or(&here);
    let is_new = |nevra: &&String| !known.contains(*nevra) || left.unrecorded.contains(*nevra);
    let mut new: BTreeSet<&str> = here.iter().filter(is_new).map(String::as_str).collect();
    if !new.is_empty() {
        for event in Journal::standing(root, before.last_event)?.events {
            event.origin.nevra.iter().for_each(|nevra| _ = new.remove(nevra.as_str()));
        }
    }
    let names: BTreeSet<&str> = known.iter().filter_map(|nevra| package_name(nevra)).collect();
    let mut found = Vec::new();
    // Only what they ask for is of interest here, not what policy says of it.
    let rules = Rules::default();
    let context = Context::load(root, &rules)?;
    for package in packages_of(root, &new)? {
        let asked = asked(&context, &package);
        if asked.is_empty() {
            continue;
        }
        // One that is known came earlier, and what was there before is not known any more.
        let is_upgrade = !known.contains(&package.nevra) && names.contains(package.name.as_str());
        found.push(Outside {
            how: if is_upgrade { How::Upgraded } else { How::Installed },
            intents: asked.iter().filter_map(|item| item.intent.clone()).collect(),
            asks: asked.iter().map(words).collect(),
            nevra: package.nevra,
        });
    }
    found.extend(erased(known, installed, before));
    Ok(found)
}

fn erased(known: &BTreeSet<String>, installed: &Installed, before: &State) -> Vec<Outside> {
    let gone: BTreeMap<&str, &String> = known
        .iter()
        .filter_map(|nevra| Some((package_name(nevra)?, nevra)))
        .filter(|(name, _)| !installed.has(name))
        .collect();
    let of = |(name, nevra): (&str, &String)| {
        let intents = wanted(before.plugins.get(name)?);
        Some(Outside {
            nevra: nevra.clone(),
            how: How::Erased,
            asks: intents.iter().map(plan_words::intent).collect(),
            intents,
        })
    };
    gone.into_iter().filter_map(of).collect()
}

fn wanted(plugin: &Plugin) -> Vec<Intent> {
    let wants = plugin.wants.iter().chain(&plugin.deferred).map(|want| &want.intent);
    wants.chain(plugin.overruled.iter().map(|one| &one.want.intent)).cloned().collect()
}

/// What the scriptlets ask for that have run when a package is there.
fn asked(context: &Context, package: &PackageFile) -> Vec<ForecastItem> {
    let mut asked = of_package(context, package);
    asked.retain(|item| item.place.as_deref().is_none_or(has_run));
    asked
}

fn has_run(kind: &str) -> bool {
    ![
        "%preun",
        "%postun",
        "%verify",
        "%trigger",
        "%filetrigger",
        "%transfiletrigger",
    ]
    .iter()
    .any(|prefix| kind.starts_with(prefix))
}

fn words(item: &ForecastItem) -> String {
    let command = item.command.as_deref().unwrap_or_default();
    let place = item.place.as_deref().unwrap_or("a scriptlet");
    match &item.text {
        Some(text) => format!("{text} ({place})"),
        None => format!("what shows only when {command} runs ({place})"),
    }
}
