//! Which of a plugin's openings the administrator had closed: ports that settling's files would let
//! through and the files that are there do not.

use std::collections::BTreeMap;

use super::OldImage;
use crate::boot::is_firewalls;
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::default_zone;
use crate::firewall::ports::Ports;
use crate::firewall::ports::{PortRange, coalesce};
use crate::firewall::ruleset::Ruleset;
use crate::intent::Intent;
use crate::plan::Action;
use crate::root::Root;
use crate::state::ActiveIntent;

/// Plugins and intents whose ports were closed in an image that had been settled.
pub(super) fn closed(old: &OldImage) -> Vec<(String, Intent)> {
    if !old.is_settled {
        return Vec::new();
    }
    let definitions = Definitions::new(&old.root);
    let zone = default_zone(&old.root);
    let mut shut: Vec<(&[u64], Ports, Ports)> = Vec::new();
    for change in &old.prepared.plan.changes {
        let Action::Write { content, .. } = &change.action else {
            continue;
        };
        if is_firewalls(&change.path) {
            let actual = old.root.read_text(&change.path).unwrap_or_default();
            let ports = |text: &str| let_through(&old.root, &change.path, text, &definitions);
            shut.push((&change.because, ports(content), ports(&actual)));
        }
    }
    let is_closed = |want: &ActiveIntent| {
        let ports = ports_of(want, &zone, &definitions);
        let touched = |because: &[u64]| want.events.iter().any(|event| because.contains(event));
        !ports.is_empty()
            && shut.iter().any(|(because, wanted, actual)| {
                touched(because)
                    && ports.iter().all(|port| has(wanted, port))
                    && !ports.iter().any(|port| has(actual, port))
            })
    };
    let wants = old.state().wants().filter(|(_, want)| is_closed(want));
    wants.map(|(plugin, want)| (plugin.to_owned(), want.intent.clone())).collect()
}

/// The destination ports that an intent opens.
pub(super) fn ports_of(
    want: &ActiveIntent,
    zone: &str,
    definitions: &Definitions,
) -> Vec<(String, PortRange)> {
    let Intent::Allow { opening, zone: of } = &want.intent else {
        return Vec::new();
    };
    let wanted = (opening, of.as_deref(), want.events.as_slice());
    let ruleset = Ruleset::collect([wanted], zone, definitions);
    let mut ports = Vec::new();
    let mut add = |from: &Ports| {
        for (protocol, ranges) in from {
            ports.extend(ranges.iter().map(|range| (protocol.clone(), *range)));
        }
    };
    for rules in ruleset.zones.values() {
        add(&rules.ports);
        rules.services.values().flatten().flatten().for_each(|part| add(&part.ports));
    }
    ports
}

fn has(ports: &Ports, (protocol, range): &(String, PortRange)) -> bool {
    let of_protocol = ports.get(protocol).into_iter().flatten();
    of_protocol.into_iter().any(|it| it.low <= range.low && range.high <= it.high)
}

/// The destination ports that a firewall's file lets through, in the dialect that its name tells.
fn let_through(root: &Root, path: &str, text: &str, definitions: &Definitions) -> Ports {
    let mut found = BTreeMap::new();
    let mut add = |protocol: &str, range: &str| {
        if let Some(range) = PortRange::parse(range.trim()) {
            let ranges: &mut Vec<PortRange> = found.entry(protocol.to_owned()).or_default();
            ranges.push(range);
        }
    };
    if path.ends_with(".nft") {
        nft(text, &mut add);
    } else if path.ends_with(".xml") {
        for service in xml(text, &mut add) {
            let own = format!("/etc/firewalld/services/{service}.xml");
            match root.read_text(&own) {
                Ok(text) => drop(xml(&text, &mut add)),
                Err(_) => {
                    let parts = definitions.service(&service).unwrap_or_default();
                    for (protocol, range) in parts.iter().flat_map(|part| &part.ports) {
                        range.iter().for_each(|range| add(protocol, &range.to_string()));
                    }
                }
            }
        }
    } else {
        iptables(text, &mut add);
    }
    found.values_mut().for_each(|ranges| *ranges = coalesce(std::mem::take(ranges)));
    found
}

