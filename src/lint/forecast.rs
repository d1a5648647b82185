//! What a package that is not installed yet would come to, sorted by what people look for first.

use std::collections::BTreeSet;

use serde::Serialize;

use super::requests::{Context, ForecastItem, of_file};
use crate::error::Result;
use crate::intent::{Intent, Verdict};
use crate::rpmdb::PackageFile;

/// What a package's scriptlets and metadata ask for, each intent once, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Forecast {
    /// Ports and everything else of the firewall.
    pub ports: Vec<ForecastItem>,
    /// Units and services.
    pub units: Vec<ForecastItem>,
    /// What waits for the boot, by its nature or by policy.
    pub deferred: Vec<ForecastItem>,
    /// What policy denies or ignores.
    pub denied: Vec<ForecastItem>,
    /// Everything else, such as accounts and kernel modules.
    pub others: Vec<ForecastItem>,
    /// Calls whose requests are known only when they run.
    pub unclear: Vec<ForecastItem>,
}

/// Looks at a package that [`super::read_package`] has read.
///
/// # Errors
/// Metadata that is not as it should be.
pub fn forecast(context: &Context, package: &PackageFile) -> Result<Forecast> {
    let (mut forecast, mut known) = (Forecast::default(), BTreeSet::new());
    for asked in of_file(context, package)? {
        let section = Section::of(&asked);
        if asked.intent.as_ref().is_none_or(|intent| known.insert((section, intent.clone()))) {
            forecast.list(section).push(asked);
        }
    }
    Ok(forecast)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Section {
    Ports,
    Units,
    Deferred,
    Denied,
    Others,
    Unclear,
}

impl Section {
    fn of(asked: &ForecastItem) -> Section {
        match (&asked.intent, asked.verdict) {
            (None, _) => Section::Unclear,
            (_, Verdict::Deny | Verdict::Ignore) => Section::Denied,
            (Some(Intent::Defer { .. }), _) | (_, Verdict::Defer) => Section::Deferred,
            (Some(intent), _) if is_of_firewall(intent) => Section::Ports,
            (Some(intent), _) if is_of_units(intent) => Section::Units,
            _ => Section::Others,
        }
    }
}

impl Forecast {
    fn list(&mut self, section: Section) -> &mut Vec<ForecastItem> {
        match section {
            Section::Ports => &mut self.ports,
            Section::Units => &mut self.units,
            Section::Deferred => &mut self.deferred,
            Section::Denied => &mut self.denied,
            Section::Others => &mut self.others,
            Section::Unclear => &mut self.unclear,
        }
    }

    /// The lists that hold anything, with what they are called.
    pub fn sections(&self) -> impl Iterator<Item = (&'static str, &[ForecastItem])> {
        let sections = [
            ("ports", &self.ports),
            ("units", &self.units),
            ("at boot", &self.deferred),
            ("denied", &self.denied),
            ("others", &self.others),
            ("shows only when it runs", &self.unclear),
        ];
        let named = sections.into_iter().map(|(name, list)| (name, list.as_slice()));
        named.filter(|(_, list)| !list.is_empty())
    }
}

fn is_of_firewall(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Allow { .. }
            | Intent::Withdraw { .. }
            | Intent::Definition { .. }
            | Intent::FirewallSwitch { .. }
            | Intent::FirewallReset { .. }
            | Intent::FirewallModule { .. }
            | Intent::DefaultZone { .. }
    )
}

fn is_of_units(intent: &Intent) -> bool {
    matches!(
        intent,
        Intent::Unit { .. }
            | Intent::Service { .. }
            | Intent::Dependency { .. }
            | Intent::DefaultTarget { .. }
    )
}
