//! What is said of denials of the default zone where packets are not sorted by zone: they act on
//! what comes in by any interface, while firewalld leaves out what is bound to another zone.

use std::collections::BTreeMap;

use crate::firewall::ruleset::{Ruleset, ZoneRules};
use crate::plan::Note;

/// A remark for each plugin that keeps something out in the default zone, if any plugin binds
/// interfaces or sources to a zone of its own.
pub(super) fn notes(rulesets: &BTreeMap<String, Ruleset>, default_zone: &str) -> Vec<Note> {
    let others = |ruleset: &Ruleset| {
        let mut zones = ruleset.zones.iter().filter(|(zone, _)| *zone != default_zone);
        zones.any(|(_, rules)| !rules.interfaces.is_empty() || !rules.sources.is_empty())
    };
    if !rulesets.values().any(others) {
        return Vec::new();
    }
    let denying = rulesets.iter().filter(|(_, ruleset)| ruleset.zones.get(default_zone).is_some_and(denies));
    let text = format!("what it keeps out in zone {default_zone} is kept out of every other zone, too");
    denying
        .map(|(name, ruleset)| {
            let events: Vec<u64> = ruleset.events.iter().copied().collect();
            Note::new(Some(name), text.as_str(), &events)
        })
        .collect()
}

fn denies(rules: &ZoneRules) -> bool {
    let is_denial =
        |rule: &String| rule.split_whitespace().any(|word| matches!(word, "reject" | "drop" | "icmp-block"));
    !rules.icmp_blocks.is_empty() || rules.rich_rules.iter().any(is_denial)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_zone(zone: &str, set: impl FnOnce(&mut ZoneRules)) -> Ruleset {
        let mut ruleset = Ruleset::default();
        set(ruleset.zones.entry(zone.to_owned()).or_default());
        ruleset
    }

    #[test]
    fn denials_are_remarked_on_only_beside_another_zone() {
        let guard = in_zone("public", |rules| {
            rules.rich_rules.insert("rule service name=\"ssh\" drop".into());
        });
        let opener = in_zone("public", |rules| {
            rules.protocols.insert("gre".into());
        });
        let router = in_zone("trusted", |rules| {
            rules.interfaces.insert("eth1".into());
        });
        let mut rulesets = BTreeMap::from([("guard".to_owned(), guard), ("opener".to_owned(), opener)]);
        assert_eq!(notes(&rulesets, "public"), []);
        rulesets.insert("router".to_owned(), router);
        let found = notes(&rulesets, "public");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].plugin.as_deref(), Some("guard"));
    }
}