/// The elements of sets whose names begin with a protocol, as the nftables backend writes them.
fn nft(text: &str, add: &mut impl FnMut(&str, &str)) {
    for set in text.split("set ").skip(1) {
        let name = set.split([' ', '\t', '{']).next().unwrap_or_default();
        let protocol = name.split('_').next().unwrap_or_default();
        let body = set.split("chain ").next().unwrap_or_default();
        let Some((_, elements)) = body.split_once("elements = {") else {
            continue;
        };
        let elements = elements.split('}').next().unwrap_or_default();
        elements.split(',').for_each(|range| add(protocol, range));
    }
}

/// The ports of a zone or service; returns the services that a zone names.
fn xml(text: &str, add: &mut impl FnMut(&str, &str)) -> Vec<String> {
    let mut services = Vec::new();
    let bare: String = text
        .split("<!--")
        .enumerate()
        .map(|(at, part)| {
            if at == 0 {
                part
            } else {
                part.split_once("-->").map_or("", |(_, rest)| rest)
            }
        })
        .collect();
    for tag in bare.split('<').skip(1) {
        let attribute = |name: &str| {
            let (_, rest) = tag.split_once(&format!("{name}=\""))?;
            rest.split('"').next()
        };
        match tag.split([' ', '/', '>']).next() {
            Some("port") => {
                add(attribute("protocol").unwrap_or_default(), attribute(" port").unwrap_or_default());
            }
            Some("service") => services.extend(attribute(" name").map(str::to_owned)),
            _ => {}
        }
    }
    services
}

/// Rules that accept what goes to ports.
fn iptables(text: &str, add: &mut impl FnMut(&str, &str)) {
    for line in text.lines().filter(|line| line.starts_with("-A") && line.contains("-j ACCEPT")) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let after = |name: &str| words.iter().position(|word| *word == name).and_then(|at| words.get(at + 1));
        let Some(protocol) = after("-p") else { continue };
        for ports in ["--dport", "--dports"].iter().filter_map(|name| after(name)) {
            ports.split(',').for_each(|range| add(protocol, range));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(path: &str, text: &str) -> Vec<String> {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        let found = let_through(&root, path, text, &Definitions::new(&root));
        let each = |(protocol, ranges): (String, Vec<PortRange>)| {
            ranges.into_iter().map(move |range| format!("{range}/{protocol}")).collect::<Vec<_>>()
        };
        found.into_iter().flat_map(each).collect()
    }

    #[test]
    fn ports_are_read_in_each_dialect() {
        let nft = "table inet nodeshim {\n\tset tcp_p {\n\t\ttype inet_service\n\t\telements = { 22,\n\t\t\t 80-90 }\n\t}\n\
                   \tset udp_p {\n\t\telements = { 53 }\n\t}\n\tchain plugin_p {\n\t}\n}\n";
        assert_eq!(ports("/a.nft", nft), ["22/tcp", "80-90/tcp", "53/udp"]);
        let xml = "<zone><!-- <port port=\"1\" protocol=\"tcp\"/> --><port protocol=\"tcp\" port=\"80\"/>\n\
                   <source-port port=\"5\" protocol=\"tcp\"/><port port=\"53\" protocol=\"udp\"/></zone>";
        assert_eq!(ports("/a.xml", xml), ["80/tcp", "53/udp"]);
        let iptables = "-A INPUT -p tcp -m tcp --dport 80:90 -j ACCEPT\n-A INPUT -p udp --dport 1 -j DROP\n\
                        -A INPUT -p udp -m multiport --dports 53,67 -j ACCEPT\n";
        assert_eq!(ports("/etc/sysconfig/iptables", iptables), ["80-90/tcp", "53/udp", "67/udp"]);
    }
}
