//! Editing the definitions of services, ipsets, ICMP types and helpers.

use super::session::{Session, Step};
use super::text::edit_text;
use crate::argv::firewalld::Side;
use crate::firewall::firewalld::address::is_net;
use crate::firewall::firewalld::helper::{check_family, check_module};
use crate::firewall::firewalld::port::check_protocol;
use crate::firewall::firewalld::{Checked, Code, Fault, Head, Helper, Icmptype, Ipset, Kind, Port, Service};

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

impl Session<'_> {
    /// `--service=NAME` with an edit or query of the definition.
    pub fn service_options(&mut self, name: &str) -> Step {
        let text = self.text_of(Kind::Service, name)?;
        let service = Service::parse(&text, &self.names);
        let mut service = self.read_from_file(service)?;
        let names = crate::firewall::firewalld::Names::of(self.call.root);
        self.ports(name, &mut service, "port", |service| &mut service.ports)?;
        self.ports(name, &mut service, "source-port", |service| &mut service.source_ports)?;
        let check = |value: &str| check_protocol(value, &names);
        self.words(name, &mut service, "protocol", |service| &mut service.protocols, &check)?;
        let fine = |_: &str| Ok(());
        self.words(name, &mut service, "module", |service| &mut service.modules, &fine)?;
        self.words(name, &mut service, "helper", |service| &mut service.helpers, &fine)?;
        self.words(name, &mut service, "include", |service| &mut service.includes, &fine)?;
        self.service_destinations(name, &mut service)?;
        self.service_lists(&service)?;
        if edit_text(self, service.head())? {
            self.store_object(name, &service)?;
        }
        Ok(())
    }

    fn service_lists(&mut self, service: &Service) -> Step {
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
            if self.given.has(option) {
                return self.answer(line);
            }
        }
        Ok(())
    }

    fn service_destinations(&mut self, name: &str, service: &mut Service) -> Step {
        let set = self.given.values("--set-destination").to_vec();
        if !set.is_empty() {
            self.sequence(&set, |_, value| {
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
                self.definition("service", name, "edit", false);
                return self.refuse(&fault);
            }
            return self.store_object(name, service);
        }
        let removed = self.given.values("--remove-destination").to_vec();
        if !removed.is_empty() {
            for value in &removed {
                let known = family(value);
                self.checked(known)?;
                if service.destination(value).is_none() {
                    return self.fail(format!("Error: {}", not_there(format!("'{value}'"))), 12);
                }
                service.destinations.retain(|(known, _)| known != value);
            }
            return self.store_object(name, service);
        }
        let asked = self.given.values("--query-destination").to_vec();
        if asked.is_empty() {
            return Ok(());
        }
        let service = &*service;
        self.query(&asked, true, |_, value| {
            let (ipv, address) = split_destination(value)?;
            Ok(service.destination(ipv) == Some(address))
        })
    }

    /// Ports of a service or helper.
    fn ports<T: Object>(
        &mut self,
        name: &str,
        object: &mut T,
        stem: &str,
        list: impl Fn(&mut T) -> &mut Vec<Port>,
    ) -> Step {
        let shown = |port: &Port| format!("'{}:{}'", port.port, port.protocol);
        let added = self.given.values(&format!("--add-{stem}")).to_vec();
        let removed = self.given.values(&format!("--remove-{stem}")).to_vec();
        if !added.is_empty() || !removed.is_empty() {
            self.sequence(&added, |session, value| {
                let port = Port::parse(value, &session.names)?;
                add(list(object), port.clone(), &shown(&port))
            })?;
            self.sequence(&removed, |session, value| {
                let port = Port::parse(value, &session.names)?;
                remove(list(object), &port, &shown(&port))
            })?;
            return self.store_object(name, object);
        }
        let asked = self.given.values(&format!("--query-{stem}")).to_vec();
        if asked.is_empty() {
            return Ok(());
        }
        let ports = list(object).clone();
        self.query(&asked, false, |session, value| Ok(ports.contains(&Port::parse(value, &session.names)?)))
    }

    /// A list of words of an object.
    fn words<T: Object>(
        &mut self,
        name: &str,
        object: &mut T,
        stem: &str,
        list: impl Fn(&mut T) -> &mut Vec<String>,
        check: &dyn Fn(&str) -> Checked<()>,
    ) -> Step {
        let added = self.given.values(&format!("--add-{stem}")).to_vec();
        let removed = self.given.values(&format!("--remove-{stem}")).to_vec();
        if !added.is_empty() || !removed.is_empty() {
            self.sequence(&added, |_, value| add(list(object), value.to_owned(), value))?;
            self.sequence(&removed, |_, value| remove(list(object), &value.to_owned(), value))?;
            for value in &added {
                if let Err(fault) = check(value) {
                    self.definition(T::KIND.word(), name, "edit", false);
                    return self.refuse(&fault);
                }
            }
            return self.store_object(name, object);
        }
        let asked = self.given.values(&format!("--query-{stem}")).to_vec();
        if asked.is_empty() {
            return Ok(());
        }
        let words = list(object).clone();
        self.query(&asked, true, |_, value| Ok(words.iter().any(|known| known == value)))
    }

    /// Checks and writes an object, and the end.
    fn store_object<T: Object>(&mut self, name: &str, object: &T) -> Step {
        let text = object.to_xml();
        let checked = match T::KIND {
            Kind::Service => Service::parse(&text, &self.names)
                .and_then(|service| self.surroundings().service(name, &service)),
            _ => Ok(()),
        };
        let checked = checked.and_then(|()| self.surroundings().rest(T::KIND, name));
        let before = self.read_object(T::KIND, name);
        let changed = self.done(before)?.is_none_or(|before| before != text);
        self.definition(T::KIND.word(), name, "edit", checked.is_ok() && changed);
        self.checked(checked)?;
        self.write(T::KIND, name, &text)?;
        self.success()
    }

    /// `--ipset=NAME` with an edit or query.
    pub fn ipset_options(&mut self, name: &str) -> Step {
        let text = self.text_of(Kind::Ipset, name)?;
        let ipset = Ipset::parse(&text);
        let mut ipset = self.read_from_file(ipset)?;
        if self.given.has("--get-entries") {
            let entries = ipset.entries.join("\n");
            return self.answer(entries);
        }
        let asked = self.given.values("--query-entry").to_vec();
        if !asked.is_empty() {
            return self.query(&asked, true, |_, value| Ok(ipset.entries.iter().any(|known| known == value)));
        }
        let added = self.entries("--add-entry", "--add-entries-from-file")?;
        let removed = self.entries("--remove-entry", "--remove-entries-from-file")?;
        if !added.is_empty() || !removed.is_empty() {
            self.sequence(&added, |session, value| {
                if session.side == Side::Online {
                    ipset.check_entry(value)?;
                }
                let shown = session.shown_entry(name, value, "already is");
                add(&mut ipset.entries, value.to_owned(), &shown)
            })?;
            self.sequence(&removed, |session, value| {
                let shown = session.shown_entry(name, value, "not");
                remove(&mut ipset.entries, &value.to_owned(), &shown)
            })?;
            let fits = added.iter().try_for_each(|value| match ipset.entries.contains(value) {
                true => ipset.check_entry(value),
                false => Ok(()),
            });
            if fits.is_err() {
                self.definition("ipset", name, "edit", false);
            }
            self.checked(fits)?;
            return self.store_object(name, &ipset);
        }
        if edit_text(self, ipset.head())? {
            return self.store_object(name, &ipset);
        }
        Ok(())
    }

    /// How messages name an entry of an ipset.
    fn shown_entry(&self, ipset: &str, entry: &str, state: &str) -> String {
        match self.runtime {
            true => format!("'{entry}' {state} in '{ipset}'"),
            false => entry.to_owned(),
        }
    }

    /// Entries from the command line, or one a line from files.
    fn entries(&mut self, option: &str, from_file: &str) -> Step<Vec<String>> {
        let mut entries = self.given.values(option).to_vec();
        for file in self.given.values(from_file).to_vec() {
            match self.call.root.read_text(self.call.path(&file)) {
                Ok(text) => {
                    let lines = text.lines().map(str::trim);
                    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with(['#', ';']));
                    entries.extend(lines.map(str::to_owned));
                }
                Err(error) => return self.fail(format!("Failed to read file '{file}': {error}"), 2),
            }
        }
        Ok(entries)
    }

    /// `--icmptype=NAME` with an edit or query.
    pub fn icmptype_options(&mut self, name: &str) -> Step {
        let text = self.text_of(Kind::Icmptype, name)?;
        let icmptype = Icmptype::parse(&text);
        let mut icmptype = self.read_from_file(icmptype)?;
        if self.given.has("--get-destinations") {
            let families = icmptype.effective_destinations().join("\n");
            return self.answer(families);
        }
        let added = self.given.values("--add-destination").to_vec();
        let removed = self.given.values("--remove-destination").to_vec();
        if !added.is_empty() || !removed.is_empty() {
            let mut families = icmptype.effective_destinations();
            self.sequence(&added, |_, value| {
                family(value)?;
                add(&mut families, value.to_owned(), value)
            })?;
            self.sequence(&removed, |_, value| {
                family(value)?;
                remove(&mut families, &value.to_owned(), value)
            })?;
            let all = FAMILIES.iter().all(|family| families.iter().any(|known| known == family));
            icmptype.destinations = if all { Vec::new() } else { families };
            return self.store_object(name, &icmptype);
        }
        let asked = self.given.values("--query-destination").to_vec();
        if !asked.is_empty() {
            let families = icmptype.effective_destinations();
            return self.query(&asked, true, |_, value| {
                family(value)?;
                Ok(families.iter().any(|known| known == value))
            });
        }
        if edit_text(self, icmptype.head())? {
            return self.store_object(name, &icmptype);
        }
        Ok(())
    }

    /// `--helper=NAME` with an edit or query.
    pub fn helper_options(&mut self, name: &str) -> Step {
        let text = self.text_of(Kind::Helper, name)?;
        let helper = Helper::parse(&text, &self.names);
        let mut helper = self.read_from_file(helper)?;
        self.ports(name, &mut helper, "port", |helper| &mut helper.ports)?;
        for (option, line) in [
            ("--get-ports", helper.ports.iter().map(Port::to_string).collect::<Vec<_>>().join(" ")),
            ("--get-module", helper.module.clone()),
            ("--get-family", helper.family.clone()),
        ] {
            if self.given.has(option) {
                return self.answer(line);
            }
        }
        if let Some(module) = self.given.value("--set-module").map(str::to_owned) {
            let checked = check_module(&module);
            self.checked(checked)?;
            helper.module = module;
            return self.store_object(name, &helper);
        }
        if self.given.has("--set-family") {
            let family = self.given.values("--set-family").first().cloned().unwrap_or_default();
            let checked = check_family(&family);
            self.checked(checked)?;
            helper.family = family;
            return self.store_object(name, &helper);
        }
        if edit_text(self, helper.head())? {
            return self.store_object(name, &helper);
        }
        Ok(())
    }
}

/// `FAMILY:ADDRESS[/MASK]`
fn split_destination(text: &str) -> Checked<(&str, &str)> {
    let bad = || Code::InvalidDestination.about("destination syntax is ipv:address[/mask]");
    let (ipv, address) = text.split_once(':').ok_or_else(bad)?;
    family(ipv)?;
    Ok((ipv, address))
}
