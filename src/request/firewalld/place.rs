//! Zones and policies: editing, querying and listing what they hold.

use super::bindings::{find_bound, move_items};
use super::definitions::{read_object, write};
use super::item::{Holder, Item, Ports, STEMS, add, has, remove};
use super::listing;
use super::session::{Exit, Session, Step, is_no_error};
use super::text::edit_text;
use super::wording::{
    Wording, already, check_alone, check_asked, check_running_zone, flag_said, not_there, voice,
};
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::code::no_number;
use crate::firewall::firewalld::port::{integer, sort_for_listing};
use crate::firewall::firewalld::whole::Order;
use crate::firewall::firewalld::{
    Checked, Code, ForwardPort, Grammar, Head, Kind, Policy, Port, Traffic, Whole, Zone,
};
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

    pub fn to_xml(&self, grammar: &Grammar) -> String {
        match self {
            ZoneOrPolicy::Zone(_, zone) => zone.to_xml(grammar),
            ZoneOrPolicy::Policy(_, policy) => policy.to_xml(grammar),
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

/// The fault for a name that does not exist.
pub(super) fn unknown(session: &Session, kind: Kind, name: &str) -> crate::firewall::firewalld::Fault {
    let detail = match (session.side, kind) {
        (Side::Offline, Kind::Zone) => format!("get_zone(): {name}"),
        (Side::Offline, Kind::Policy) => format!("get_policy_object(): {name}"),
        (Side::Offline, Kind::Service) => format!("get_service(): '{name}'"),
        _ => name.to_owned(),
    };
    kind.invalid().about(detail)
}

/// The text of an object that must exist.
pub(super) fn text_of(session: &mut Session, kind: Kind, name: &str) -> Step<String> {
    let text = read_object(session, kind, name);
    match session.done(text)? {
        Some(text) => Ok(text),
        None => {
            let fault = unknown(session, kind, name);
            session.refuse(&fault)
        }
    }
}

pub(super) fn load_zone(session: &mut Session, name: &str) -> Step<Zone> {
    let text = text_of(session, Kind::Zone, name)?;
    let zone = Zone::parse(&text, &session.grammar);
    let mut zone = session.read_from_file(zone)?;
    if session.side == Side::Offline {
        zone.traffic.merge_ports(&session.grammar);
    }
    Ok(zone)
}

pub(super) fn load_policy(session: &mut Session, name: &str) -> Step<Policy> {
    let text = text_of(session, Kind::Policy, name)?;
    let policy = Policy::parse(&text, &session.grammar);
    let mut policy = session.read_from_file(policy)?;
    if session.side == Side::Offline {
        policy.traffic.merge_ports(&session.grammar);
    }
    Ok(policy)
}

/// The zone or policy that the call names, else the default zone.
pub(super) fn place(session: &mut Session) -> Step<ZoneOrPolicy> {
    if let Some(name) = session.given.value("--policy").map(str::to_owned) {
        return Ok(ZoneOrPolicy::Policy(name.clone(), load_policy(session, &name)?));
    }
    let name = match session.given.value("--zone") {
        Some(name) => name.to_owned(),
        None => session.conf()?.default_zone(&session.tree),
    };
    Ok(ZoneOrPolicy::Zone(name.clone(), load_zone(session, &name)?))
}

/// Options that adapt or query a zone or policy.
pub(super) fn place_options(session: &mut Session) -> Step {
    check_running_zone(session)?;
    let mut place = place(session)?;
    for stem in STEMS {
        item_options(session, &mut place, stem)?;
    }
    for flag in FLAGS {
        flag_options(session, &mut place, flag)?;
    }
    list_options(session, &mut place)?;
    target_options(session, &mut place)?;
    if edit_text(session, place.head())? {
        return store_definition(session, &place);
    }
    if session.side == Side::Offline {
        // Nothing to change: the original writes the zone as it is.
        return session.success();
    }
    Ok(())
}

fn item_options(session: &mut Session, place: &mut ZoneOrPolicy, stem: &str) -> Step {
    let values = |session: &Session, name: &str| session.given.values(name).to_vec();
    let added = values(session, &format!("--add-{stem}"));
    if !added.is_empty() {
        return change_items(session, place, stem, &added, true);
    }
    let removed: Vec<String> = [format!("--remove-{stem}")]
        .into_iter()
        .chain((stem == "service").then(|| "--remove-service-from-zone".to_owned()))
        .chain((stem == "service").then(|| "--remove-service-from-policy".to_owned()))
        .filter(|name| !(session.side == Side::Offline && name == "--remove-service"))
        .flat_map(|name| values(session, &name))
        .collect();
    if !removed.is_empty() {
        find_bound(session, place, stem, &removed)?;
        return change_items(session, place, stem, &removed, false);
    }
    let moved = values(session, &format!("--change-{stem}"));
    if !moved.is_empty() {
        return move_items(session, place, stem, &moved);
    }
    let asked = values(session, &format!("--query-{stem}"));
    if asked.is_empty() {
        return Ok(());
    }
    let voice = voice(session, place);
    let ports = Ports::of(voice);
    let cell = std::cell::RefCell::new(place);
    let is_there = |session: &Session, value: &str| {
        let item = item(session, &cell.borrow(), stem, value, false)?;
        check_asked(session, &cell.borrow(), &item)?;
        Ok(has(cell.borrow_mut().holder(), &item, ports, &session.grammar))
    };
    match (stem, voice) {
        ("rich-rule", Wording::Offline | Wording::Policy) => session.query_leniently(&asked, is_there),
        _ => session.query(&asked, voice.quotes(stem), is_there),
    }
}

/// Reads an entry. All but running zones take an empty rich rule for one, which can be asked for
/// but not stored.
fn item(session: &Session, place: &ZoneOrPolicy, stem: &str, value: &str, adds: bool) -> Checked<Item> {
    let is_lenient = match voice(session, place) {
        Wording::Offline | Wording::Policy => true,
        Wording::Permanent => !adds,
        Wording::RunningZone => false,
    };
    match stem {
        "rich-rule" if is_lenient && value.is_empty() => Ok(Item::empty_rule()),
        _ => Item::parse(stem, value, &session.grammar),
    }
}

fn change_items(
    session: &mut Session,
    place: &mut ZoneOrPolicy,
    stem: &str,
    values: &[String],
    adds: bool,
) -> Step {
    let before = session.reply.intents.len();
    let cell = std::cell::RefCell::new(&mut *place);
    let parse = |session: &mut Session, value: &str| {
        let item = item(session, &cell.borrow(), stem, value, adds);
        item.inspect_err(|_| intent_unread(session, &cell.borrow(), stem, value))
    };
    // All values are read before the first is worked on, but for rich rules, which are read one
    // by one.
    let at_once = stem != "rich-rule";
    let result = session.read_sequence(
        values,
        |session, value| match at_once {
            true => parse(session, value).map(|item| (Some(item), String::new())),
            false => Ok((None, value.to_owned())),
        },
        |session, (item, value)| {
            let item = item.map_or_else(|| parse(session, &value), Ok)?;
            let place = &mut *cell.borrow_mut();
            let result = change_item(session, place, &item, adds);
            intent_item(session, place, &item, adds, result.is_ok());
            if result.as_ref().is_err_and(|fault| !is_no_error(fault.code)) {
                session.last_was_refused();
            }
            result
        },
    );
    if result.is_err() {
        session.nothing_came_about();
    }
    result?;
    let changed = session.reply.intents.iter().skip(before).any(|recorded| recorded.changed);
    store(session, place, changed || session.dry)
}

/// Adds or removes one entry. What depends on the rest of the configuration is checked here for
/// firewall-cmd's zones, where each value stands alone, else at the end.
fn change_item(session: &mut Session, place: &mut ZoneOrPolicy, item: &Item, adds: bool) -> Checked<()> {
    let ports = Ports::of(voice(session, place));
    check_asked(session, place, item)?;
    let there = has(place.holder(), item, ports, &session.grammar);
    match (adds, there) {
        (true, true) => Err(already(session, place, item)),
        (false, false) => Err(not_there(session, place, item)?),
        (false, true) => {
            remove(place.holder(), item, ports, &session.grammar);
            Ok(())
        }
        (true, false) => {
            if matches!(voice(session, place), Wording::Permanent | Wording::RunningZone) {
                check_alone(session, place, item)?;
            }
            add(place.holder(), item.clone(), ports, &session.grammar);
            Ok(())
        }
    }
}

fn flag_options(session: &mut Session, place: &mut ZoneOrPolicy, flag: &str) -> Step {
    let own = |place: &ZoneOrPolicy| match (flag, place) {
        ("icmp-block-inversion", ZoneOrPolicy::Zone(_, zone)) => zone.icmp_block_inversion,
        ("forward", ZoneOrPolicy::Zone(_, zone)) => zone.forward,
        ("masquerade", place) => place.traffic().masquerade,
        _ => false,
    };
    if session.given.has(&format!("--query-{flag}")) {
        let on = own(place);
        return session.yes_or_no(on);
    }
    let adds = session.given.has(&format!("--add-{flag}"));
    if !adds && !session.given.has(&format!("--remove-{flag}")) {
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
    intent_opening(session, place, opening, adds, changed);
    flag_said(session, place, flag, adds, changed)?;
    store(session, place, changed)
}

fn list_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    let ports = |session: &Session, ports: &[Port]| {
        let mut ports = ports.to_vec();
        sort_for_listing(&mut ports, &session.grammar);
        ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")
    };
    let sorted = |list: &[String]| {
        let mut list = list.to_vec();
        list.sort();
        list.join(" ")
    };
    let Some(option) = session.given.first(&listing::OPTIONS) else {
        return Ok(());
    };
    let traffic = place.traffic();
    let line = match (option, &*place) {
        ("--list-all", _) => {
            let text = listing::place(session, place)?;
            if !text.is_empty() {
                session.reply.output.out(text);
            }
            return Err(Exit(0));
        }
        ("--list-services", _) => sorted(&traffic.services),
        ("--list-ports", _) => ports(session, &traffic.ports),
        ("--list-source-ports", _) => ports(session, &traffic.source_ports),
        ("--list-protocols", _) => sorted(&traffic.protocols),
        ("--list-icmp-blocks", _) => sorted(&traffic.icmp_blocks),
        ("--list-forward-ports", _) => {
            traffic.forward_ports.iter().map(ForwardPort::listed).collect::<Vec<_>>().join("\n")
        }
        ("--list-rich-rules", _) => {
            let spelled = traffic.rules.iter().map(|rule| rule.spelled(&session.grammar));
            spelled.collect::<Vec<_>>().join("\n")
        }
        ("--list-interfaces", ZoneOrPolicy::Zone(_, zone)) => zone.interfaces.join(" "),
        ("--list-sources", ZoneOrPolicy::Zone(_, zone)) => zone.sources.join(" "),
        ("--list-ingress-zones", ZoneOrPolicy::Policy(_, policy)) => sorted(&policy.ingress_zones),
        ("--list-egress-zones", ZoneOrPolicy::Policy(_, policy)) => sorted(&policy.egress_zones),
        _ => return Ok(()),
    };
    session.answer(line)
}

fn target_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    // firewall-cmd says REJECT for what files spell in firewalld's own way (firewall-cmd(1)).
    const REJECT: (&str, &str) = ("REJECT", "%%REJECT%%");
    let online = session.side == Side::Online;
    if session.given.has("--get-target") {
        let target = match &*place {
            ZoneOrPolicy::Zone(_, zone) if online && zone.target() == REJECT.1 => REJECT.0.to_owned(),
            ZoneOrPolicy::Zone(_, zone) => zone.target().to_owned(),
            ZoneOrPolicy::Policy(_, policy) => policy.target.clone(),
        };
        return session.answer(target);
    }
    if let Some(target) = session.given.value("--set-target").map(str::to_owned) {
        match place {
            ZoneOrPolicy::Zone(_, zone) if target == "default" => zone.target.clear(),
            ZoneOrPolicy::Zone(_, zone) if online && target == REJECT.0 => {
                REJECT.1.clone_into(&mut zone.target);
            }
            ZoneOrPolicy::Zone(_, zone) => zone.target = target,
            ZoneOrPolicy::Policy(_, policy) => policy.target = target,
        }
        return store_definition(session, place);
    }
    disable_options(session, place)?;
    priority_options(session, place)
}

/// firewalld 2.4 and later: policies are switched off and on.
fn disable_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    let ZoneOrPolicy::Policy(_, policy) = &mut *place else {
        return Ok(());
    };
    if session.given.has("--query-disable") {
        return session.yes_or_no(policy.disable);
    }
    let disable = session.given.has("--add-disable");
    if !disable && !session.given.has("--remove-disable") {
        return Ok(());
    }
    policy.disable = disable;
    store_definition(session, place)
}

