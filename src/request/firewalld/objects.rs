//! Editing the definitions of services, ipsets, ICMP types and helpers.

use super::files::{text_of, write};
use super::session::{Session, Step};
use super::text::edit_text;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::address::is_net;
use crate::firewall::firewalld::helper::{check_family, check_module};
use crate::firewall::firewalld::ipset_entry;
use crate::firewall::firewalld::port::check_protocol;
use crate::firewall::firewalld::{
    Checked, Code, Fault, Feature, Head, Helper, Icmptype, Ipset, Kind, Port, Service,
};
use crate::intent::{DefinitionChange, FirewallObject};

const FAMILIES: [&str; 2] = ["ipv4", "ipv6"];

/// An object with a file of its own.
trait Object: Clone {
    const KIND: Kind;
    fn head(&mut self) -> &mut Head;
    fn to_xml(&self) -> String;
}

macro_rules! object {
    ($($kind:ident)*) => { $(
        impl Object for $kind {
            const KIND: Kind = Kind::$kind;
            fn head(&mut self) -> &mut Head {
                &mut self.head
            }
            fn to_xml(&self) -> String {
                $kind::to_xml(self)
            }
        }
    )* };
}
object!(Service Ipset Icmptype Helper);

fn already(value: impl std::fmt::Display) -> Fault {
    Code::AlreadyEnabled.about(value.to_string())
}

fn not_there(value: impl std::fmt::Display) -> Fault {
    Code::NotEnabled.about(value.to_string())
}

fn add<T: PartialEq>(list: &mut Vec<T>, value: T, shown: &str) -> Checked<()> {
    if list.contains(&value) {
        return Err(already(shown));
    }
    list.push(value);
    Ok(())
}

fn remove<T: PartialEq>(list: &mut Vec<T>, value: &T, shown: &str) -> Checked<()> {
    let at = list.iter().position(|known| known == value).ok_or_else(|| not_there(shown))?;
    list.remove(at);
    Ok(())
}

fn family(text: &str) -> Checked<()> {
    if FAMILIES.contains(&text) {
        return Ok(());
    }
    Err(Code::InvalidIpv.about(format!("invalid argument: {text} (choose from 'ipv4', 'ipv6')")))
}

/// `--service=NAME` with an edit or query of the definition.
pub(super) fn service_options(session: &mut Session, name: &str) -> Step {
    let text = text_of(session, Kind::Service, name)?;
    let service = Service::parse(&text, &session.grammar);
    let mut service = session.read_from_file(service)?;
    let names = crate::firewall::firewalld::Grammar::of(session.call.root);
    ports(session, name, &mut service, "port", |service| &mut service.ports)?;
    ports(session, name, &mut service, "source-port", |service| &mut service.source_ports)?;
    let check = |value: &str| check_protocol(value, &names);
    words(session, name, &mut service, "protocol", |service| &mut service.protocols, &check)?;
    let fine = |_: &str| Ok(());
    words(session, name, &mut service, "module", |service| &mut service.modules, &fine)?;
    words(session, name, &mut service, "helper", |service| &mut service.helpers, &fine)?;
    words(session, name, &mut service, "include", |service| &mut service.includes, &fine)?;
    service_destinations(session, name, &mut service)?;
    service_lists(session, &service)?;
    if edit_text(session, service.head())? {
        store_object(session, name, &service)?;
    }
    Ok(())
}

fn service_lists(session: &mut Session, service: &Service) -> Step {
    let ports = |ports: &[Port]| ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ");
    let mut includes = service.includes.clone();
    includes.sort();
    let mut helpers = service.helpers.clone();
    helpers.sort();
    let destinations: Vec<String> = service
        .destinations
        .iter()
        .map(|(family, address)| format!("{family}:{address}"))
        .collect();
    for (option, line) in [
        ("--get-ports", ports(&service.ports)),
        ("--get-source-ports", ports(&service.source_ports)),
        ("--get-protocols", service.protocols.join(" ")),
        ("--get-modules", service.modules.join(" ")),
        ("--get-service-helpers", helpers.join(" ")),
        ("--get-includes", includes.join(" ")),
        ("--get-destinations", destinations.join(" ")),
    ] {
        if session.given.has(option) {
            return session.answer(line);
        }
    }
    Ok(())
}

