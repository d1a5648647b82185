//! The clauses of a request of firewall-cmd or firewall-offline-cmd.

use super::lokkit;
use crate::argv::firewalld::{Given, edits_service};
use crate::escape::Escaped;
use crate::firewall::firewalld::entry::{Entry, STEMS};
use crate::firewall::firewalld::{ForwardPort, Grammar};
use crate::firewall::items::item_of;
use crate::intent::{DefinitionChange, FirewallItem, FirewallObject, Intent, NoteSeverity};
use crate::request::clause::{Clause, Position};
use crate::root::Root;

/// The objects that an option names what it edits by, each with its option.
const OBJECTS: [(&str, FirewallObject); 5] = [
    ("--policy", FirewallObject::Policy),
    ("--ipset", FirewallObject::Ipset),
    ("--icmptype", FirewallObject::Icmptype),
    ("--helper", FirewallObject::Helper),
    ("--service", FirewallObject::Service),
];

/// What a request asks for.
pub(crate) fn clauses(given: &Given, root: &Root) -> Vec<Clause> {
    let reader = Reader {
        given,
        grammar: Grammar::of(root),
        zone: given.value("--zone").map(str::to_owned),
    };
    if let Some((object, name)) = reader.edited() {
        return reader.edits(object, name);
    }
    given.options().flat_map(|(option, values)| reader.option(option, values)).collect()
}

/// A request without one of its options or values; none if nothing of it is left.
pub(crate) fn without(given: Given, position: Position) -> Option<Given> {
    Some(match position {
        Position::Option(option) => given.without(option, None),
        Position::Value(option, at) => given.without(option, Some(at)),
        Position::Argument(_) => return None,
    })
}

struct Reader<'a> {
    given: &'a Given,
    grammar: Grammar<'a>,
    zone: Option<String>,
}

