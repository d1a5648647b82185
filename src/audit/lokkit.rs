//! What lokkit's configuration file says that it did not say before, as wishes: some scriptlets edit
//! it with `sed` or `echo` instead of calling lokkit.

use super::changes::Found;
use crate::firewall::lokkit::config::{PATH, parse};
use crate::firewall::lokkit::names::PortNames;
use crate::firewall::lokkit::settings::Settings;
use crate::intent::Wish;
use crate::request::lokkit::wish_of;
use crate::root::Root;

/// Whether a file's content is wanted for [`wishes`].
pub(super) fn is_read(path: &[u8]) -> bool {
    path == PATH.as_bytes()
}

/// What the file was made to say and to say no longer; nothing for any other file, and where one of
/// the two states could not be read.
pub(super) fn wishes(root: &Root, found: &Found) -> Vec<Wish> {
    let change = &found.change;
    let (before, after) = (found.content_before(), found.content_after());
    let is_read = (change.before.is_some(), change.after.is_some()) == (before.is_some(), after.is_some());
    if change.path != PATH || !is_read {
        return Vec::new();
    }
    let names = PortNames::new(root);
    let lookup = |name: &[u8]| names.port(name);
    let settings = |content: Option<&[u8]>| parse(content.unwrap_or_default(), &lookup).0;
    between(&settings(before), &settings(after))
}

fn between(before: &Settings, after: &Settings) -> Vec<Wish> {
    let switch = (before.is_on() != after.is_on()).then(|| Wish::FirewallSwitch { on: after.is_on() });
    let added = after.entries().into_iter().filter(|entry| !before.contains(entry));
    let gone = before.entries().into_iter().filter(|entry| !after.contains(entry));
    let gone = gone.filter_map(|entry| match wish_of(&entry) {
        Wish::Allow { opening, zone } => Some(Wish::Withdraw { opening, zone }),
        _ => None,
    });
    switch.into_iter().chain(added.map(|entry| wish_of(&entry))).chain(gone).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::Opening;

    fn port(port: &str) -> Opening {
        Opening::Port {
            port: port.to_owned(),
            protocol: "tcp".to_owned(),
        }
    }

    #[test]
    fn lines_that_came_and_went_are_wishes() {
        let settings = |text: &str| parse(text.as_bytes(), &|_| None).0;
        let before = settings("# c\n--enabled\n--port=22:tcp\n--port=80:tcp\n");
        let after = settings("--disabled\n--port=81:tcp\n--port=nonsense\n--port=22:tcp\n--trust=eth0\n");
        assert_eq!(
            between(&before, &after),
            [
                Wish::FirewallSwitch { on: false },
                Wish::Allow {
                    opening: Opening::Interface {
                        interface: "eth0".to_owned(),
                        trusted: true
                    },
                    zone: None
                },
                Wish::Allow {
                    opening: port("81"),
                    zone: None
                },
                Wish::Withdraw {
                    opening: port("80"),
                    zone: None
                },
            ]
        );
        assert_eq!(between(&before, &before), []);
    }
}
