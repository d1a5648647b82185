//! What plugins asked for is open to real packets, and nothing else is.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

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
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

use image::Image;
use support::{project, succeed};

/// Two network namespaces joined by a cable, gone with the value.
struct Cable {
    name: String,
}

impl Cable {
    fn new() -> Cable {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("ns{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let cable = Cable { name };
        succeed(&mut cable.command("up"));
        cable
    }

    /// With a host behind the firewalled one, and a second cable.
    fn with_inner() -> Cable {
        let cable = Cable::new();
        succeed(&mut cable.command("inner"));
        cable
    }

    fn command(&self, verb: &str) -> Command {
        let mut command = Command::new(project().join("tests/lib/netns-pair"));
        command.arg(verb).arg(&self.name);
        command
    }

    /// Loads what `nodeshim export` prints.
    fn load_export(&self, image: &Image) {
        let rules = succeed(&mut image.nodeshim("export", ["--format", "nft"])).stdout;
        let file = image.beside("rules.nft");
        fs::write(&file, rules).expect("the rules");
        succeed(self.command("load").arg(file));
    }

    /// Loads the image's own files, from the paths that they have there.
    fn load_files(&self, image: &Image) {
        self.load_etc(&image.path());
    }

    fn load_etc(&self, image: &Path) {
        let script = "mount -t overlay image -o lowerdir=$1/etc:/etc /etc; nft flush ruleset; \
                      nft -f /etc/nftables/nodeshim.nft";
        let inside = [
            "unshare",
            "-m",
            "--propagation",
            "private",
            "sh",
            "-euc",
            script,
            "sh",
        ];
        succeed(self.command("fw").args(inside).arg(image));
    }

    /// Sends packets; each expectation is `[6/]PROTOCOL:PORT=open|rejected|dropped`.
    fn expect(&self, expectations: &[&str]) {
        succeed(self.command("matrix").args(expectations));
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        let _ = self.command("down").status();
    }
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
    cable.load_export(&image);
    cable.expect(&[OPEN.as_slice(), &CLOSED].concat());
}

#[test]
fn the_image_s_own_files_let_the_same_packets_through() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&PLUGINS);
    assert!(image.root().is_file(Path::new("/etc/nftables/nodeshim.nft")));
    cable.load_files(&image);
    cable.expect(&[OPEN.as_slice(), &CLOSED].concat());
    // A second load replaces the first.
    cable.load_files(&image);
    cable.expect(&["tcp:9090=open", "tcp:23=rejected"]);
}

#[test]
fn erasing_a_plugin_closes_its_ports_by_refcount() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&PLUGINS);
    image.erase(&["node-console-a", "node-mirror"]);
    cable.load_files(&image);
    cable.expect(&[
        "tcp:8443=open",
        "tcp:8091=rejected",
        "udp:8091=rejected",
        "tcp:9090=open",
    ]);
    image.erase(&["node-console-b"]);
    cable.load_files(&image);
    cable.expect(&["tcp:8443=rejected", "tcp:9090=open", "tcp:22=open"]);
}

#[test]
fn an_upgrade_moves_the_port() {
    let (image, cable) = (Image::new(), Cable::new());
    image.install(&["node-roller-1.0"]);
    cable.load_files(&image);
    cable.expect(&["tcp:7000=open", "tcp:7100=rejected"]);
    image.install(&["node-roller-2.0"]);
    cable.load_files(&image);
    cable.expect(&["tcp:7100=open"]);
}