fn service_destinations(session: &mut Session, name: &str, service: &mut Service) -> Step {
    let set = session.given.values("--set-destination").to_vec();
    if !set.is_empty() {
        session.sequence(&set, |_, value| {
            let (ipv, address) = split_destination(value)?;
            if service.destination(ipv) == Some(address) {
                return Err(already(format!("'{value}'")));
            }
            service.destinations.retain(|(known, _)| known != ipv);
            service.destinations.push((ipv.to_owned(), address.to_owned()));
            Ok(())
        })?;
        let bad = service.destinations.iter().find(|(ipv, address)| !is_net(ipv, address));
        if let Some((ipv, address)) = bad {
            let fault = Code::InvalidAddr.about(format!("'{address}' is not valid {ipv} address"));
            session.definition(FirewallObject::Service, name, DefinitionChange::Edit, false);
            return session.refuse(&fault);
        }
        return store_object(session, name, service);
    }
    let removed = session.given.values("--remove-destination").to_vec();
    if !removed.is_empty() {
        for value in &removed {
            let known = family(value);
            session.checked(known)?;
            if service.destination(value).is_none() {
                return session.fail(format!("Error: {}", not_there(format!("'{value}'"))), 12);
            }
            service.destinations.retain(|(known, _)| known != value);
        }
        return store_object(session, name, service);
    }
    let asked = session.given.values("--query-destination").to_vec();
    if asked.is_empty() {
        return Ok(());
    }
    let service = &*service;
    session.query(&asked, true, |_, value| {
        let (ipv, address) = split_destination(value)?;
        Ok(service.destination(ipv) == Some(address))
    })
}

/// Ports of a service or helper.
fn ports<T: Object>(
    session: &mut Session,
    name: &str,
    object: &mut T,
    stem: &str,
    list: impl Fn(&mut T) -> &mut Vec<Port>,
) -> Step {
    let shown = |port: &Port| format!("'{}:{}'", port.port, port.protocol);
    let added = session.given.values(&format!("--add-{stem}")).to_vec();
    let removed = session.given.values(&format!("--remove-{stem}")).to_vec();
    if !added.is_empty() || !removed.is_empty() {
        session.sequence(&added, |session, value| {
            let port = Port::parse(value, &session.grammar)?;
            add(list(object), port.clone(), &shown(&port))
        })?;
        session.sequence(&removed, |session, value| {
            let port = Port::parse(value, &session.grammar)?;
            remove(list(object), &port, &shown(&port))
        })?;
        return store_object(session, name, object);
    }
    let asked = session.given.values(&format!("--query-{stem}")).to_vec();
    if asked.is_empty() {
        return Ok(());
    }
    let ports = list(object).clone();
    session.query(&asked, false, |session, value| Ok(ports.contains(&Port::parse(value, &session.grammar)?)))
}

/// A list of words of an object.
fn words<T: Object>(
    session: &mut Session,
    name: &str,
    object: &mut T,
    stem: &str,
    list: impl Fn(&mut T) -> &mut Vec<String>,
    check: &dyn Fn(&str) -> Checked<()>,
) -> Step {
    let added = session.given.values(&format!("--add-{stem}")).to_vec();
    let removed = session.given.values(&format!("--remove-{stem}")).to_vec();
    if !added.is_empty() || !removed.is_empty() {
        session.sequence(&added, |_, value| add(list(object), value.to_owned(), value))?;
        session.sequence(&removed, |_, value| remove(list(object), &value.to_owned(), value))?;
        for value in &added {
            if let Err(fault) = check(value) {
                session.definition(T::KIND.object(), name, DefinitionChange::Edit, false);
                return session.refuse(&fault);
            }
        }
        return store_object(session, name, object);
    }
    let asked = session.given.values(&format!("--query-{stem}")).to_vec();
    if asked.is_empty() {
        return Ok(());
    }
    let words = list(object).clone();
    session.query(&asked, true, |_, value| Ok(words.iter().any(|known| known == value)))
}