/// `--policy-set=PREFIX`: every policy whose name begins so.
pub(super) fn policy_set_options(session: &mut Session, prefix: &str) -> Step {
    let disable = session.given.has("--add-disable");
    let names = session.tree.names(Kind::Policy);
    let names = session.done(names)?;
    for name in names.into_iter().filter(|name| name.starts_with(prefix)) {
        let mut policy = load_policy(session, &name)?;
        let changed = std::mem::replace(&mut policy.disable, disable) != disable;
        let place = ZoneOrPolicy::Policy(name, policy);
        session.definition("policy", place.name(), "edit", changed);
        put(session, &place, changed)?;
    }
    session.success()
}

fn priority_options(session: &mut Session, place: &mut ZoneOrPolicy) -> Step {
    let read = |session: &Session, option: &str| -> Option<Checked<i64>> {
        let text = session.given.value(option)?;
        Some(integer(text).ok_or_else(|| no_number(text)))
    };
    match place {
        ZoneOrPolicy::Policy(_, policy) if session.given.has("--get-priority") => {
            let priority = policy.priority.to_string();
            session.answer(priority)
        }
        ZoneOrPolicy::Policy(_, policy) => {
            let Some(priority) = read(session, "--set-priority") else {
                return Ok(());
            };
            policy.priority = number(session, priority)?;
            store_definition(session, place)
        }
        ZoneOrPolicy::Zone(_, zone) => {
            for (side, priority) in [
                ("ingress", zone.ingress_priority),
                ("egress", zone.egress_priority),
            ] {
                if session.given.has(&format!("--get-{side}-priority")) {
                    return session.answer(priority.to_string());
                }
            }
            if session.given.has("--get-priority") {
                let (ingress, egress) = (zone.ingress_priority, zone.egress_priority);
                if ingress == egress {
                    return session.answer(ingress.to_string());
                }
                let fault = Code::InvalidPriority.about(
                    "Ingress and Egress priority mismatch. Use --get-ingress-priority and --get-egress-priority.",
                );
                return session.refuse(&fault);
            }
            if let Some(priority) = read(session, "--set-priority") {
                let priority = number(session, priority)?;
                (zone.ingress_priority, zone.egress_priority) = (priority, priority);
            } else if let Some(priority) = read(session, "--set-ingress-priority") {
                zone.ingress_priority = number(session, priority)?;
            } else if let Some(priority) = read(session, "--set-egress-priority") {
                zone.egress_priority = number(session, priority)?;
            } else {
                return Ok(());
            }
            store_definition(session, place)
        }
    }
}

