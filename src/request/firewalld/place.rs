//! Zones and policies: editing, querying and listing what they hold.

use super::check::Surroundings;
use super::check_policy::Order;
use super::item::{Holder, Item, Ports, STEMS, add, has, remove};
use super::listing;
use super::session::{Exit, Session, Step, is_no_error};
use super::text::edit_text;
use super::wording::Wording;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::port::{integer, sort_for_listing};
use crate::firewall::firewalld::{Checked, Code, ForwardPort, Head, Kind, Policy, Port, Traffic, Zone};
use crate::intent::{FirewallItem, Intent};

/// What an edit applies to.
#[derive(Debug, Clone)]
pub(super) enum ZoneOrPolicy {
    Zone(String, Zone),
    Policy(String, Policy),
}

impl ZoneOrPolicy {
    pub fn kind(&self) -> Kind {
        match self {
            ZoneOrPolicy::Zone(..) => Kind::Zone,
            ZoneOrPolicy::Policy(..) => Kind::Policy,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            ZoneOrPolicy::Zone(name, _) | ZoneOrPolicy::Policy(name, _) => name,
        }
    }

    pub fn holder(&mut self) -> &mut dyn Holder {
        match self {
            ZoneOrPolicy::Zone(_, zone) => zone,
            ZoneOrPolicy::Policy(_, policy) => policy,
        }
    }

    pub fn traffic(&self) -> &Traffic {
        match self {
            ZoneOrPolicy::Zone(_, zone) => &zone.traffic,
            ZoneOrPolicy::Policy(_, policy) => &policy.traffic,
        }
    }

    fn traffic_mut(&mut self) -> &mut Traffic {
        self.holder().traffic()
    }

    fn head(&mut self) -> &mut Head {
        match self {
            ZoneOrPolicy::Zone(_, zone) => &mut zone.head,
            ZoneOrPolicy::Policy(_, policy) => &mut policy.head,
        }
    }

    pub fn to_xml(&self) -> String {
        match self {
            ZoneOrPolicy::Zone(_, zone) => zone.to_xml(),
            ZoneOrPolicy::Policy(_, policy) => policy.to_xml(),
        }
    }

    /// `Zone 'public'`
    pub fn what(&self) -> String {
        match self {
            ZoneOrPolicy::Zone(name, _) => format!("Zone '{name}'"),
            ZoneOrPolicy::Policy(name, _) => format!("Policy '{name}'"),
        }
    }

    fn trusted(&self) -> bool {
        matches!(self, ZoneOrPolicy::Zone(_, zone) if zone.target() == "ACCEPT")
    }
}

/// Flags of a zone or policy.
const FLAGS: [&str; 3] = ["icmp-block-inversion", "forward", "masquerade"];