/// Checks and writes an object, and the end.
fn store_object<T: Object>(session: &mut Session, name: &str, object: &T) -> Step {
    let text = object.to_xml();
    let checked = match T::KIND {
        Kind::Service => Service::parse(&text, &session.grammar)
            .and_then(|service| session.whole().service(name, &service)),
        _ => Ok(()),
    };
    let checked = checked.and_then(|()| session.whole().rest(T::KIND, name));
    let before = session.tree.read(T::KIND, name);
    let changed = session.done(before)?.is_none_or(|before| before != text);
    session.definition(T::KIND.object(), name, DefinitionChange::Edit, checked.is_ok() && changed);
    session.checked(checked)?;
    write(session, T::KIND, name, &text)?;
    session.success()
}

/// `--ipset=NAME` with an edit or query.
pub(super) fn ipset_options(session: &mut Session, name: &str) -> Step {
    let text = text_of(session, Kind::Ipset, name)?;
    let ipset = Ipset::parse(&text, &session.grammar);
    let mut ipset = session.read_from_file(ipset)?;
    if session.given.has("--get-entries") {
        let entries = ipset.entries.join("\n");
        return session.answer(entries);
    }
    let asked = session.given.values("--query-entry").to_vec();
    if !asked.is_empty() {
        return session.query(&asked, true, |session, value| {
            refuse_timeout(&ipset)?;
            let value = normalized(session, value);
            Ok(ipset.entries.contains(&value))
        });
    }
    let added = session.given.values("--add-entry").to_vec();
    let removed = session.given.values("--remove-entry").to_vec();
    if !added.is_empty() || !removed.is_empty() {
        session.sequence(&added, |session, value| add_entry(session, name, &mut ipset, value))?;
        session.sequence(&removed, |session, value| {
            refuse_timeout(&ipset)?;
            let value = normalized(session, value);
            let shown = shown_entry(session, name, &value, "not");
            remove(&mut ipset.entries, &value, &shown)
        })?;
        return store_ipset(session, name, &ipset);
    }
    let added = entries_of_files(session, "--add-entries-from-file")?;
    let removed = entries_of_files(session, "--remove-entries-from-file")?;
    if let Some(entries) = added {
        let new: Vec<String> = entries.into_iter().filter(|entry| !ipset.entries.contains(entry)).collect();
        ipset.entries.extend(new);
        return store_entries(session, name, &ipset);
    }
    if let Some(entries) = removed {
        ipset.entries.retain(|entry| !entries.contains(entry));
        return store_entries(session, name, &ipset);
    }
    if edit_text(session, ipset.head())? {
        return store_object(session, name, &ipset);
    }
    Ok(())
}

/// Entries that stay for a time only are the kernel's.
fn refuse_timeout(ipset: &Ipset) -> Checked<()> {
    match ipset.has_timeout() {
        true => Err(Code::IpsetWithTimeout.about("")),
        false => Ok(()),
    }
}

/// An entry as it is kept: since 1.0 without host bits.
fn normalized(session: &Session, entry: &str) -> String {
    match session.has(Feature::IpsetOverlaps) {
        true => ipset_entry::normalize(entry),
        false => entry.to_owned(),
    }
}

fn add_entry(session: &Session, name: &str, ipset: &mut Ipset, value: &str) -> Checked<()> {
    refuse_timeout(ipset)?;
    let value = normalized(session, value);
    let shown = shown_entry(session, name, &value, "already is");
    if ipset.entries.contains(&value) {
        return Err(already(shown));
    }
    if session.has(Feature::IpsetOverlaps) {
        ipset_entry::check_overlap(&value, &ipset.entries)?;
    }
    if session.side == Side::Online {
        ipset.check_entry(&value, &session.grammar)?;
    }
    ipset.entries.push(value);
    Ok(())
}

/// Stores entries that were set all at once.
fn store_entries(session: &mut Session, name: &str, ipset: &Ipset) -> Step {
    let checked = refuse_timeout(ipset).and_then(|()| match session.has(Feature::IpsetOverlaps) {
        true => ipset_entry::check_overlaps(&ipset.entries),
        false => Ok(()),
    });
    if checked.is_err() {
        session.definition(FirewallObject::Ipset, name, DefinitionChange::Edit, false);
    }
    session.checked(checked)?;
    store_ipset(session, name, ipset)
}