/// A number, or the end: the original has no code for a word that is none.
fn number(session: &mut Session, number: Checked<i64>) -> Step<i64> {
    number.or_else(|fault| session.fail(fault.detail, 2))
}

/// Stores an edit of a property, such as the target.
fn store_definition(session: &mut Session, place: &ZoneOrPolicy) -> Step {
    session.definition(place.kind().word(), place.name(), "edit", true);
    store(session, place, true)
}

/// Checks and writes the place. Nothing is written that did not change: a copy of what a
/// package ships would only hide later versions of it.
pub(super) fn store(session: &mut Session, place: &ZoneOrPolicy, changed: bool) -> Step {
    if session.side == Side::Online && !changed {
        return session.success();
    }
    put(session, place, changed)?;
    session.success()
}

/// Checks and writes the place.
fn put(session: &mut Session, place: &ZoneOrPolicy, changed: bool) -> Step {
    if let Err(fault) = check_place(session, place) {
        session.nothing_came_about();
        return session.refuse(&fault);
    }
    // firewall-offline-cmd writes a file that is there again, as it spells it.
    let rewrites = session.side == Side::Offline && session.tree.is_local(place.kind(), place.name());
    match changed || rewrites {
        true => write(session, place.kind(), place.name(), &place.to_xml(&session.grammar)),
        false => Ok(()),
    }
}

