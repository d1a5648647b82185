//! firewall-offline-cmd's options in lokkit's style. They work on the default zone in a fixed order
//! whatever the order on the command line, and what is there already is only mentioned.

use super::item::{Item, Ports, add, has};
use super::place::ZoneOrPolicy;
use super::session::{Session, Step};
use crate::argv::systemctl;
use crate::firewall::firewalld::port::{WITH_PORTS, range};
use crate::firewall::firewalld::{Checked, Code, ForwardPort, Port, Zone};
use crate::intent::{FirewallItem, Intent};
use crate::request::{self, Request};

/// The zone of trusted interfaces.
pub(super) const TRUSTED: &str = "trusted";

impl Session<'_> {
    /// Carries the options out.
    pub fn lokkit_options(&mut self) -> Step {
        let name = self.conf()?.default_zone(&self.tree);
        let before = self.load_zone(&name)?;
        let mut zone = before.clone();
        self.switch()?;
        self.ignored();
        self.services(&name, &mut zone);
        let malformed = self.lokkit_ports(&name, &mut zone)?;
        self.trusted(&name, &mut zone)?;
        self.masquerade(&name, &mut zone);
        self.lokkit_forward_ports(&name, &mut zone)?;
        self.icmp_blocks(&name, &mut zone);
        if let Err(fault) = malformed {
            return self.refuse_all(&fault);
        }
        self.store_quietly(&name, &before, zone)?;
        self.success()
    }

    fn refuse_all<T>(&mut self, fault: &crate::firewall::firewalld::Fault) -> Step<T> {
        self.nothing_came_about();
        self.refuse(fault)
    }

    /// `--enabled`, `--disabled`: the unit, as systemctl would.
    fn switch(&mut self) -> Step {
        let verb = match (self.given.has("--enabled"), self.given.has("--disabled")) {
            (true, _) => "enable",
            (_, true) => "disable",
            _ => return Ok(()),
        };
        let mut changed = false;
        if !self.dry {
            let unit = systemctl::plain(verb, ["firewalld.service".to_owned()]);
            let reply = request::redirect(self.call, Request::Systemctl(unit));
            changed = reply.exit == 0;
            self.reply.warnings.extend(reply.warnings);
            self.reply.intents.extend(reply.intents);
        }
        self.intent(Intent::FirewallSwitch { on: verb == "enable" }, changed);
        Ok(())
    }

    fn ignored(&mut self) {
        for (option, what) in [
            ("--addmodule", "addmodule"),
            ("--removemodule", "removemodule"),
            ("--custom-rules", "custom-rule"),
        ] {
            for value in self.given.values(option).to_vec() {
                self.print(format!("Ignoring {what} '{value}'"));
                self.intent_ignored(option, &value);
            }
        }
    }

    fn intent_ignored(&mut self, option: &str, value: &str) {
        let module = value.to_owned();
        let intent = match option {
            "--addmodule" => Intent::FirewallModule { module, load: true },
            "--removemodule" => Intent::FirewallModule { module, load: false },
            _ => Intent::Allow {
                opening: custom_rules(value),
                zone: None,
            },
        };
        self.intent(intent, false);
    }

    fn services(&mut self, name: &str, zone: &mut Zone) {
        for service in self.given.values("--service").to_vec() {
            self.print(format!("Adding service '{service}' to default zone."));
            self.add_item(name, zone, Item::Service(service.clone()), &service);
        }
        for service in self.given.values("--remove-service").to_vec() {
            self.print(format!("Removing service '{service}' from default zone."));
            let there = zone.traffic.services.contains(&service);
            if there {
                zone.traffic.services.retain(|known| *known != service);
            } else {
                self.print(Code::NotEnabled.about(&service).to_string());
            }
            let opening = FirewallItem::FirewallService { service };
            let zone = Some(name.to_owned());
            self.intent(Intent::Withdraw { opening, zone }, there);
        }
    }

    /// Adds an entry, or mentions that it is there.
    fn add_item(&mut self, name: &str, zone: &mut Zone, item: Item, shown: &str) {
        let there = has(zone, &item, Ports::Spelling, &self.names);
        if there {
            self.print(Code::AlreadyEnabled.about(shown).to_string());
        } else {
            add(zone, item.clone(), Ports::Spelling, &self.names);
        }
        let place = ZoneOrPolicy::Zone(name.to_owned(), zone.clone_head());
        self.intent_item(&place, &item, true, !there);
    }

    /// Ports. Without a protocol nothing is done at all; what else is wrong shows when the zone is
    /// stored.
    fn lokkit_ports(&mut self, name: &str, zone: &mut Zone) -> Step<Checked<()>> {
        let mut malformed = Ok(());
        for value in self.given.values("--port").to_vec() {
            let parts: Vec<&str> = value.split(':').collect();
            let [port, protocol] = parts[..] else {
                self.nothing_came_about();
                let syntax = "correct syntax is portid[-portid]:protocol";
                return self.fail(format!("bad port (most likely missing protocol), {syntax}"), 2);
            };
            self.print(format!("Adding port '{port}/{protocol}' to default zone."));
            malformed = malformed.and_then(|()| self.stored_port(port, protocol));
            let item = Item::Port(Port::new(port, protocol));
            self.add_item(name, zone, item, &value);
        }
        Ok(malformed)
    }

    fn stored_port(&self, port: &str, protocol: &str) -> Checked<()> {
        if range(port, &self.names).is_none() {
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
    fn trusted(&mut self, default: &str, default_zone: &mut Zone) -> Step {
        let interfaces = self.given.values("--trust").to_vec();
        if default == TRUSTED {
            self.trust(&interfaces, default_zone);
            return Ok(());
        }
        if interfaces.is_empty() {
            return Ok(());
        }
        let before = self.load_zone(TRUSTED)?;
        let mut zone = before.clone();
        self.trust(&interfaces, &mut zone);
        self.store_quietly(TRUSTED, &before, zone)
    }

    fn trust(&mut self, interfaces: &[String], zone: &mut Zone) {
        for interface in interfaces {
            self.print(format!("Interface '{interface}' will be bound to zone '{TRUSTED}'."));
            self.add_item(TRUSTED, zone, Item::Interface(interface.clone()), interface);
        }
    }

    fn masquerade(&mut self, name: &str, zone: &mut Zone) {
        if !self.given.has("--masq") {
            return;
        }
        self.print("Enabling masquerade for the default zone.");
        let changed = !std::mem::replace(&mut zone.traffic.masquerade, true);
        let opening = FirewallItem::Masquerade { interface: None };
        let zone = Some(name.to_owned());
        self.intent(Intent::Allow { opening, zone }, changed);
    }

    fn lokkit_forward_ports(&mut self, name: &str, zone: &mut Zone) -> Step {
        for value in self.given.values("--forward-port").to_vec() {
            let port = match ForwardPort::parse(&value, true, &self.names) {
                Ok(port) => port,
                Err(fault) => return self.refuse_all(&fault),
            };
            let shown = |text: &str| {
                if text.is_empty() {
                    "None".to_owned()
                } else {
                    text.to_owned()
                }
            };
            self.print(format!(
                "Adding forward port {}:{}:{}:{} to default zone.",
                port.port,
                port.protocol,
                shown(&port.to_port),
                shown(&port.to_address)
            ));
            self.add_item(name, zone, Item::ForwardPort(port), &value);
        }
        Ok(())
    }

    fn icmp_blocks(&mut self, name: &str, zone: &mut Zone) {
        for icmptype in self.given.values("--block-icmp").to_vec() {
            self.print(format!("Adding icmpblock '{icmptype}' to default zone."));
            self.add_item(name, zone, Item::IcmpBlock(icmptype.clone()), &icmptype);
        }
    }

    /// Checks and writes a zone without saying so.
    fn store_quietly(&mut self, name: &str, before: &Zone, zone: Zone) -> Step {
        let place = ZoneOrPolicy::Zone(name.to_owned(), zone);
        if let Err(fault) = self.check_place(&place) {
            return self.refuse_all(&fault);
        }
        match place {
            ZoneOrPolicy::Zone(_, zone) if zone != *before => {
                self.write(crate::firewall::firewalld::Kind::Zone, name, &zone.to_xml())
            }
            _ => Ok(()),
        }
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
        file: file.to_owned(),
    }
}