fn store_ipset(session: &mut Session, name: &str, ipset: &Ipset) -> Step {
    let checked = ipset.check(&session.grammar);
    if checked.is_err() {
        session.definition(FirewallObject::Ipset, name, DefinitionChange::Edit, false);
    }
    session.checked(checked)?;
    store_object(session, name, ipset)
}

/// How messages name an entry of an ipset.
fn shown_entry(session: &Session, ipset: &str, entry: &str, state: &str) -> String {
    match session.runtime {
        true => format!("'{entry}' {state} in '{ipset}'"),
        false => entry.to_owned(),
    }
}

/// Entries of files, one a line; none if no file is named.
fn entries_of_files(session: &mut Session, option: &str) -> Step<Option<Vec<String>>> {
    let files = session.given.values(option).to_vec();
    if files.is_empty() {
        return Ok(None);
    }
    let mut entries = Vec::new();
    for file in files {
        match session.call.root.read_text(session.call.path(&file)) {
            Ok(text) => {
                let lines = text.lines().map(str::trim);
                let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
                entries.extend(lines.map(str::to_owned));
            }
            Err(error) => return session.fail(format!("Failed to read file '{file}': {error}"), 2),
        }
    }
    Ok(Some(entries))
}

/// `--icmptype=NAME` with an edit or query.
pub(super) fn icmptype_options(session: &mut Session, name: &str) -> Step {
    let text = text_of(session, Kind::Icmptype, name)?;
    let icmptype = Icmptype::parse(&text);
    let mut icmptype = session.read_from_file(icmptype)?;
    if session.given.has("--get-destinations") {
        let families = icmptype.effective_destinations().join("\n");
        return session.answer(families);
    }
    let added = session.given.values("--add-destination").to_vec();
    let removed = session.given.values("--remove-destination").to_vec();
    if !added.is_empty() || !removed.is_empty() {
        session.sequence(&added, |_, value| {
            family(value)?;
            icmptype.add_destination(value)
        })?;
        session.sequence(&removed, |_, value| {
            family(value)?;
            icmptype.remove_destination(value)
        })?;
        return store_object(session, name, &icmptype);
    }
    let asked = session.given.values("--query-destination").to_vec();
    if !asked.is_empty() {
        let families = icmptype.effective_destinations();
        return session.query(&asked, true, |_, value| {
            family(value)?;
            Ok(families.iter().any(|known| known == value))
        });
    }
    if edit_text(session, icmptype.head())? {
        return store_object(session, name, &icmptype);
    }
    Ok(())
}

/// `--helper=NAME` with an edit or query.
pub(super) fn helper_options(session: &mut Session, name: &str) -> Step {
    let text = text_of(session, Kind::Helper, name)?;
    let helper = Helper::parse(&text, &session.grammar);
    let mut helper = session.read_from_file(helper)?;
    ports(session, name, &mut helper, "port", |helper| &mut helper.ports)?;
    for (option, line) in [
        ("--get-ports", helper.ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")),
        ("--get-module", helper.module.clone()),
        ("--get-family", helper.family.clone()),
    ] {
        if session.given.has(option) {
            return session.answer(line);
        }
    }
    if let Some(module) = session.given.value("--set-module").map(str::to_owned) {
        let checked = check_module(&module);
        session.checked(checked)?;
        helper.module = module;
        return store_object(session, name, &helper);
    }
    if session.given.has("--set-family") {
        let family = session.given.values("--set-family").first().cloned().unwrap_or_default();
        let checked = check_family(&family);
        session.checked(checked)?;
        helper.family = family;
        return store_object(session, name, &helper);
    }
    if edit_text(session, helper.head())? {
        return store_object(session, name, &helper);
    }
    Ok(())
}

/// `FAMILY:ADDRESS[/MASK]`
fn split_destination(text: &str) -> Checked<(&str, &str)> {
    let bad = || Code::InvalidDestination.about("destination syntax is ipv:address[/mask]");
    let (ipv, address) = text.split_once(':').ok_or_else(bad)?;
    family(ipv)?;
    Ok((ipv, address))
}
