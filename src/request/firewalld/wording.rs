//! In whose words a call answers: the same is said in one way by firewall-offline-cmd, in another by
//! the daemon about its files, and in a third about what runs.

use super::item::{Item, STEMS};
use super::place::ZoneOrPolicy;
use super::session::{Session, Step};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::address::is_source;
use crate::firewall::firewalld::rich::Element;
use crate::firewall::firewalld::{Checked, Code, Fault, Kind};

/// Who answers, and about what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wording {
    Offline,
    Permanent,
    RunningZone,
    /// Of a policy the daemon says the same in both: it is told the whole of it.
    Policy,
}

impl Wording {
    /// Whether values are in quotes where several are asked for.
    pub fn quotes(self, stem: &str) -> bool {
        self == Wording::RunningZone || !matches!(stem, "port" | "source-port" | "forward-port")
    }
}

impl Session<'_> {
    pub fn voice(&self, place: &ZoneOrPolicy) -> Wording {
        match (self.side, self.runtime, place) {
            (Side::Offline, ..) => Wording::Offline,
            (.., ZoneOrPolicy::Policy(..)) => Wording::Policy,
            (_, false, _) => Wording::Permanent,
            (_, true, _) => Wording::RunningZone,
        }
    }

    /// That an entry is there already.
    pub fn already(&self, place: &ZoneOrPolicy, item: &Item) -> Fault {
        let voice = self.voice(place);
        let shown = item.shown(voice);
        let name = place.name();
        match (voice, item) {
            (Wording::RunningZone, Item::Interface(_)) => {
                // It names the zone as the caller did.
                let asked = self.given.value("--zone").unwrap_or_default();
                Code::ZoneAlreadySet.about(format!("'{shown}' already bound to '{asked}'"))
            }
            (Wording::RunningZone, Item::Source(_)) => {
                Code::ZoneAlreadySet.about(format!("'{shown}' already bound to '{name}'"))
            }
            (Wording::RunningZone, _) => Code::AlreadyEnabled.about(format!("'{shown}' already in '{name}'")),
            _ => Code::AlreadyEnabled.about(shown),
        }
    }

    /// That an entry is not there.
    pub fn not_there(&self, place: &ZoneOrPolicy, item: &Item) -> Checked<Fault> {
        let voice = self.voice(place);
        let shown = item.shown(voice);
        if voice != Wording::RunningZone {
            return Ok(Code::NotEnabled.about(shown));
        }
        let name = place.name();
        let (code, verb, tail) = match item {
            Item::Interface(_) => (Code::UnknownInterface, "remove_interface", "zoi"),
            Item::Source(_) => (Code::UnknownSource, "remove_source", "zos"),
            _ => return Ok(Code::NotEnabled.about(format!("'{shown}' not in '{name}'"))),
        };
        Ok(match self.bound_elsewhere(place, item)? {
            Some(other) => Code::ZoneConflict.about(format!("{verb}({name}, {shown}): {tail}='{other}'")),
            None => code.about(format!("'{shown}' is not in any zone")),
        })
    }

    /// What depends on the rest of the configuration, for an entry of its own.
    pub fn check_item(&self, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
        let surroundings = self.surroundings();
        let checked = surroundings.item(&place.what(), place.name(), item);
        if self.voice(place) != Wording::RunningZone {
            return checked;
        }
        match item {
            Item::RichRule(rule, _) => match &rule.element {
                Some(Element::Service { name }) if !self.tree.exists(Kind::Service, name) => {
                    Err(Code::InvalidService.about(name))
                }
                Some(Element::IcmpBlock { name } | Element::IcmpType { name }) => {
                    checked.map_err(|fault| fault.code.about(name))
                }
                _ => checked,
            },
            Item::Source(source) => match source.strip_prefix("ipset:") {
                Some(ipset) if !self.tree.exists(Kind::Ipset, ipset) => Err(Code::InvalidIpset.about(ipset)),
                _ => checked.map_err(|fault| fault.code.about(source)),
            },
            _ => checked.map_err(|fault| fault.code.about(item.value())),
        }
    }

    /// The same for an entry that is to be added alone.
    pub fn check_alone(&self, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
        self.check_item(place, item)?;
        self.check_unbound(place, item)
    }

    /// A running zone is not asked for what cannot be, but for rich rules.
    pub fn check_asked(&self, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
        match (self.voice(place), item) {
            (_, Item::RichRule(..)) => Ok(()),
            (Wording::RunningZone, _) => self.check_item(place, item),
            _ => Ok(()),
        }
    }

    /// The daemon is told of each value, with the zone; that there is no such zone is its answer to
    /// those that can be read at all.
    pub fn check_running_zone(&mut self) -> Step {
        let zone = self.given.value("--zone").map(str::to_owned);
        let Some(zone) = zone.filter(|zone| self.runtime && !self.tree.exists(Kind::Zone, zone)) else {
            return Ok(());
        };
        let unknown = || Code::InvalidZone.about(&zone);
        for stem in STEMS {
            for verb in ["add", "remove", "change"] {
                let values = self.given.values(&format!("--{verb}-{stem}")).to_vec();
                if !values.is_empty() {
                    let read = |session: &mut Self, value: &str| Item::parse(stem, value, &session.names);
                    // Rich rules are read one by one.
                    return match stem {
                        "rich-rule" => self.sequence(&values, |session, value| {
                            read(session, value)?;
                            Err(unknown())
                        }),
                        _ => self.read_sequence(&values, read, |_, _| Err(unknown())),
                    };
                }
            }
            let asked = self.given.values(&format!("--query-{stem}")).to_vec();
            if !asked.is_empty() {
                return self.query(&asked, Wording::RunningZone.quotes(stem), |session, value| {
                    match Item::parse(stem, value, &session.names)? {
                        Item::Source(source) if !is_source(&source) => Err(Code::InvalidAddr.about(source)),
                        _ => Err(unknown()),
                    }
                });
            }
        }
        Ok(())
    }

    /// What is said when a flag is already as wanted. The originals differ from flag to flag.
    pub fn flag_said(&mut self, place: &ZoneOrPolicy, flag: &str, adds: bool, changed: bool) -> Step {
        if changed || flag == "forward" {
            return Ok(());
        }
        let (code, state) = match adds {
            true => (Code::AlreadyEnabled, "already"),
            false => (Code::NotEnabled, "not"),
        };
        let fault = match self.voice(place) {
            Wording::Offline if flag == "icmp-block-inversion" => return self.refuse(&code.about(flag)),
            Wording::Offline => return Ok(()),
            Wording::RunningZone => code.about(format!("{flag} {state} enabled in '{}'", place.name())),
            Wording::Permanent | Wording::Policy => code.about(flag),
        };
        self.complain(format!("Warning: {fault}"));
        Ok(())
    }
}