impl Reader<'_> {
    /// The definition that the call edits, if it does.
    fn edited(&self) -> Option<(FirewallObject, String)> {
        OBJECTS.iter().find_map(|(option, object)| {
            let edits = *object != FirewallObject::Service || edits_service(self.given);
            let name = self.given.value(option).filter(|_| edits)?;
            Some((*object, name.to_owned()))
        })
    }

    /// An edit of a definition as one part, if it is no query.
    fn edits(&self, object: FirewallObject, name: String) -> Vec<Clause> {
        let changes =
            |option: &str| ["--add-", "--remove-", "--set-"].iter().any(|verb| option.starts_with(verb));
        match self.given.options().any(|(option, _)| changes(option)) {
            true => vec![Clause::whole(definition(object, name, DefinitionChange::Edit))],
            false => Vec::new(),
        }
    }

    fn option(&self, option: &'static str, values: &[String]) -> Vec<Clause> {
        let flag = |intent| vec![Clause::at(Position::Option(option), option, vec![intent])];
        match option {
            "--add-masquerade" => flag(self.allow(FirewallItem::Masquerade { interface: None })),
            "--remove-masquerade" => flag(self.withdraw(FirewallItem::Masquerade { interface: None })),
            "--add-forward" => flag(self.allow(FirewallItem::IntraZoneForward)),
            "--remove-forward" => flag(self.withdraw(FirewallItem::IntraZoneForward)),
            "--add-icmp-block-inversion" => flag(self.allow(FirewallItem::IcmpBlockInversion)),
            "--remove-icmp-block-inversion" => flag(self.withdraw(FirewallItem::IcmpBlockInversion)),
            "--enabled" => flag(Intent::FirewallSwitch { on: true }),
            "--disabled" => flag(Intent::FirewallSwitch { on: false }),
            "--reset-to-defaults" => flag(Intent::FirewallReset { defaults: None }),
            "--panic-on" => flag(Intent::Note {
                severity: NoteSeverity::High,
                text: "all network traffic is to be dropped (--panic-on)".to_owned(),
            }),
            "--lockdown-on" | "--lockdown-off" => {
                flag(definition(FirewallObject::Conf, "Lockdown".into(), DefinitionChange::Edit))
            }
            "--set-log-denied" => vec![Clause::whole(definition(
                FirewallObject::Conf,
                "LogDenied".into(),
                DefinitionChange::Edit,
            ))],
            "--set-target" | "--set-priority" | "--set-short" | "--set-description" => {
                self.edits(FirewallObject::Zone, self.zone.clone().unwrap_or_default())
            }
            "--direct" => self.edits(FirewallObject::Direct, "direct".to_owned()),
            _ => {
                let clause = |(at, value): (usize, &String)| self.value(option, at, value);
                values.iter().enumerate().filter_map(clause).collect()
            }
        }
    }

    fn value(&self, option: &'static str, at: usize, value: &str) -> Option<Clause> {
        let intent = match option {
            "--set-default-zone" => Intent::DefaultZone {
                zone: value.to_owned(),
            },
            "--service" => self.allow(service(value)),
            "--remove-service" | "--remove-service-from-zone" => self.withdraw(service(value)),
            "--port" => self.allow(self.port(value)?),
            "--trust" => Intent::Allow {
                opening: interface(value, true),
                zone: Some(lokkit::TRUSTED.to_owned()),
            },
            "--masq" => self.allow(FirewallItem::Masquerade {
                interface: Some(value.to_owned()),
            }),
            "--forward-port" => {
                let port = ForwardPort::parse(value, true, &self.grammar).ok()?;
                self.allow(item_of(&Entry::ForwardPort(port), false)?)
            }
            "--block-icmp" => self.allow(FirewallItem::BlockIcmp {
                icmp_type: value.to_owned(),
            }),
            "--addmodule" | "--removemodule" => Intent::FirewallModule {
                module: Escaped::new(value),
                load: option == "--addmodule",
            },
            "--custom-rules" => self.allow(lokkit::custom_rules(value)),
            _ => match self.entry(option, value) {
                Some(intent) => intent,
                None => return of_definition(option, value).map(Clause::whole),
            },
        };
        Some(Clause::at(Position::Value(option, at), value, vec![intent]))
    }

    /// `--add-STEM`, `--remove-STEM`, `--change-STEM`
    fn entry(&self, option: &str, value: &str) -> Option<Intent> {
        let (verb, stem) = option.strip_prefix("--")?.split_once('-')?;
        let stem = STEMS.into_iter().find(|known| *known == stem)?;
        let trusted = self.zone.as_deref() == Some(lokkit::TRUSTED);
        let entry = Entry::parse(stem, value, &self.grammar).ok()?;
        let opening = item_of(&entry, trusted)?;
        match verb {
            "add" | "change" => Some(self.allow(opening)),
            "remove" => Some(self.withdraw(opening)),
            _ => None,
        }
    }

    /// `PORT[-PORT]:PROTOCOL`
    fn port(&self, value: &str) -> Option<FirewallItem> {
        let (port, protocol) = value.split_once(':')?;
        Some(FirewallItem::Port {
            port: port.to_owned(),
            protocol: protocol.to_owned(),
        })
    }

    fn allow(&self, opening: FirewallItem) -> Intent {
        let zone = self.zone.clone();
        Intent::Allow { opening, zone }
    }

    fn withdraw(&self, opening: FirewallItem) -> Intent {
        let zone = self.zone.clone();
        Intent::Withdraw { opening, zone }
    }
}

fn service(name: &str) -> FirewallItem {
    FirewallItem::FirewallService {
        service: name.to_owned(),
    }
}

fn interface(name: &str, trusted: bool) -> FirewallItem {
    FirewallItem::Interface {
        interface: name.to_owned(),
        trusted,
    }
}

fn definition(object: FirewallObject, name: String, change: DefinitionChange) -> Intent {
    Intent::Definition { object, name, change }
}

/// `--new-OBJECT[-from-file]`, `--delete-OBJECT`, `--load-OBJECT-defaults`, the lockdown's whitelist
fn of_definition(option: &str, value: &str) -> Option<Intent> {
    let (verb, rest) = option.strip_prefix("--")?.split_once('-')?;
    let object = rest.trim_end_matches("-from-file").trim_end_matches("-defaults");
    let (object, change) = match verb {
        "new" => (FirewallObject::parse(object)?, DefinitionChange::New),
        "delete" => (FirewallObject::parse(object)?, DefinitionChange::Delete),
        "load" => (FirewallObject::parse(object)?, DefinitionChange::Edit),
        "add" | "remove" if object.starts_with("lockdown-whitelist") => {
            (FirewallObject::Whitelist, DefinitionChange::Edit)
        }
        _ => return None,
    };
    let name = value.rsplit('/').next().unwrap_or(value).trim_end_matches(".xml");
    Some(definition(object, name.to_owned(), change))
}
