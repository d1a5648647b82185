//! What a zone file of firewalld lets through that it did not before, as intents.

use std::collections::BTreeSet;

use crate::audit::LOCAL_ZONES;
use crate::audit::found::DirectChange;
use crate::firewall::firewalld::{Grammar, Zone};
use crate::firewall::items::of_zone;
use crate::intent::{FirewallItem, Intent};
use crate::root::Root;

/// The shipped zone of the same name counts before there is a local one.
const SHIPPED: &str = "/usr/lib/firewalld/zones/";

/// Openings and withdrawals between the two states of a zone file; nothing for any other file.
pub(in crate::audit) fn intents(root: &Root, direct: &DirectChange) -> Vec<Intent> {
    let path = direct.change.path.shown();
    let name = path.strip_prefix(LOCAL_ZONES).and_then(|name| name.strip_suffix(".xml"));
    let Some(name) = name.filter(|name| !name.contains('/')) else {
        return Vec::new();
    };
    let shipped = || root.read(format!("{SHIPPED}{name}.xml")).ok();
    let openings = |content: Option<Vec<u8>>| content.map(|content| openings(&content)).unwrap_or_default();
    let before = openings(direct.before.map(<[u8]>::to_vec).or_else(shipped));
    let after = openings(direct.after.map(<[u8]>::to_vec).or_else(shipped));
    let zone = || Some(name.to_owned());
    let (was, is): (BTreeSet<_>, BTreeSet<_>) = (before.iter().collect(), after.iter().collect());
    let added = after.iter().filter(|opening| !was.contains(opening)).map(|opening| Intent::Allow {
        opening: opening.clone(),
        zone: zone(),
    });
    let gone = before.iter().filter(|opening| !is.contains(opening)).map(|opening| Intent::Withdraw {
        opening: opening.clone(),
        zone: zone(),
    });
    added.chain(gone).collect()
}

fn openings(content: &[u8]) -> Vec<FirewallItem> {
    let zone = Zone::parse(&String::from_utf8_lossy(content), &Grammar::none());
    zone.map(|zone| of_zone(&zone)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_entry_in_a_zone_file_counts_not_only_ports_and_services() {
        let text = b"<zone><port port='80' protocol='tcp'/><icmp-block name='redirect'/><forward/>\
                     <forward-port port='1' protocol='tcp' to-port='2'/><icmp-block-inversion/></zone>";
        let found = openings(text);
        assert_eq!(found.len(), 5, "{found:?}");
        let block = FirewallItem::BlockIcmp {
            icmp_type: "redirect".into(),
        };
        assert!(found.contains(&block) && found.contains(&FirewallItem::IntraZoneForward), "{found:?}");
    }
}
