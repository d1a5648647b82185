//! What `export` writes is read by the tools that it is for, and what plugins of vintage nodes
//! declare comes out again.

use std::process::Command;

use nodeshim::export::{self, Dialect, Exported};
use nodeshim::intent::FirewallItem;
use nodeshim::settle;

use crate::image::{BareImage, allow, allow_in, facts, port};
use crate::intents::everything;

fn export(image: &BareImage, packages: &[&str], dialect: Dialect) -> Exported {
    let state = settle::state(&image.root, &facts(packages)).unwrap();
    export::export(&image.root, &state, dialect).unwrap()
}

/// Runs a script in a network namespace; `$1` is a directory with the exported files.
fn is_read_by(exported: &Exported, script: &str) {
    let place = crate::support::scratch();
    for (path, text) in &exported.files {
        let path = place.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    let output = Command::new("unshare")
        .args(["-n", "sh", "-euc", script, "sh"])
        .arg(place.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.is_empty(), "{script}: {said}\n{exported:#?}");
}

#[test]
fn every_export_is_read_by_its_own_tool() {
    let image = BareImage::with_nft();
    image.record("a-b.c+d", "%post", 1, everything());
    image.record("other", "%post", 1, vec![allow(port("7", "tcp")), allow_in("internal", port("8", "tcp"))]);
    let packages = ["a-b.c+d", "other"];
    is_read_by(&export(&image, &packages, Dialect::Nft), "nft -c -f $1/nodeshim.nft");
    for variant in ["nft", "legacy"] {
        let restore = |family: &str| format!("{family}-{variant}-restore --test <$1/{family}");
        is_read_by(&export(&image, &packages, Dialect::Iptables), &restore("iptables"));
        is_read_by(&export(&image, &packages, Dialect::Ip6tables), &restore("ip6tables"));
    }
    let firewalld = export(&image, &packages, Dialect::Firewalld);
    assert!(firewalld.files.contains_key("zones/public.xml"), "{:?}", firewalld.files.keys());
    let check = "echo DefaultZone=public >$1/firewalld.conf; firewall-offline-cmd --check-config \
                 --system-config $1 --default-config /usr/lib/firewalld";
    is_read_by(&firewalld, check);
}

#[test]
fn an_export_does_not_depend_on_what_the_image_uses() {
    let image = BareImage::with_nft();
    image.record("a", "%post", 1, vec![allow(port("80", "tcp"))]);
    let before = export(&image, &["a"], Dialect::Firewalld);
    let wants = "/etc/systemd/system/multi-user.target.wants";
    image.root.create_dirs(wants, 0o755).unwrap();
    image
        .root
        .symlink("/usr/lib/systemd/system/firewalld.service", format!("{wants}/firewalld.service"))
        .unwrap();
    image.root.take_changes();
    image.settle(&["a"]);
    let after = export(&image, &["a"], Dialect::Firewalld);
    assert_eq!(after.files["zones/public.xml"], before.files["zones/public.xml"]);
    assert_eq!(after.files["services/nodeshim-a.xml"], before.files["services/nodeshim-a.xml"]);
}

#[test]
fn files_of_vintage_nodes_are_a_source_of_intents_and_come_out_again() {
    let image = BareImage::with_nft();
    image.root.create_dirs("/etc/ovirt-plugins.d", 0o755).unwrap();
    let text = "22,tcp\n161,udp\n5000,tcp\n5001,tcp\n6000:7000,tcp\n";
    image.root.write("/etc/ovirt-plugins.d/demo.firewall", text.as_bytes(), None).unwrap();
    image.root.write("/etc/ovirt-plugins.d/gone.firewall", b"9,tcp\n", None).unwrap();
    image.root.take_changes();
    let report = image.settle(&["demo"]);
    let rules = image.read("/etc/nftables/nodeshim.d/demo.nft");
    assert!(rules.contains("{ 22, 5000-5001, 6000-7000 }") && rules.contains("{ 161 }"), "{rules}");
    assert!(report.plan.notes.iter().any(|note| note.text.contains("gone")), "{report:#?}");
    assert!(image.settle(&["demo"]).plan.changes.is_empty());
    let exported = export(&image, &["demo"], Dialect::OvirtFirewall);
    assert_eq!(
        exported.files["demo.firewall"],
        text.replace("22,tcp\n161,udp\n", "22,tcp\n") + "161,udp\n"
    );
    assert!(exported.notes.iter().any(|note| note.text.contains("6000-7000")), "{exported:?}");
    // The same effect as from a scriptlet.
    let other = BareImage::with_nft();
    let ports = [
        ("22", "tcp"),
        ("161", "udp"),
        ("5000-5001", "tcp"),
        ("6000-7000", "tcp"),
    ];
    other.record("demo", "%post", 1, ports.map(|(number, protocol)| allow(port(number, protocol))).to_vec());
    other.settle(&["demo"]);
    assert_eq!(other.read("/etc/nftables/nodeshim.d/demo.nft"), rules);
    image.root.remove("/etc/ovirt-plugins.d/demo.firewall").unwrap();
    image.root.take_changes();
    image.settle(&[]);
    assert!(!image.root.exists("/etc/nftables/nodeshim.d/demo.nft"));
}

#[test]
fn ovirt_export_notes_what_old_nodes_cannot_express() {
    let image = BareImage::with_nft();
    let trust = FirewallItem::Interface {
        interface: "eth1".into(),
        trusted: true,
    };
    let intents = vec![
        allow(trust),
        allow(FirewallItem::Masquerade { interface: None }),
        allow(port("80", "tcp")),
    ];
    image.record("a", "%post", 1, intents);
    let exported = export(&image, &["a"], Dialect::OvirtFirewall);
    assert_eq!(exported.files["a.firewall"], "80,tcp\n");
    assert_eq!(exported.notes.len(), 2, "{exported:?}");
}

#[test]
fn helpers_of_services_are_noted_where_nothing_sets_them_up() {
    let image = BareImage::with_nft();
    let ftp = FirewallItem::FirewallService {
        service: "ftp".into(),
    };
    image.record("a", "%post", 1, vec![allow(ftp)]);
    for dialect in [Dialect::Nft, Dialect::Iptables] {
        let notes = export(&image, &["a"], dialect).notes;
        assert!(notes.iter().any(|note| note.text.contains("helper ftp")), "{dialect:?}: {notes:?}");
    }
}
