//! The intents of a call of firewall-cmd or firewall-offline-cmd before it is carried out.

use super::item::{Item, STEMS};
use super::{lokkit, read, words};
use crate::argv::firewalld::{Given, Side, edits_service};
use crate::firewall::firewalld::{ForwardPort, Names};
use crate::intent::{FirewallItem, Intent};
use crate::request::Call;
use crate::request::parts::Part;

/// The objects that an option names what it edits by, each with its option.
const OBJECTS: [(&str, &str); 5] = [
    ("--policy", "policy"),
    ("--ipset", "ipset"),
    ("--icmptype", "icmptype"),
    ("--helper", "helper"),
    ("--service", "service"),
];

/// The parts of a call. One that is refused for its words asks for nothing.
pub fn parts(side: Side, call: &Call) -> Vec<Part> {
    let Ok(given) = read(side, &words(call)) else {
        return Vec::new();
    };
    let reader = Reader {
        given: &given,
        names: Names::of(call.root),
        zone: given.value("--zone").map(str::to_owned),
    };
    if let Some((object, name)) = reader.edited() {
        return reader.edits(object, name);
    }
    given.options().flat_map(|(option, values)| reader.option(option, values)).collect()
}

struct Reader<'a> {
    given: &'a Given,
    names: Names<'a>,
    zone: Option<String>,
}

impl Reader<'_> {
    /// The definition that the call edits, if it does.
    fn edited(&self) -> Option<(&'static str, String)> {
        OBJECTS.iter().find_map(|(option, object)| {
            let edits = *object != "service" || edits_service(self.given);
            let name = self.given.value(option).filter(|_| edits)?;
            Some((*object, name.to_owned()))
        })
    }

    /// An edit of a definition as one part, if it is no query.
    fn edits(&self, object: &str, name: String) -> Vec<Part> {
        let changes =
            |option: &str| ["--add-", "--remove-", "--set-"].iter().any(|verb| option.starts_with(verb));
        match self.given.options().any(|(option, _)| changes(option)) {
            true => vec![definition(None, object, name, "edit")],
            false => Vec::new(),
        }
    }

    fn option(&self, option: &str, values: &[String]) -> Vec<Part> {
        let flag = |intent| vec![Part::of(option, [intent])];
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
                severity: "high".to_owned(),
                text: "all network traffic is to be dropped (--panic-on)".to_owned(),
            }),
            "--lockdown-on" | "--lockdown-off" => {
                vec![definition(Some(option), "conf", "Lockdown".into(), "edit")]
            }
            "--set-log-denied" => vec![definition(None, "conf", "LogDenied".into(), "edit")],
            "--set-target" | "--set-priority" => self.edits("zone", self.zone.clone().unwrap_or_default()),
            "--direct" => self.edits("direct", "direct".to_owned()),
            _ => values.iter().filter_map(|value| self.value(option, value)).collect(),
        }
    }

    fn value(&self, option: &str, value: &str) -> Option<Part> {
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
                let port = ForwardPort::parse(value, true, &self.names).ok()?;
                self.allow(Item::ForwardPort(port).opening(false)?)
            }
            "--block-icmp" => self.allow(FirewallItem::BlockIcmp {
                icmp_type: value.to_owned(),
            }),
            "--addmodule" | "--removemodule" => Intent::FirewallModule {
                module: value.to_owned(),
                load: option == "--addmodule",
            },
            "--custom-rules" => self.allow(lokkit::custom_rules(value)),
            _ => return self.entry(option, value).or_else(|| of_definition(option, value)),
        };
        Some(Part::of(value, [intent]))
    }

    /// `--add-STEM`, `--remove-STEM`, `--change-STEM`
    fn entry(&self, option: &str, value: &str) -> Option<Part> {
        let (verb, stem) = option.strip_prefix("--")?.split_once('-')?;
        let stem = STEMS.into_iter().find(|known| *known == stem)?;
        let trusted = self.zone.as_deref() == Some(lokkit::TRUSTED);
        let opening = Item::parse(stem, value, &self.names).ok()?.opening(trusted)?;
        let intent = match verb {
            "add" | "change" => self.allow(opening),
            "remove" => self.withdraw(opening),
            _ => return None,
        };
        Some(Part::of(value, [intent]))
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

fn definition(word: Option<&str>, object: &str, name: String, change: &str) -> Part {
    Part {
        word: word.map(str::to_owned),
        intents: vec![Intent::Definition {
            object: object.to_owned(),
            name,
            change: change.to_owned(),
        }],
    }
}

/// `--new-OBJECT[-from-file]`, `--delete-OBJECT`, `--load-OBJECT-defaults`, the lockdown's whitelist
fn of_definition(option: &str, value: &str) -> Option<Part> {
    let (verb, rest) = option.strip_prefix("--")?.split_once('-')?;
    let object = rest.trim_end_matches("-from-file").trim_end_matches("-defaults");
    let change = match verb {
        "new" => "new",
        "delete" => "delete",
        "load" | "set" => "edit",
        "add" | "remove" if object.starts_with("lockdown-whitelist") => "edit",
        _ => return None,
    };
    let name = value.rsplit('/').next().unwrap_or(value).trim_end_matches(".xml");
    Some(definition(None, object, name.to_owned(), change))
}
