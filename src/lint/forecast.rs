//! What a package that is not installed yet would come to, sorted by what people look for first.

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
    /// Calls of which only running them would show what they ask for.
    pub unclear: Vec<ForecastItem>,
}

/// Looks at a package that [`super::read_package`] has read.
///
/// # Errors
/// Metadata that is not as it should be.
pub fn forecast(context: &Context, package: &PackageFile) -> Result<Forecast> {
    let mut forecast = Forecast::default();
    for asked in of_file(context, package)? {
        forecast.add(asked);
    }
    Ok(forecast)
}

impl Forecast {
    fn add(&mut self, asked: ForecastItem) {
        let list = match (&asked.intent, asked.verdict) {
            (None, _) => &mut self.unclear,
            (_, Verdict::Deny | Verdict::Ignore) => &mut self.denied,
            (Some(Intent::Defer { .. }), _) | (_, Verdict::Defer) => &mut self.deferred,
            (Some(intent), _) if is_of_firewall(intent) => &mut self.ports,
            (Some(intent), _) if is_of_units(intent) => &mut self.units,
            _ => &mut self.others,
        };
        let is_known = |known: &ForecastItem| known.intent.is_some() && known.intent == asked.intent;
        if !list.iter().any(is_known) {
            list.push(asked);
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
