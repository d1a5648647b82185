//! The order in which plugins come and go leaves no trace in the files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nodeshim::intent::{FirewallItem, Intent, UnitWant};
use proptest::prelude::*;

use crate::image::{BareImage, allow, allow_in, port, unit};
use crate::support;

/// What starts the firewall; nothing for nftables.
const STARTED: [Option<&str>; 3] = [None, Some("iptables.service"), Some("firewalld.service")];
const RULES: &str = "# mine\n*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp --dport 4444 -j ACCEPT\n\
                     -A INPUT -j DROP\nCOMMIT\n";
/// An administrator's zone, written in his own manner, with a port that is his.
const ZONE: &str = "<zone>\n <short>Mine</short><service name='ssh'/>\n <!-- kept -->\n\
                    <port protocol='tcp' port='4444'/></zone>";

fn image(started: Option<&str>) -> BareImage {
    let image = BareImage::with_nft();
    let write = |path: &str, text: &str| {
        image.root.create_dirs(path.rsplit_once('/').unwrap().0, 0o755).unwrap();
        image.root.write(path, text.as_bytes(), None).unwrap();
    };
    write("/etc/sysconfig/iptables", RULES);
    write("/etc/firewalld/zones/public.xml", ZONE);
    let shipped = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone/>\n";
    for zone in ["internal", "trusted", "block", "drop"] {
        write(&format!("/usr/lib/firewalld/zones/{zone}.xml"), shipped);
    }
    for service in ["ssh", "http"] {
        let text = "<service><port port=\"80\" protocol=\"tcp\"/></service>";
        write(&format!("/usr/lib/firewalld/services/{service}.xml"), text);
    }
    write("/usr/lib/firewalld/icmptypes/echo-request.xml", "<icmptype/>");
    if let Some(unit) = started {
        let wants = "/etc/systemd/system/multi-user.target.wants";
        image.root.create_dirs(wants, 0o755).unwrap();
        image
            .root
            .symlink(format!("/usr/lib/systemd/system/{unit}"), format!("{wants}/{unit}"))
            .unwrap();
    }
    image.root.take_changes();
    image
}

/// Plugins that overlap: each wants a port of its own, one that it shares, a range that runs into
/// those of others, a unit, and some one thing more.
fn intents(plugin: usize) -> Vec<Intent> {
    let more = match plugin {
        0 | 1 => allow(FirewallItem::FirewallService {
            service: "http".into(),
        }),
        2 => allow(FirewallItem::ForwardPort {
            interface: None,
            port: "99".into(),
            protocol: "tcp".into(),
            to_port: Some("98".into()),
            to_address: Some("10.0.0.1".into()),
        }),
        3 => allow_in(
            "trusted",
            FirewallItem::Source {
                source: "10.7.0.0/16".into(),
            },
        ),
        _ => allow(FirewallItem::BlockIcmp {
            icmp_type: "echo-request".into(),
        }),
    };
    let low = 3000 + 5 * plugin;
    vec![
        more,
        allow(FirewallItem::Masquerade { interface: None }),
        allow(port(&format!("{low}-{}", low + 7), "tcp")),
        allow(port("4444", "tcp")),
        allow_in("internal", port(&(5000 + plugin / 2).to_string(), "tcp")),
        allow(port(&(1000 + plugin).to_string(), "tcp")),
        allow(port(&(2000 + plugin / 2).to_string(), "udp")),
        unit(&format!("u{plugin}.service"), UnitWant::Enable),
    ]
}

/// Everything under /etc and the unit, after these steps: plugin and whether it is there afterwards.
fn outcome(started: Option<&str>, steps: &[(usize, bool)], settle_each: bool) -> BTreeMap<PathBuf, String> {
    let image = image(started);
    let mut installed: Vec<String> = Vec::new();
    let mut last: Vec<String> = Vec::new();
    for (plugin, present) in steps {
        let name = format!("p{plugin}");
        let is_there = installed.contains(&name);
        if *present && !is_there {
            image.record(&name, "%post", 1, intents(*plugin));
            installed.push(name);
        } else if !*present && is_there {
            let stop = unit(&format!("u{plugin}.service"), UnitWant::Disable);
            image.record(&name, "%preun", 0, vec![stop]);
            installed.retain(|other| *other != name);
        }
        last = installed.clone();
        if settle_each {
            image.settle(&installed.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    image.settle(&last.iter().map(String::as_str).collect::<Vec<_>>());
    files(&image)
}

fn files(image: &BareImage) -> BTreeMap<PathBuf, String> {
    let mut files = support::snapshot(&image.path().join("etc"));
    // Directories may stay behind, empty, and the node's own firewall does.
    let own = [
        "nftables/nodeshim.nft",
        "nodeshim-firewall.service",
        "80-nodeshim-+own.preset",
    ];
    let is_own = |path: &Path| own.iter().any(|name| path.ends_with(name));
    files.retain(|path, content| !content.starts_with("40") && !is_own(path));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]
    #[test]
    fn any_order_ends_in_the_same_files_and_nobody_in_the_original_bytes(
        steps in proptest::collection::vec((0usize..5, any::<bool>()), 1..14),
        settle_each in any::<bool>(),
        backend in 0usize..3,
    ) {
        let started = STARTED[backend];
        let mut end: BTreeMap<usize, bool> = BTreeMap::new();
        end.extend(steps.iter().copied());
        let direct: Vec<(usize, bool)> = end.iter().filter(|(_, present)| **present).rev().map(|(p, there)| (*p, *there)).collect();
        prop_assert_eq!(outcome(started, &steps, settle_each), outcome(started, &direct, false));
        let mut erased = steps;
        erased.extend(end.keys().map(|plugin| (*plugin, false)));
        prop_assert_eq!(outcome(started, &erased, true), files(&image(started)));
    }
}
