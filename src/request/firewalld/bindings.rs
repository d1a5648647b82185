//! What interfaces and sources a zone is for: each is bound to one zone alone.

use super::item::{Item, Ports, add, has, remove};
use super::place::ZoneOrPolicy;
use super::session::{Session, Step};
use super::wording::Wording;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::{Checked, Code, Zone};

impl Session<'_> {
    /// That no other zone has this interface or source.
    pub fn check_unbound(&self, place: &ZoneOrPolicy, item: &Item) -> Checked<()> {
        let Some(other) = self.bound_elsewhere(place, item)? else {
            return Ok(());
        };
        let value = item.value();
        let has_target = matches!(place, ZoneOrPolicy::Zone(_, zone) if zone.target() != "default");
        let (code, what) = match item {
            Item::Source(_) => (Code::InvalidAddr, "source"),
            _ => (Code::InvalidInterface, "interface"),
        };
        Err(match (self.voice(place), item) {
            (Wording::RunningZone, Item::Source(_)) => {
                Code::ZoneConflict.about(format!("'{value}' already bound to a zone"))
            }
            (Wording::RunningZone, _) => {
                Code::ZoneConflict.about(format!("'{value}' already bound to '{other}'"))
            }
            // Only for zones that do as usual the daemon looks for this first.
            _ if has_target => {
                let detail = format!("{}: {what} '{value}' already bound to zone '{other}'", place.what());
                code.about(detail)
            }
            _ => Code::ZoneConflict.about(value),
        })
    }

    /// From what runs an interface or source is removed wherever it is bound, if no zone is named.
    pub fn find_bound(&mut self, place: &mut ZoneOrPolicy, stem: &str, values: &[String]) -> Step {
        let is_bound = matches!(stem, "interface" | "source");
        if !is_bound || self.voice(place) != Wording::RunningZone || self.given.has("--zone") {
            return Ok(());
        }
        for value in values {
            let item =
                Item::parse(stem, value, &self.names).and_then(|item| self.bound_elsewhere(place, &item));
            if let Some(other) = self.checked(item)? {
                *place = ZoneOrPolicy::Zone(other.clone(), self.load_zone(&other)?);
                return Ok(());
            }
        }
        Ok(())
    }

    /// The other zone that an interface or source is bound to.
    pub fn bound_elsewhere(&self, place: &ZoneOrPolicy, item: &Item) -> Checked<Option<String>> {
        let list: fn(&Zone) -> &Vec<String> = match item {
            Item::Interface(_) => |zone| &zone.interfaces,
            Item::Source(_) => |zone| &zone.sources,
            _ => return Ok(None),
        };
        let mut others = self.surroundings().other_zones(place.name())?.into_iter();
        let found = others.find(|(_, zone)| list(zone).contains(&item.value()));
        Ok(found.map(|(other, _)| other))
    }

    /// Binds interfaces or sources to the zone, taking them from the zone that they were bound to.
    pub fn move_items(&mut self, place: &mut ZoneOrPolicy, stem: &str, values: &[String]) -> Step {
        let ZoneOrPolicy::Zone(name, _) = &*place else {
            return Ok(());
        };
        let name = name.clone();
        let mut emptied: Vec<ZoneOrPolicy> = Vec::new();
        let mut first = Ok(());
        let result = self.sequence(values, |session, value| {
            let item = Item::parse(stem, value, &session.names)?;
            let ports = Ports::of(session.voice(place));
            let there = has(place.holder(), &item, ports, &session.names);
            if there && session.side == Side::Offline {
                // Here what is so already is an error, which ends the call.
                first = first.clone().and(Err(session.already(place, &item)));
                return Ok(());
            }
            if !there {
                let surroundings = session.surroundings();
                if session.side == Side::Online {
                    session.check_item(place, &item)?;
                }
                for (other, zone) in surroundings.other_zones(&name)? {
                    let at = emptied.iter().position(|place| place.name() == other);
                    let mut zone = at.map_or(ZoneOrPolicy::Zone(other, zone), |at| emptied.swap_remove(at));
                    if has(zone.holder(), &item, ports, &session.names) {
                        remove(zone.holder(), &item, ports, &session.names);
                        emptied.push(zone);
                    } else if at.is_some() {
                        emptied.push(zone);
                    }
                }
                add(place.holder(), item.clone(), ports, &session.names);
            }
            session.intent_item(place, &item, true, !there);
            Ok(())
        });
        if result.is_err() {
            self.nothing_came_about();
        }
        result?;
        if let Err(fault) = first {
            self.nothing_came_about();
            return self.refuse(&fault);
        }
        for other in &emptied {
            self.write(other.kind(), other.name(), &other.to_xml())?;
        }
        self.store(place, true)
    }
}
