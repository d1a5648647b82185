//! The firewalld files, checked by firewalld's own tool.

use std::process::Command;

use nodeshim::firewall::firewalld::{Zone, store};
use nodeshim::intent::{FirewallItem, Intent};

use crate::image::{BareImage, allow, allow_in, port};

/// An image that starts firewalld, with the machine's shipped zones and services.
fn image() -> BareImage {
    let image = image_before_firewalld();
    install_firewalld(&image);
    image
}

/// An image that is to start firewalld, which is not installed yet.
fn image_before_firewalld() -> BareImage {
    let image = BareImage::with_nft();
    let unit = "/etc/systemd/system/multi-user.target.wants";
    image.root.create_dirs(unit, 0o755).unwrap();
    image
        .root
        .symlink("/usr/lib/systemd/system/firewalld.service", format!("{unit}/firewalld.service"))
        .unwrap();
    image.put("/usr/sbin/firewalld", "");
    image.root.create_dirs("/usr/lib", 0o755).unwrap();
    image.root.create_dirs("/etc/firewalld/zones", 0o755).unwrap();
    image.root.write("/etc/firewalld/firewalld.conf", b"DefaultZone=public\n", None).unwrap();
    image.root.take_changes();
    image
}

fn install_firewalld(image: &BareImage) {
    let copied = Command::new("cp")
        .args(["-r", "/usr/lib/firewalld"])
        .arg(image.path().join("usr/lib/"))
        .status()
        .unwrap();
    assert!(copied.success());
}

/// What firewalld's own check says, empty if all is well.
fn complaints(image: &BareImage) -> String {
    let output = Command::new("firewall-offline-cmd")
        .arg("--check-config")
        .arg("--system-config")
        .arg(image.path().join("etc/firewalld"))
        .arg("--default-config")
        .arg(image.path().join("usr/lib/firewalld"))
        .output()
        .expect("firewall-offline-cmd");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => text,
        false => format!("{:?}: {text}", output.status),
    }
}

fn zone(image: &BareImage, name: &str) -> Zone {
    store::load_zone(&image.root, name).unwrap().unwrap()
}

fn everything() -> Vec<Intent> {
    let forward = FirewallItem::ForwardPort {
        interface: Some("eth0".into()),
        port: "8080".into(),
        protocol: "tcp".into(),
        to_port: Some("80".into()),
        to_address: Some("10.0.0.1".into()),
    };
    let service = |service: &str| FirewallItem::FirewallService {
        service: service.into(),
    };
    vec![
        allow(port("8000-8100", "tcp")),
        allow(port("8050", "tcp")),
        allow(port("53", "udp")),
        allow(service("http")),
        allow(service("cluster-suite")),
        allow(service("no-such-service")),
        allow(FirewallItem::Protocol {
            protocol: "gre".into(),
        }),
        allow(FirewallItem::SourcePort {
            port: "68".into(),
            protocol: "udp".into(),
        }),
        allow(FirewallItem::Interface {
            interface: "eth1".into(),
            trusted: true,
        }),
        allow(FirewallItem::Source {
            source: "10.1.0.0/16".into(),
        }),
        allow(FirewallItem::Masquerade {
            interface: Some("eth0".into()),
        }),
        allow(forward),
        allow(FirewallItem::BlockIcmp {
            icmp_type: "echo-request".into(),
        }),
        allow(FirewallItem::BlockIcmp {
            icmp_type: "no-such-type".into(),
        }),
        allow(FirewallItem::RichRule {
            rule: "rule family=\"ipv4\" source address=\"10.0.0.0/8\" accept".into(),
        }),
        allow_in("internal", port("9999", "tcp")),
        allow_in("no-such-zone", port("9999", "tcp")),
    ]
}

#[test]
fn firewalld_accepts_one_of_everything_and_ssh_stays_open() {
    let image = image();
    image.record("lib.a+b_c-d", "%post", 1, everything());
    image.record("other", "%post", 1, vec![allow(port("7", "tcp"))]);
    let packages = ["lib.a+b_c-d", "other"];
    let report = image.settle(&packages);
    assert_eq!(complaints(&image), "");
    let public = zone(&image, "public");
    for service in [
        "ssh",
        "dhcpv6-client",
        "nodeshim-lib_2ea_2bb_5fc-d",
        "nodeshim-other",
    ] {
        assert!(public.traffic.services.iter().any(|it| it == service), "{service}: {public:#?}");
    }
    assert!(public.forward && public.traffic.masquerade);
    let service = image.read("/etc/firewalld/services/nodeshim-lib_2ea_2bb_5fc-d.xml");
    assert!(service.contains("port=\"8000-8100\"") && !service.contains("8050"), "{service}");
    assert!(service.contains("<include service=\"http\"/>") && service.contains("5404"), "{service}");
    assert_eq!(zone(&image, "trusted").interfaces, ["eth1"]);
    for noted in ["no-such-service", "no-such-type", "no-such-zone", "widened"] {
        assert!(report.plan.notes.iter().any(|note| note.text.contains(noted)), "{noted}: {report:#?}");
    }
    let again = image.settle(&packages);
    assert!(again.plan.changes.is_empty() && !again.state_written, "{again:#?}");
}

