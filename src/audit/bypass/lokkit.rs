//! What lokkit's configuration file says that it did not say before, as intents: some scriptlets edit
//! it with `sed` or `echo` instead of calling lokkit.

use crate::audit::found::DirectChange;
use crate::firewall::lokkit::config::{PATH, parse};
use crate::firewall::lokkit::names::PortNames;
use crate::firewall::lokkit::settings::Settings;
use crate::intent::Intent;
use crate::request::lokkit::intent_of;
use crate::root::Root;

/// The entries that were added to lokkit's file and removed from it; none for any other file, and
/// if one of the two states could not be read.
pub(in crate::audit) fn intents(root: &Root, direct: &DirectChange) -> Vec<Intent> {
    let DirectChange {
        change,
        before,
        after,
    } = *direct;
    let is_read = (change.before.is_some(), change.after.is_some()) == (before.is_some(), after.is_some());
    if change.path != PATH || !is_read {
        return Vec::new();
    }
    let names = PortNames::new(root);
    let lookup = |name: &[u8]| names.port(name);
    let settings = |content: Option<&[u8]>| parse(content.unwrap_or_default(), &lookup).0;
    between(&settings(before), &settings(after))
}

fn between(before: &Settings, after: &Settings) -> Vec<Intent> {
    let switch = (before.is_on() != after.is_on()).then(|| Intent::FirewallSwitch { on: after.is_on() });
    let added = after.entries().into_iter().filter(|entry| !before.contains(entry));
    let gone = before.entries().into_iter().filter(|entry| !after.contains(entry));
    let gone = gone.filter_map(|entry| match intent_of(&entry) {
        Intent::Allow { opening, zone } => Some(Intent::Withdraw { opening, zone }),
        _ => None,
    });
    switch.into_iter().chain(added.map(|entry| intent_of(&entry))).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::FirewallItem;

    fn port(port: &str) -> FirewallItem {
        FirewallItem::Port {
            port: port.to_owned(),
            protocol: "tcp".to_owned(),
        }
    }

    #[test]
    fn lines_that_came_and_went_are_intents() {
        let settings = |text: &str| parse(text.as_bytes(), &|_| None).0;
        let before = settings("# c\n--enabled\n--port=22:tcp\n--port=80:tcp\n");
        let after = settings("--disabled\n--port=81:tcp\n--port=nonsense\n--port=22:tcp\n--trust=eth0\n");
        assert_eq!(
            between(&before, &after),
            [
                Intent::FirewallSwitch { on: false },
                Intent::Allow {
                    opening: FirewallItem::Interface {
                        interface: "eth0".to_owned(),
                        trusted: true
                    },
                    zone: None
                },
                Intent::Allow {
                    opening: port("81"),
                    zone: None
                },
                Intent::Withdraw {
                    opening: port("80"),
                    zone: None
                },
            ]
        );
        assert_eq!(between(&before, &before), []);
    }
}
