//! Real rpm and dnf transactions into real image roots, through the staged `nodeshim run`: what
//! unmodified scriptlets ask for takes effect, is recorded with its origin, and nothing of
//! nodeshim stays behind, in the image or on the host.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "transactions/callers.rs"]
mod callers;
#[path = "transactions/canary.rs"]
mod canary;
#[path = "transactions/contained.rs"]
mod contained;
#[path = "transactions/cost.rs"]
mod cost;
#[path = "transactions/edges.rs"]
mod edges;
#[path = "transactions/faults.rs"]
mod faults;
#[path = "transactions/firewalld_version.rs"]
mod firewalld_version;
#[path = "support/image.rs"]
mod image;
#[path = "transactions/mounted.rs"]
mod mounted;
#[path = "transactions/origins.rs"]
mod origins;
#[path = "transactions/owners.rs"]
mod owners;
#[path = "transactions/places.rs"]
mod places;
mod support;
#[path = "transactions/triggers.rs"]
mod triggers;

use std::fs;
use std::path::Path;

use image::{Image, package};
use support::{assert_same, succeed};

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

fn wants(unit: &str) -> String {
    format!("{WANTS}/{unit}")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[test]
fn every_style_of_scriptlet_takes_effect() {
    let image = Image::new();
    let output = image.install(&[
        "node-agent-4.50",
        "node-hook-el7-1.4",
        "node-hook-el8-2.1",
        "node-exporter-0.9",
        "node-gateway-3.0",
        "node-mirror-1.0",
        "node-legacy-1.0",
        "node-lua-1.0",
        "node-watch-1.0",
    ]);
    assert!(!text(&output.stderr).contains("scriptlet failed"), "{}", text(&output.stderr));
    for unit in [
        "node-agent",
        "node-hook-el7",
        "node-hook-el8",
        "node-lua",
        "node-watch",
    ] {
        let link = wants(&format!("{unit}.service"));
        let target = image.root().read_link(&link).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(target, Path::new("/usr/lib/systemd/system").join(format!("{unit}.service")));
    }
    for link in [
        "rc3.d/S80node-exporter",
        "rc0.d/K20node-exporter",
        "rc3.d/S55node-legacy",
    ] {
        assert!(image.has(&format!("/etc/rc.d/{link}")), "{link}");
    }
    for event in image.events() {
        assert_eq!(event.exit, 0, "{:?}: {}", event.argv, event.message);
    }
}

#[test]
fn an_upgrade_and_an_erasure_leave_what_the_new_packages_want() {
    let image = Image::new();
    image.install(&["node-roller-1.0"]);
    assert!(image.has(&wants("node-roller.service")));
    assert!(nft(&image).contains("7000"), "{}", nft(&image));
    image.install(&["node-roller-2.0"]);
    assert!(image.has(&wants("node-roller.service")));
    let rules = nft(&image);
    assert!(rules.contains("7100"), "{rules}");
    image.erase(&["node-roller"]);
    assert!(!image.has(&wants("node-roller.service")));
    let rules = nft(&image);
    assert!(!rules.contains("7000") && !rules.contains("7100"), "{rules}");
}

#[test]
fn a_port_stays_while_any_plugin_wants_it() {
    let image = Image::new();
    image.install(&["node-console-a-1.0", "node-console-b-1.0"]);
    assert!(nft(&image).contains("8443"), "{}", nft(&image));
    image.erase(&["node-console-a"]);
    assert!(nft(&image).contains("8443"), "{}", nft(&image));
    image.erase(&["node-console-b"]);
    assert!(!nft(&image).contains("8443"), "{}", nft(&image));
}

/// The ruleset that the plugins' intents come to.
fn nft(image: &Image) -> String {
    text(&succeed(&mut image.nodeshim("export", ["--format", "nft"])).stdout)
}

#[test]
fn settling_again_changes_nothing() {
    let image = Image::new();
    image.install(&[
        "node-agent-4.50",
        "node-gateway-3.0",
        "node-mirror-1.0",
        "node-roller-1.0",
    ]);
    let before = image.files();
    succeed(&mut image.nodeshim("settle", [""; 0]));
    assert_same(&before, &image.files(), "settling again changed");
    succeed(&mut image.nodeshim("plan", [""; 0]));
    assert_same(&before, &image.files(), "planning changed");
}

#[test]
fn the_tools_of_an_image_are_as_before_and_nothing_is_left_armed() {
    let image = Image::new();
    let tools = ["usr/bin/systemctl", "usr/sbin/service"];
    for tool in tools {
        fs::write(image.path().join(tool), format!("the image's own {tool}\n")).expect("a tool");
    }
    let before = image.files();
    image.install(&["node-lua-1.0"]);
    image.erase(&["node-lua"]);
    for tool in tools {
        assert_eq!(image.read(tool), format!("the image's own {tool}\n"));
    }
    let own = |path: &Path| path.starts_with("usr/lib/sysimage/nodeshim");
    let after = image.files();
    for (path, what) in &before {
        assert_eq!(after.get(path), Some(what), "{}", path.display());
    }
    for name in ["armed.toml", "real", "shim"] {
        assert!(!image.has(&format!("/usr/lib/sysimage/nodeshim/{name}")), "{name}");
    }
    assert!(!image.has("/usr/sbin/chkconfig") && !image.has("/usr/lib/systemd/systemd-update-helper"));
    assert!(after.keys().any(|path| own(path)));
}

#[test]
fn dnf_installs_into_an_image_too() {
    let image = Image::new();
    let home = image.beside("home");
    fs::create_dir_all(&home).expect("a home");
    fs::write(home.join(".rpmmacros"), "%_dbpath /var/lib/rpm\n").expect("macros");
    let mut command = image.nodeshim("run", ["--", "dnf", "--disablerepo=*", "--releasever=1", "-y"]);
    command.arg(format!("--installroot={}", image.path().display())).arg("install");
    command.args([package("node-lua-1.0"), package("node-exporter-0.9")]).env("HOME", &home);
    succeed(&mut command);
    assert!(image.has(&wants("node-lua.service")));
    assert!(image.has("/etc/rc.d/rc3.d/S80node-exporter"));
    for event in image.events() {
        origins::assert_by_plugin(&event, "%post");
    }
    assert_eq!(fs::read_to_string(home.join(".rpmmacros")).expect("macros"), "%_dbpath /var/lib/rpm\n");
}
