//! What a package that is not installed yet would come to, sorted by what people look for first.

use std::path::Path;

use serde::Serialize;

use super::requests::{Asked, of_file};
use crate::error::Result;
use crate::intent::{Verdict, Wish};
use crate::policy::Rules;
use crate::root::Root;

/// What a package's scriptlets and metadata ask for, each wish once, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Forecast {
    /// Ports and everything else of the firewall.
    pub ports: Vec<Asked>,
    /// Units and services.
    pub units: Vec<Asked>,
    /// What waits for the boot, by its nature or by policy.
    pub deferred: Vec<Asked>,
    /// What policy denies or ignores.
    pub denied: Vec<Asked>,
    /// Everything else, such as accounts and kernel modules.
    pub others: Vec<Asked>,
    /// Calls of which only running them would show what they ask for.
    pub unclear: Vec<Asked>,
}

/// Looks at an rpm file.
pub fn forecast(root: &Root, rules: &Rules, path: &Path) -> Result<Forecast> {
    let mut forecast = Forecast::default();
    for asked in of_file(root, rules, path)? {
        forecast.add(asked);
    }
    Ok(forecast)
}

impl Forecast {
    fn add(&mut self, asked: Asked) {
        let list = match (&asked.wish, asked.verdict) {
            (None, _) => &mut self.unclear,
            (_, Verdict::Deny | Verdict::Ignore) => &mut self.denied,
            (Some(Wish::Defer { .. }), _) | (_, Verdict::Defer) => &mut self.deferred,
            (Some(wish), _) if is_of_firewall(wish) => &mut self.ports,
            (Some(wish), _) if is_of_units(wish) => &mut self.units,
            _ => &mut self.others,
        };
        let is_known = |known: &Asked| known.wish.is_some() && known.wish == asked.wish;
        if !list.iter().any(is_known) {
            list.push(asked);
        }
    }

    /// The lists that hold anything, with what they are called.
    pub fn sections(&self) -> impl Iterator<Item = (&'static str, &[Asked])> {
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

fn is_of_firewall(wish: &Wish) -> bool {
    matches!(
        wish,
        Wish::Allow { .. }
            | Wish::Withdraw { .. }
            | Wish::Definition { .. }
            | Wish::FirewallSwitch { .. }
            | Wish::FirewallReset { .. }
            | Wish::FirewallModule { .. }
            | Wish::DefaultZone { .. }
    )
}

fn is_of_units(wish: &Wish) -> bool {
    matches!(
        wish,
        Wish::Unit { .. } | Wish::Service { .. } | Wish::Dependency { .. } | Wish::DefaultTarget { .. }
    )
}