#[test]
fn a_plugin_that_goes_leaves_the_zone_as_it_was() {
    let image = image();
    let shipped = zone(&image, "public");
    image.record("a", "%post", 1, everything());
    image.settle(&["a"]);
    image.settle(&[]);
    assert_eq!(complaints(&image), "");
    assert_eq!(zone(&image, "public"), shipped);
    assert_eq!(zone(&image, "trusted").interfaces, [""; 0]);
    assert!(!image.root.exists("/etc/firewalld/services"));
}

#[test]
fn raw_entries_go_with_the_plugin_that_added_them_unless_somebody_wants_them() {
    let image = image();
    let text = image.read("/usr/lib/firewalld/zones/public.xml").replace(
        "</zone>",
        "<port port=\"80\" protocol=\"tcp\"/><port port=\"81\" protocol=\"tcp\"/><port port=\"82\" \
         protocol=\"tcp\"/><service name=\"mine\"/></zone>",
    );
    image.root.write("/etc/firewalld/zones/public.xml", text.as_bytes(), None).unwrap();
    image.root.take_changes();
    let mine = FirewallItem::FirewallService {
        service: "mine".into(),
    };
    let in_public = |number: &str| allow_in("public", port(number, "tcp"));
    let ssh = FirewallItem::FirewallService {
        service: "ssh".into(),
    };
    let intents = vec![
        in_public("80"),
        in_public("81"),
        allow_in("public", mine),
        allow_in("public", ssh),
    ];
    image.record("a", "%post", 1, intents);
    image.record_with("b", "%post", 1, vec![in_public("81"), in_public("82")], false);
    image.settle(&["b"]);
    let numbers = |image: &BareImage| -> Vec<String> {
        zone(image, "public").traffic.ports.iter().map(|port| port.port.clone()).collect()
    };
    assert_eq!(numbers(&image), ["81", "82"]);
    let services = zone(&image, "public").traffic.services;
    assert!(
        !services.contains(&"mine".to_owned()) && services.contains(&"ssh".to_owned()),
        "{services:?}"
    );
    assert_eq!(complaints(&image), "");
    image.settle(&[]);
    assert_eq!(numbers(&image), ["82"], "what was there before any plugin asked stays");
}

#[test]
fn what_a_change_of_backend_leaves_behind_is_taken_away() {
    let image = image();
    image.record("a", "%post", 1, vec![allow(port("80", "tcp"))]);
    image.settle(&["a"]);
    assert!(image.root.exists("/etc/firewalld/services/nodeshim-a.xml"));
    image
        .root
        .remove("/etc/systemd/system/multi-user.target.wants/firewalld.service")
        .unwrap();
    image.root.take_changes();
    image.settle(&["a"]);
    assert!(!image.root.exists("/etc/firewalld/services/nodeshim-a.xml"));
    assert!(image.root.exists("/etc/nftables/nodeshim.d/a.nft"));
    assert!(!image.root.exists("/etc/firewalld/zones/public.xml"), "the shipped zone counts again");
}

#[test]
fn hostile_values_do_not_reach_xml() {
    let image = image();
    let evil = "x\"/><service name=\"telnet";
    let openings = [
        port(evil, "tcp"),
        port("80", evil),
        FirewallItem::Source { source: evil.into() },
        FirewallItem::FirewallService { service: evil.into() },
        FirewallItem::RichRule {
            rule: format!("rule service name=\"{evil}\" accept"),
        },
        FirewallItem::BlockIcmp {
            icmp_type: evil.into(),
        },
        FirewallItem::Interface {
            interface: evil.into(),
            trusted: true,
        },
    ];
    let mut intents: Vec<Intent> = openings.into_iter().map(allow).collect();
    intents.push(allow_in(evil, port("80", "tcp")));
    intents.push(allow(port("80", "tcp")));
    image.record("a", "%post", 1, intents);
    let report = image.settle(&["a"]);
    assert!(report.plan.notes.len() >= 7, "{:#?}", report.plan.notes);
    assert_eq!(complaints(&image), "");
    assert!(!zone(&image, "public").traffic.services.contains(&"telnet".to_owned()));
}

#[test]
fn zones_written_before_firewalld_comes_name_services_that_have_files() {
    let image = image_before_firewalld();
    let service = |service: &str| FirewallItem::FirewallService {
        service: service.into(),
    };
    let intents = vec![
        allow(port("8443", "tcp")),
        allow(service("vdsm")),
        allow_in("internal", port("9999", "tcp")),
    ];
    image.record("a", "%post", 1, intents);
    image.settle(&["a"]);
    for service in ["ssh", "dhcpv6-client", "mdns", "samba-client", "netbios-ns"] {
        let path = format!("/etc/firewalld/services/{service}.xml");
        assert!(image.root.is_file(&path), "{path}");
    }
    let own = image.read("/etc/firewalld/services/nodeshim-a.xml");
    assert!(own.contains("5900-6923") && !own.contains("include"), "{own}");
    let again = image.settle(&["a"]);
    assert!(again.plan.changes.is_empty(), "{again:#?}");
    install_firewalld(&image);
    assert_eq!(complaints(&image), "");
}