pub(super) fn check_place(session: &Session, place: &ZoneOrPolicy) -> Checked<()> {
    let whole = session.whole();
    match place {
        ZoneOrPolicy::Zone(name, zone) => {
            whole.zone(name, zone)?;
            let edited = Whole {
                edited: Some((name, zone)),
                ..whole
            };
            edited.rest(Kind::Zone, name)
        }
        ZoneOrPolicy::Policy(name, policy) => {
            whole.policy(name, policy, Order::Settings)?;
            whole.rest(Kind::Policy, name)
        }
    }
}

pub(super) fn intent_item(
    session: &mut Session,
    place: &ZoneOrPolicy,
    item: &Item,
    adds: bool,
    changed: bool,
) {
    match item.opening(place.trusted()) {
        Some(opening) => intent_opening(session, place, opening, adds, changed),
        None => session.definition("policy", place.name(), "edit", changed),
    }
}

fn intent_opening(
    session: &mut Session,
    place: &ZoneOrPolicy,
    opening: FirewallItem,
    adds: bool,
    changed: bool,
) {
    let ZoneOrPolicy::Zone(zone, _) = place else {
        return session.definition("policy", place.name(), "edit", changed);
    };
    let zone = Some(zone.clone());
    let intent = if adds {
        Intent::Allow { opening, zone }
    } else {
        Intent::Withdraw { opening, zone }
    };
    session.intent(intent, changed);
}

/// A value that could not be read is worth a look: it may be a mistake of the package.
fn intent_unread(session: &mut Session, place: &ZoneOrPolicy, stem: &str, value: &str) {
    let text = format!("{stem} {value:?} of {} is invalid", place.what());
    let severity = "low".to_owned();
    session.intent(Intent::Note { severity, text }, false);
}
