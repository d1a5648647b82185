//! The intents that a lokkit call carries, in the order of its words.

use std::ffi::OsStr;

use crate::argv::lokkit::{Action, Request};
use crate::escape::Escaped;
use crate::firewall::lokkit::config::Loaded;
use crate::firewall::lokkit::forward::Forward;
use crate::firewall::lokkit::settings::{Entry, Settings};
use crate::intent::{FirewallItem, Intent, Scope};
use crate::request::Reply;

use super::effects::Effects;

/// The unit that a restart is deferred for.
const UNIT: &str = "iptables.service";

/// Adds the intents to the reply, with whether each changed anything.
pub(super) fn record(request: &Request, before: &Loaded, settings: &Settings, effects: Effects) -> Reply {
    let mut recorder = Recorder {
        request,
        before,
        settings,
        seen: Settings::default(),
        effects,
    };
    request
        .arguments
        .iter()
        .enumerate()
        .for_each(|(at, argument)| recorder.what(at, &argument.action));
    let Effects {
        mut reply, restart, ..
    } = recorder.effects;
    if let Some(verb) = restart {
        let intent = Intent::Defer {
            verb,
            unit: UNIT.to_owned(),
            scope: Scope::System,
        };
        reply.intent(intent, false);
    }
    reply
}

struct Recorder<'a, 'c> {
    request: &'a Request,
    before: &'a Loaded,
    settings: &'a Settings,
    /// The entries that were asked for so far: asking twice changes once.
    seen: Settings,
    effects: Effects<'c>,
}

impl Recorder<'_, '_> {
    fn what(&mut self, at: usize, what: &Action) {
        match what {
            Action::Entry(entry) => self.entry(entry),
            Action::Switch(on) => {
                let last = self.is_last(at, |what| matches!(what, Action::Switch(_)));
                let was_so = self.before.path.is_some() && self.before.settings.is_on() == *on;
                let changed = last && !was_so && self.effects.configured;
                self.effects.reply.intent(Intent::FirewallSwitch { on: *on }, changed);
            }
            Action::Force | Action::Default(_) => {
                // --update takes -f back, and of several resets the last one says which defaults.
                let last = self.is_last(at, |what| matches!(what, Action::Force | Action::Default(_)));
                if last && self.request.is_forced() {
                    self.reset();
                }
            }
            Action::Selinux(_) => {
                if self.is_last(at, |what| matches!(what, Action::Selinux(_))) {
                    let wanted = self.request.selinux();
                    let intent = Intent::Selinux {
                        mode: wanted.mode.map(str::to_owned),
                        policy: wanted.policy.as_deref().map(Escaped::new),
                    };
                    self.effects.reply.intent(intent, self.effects.selinux_changed);
                }
            }
        }
    }

    fn is_last(&self, at: usize, of_a_kind: impl Fn(&Action) -> bool) -> bool {
        !self.request.arguments.iter().skip(at + 1).any(|argument| of_a_kind(&argument.action))
    }

    fn reset(&mut self) {
        let lost = !self.before.errors.is_empty() || !self.settings.covers(&self.before.settings);
        let intent = Intent::FirewallReset {
            defaults: self.request.default_set().map(str::to_owned),
        };
        self.effects.reply.intent(intent, lost && self.effects.configured);
    }

    fn entry(&mut self, entry: &Entry) {
        let first = self.seen.insert(entry.clone());
        let new = first && self.effects.configured && !self.before.settings.contains(entry);
        let changed = match entry {
            Entry::AddModule(module) => first && self.effects.modules.iter().any(|list| list.added(module)),
            Entry::RemoveModule(module) => {
                first && self.effects.modules.iter().any(|list| list.removed(module))
            }
            _ => new,
        };
        self.effects.reply.intent(intent_of(entry), changed);
    }
}

/// The intent of an entry of the configuration.
pub(crate) fn intent_of(entry: &Entry) -> Intent {
    match entry {
        Entry::AddModule(module) => load(module, true),
        Entry::RemoveModule(module) => load(module, false),
        Entry::Trust(interface) => allow(trusted(interface)),
        Entry::Masq(interface) => allow(masquerade(interface)),
        Entry::Port(port) => allow(FirewallItem::Port {
            port: port.ports.to_string(),
            protocol: port.protocol.name().to_owned(),
        }),
        Entry::CustomRules(rules) => allow(FirewallItem::CustomRules {
            family: rules.family.name().to_owned(),
            table: rules.table.name().to_owned(),
            file: Escaped::new(&rules.file),
        }),
        Entry::Service(service) => allow(FirewallItem::FirewallService {
            service: service.key.to_owned(),
        }),
        Entry::BlockIcmp(icmp) => allow(FirewallItem::BlockIcmp {
            icmp_type: icmp.key.to_owned(),
        }),
        Entry::Forward(forward) => allow(forwarded(forward)),
    }
}

fn allow(opening: FirewallItem) -> Intent {
    Intent::Allow { opening, zone: None }
}

fn load(module: &OsStr, load: bool) -> Intent {
    Intent::FirewallModule {
        module: Escaped::new(module),
        load,
    }
}

fn trusted(interface: &str) -> FirewallItem {
    FirewallItem::Interface {
        interface: interface.to_owned(),
        trusted: true,
    }
}

fn masquerade(interface: &str) -> FirewallItem {
    FirewallItem::Masquerade {
        interface: Some(interface.to_owned()),
    }
}

fn forwarded(forward: &Forward) -> FirewallItem {
    FirewallItem::ForwardPort {
        interface: Some(forward.interface.clone()),
        port: forward.ports.to_string(),
        protocol: forward.protocol.name().to_owned(),
        to_port: forward.to_ports.map(|ports| ports.to_string()),
        to_address: forward.remote().map(str::to_owned),
    }
}
