//! What plugins asked for is open to real packets, and nothing else is.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/cable.rs"]
mod cable;
#[path = "support/image.rs"]
mod image;
#[path = "backends/image.rs"]
#[allow(dead_code, reason = "each test program uses a part of it")]
mod journalled;
#[path = "packets/matrix.rs"]
mod matrix;
#[path = "packets/policies.rs"]
mod policies;
mod support;
#[path = "packets/written.rs"]
mod written;
#[path = "packets/zones.rs"]
mod zones;

use std::fs;

use cable::Cable;
use image::Image;
use support::succeed;

/// Loads what `nodeshim export` prints.
fn load_export(cable: &Cable, image: &Image) {
    let rules = succeed(&mut image.nodeshim("export", ["--format", "nft"])).stdout;
    let file = image.beside("rules.nft");
    fs::write(&file, rules).expect("the rules");
    succeed(cable.command("load").arg(file));
}

/// Closed in every ruleset here.
const CLOSED: [&str; 4] = [
    "tcp:23=rejected",
    "udp:53=rejected",
    "6/tcp:8092=rejected",
    "tcp:7000=rejected",
];

const OPEN: [&str; 10] = [
    "tcp:22=open",
    "tcp:9090=open",
    "udp:5353=open",
    "6/udp:5353=open",
    "tcp:8091=open",
    "udp:8091=open",
    "tcp:8443=open",
    "6/tcp:8443=open",
    "tcp:54321=open",
    "tcp:7443=open",
];

const PLUGINS: [&str; 6] = [
    "node-gateway-3.0",
    "node-mirror-1.0",
    "node-console-a-1.0",
    "node-console-b-1.0",
    "node-agent-4.50",
    "node-lua-1.0",
];

#[test]
fn packets_reach_what_plugins_asked_for_and_nothing_else() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&PLUGINS);
    load_export(&cable, &image);
    cable.expect(&[OPEN.as_slice(), &CLOSED].concat());
}

#[test]
fn the_image_s_own_files_let_the_same_packets_through() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&PLUGINS);
    assert!(image.root().is_file("/etc/nftables/nodeshim.nft"));
    cable.load_rules(&image.path());
    cable.expect(&[OPEN.as_slice(), &CLOSED].concat());
    // A second load replaces the first.
    cable.load_rules(&image.path());
    cable.expect(&["tcp:9090=open", "tcp:23=rejected"]);
}

#[test]
fn erasing_a_plugin_closes_its_ports_by_refcount() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&PLUGINS);
    image.erase(&["node-console-a", "node-mirror"]);
    cable.load_rules(&image.path());
    cable.expect(&[
        "tcp:8443=open",
        "tcp:8091=rejected",
        "udp:8091=rejected",
        "tcp:9090=open",
    ]);
    image.erase(&["node-console-b"]);
    cable.load_rules(&image.path());
    cable.expect(&["tcp:8443=rejected", "tcp:9090=open", "tcp:22=open"]);
}

#[test]
fn an_upgrade_moves_the_port() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&["node-roller-1.0"]);
    cable.load_rules(&image.path());
    cable.expect(&["tcp:7000=open", "tcp:7100=rejected"]);
    image.install(&["node-roller-2.0"]);
    cable.load_rules(&image.path());
    cable.expect(&["tcp:7100=open"]);
}
