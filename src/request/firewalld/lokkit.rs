//! firewall-offline-cmd's options in lokkit's style. They work on the default zone, in a fixed
//! order that does not depend on the command line, and only mention what is there already.

use super::check::check_place;
use super::files::{load_zone, write};
use super::session::{Session, Step};
use super::store::intent_entry;
use super::zone_or_policy::ZoneOrPolicy;
use crate::argv::systemctl;
use crate::escape::Escaped;
use crate::firewall::firewalld::entry::{Entry, Matching, add, has};
use crate::firewall::firewalld::port::{WITH_PORTS, range};
use crate::firewall::firewalld::{Checked, Code, ForwardPort, Port, Zone};
use crate::intent::{FirewallItem, Intent};
use crate::request::{self, Request};

/// The zone of trusted interfaces.
pub(super) const TRUSTED: &str = "trusted";

/// Carries the options out.
pub(super) fn lokkit_options(session: &mut Session) -> Step {
    let name = session.conf()?.default_zone(&session.tree);
    let before = load_zone(session, &name)?;
    let mut zone = before.clone();
    switch(session)?;
    ignored(session);
    services(session, &name, &mut zone);
    let malformed = lokkit_ports(session, &name, &mut zone)?;
    trusted(session, &name, &mut zone)?;
    masquerade(session, &name, &mut zone);
    lokkit_forward_ports(session, &name, &mut zone)?;
    icmp_blocks(session, &name, &mut zone);
    if let Err(fault) = malformed {
        return refuse_all(session, &fault);
    }
    store_quietly(session, &name, &before, zone)?;
    session.success()
}

fn refuse_all<T>(session: &mut Session, fault: &crate::firewall::firewalld::Fault) -> Step<T> {
    session.nothing_came_about();
    session.refuse(fault)
}

/// `--enabled`, `--disabled`: the unit, as systemctl would.
fn switch(session: &mut Session) -> Step {
    let verb = match (session.given.has("--enabled"), session.given.has("--disabled")) {
        (true, _) => "enable",
        (_, true) => "disable",
        _ => return Ok(()),
    };
    let mut changed = false;
    if !session.dry {
        let unit = systemctl::plain(verb, ["firewalld.service".to_owned()]);
        let reply = request::redirect(session.call, Request::Systemctl(unit));
        changed = reply.exit == 0;
        session.reply.warnings.extend(reply.warnings);
        session.reply.intents.extend(reply.intents);
    }
    session.intent(Intent::FirewallSwitch { on: verb == "enable" }, changed);
    Ok(())
}

fn ignored(session: &mut Session) {
    for (option, what) in [
        ("--addmodule", "addmodule"),
        ("--removemodule", "removemodule"),
        ("--custom-rules", "custom-rule"),
    ] {
        for value in session.given.values(option).to_vec() {
            session.print(format!("Ignoring {what} '{value}'"));
            intent_ignored(session, option, &value);
        }
    }
}

fn intent_ignored(session: &mut Session, option: &str, value: &str) {
    let module = Escaped::new(value);
    let intent = match option {
        "--addmodule" => Intent::FirewallModule { module, load: true },
        "--removemodule" => Intent::FirewallModule { module, load: false },
        _ => Intent::Allow {
            opening: custom_rules(value),
            zone: None,
        },
    };
    session.intent(intent, false);
}

fn services(session: &mut Session, name: &str, zone: &mut Zone) {
    for service in session.given.values("--service").to_vec() {
        session.print(format!("Adding service '{service}' to default zone."));
        add_entry(session, name, zone, Entry::Service(service.clone()), &service);
    }
    for service in session.given.values("--remove-service").to_vec() {
        session.print(format!("Removing service '{service}' from default zone."));
        let there = zone.traffic.services.contains(&service);
        if there {
            zone.traffic.services.retain(|known| *known != service);
        } else {
            session.print(Code::NotEnabled.about(&service).to_string());
        }
        let opening = FirewallItem::FirewallService { service };
        let zone = Some(name.to_owned());
        session.intent(Intent::Withdraw { opening, zone }, there);
    }
}

/// Adds an entry, or mentions that it is there.
fn add_entry(session: &mut Session, name: &str, zone: &mut Zone, entry: Entry, shown: &str) {
    let there = has(zone, &entry, Matching::Spelling, &session.grammar);
    if there {
        session.print(Code::AlreadyEnabled.about(shown).to_string());
    } else {
        add(zone, &entry, Matching::Spelling, &session.grammar);
    }
    let place = ZoneOrPolicy::Zone(name.to_owned(), zone.clone_head());
    intent_entry(session, &place, &entry, true, !there);
}

