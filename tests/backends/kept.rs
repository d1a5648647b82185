//! A firewall that an image was given stays when the last package goes, until somebody asks for its removal by
//! name.

use nodeshim::config::Unused;
use nodeshim::settle::{SettleOptions, settle};
use nodeshim::tool::Tool;

use crate::image::{allow, facts, port};
use crate::outcome::{enabled, image, put_unit, systemctl, sysv_image};

#[test]
fn a_firewall_that_lokkit_switched_on_stays_on_without_its_package() {
    let image = sysv_image();
    image.put("/etc/sysconfig/system-config-firewall", "--disabled\n");
    assert_eq!(image.ask("p", Tool::Lokkit, &["--enabled", "--nostart"]), 0);
    image.settle(&["p"]);
    image.settle(&[]);
    let config = image.read("/etc/sysconfig/system-config-firewall");
    assert!(config.contains("--enabled"), "{config}");
    // By name it goes.
    assert_eq!(image.ask("q", Tool::Lokkit, &["--disabled", "--nostart"]), 0);
    image.settle(&["q"]);
    assert_eq!(image.ask("r", Tool::Lokkit, &["--enabled", "--nostart"]), 0);
    image.settle(&["r"]);
    let mut revert = SettleOptions::default();
    revert.revert.plugins.insert("r".into());
    settle(&image.root, &facts(&["r"]), &revert).unwrap();
    let config = image.read("/etc/sysconfig/system-config-firewall");
    assert!(config.contains("--disabled"), "{config}");
}

#[test]
fn the_default_drop_firewall_stays_until_it_is_removed_by_name() {
    let image = image("disable *\n");
    image.record("p", "%post", 1, vec![allow(port("80", "tcp"))]);
    image.settle(&["p"]);
    let main = image.read("/etc/nftables/nodeshim.nft");
    let without = SettleOptions {
        without_firewall: true,
        ..SettleOptions::default()
    };
    settle(&image.root, &facts(&["p"]), &without).unwrap();
    assert_eq!(image.read("/etc/nftables/nodeshim.nft"), main, "a plugin wants it");
    image.settle(&[]);
    assert_eq!(image.read("/etc/nftables/nodeshim.nft"), main, "it stays without any plugin");
    assert!(!image.root.exists("/etc/nftables/nodeshim.d/p.nft"));
    assert!(image.settle(&[]).plan.is_empty());
    settle(&image.root, &facts(&[]), &without).unwrap();
    assert!(!image.root.exists("/etc/nftables/nodeshim.nft"));
    assert!(image.settle(&[]).plan.is_empty(), "it does not come back");
}

#[test]
fn the_configuration_lets_the_firewall_go_with_the_last_plugin() {
    let image = image("disable *\n");
    image.record("p", "%post", 1, vec![allow(port("80", "tcp"))]);
    image.settle(&["p"]);
    let mut facts = facts(&[]);
    facts.config.firewall.unused = Unused::Remove;
    settle(&image.root, &facts, &SettleOptions::default()).unwrap();
    assert!(!image.root.exists("/etc/nftables"));
}

#[test]
fn a_firewalld_that_a_package_switched_on_stays_on_without_it_whatever_presets_say() {
    let unit = "firewalld.service";
    let image = image("disable *\n");
    image.put("/usr/sbin/firewalld", "");
    image.put("/usr/lib/firewalld/zones/public.xml", "<zone><service name=\"ssh\"/></zone>");
    put_unit(&image, unit, "");
    assert_eq!(image.ask("p", Tool::FirewallOfflineCmd, &["--enabled"]), 0);
    image.settle(&["p"]);
    for _ in 0..2 {
        systemctl(&image, &["preset-all"]);
        assert_eq!(enabled(&image), [unit]);
        image.settle(&[]);
        assert_eq!(enabled(&image), [unit], "its package is gone");
    }
    assert!(image.settle(&[]).plan.is_empty());
    // By name it goes, and presets leave it so.
    assert_eq!(image.ask("q", Tool::FirewallOfflineCmd, &["--disabled"]), 0);
    image.settle(&["q"]);
    systemctl(&image, &["preset-all"]);
    assert_eq!(enabled(&image), [""; 0]);
    image.settle(&[]);
    systemctl(&image, &["preset-all"]);
    assert_eq!(enabled(&image), [""; 0], "what was switched off by name does not come back");
}