impl Session<'_> {
    pub fn surroundings(&self) -> Surroundings<'_, '_> {
        Surroundings {
            tree: &self.tree,
            names: &self.names,
            edited: None,
            gone: None,
        }
    }

    /// The fault for a name that does not exist.
    pub fn unknown(&self, kind: Kind, name: &str) -> crate::firewall::firewalld::Fault {
        let detail = match (self.side, kind) {
            (Side::Offline, Kind::Zone) => format!("get_zone(): {name}"),
            (Side::Offline, Kind::Policy) => format!("get_policy_object(): {name}"),
            (Side::Offline, Kind::Service) => format!("get_service(): '{name}'"),
            _ => name.to_owned(),
        };
        kind.invalid().about(detail)
    }

    /// The text of an object that must exist.
    pub fn text_of(&mut self, kind: Kind, name: &str) -> Step<String> {
        let text = self.read_object(kind, name);
        match self.done(text)? {
            Some(text) => Ok(text),
            None => {
                let fault = self.unknown(kind, name);
                self.refuse(&fault)
            }
        }
    }

    pub fn load_zone(&mut self, name: &str) -> Step<Zone> {
        let text = self.text_of(Kind::Zone, name)?;
        let zone = Zone::parse(&text, &self.names);
        let mut zone = self.read_from_file(zone)?;
        if self.side == Side::Offline {
            zone.traffic.merge_ports(&self.names);
        }
        Ok(zone)
    }

    pub fn load_policy(&mut self, name: &str) -> Step<Policy> {
        let text = self.text_of(Kind::Policy, name)?;
        let policy = Policy::parse(&text, &self.names);
        let mut policy = self.read_from_file(policy)?;
        if self.side == Side::Offline {
            policy.traffic.merge_ports(&self.names);
        }
        Ok(policy)
    }

    /// The zone or policy that the call names, else the default zone.
    pub fn place(&mut self) -> Step<ZoneOrPolicy> {
        if let Some(name) = self.given.value("--policy").map(str::to_owned) {
            return Ok(ZoneOrPolicy::Policy(name.clone(), self.load_policy(&name)?));
        }
        let name = match self.given.value("--zone") {
            Some(name) => name.to_owned(),
            None => self.conf()?.default_zone(&self.tree),
        };
        Ok(ZoneOrPolicy::Zone(name.clone(), self.load_zone(&name)?))
    }

    /// Options that adapt or query a zone or policy.
    pub fn place_options(&mut self) -> Step {
        self.check_running_zone()?;
        let mut place = self.place()?;
        for stem in STEMS {
            self.item_options(&mut place, stem)?;
        }
        for flag in FLAGS {
            self.flag_options(&mut place, flag)?;
        }
        self.list_options(&mut place)?;
        self.target_options(&mut place)?;
        if edit_text(self, place.head())? {
            return self.store_definition(&place);
        }
        if self.side == Side::Offline {
            // Nothing to change: the original writes the zone as it is.
            return self.success();
        }
        Ok(())
    }

    fn item_options(&mut self, place: &mut ZoneOrPolicy, stem: &str) -> Step {
        let values = |session: &Self, name: &str| session.given.values(name).to_vec();
        let added = values(self, &format!("--add-{stem}"));
        if !added.is_empty() {
            return self.change_items(place, stem, &added, true);
        }
        let removed: Vec<String> = [format!("--remove-{stem}")]
            .into_iter()
            .chain((stem == "service").then(|| "--remove-service-from-zone".to_owned()))
            .chain((stem == "service").then(|| "--remove-service-from-policy".to_owned()))
            .filter(|name| !(self.side == Side::Offline && name == "--remove-service"))
            .flat_map(|name| values(self, &name))
            .collect();
        if !removed.is_empty() {
            self.find_bound(place, stem, &removed)?;
            return self.change_items(place, stem, &removed, false);
        }
        let moved = values(self, &format!("--change-{stem}"));
        if !moved.is_empty() {
            return self.move_items(place, stem, &moved);
        }
        let asked = values(self, &format!("--query-{stem}"));
        if asked.is_empty() {
            return Ok(());
        }
        let voice = self.voice(place);
        let ports = Ports::of(voice);
        let cell = std::cell::RefCell::new(place);
        let is_there = |session: &Self, value: &str| {
            let item = session.item(&cell.borrow(), stem, value, false)?;
            session.check_asked(&cell.borrow(), &item)?;
            Ok(has(cell.borrow_mut().holder(), &item, ports, &session.names))
        };
        match (stem, voice) {
            ("rich-rule", Wording::Offline | Wording::Policy) => self.query_leniently(&asked, is_there),
            _ => self.query(&asked, voice.quotes(stem), is_there),
        }
    }

    /// Reads an entry. All but running zones take an empty rich rule for one, which can be asked for
    /// but not stored.
    fn item(&self, place: &ZoneOrPolicy, stem: &str, value: &str, adds: bool) -> Checked<Item> {
        let is_lenient = match self.voice(place) {
            Wording::Offline | Wording::Policy => true,
            Wording::Permanent => !adds,
            Wording::RunningZone => false,
        };
        match stem {
            "rich-rule" if is_lenient && value.is_empty() => Ok(Item::empty_rule()),
            _ => Item::parse(stem, value, &self.names),
        }
    }

    fn change_items(&mut self, place: &mut ZoneOrPolicy, stem: &str, values: &[String], adds: bool) -> Step {
        let before = self.reply.intents.len();
        let cell = std::cell::RefCell::new(&mut *place);
        let parse = |session: &mut Self, value: &str| {
            let item = session.item(&cell.borrow(), stem, value, adds);
            item.inspect_err(|_| session.intent_unread(&cell.borrow(), stem, value))
        };
        // All values are read before the first is worked on, but for rich rules, which are read one
        // by one.
        let at_once = stem != "rich-rule";
        let result = self.read_sequence(
            values,
            |session, value| match at_once {
                true => parse(session, value).map(|item| (Some(item), String::new())),
                false => Ok((None, value.to_owned())),
            },
            |session, (item, value)| {
                let item = item.map_or_else(|| parse(session, &value), Ok)?;
                let place = &mut *cell.borrow_mut();
                let result = session.change_item(place, &item, adds);
                session.intent_item(place, &item, adds, result.is_ok());
                if result.as_ref().is_err_and(|fault| !is_no_error(fault.code)) {
                    session.last_was_refused();
                }
                result
            },
        );
        if result.is_err() {
            self.nothing_came_about();
        }
        result?;
        let changed = self.reply.intents.iter().skip(before).any(|recorded| recorded.changed);
        self.store(place, changed || self.dry)
    }

    /// Adds or removes one entry. What depends on the rest of the configuration is checked here for
    /// firewall-cmd's zones, where each value stands alone, else at the end.
    fn change_item(&mut self, place: &mut ZoneOrPolicy, item: &Item, adds: bool) -> Checked<()> {
        let ports = Ports::of(self.voice(place));
        self.check_asked(place, item)?;
        let there = has(place.holder(), item, ports, &self.names);
        match (adds, there) {
            (true, true) => Err(self.already(place, item)),
            (false, false) => Err(self.not_there(place, item)?),
            (false, true) => {
                remove(place.holder(), item, ports, &self.names);
                Ok(())
            }
            (true, false) => {
                if matches!(self.voice(place), Wording::Permanent | Wording::RunningZone) {
                    self.check_alone(place, item)?;
                }
                add(place.holder(), item.clone(), ports, &self.names);
                Ok(())
            }
        }
    }

    fn flag_options(&mut self, place: &mut ZoneOrPolicy, flag: &str) -> Step {
        let own = |place: &ZoneOrPolicy| match (flag, place) {
            ("icmp-block-inversion", ZoneOrPolicy::Zone(_, zone)) => zone.icmp_block_inversion,
            ("forward", ZoneOrPolicy::Zone(_, zone)) => zone.forward,
            ("masquerade", place) => place.traffic().masquerade,
            _ => false,
        };
        if self.given.has(&format!("--query-{flag}")) {
            let on = own(place);
            return self.yes_or_no(on);
        }
        let adds = self.given.has(&format!("--add-{flag}"));
        if !adds && !self.given.has(&format!("--remove-{flag}")) {
            return Ok(());
        }
        let changed = own(place) != adds;
        match (flag, &mut *place) {
            ("icmp-block-inversion", ZoneOrPolicy::Zone(_, zone)) => zone.icmp_block_inversion = adds,
            ("forward", ZoneOrPolicy::Zone(_, zone)) => zone.forward = adds,
            (_, place) => place.traffic_mut().masquerade = adds,
        }
        let opening = match flag {
            "icmp-block-inversion" => FirewallItem::IcmpBlockInversion,
            "forward" => FirewallItem::IntraZoneForward,
            _ => FirewallItem::Masquerade { interface: None },
        };
        self.intent_opening(place, opening, adds, changed);
        self.flag_said(place, flag, adds, changed)?;
        self.store(place, changed)
    }

    fn list_options(&mut self, place: &mut ZoneOrPolicy) -> Step {
        let ports = |session: &Self, ports: &[Port]| {
            let mut ports = ports.to_vec();
            sort_for_listing(&mut ports, &session.names);
            ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
        };
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list.join(" ")
        };
        let Some(option) = self.given.first(&listing::OPTIONS) else {
            return Ok(());
        };
        let traffic = place.traffic();
        let line = match (option, &*place) {
            ("--list-all", _) => {
                let text = listing::place(place);
                if !text.is_empty() {
                    self.reply.output.out(text);
                }
                return Err(Exit(0));
            }
            ("--list-services", _) => sorted(&traffic.services),
            ("--list-ports", _) => ports(self, &traffic.ports),
            ("--list-source-ports", _) => ports(self, &traffic.source_ports),
            ("--list-protocols", _) => sorted(&traffic.protocols),
            ("--list-icmp-blocks", _) => sorted(&traffic.icmp_blocks),
            ("--list-forward-ports", _) => {
                traffic.forward_ports.iter().map(ForwardPort::listed).collect::<Vec<_>>().join("\n")
            }
            ("--list-rich-rules", _) => {
                traffic.rules.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
            ("--list-interfaces", ZoneOrPolicy::Zone(_, zone)) => zone.interfaces.join(" "),
            ("--list-sources", ZoneOrPolicy::Zone(_, zone)) => zone.sources.join(" "),
            ("--list-ingress-zones", ZoneOrPolicy::Policy(_, policy)) => sorted(&policy.ingress_zones),
            ("--list-egress-zones", ZoneOrPolicy::Policy(_, policy)) => sorted(&policy.egress_zones),
            _ => return Ok(()),
        };
        self.answer(line)
    }

    fn target_options(&mut self, place: &mut ZoneOrPolicy) -> Step {
        if self.given.has("--get-target") {
            let target = match &*place {
                ZoneOrPolicy::Zone(_, zone) => zone.target().to_owned(),
                ZoneOrPolicy::Policy(_, policy) => policy.target.clone(),
            };
            return self.answer(target);
        }
        if let Some(target) = self.given.value("--set-target").map(str::to_owned) {
            match place {
                ZoneOrPolicy::Zone(_, zone) if target == "default" => zone.target.clear(),
                ZoneOrPolicy::Zone(_, zone) => zone.target = target,
                ZoneOrPolicy::Policy(_, policy) => policy.target = target,
            }
            return self.store_definition(place);
        }
        self.priority_options(place)
    }

    fn priority_options(&mut self, place: &mut ZoneOrPolicy) -> Step {
        match place {
            ZoneOrPolicy::Policy(_, policy) if self.given.has("--get-priority") => {
                let priority = policy.priority.to_string();
                self.answer(priority)
            }
            ZoneOrPolicy::Policy(_, policy) => {
                let Some(text) = self.given.value("--set-priority").map(str::to_owned) else {
                    return Ok(());
                };
                let Some(priority) = integer(&text) else {
                    return self.fail(format!("invalid literal for int() with base 10: '{text}'"), 2);
                };
                policy.priority = priority;
                self.store_definition(place)
            }
            ZoneOrPolicy::Zone(..) => self.zone_priorities(place),
        }
    }

    /// firewalld 2.x: the order in which zones classify what enters and what leaves.
    fn zone_priorities(&mut self, place: &mut ZoneOrPolicy) -> Step {
        for side in ["ingress", "egress"] {
            let ZoneOrPolicy::Zone(_, zone) = &mut *place else {
                return Ok(());
            };
            let slot = if side == "ingress" {
                &mut zone.priorities.0
            } else {
                &mut zone.priorities.1
            };
            if self.given.has(&format!("--get-{side}-priority")) {
                let priority = slot.clone().unwrap_or_else(|| "0".to_owned());
                return self.answer(priority);
            }
            let Some(text) = self.given.value(&format!("--set-{side}-priority")).map(str::to_owned) else {
                continue;
            };
            if !integer(&text).is_some_and(|priority| (-32768..=32767).contains(&priority)) {
                return self.refuse(&Code::InvalidPriority.about(text));
            }
            *slot = Some(text).filter(|text| text != "0");
            return self.store_definition(place);
        }
        Ok(())
    }

    /// Stores an edit of a property, such as the target.
    fn store_definition(&mut self, place: &ZoneOrPolicy) -> Step {
        self.definition(place.kind().word(), place.name(), "edit", true);
        self.store(place, true)
    }

    /// Checks and writes the place. Nothing is written that did not change: a copy of what a
    /// package ships would only hide later versions of it.
    pub fn store(&mut self, place: &ZoneOrPolicy, changed: bool) -> Step {
        if self.side == Side::Online && !changed {
            return self.success();
        }
        let checked = self.check_place(place);
        if let Err(fault) = checked {
            self.nothing_came_about();
            return self.refuse(&fault);
        }
        if changed {
            self.write(place.kind(), place.name(), &place.to_xml())?;
        }
        self.success()
    }

    pub fn check_place(&self, place: &ZoneOrPolicy) -> Checked<()> {
        let surroundings = self.surroundings();
        match place {
            ZoneOrPolicy::Zone(name, zone) => {
                surroundings.zone(name, zone)?;
                let edited = Surroundings {
                    edited: Some((name, zone)),
                    ..surroundings
                };
                edited.rest(Kind::Zone, name)
            }
            ZoneOrPolicy::Policy(name, policy) => {
                surroundings.policy(name, policy, Order::Settings)?;
                surroundings.rest(Kind::Policy, name)
            }
        }
    }

    pub fn intent_item(&mut self, place: &ZoneOrPolicy, item: &Item, adds: bool, changed: bool) {
        match item.opening(place.trusted()) {
            Some(opening) => self.intent_opening(place, opening, adds, changed),
            None => self.definition("policy", place.name(), "edit", changed),
        }
    }

    fn intent_opening(&mut self, place: &ZoneOrPolicy, opening: FirewallItem, adds: bool, changed: bool) {
        let ZoneOrPolicy::Zone(zone, _) = place else {
            return self.definition("policy", place.name(), "edit", changed);
        };
        let zone = Some(zone.clone());
        let intent = if adds {
            Intent::Allow { opening, zone }
        } else {
            Intent::Withdraw { opening, zone }
        };
        self.intent(intent, changed);
    }

    /// A value that could not be read is worth a look: it may be a mistake of the package.
    fn intent_unread(&mut self, place: &ZoneOrPolicy, stem: &str, value: &str) {
        let text = format!("{stem} {value:?} of {} is invalid", place.what());
        let severity = "low".to_owned();
        self.intent(Intent::Note { severity, text }, false);
    }
}