/// Ports. Without a protocol nothing is done at all; what else is wrong shows when the zone is
/// stored.
fn lokkit_ports(session: &mut Session, name: &str, zone: &mut Zone) -> Step<Checked<()>> {
    let mut malformed = Ok(());
    for value in session.given.values("--port").to_vec() {
        let parts: Vec<&str> = value.split(':').collect();
        let [port, protocol] = parts[..] else {
            session.nothing_came_about();
            let syntax = "correct syntax is portid[-portid]:protocol";
            return session.fail(format!("bad port (most likely missing protocol), {syntax}"), 2);
        };
        session.print(format!("Adding port '{port}/{protocol}' to default zone."));
        malformed = malformed.and_then(|()| stored_port(session, port, protocol));
        let entry = Entry::Port(Port::new(port, protocol));
        add_entry(session, name, zone, entry, &value);
    }
    Ok(malformed)
}

fn stored_port(session: &Session, port: &str, protocol: &str) -> Checked<()> {
    if range(port, &session.grammar).is_none() {
        let too_big = port.split('-').any(|bound| bound.parse::<u64>().is_ok_and(|n| n > 65535));
        return Err(Code::InvalidPort.about(match too_big {
            true => format!("port number in '{port}' is too big"),
            false => format!("'{port}' is invalid port range"),
        }));
    }
    if !WITH_PORTS.contains(&protocol) {
        let known = "{'tcp'|'udp'|'sctp'|'dccp'}";
        return Err(Code::InvalidProtocol.about(format!("'{protocol}' not from {known}")));
    }
    Ok(())
}

/// Trusted interfaces. Their zone is stored at once, as the original does, unless it is the
/// default zone, which the other options change too.
fn trusted(session: &mut Session, default: &str, default_zone: &mut Zone) -> Step {
    let interfaces = session.given.values("--trust").to_vec();
    if default == TRUSTED {
        trust(session, &interfaces, default_zone);
        return Ok(());
    }
    if interfaces.is_empty() {
        return Ok(());
    }
    let before = load_zone(session, TRUSTED)?;
    let mut zone = before.clone();
    trust(session, &interfaces, &mut zone);
    store_quietly(session, TRUSTED, &before, zone)
}

fn trust(session: &mut Session, interfaces: &[String], zone: &mut Zone) {
    for interface in interfaces {
        session.print(format!("Interface '{interface}' will be bound to zone '{TRUSTED}'."));
        add_entry(session, TRUSTED, zone, Entry::Interface(interface.clone()), interface);
    }
}

fn masquerade(session: &mut Session, name: &str, zone: &mut Zone) {
    if !session.given.has("--masq") {
        return;
    }
    session.print("Enabling masquerade for the default zone.");
    let changed = !std::mem::replace(&mut zone.traffic.masquerade, true);
    let opening = FirewallItem::Masquerade { interface: None };
    let zone = Some(name.to_owned());
    session.intent(Intent::Allow { opening, zone }, changed);
}

fn lokkit_forward_ports(session: &mut Session, name: &str, zone: &mut Zone) -> Step {
    for value in session.given.values("--forward-port").to_vec() {
        let port = match ForwardPort::parse(&value, true, &session.grammar) {
            Ok(port) => port,
            Err(fault) => return refuse_all(session, &fault),
        };
        let shown = |text: &str| {
            if text.is_empty() {
                "None".to_owned()
            } else {
                text.to_owned()
            }
        };
        session.print(format!(
            "Adding forward port {}:{}:{}:{} to default zone.",
            port.port,
            port.protocol,
            shown(&port.to_port),
            shown(&port.to_address)
        ));
        add_entry(session, name, zone, Entry::ForwardPort(port), &value);
    }
    Ok(())
}

fn icmp_blocks(session: &mut Session, name: &str, zone: &mut Zone) {
    for icmptype in session.given.values("--block-icmp").to_vec() {
        session.print(format!("Adding icmpblock '{icmptype}' to default zone."));
        add_entry(session, name, zone, Entry::IcmpBlock(icmptype.clone()), &icmptype);
    }
}

/// Checks and writes a zone without saying so.
fn store_quietly(session: &mut Session, name: &str, before: &Zone, zone: Zone) -> Step {
    let place = ZoneOrPolicy::Zone(name.to_owned(), zone);
    if let Err(fault) = check_place(session, &place) {
        return refuse_all(session, &fault);
    }
    match place {
        ZoneOrPolicy::Zone(_, zone) if zone != *before => {
            write(session, crate::firewall::firewalld::Kind::Zone, name, &zone.to_xml(&session.grammar))
        }
        _ => Ok(()),
    }
}

impl Zone {
    /// As much of the zone as intents need.
    fn clone_head(&self) -> Zone {
        Zone {
            target: self.target.clone(),
            ..Zone::default()
        }
    }
}

/// `[FAMILY:][TABLE:]FILE`
pub(super) fn custom_rules(value: &str) -> FirewallItem {
    let parts: Vec<&str> = value.split(':').collect();
    let (family, table, file) = match parts[..] {
        [family, table, file] => (family, table, file),
        [family, file] => (family, "filter", file),
        _ => ("ipv4", "filter", value),
    };
    FirewallItem::CustomRules {
        family: family.to_owned(),
        table: table.to_owned(),
        file: Escaped::new(file),
    }
}
