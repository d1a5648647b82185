//! The D-Bus service on a real bus of the test's own, which starts it: with the policy that is
//! shipped, real clients, root and an ordinary user, and images with packages that rpm installed.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/browser.rs"]
mod browser;
#[path = "dbus/bus.rs"]
mod bus;
#[path = "dbus/cockpit.rs"]
mod cockpit;
#[path = "support/image.rs"]
mod image;
#[path = "support/schema.rs"]
mod schema;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::process::Command;

use bus::{Bus, INTERFACE, Policy, answer, plain};
use image::{Image, build, build_with};
use nix::sys::signal::Signal;
use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::Value;

const DENIED: &str = "org.freedesktop.DBus.Error.AccessDenied";

/// An image with a plugin that asks for something of every kind.
fn image() -> Image {
    let image = Image::new();
    let hook = "/usr/libexec/vdsm/hooks/before_vm_start/50_one";
    let unit = "/usr/lib/systemd/system/one.service";
    let one = build_with(
        &image.beside("rpms"),
        "one",
        "Epoch: 3\nVendor: Some One\nProvides: ovirt-node-plugin(first) = 2",
        &[
            (hook, "#!/bin/sh\n"),
            (unit, "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"),
        ],
        "%post\nfirewall-cmd --permanent --add-port=7001/tcp\nfirewall-cmd --permanent --add-port=6666/tcp\n\
         systemctl enable one.service\nsystemctl start one.service\n",
    );
    let rule = "[[rule]]\nname = \"no\"\nport = \"6666\"\nverdict = \"deny\"\n";
    let policy = image.path().join("etc/nodeshim/policy.d/z.toml");
    fs::create_dir_all(policy.parent().unwrap()).unwrap();
    fs::write(policy, rule).unwrap();
    image.transaction(&["-i", &one]);
    image
}

fn report(image: &Image) -> Value {
    let output = support::succeed(&mut image.nodeshim("report", ["--format", "json"]));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// What `nodeshim report` says of a plugin, as far as the service tells it.
fn reported(image: &Image) -> Vec<Value> {
    let report = report(image);
    let known = |mut plugin: Value| {
        plugin.as_object_mut().expect("an object").remove("files");
        known(plugin)
    };
    report["plugins"].as_array().expect("plugins").iter().cloned().map(known).collect()
}

/// Without the keys of what is not known.
fn known(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(key, value)| (key, known(value)))
            .collect(),
        Value::Array(all) => all.into_iter().map(known).collect(),
        other => other,
    }
}

#[test]
fn everybody_may_ask_and_gets_what_the_report_says() {
    let image = image();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let reported = reported(&image);
    let one = &reported[0];
    for (key, value) in [("name", "one"), ("evr", "3:1.0-1"), ("vendor", "Some One")] {
        assert_eq!(one[key], value);
    }
    assert_eq!(one["ports"], serde_json::json!(["7001/tcp"]));
    for key in ["units", "hooks", "deferred", "denied", "provides"] {
        assert!(!one[key].as_array().unwrap().is_empty(), "{key}: {one}");
    }
    for user in [0, 65534] {
        assert_eq!(plain(&bus.call(user, "Get", &["s", "one"])), *one);
        let list = plain(&bus.call(user, "List", &[]));
        let list = list.as_array().unwrap();
        assert_eq!(list.len(), reported.len());
        for (brief, full) in list.iter().zip(&reported) {
            let brief = brief.as_object().unwrap();
            assert!(brief.len() >= 6 && brief.iter().all(|(key, value)| full[key] == *value), "{brief:?}");
        }
        let version = bus.busctl(user, &["get-property", INTERFACE, bus::PATH, INTERFACE, "Version"]);
        assert_eq!(answer(&version), concat!("s \"", env!("CARGO_PKG_VERSION"), "\"\n"));
    }
    for (method, what) in [("Ports", "7001"), ("Units", "one.service")] {
        let listed = plain(&bus.call(65534, method, &[]));
        assert_eq!(listed, report(&image)[method.to_lowercase()], "{method}");
        assert!(listed.to_string().contains(what), "{listed}");
    }
    // Other programs, the same types.
    let sent = bus.program(
        65534,
        "dbus-send",
        &["--print-reply", "--dest=org.ovirt.node.Plugins1"],
        "Get",
        "string:one",
    );
    assert!(answer(&sent).contains("string \"7001/tcp\""), "{sent:?}");
    let got = bus.program(65534, "gdbus", &["call", "--dest", INTERFACE], "Get", "one");
    assert!(answer(&got).contains("'ports': <['7001/tcp']>"), "{got:?}");
}

#[test]
fn dbus_signals_changed_at_once() {
    let image = image();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let names = || -> Vec<String> {
        let list = plain(&bus.call(65534, "List", &[]));
        list.as_array()
            .unwrap()
            .iter()
            .map(|plugin| plugin["name"].as_str().unwrap().to_owned())
            .collect()
    };
    assert_eq!(names(), ["one"]);
    let two = build(&image.beside("rpms"), "two", "%post\nfirewall-cmd --permanent --add-port=7002/tcp\n");
    image.transaction(&["-i", &two]);
    assert_eq!(names(), ["one", "two"]);
    image.erase(&["one"]);
    assert_eq!(names(), ["two"]);
    assert_eq!(bus.starts(), 1, "it was the same service all the time");
}

#[test]
fn five_hundred_plugins_are_one_answer() {
    let image = Image::new();
    let event = |number: usize| {
        let text = format!(
            "\n[[event]]\nid = {number}\ntime = \"2026-01-01T00:00:00Z\"\ntool = \"lokkit\"\n\
             argv = [\"lokkit\", \"-p\", \"{port}:tcp\"]\nexit = 0\nverdict = \"allow\"\n\n[event.origin]\n\
             found-by = \"unknown\"\nnevra = \"p{number:03}-1-1.noarch\"\n\n[[event.intent]]\nchanged = true\n\
             kind = \"allow\"\nopening = \"port\"\nport = \"{port}\"\nprotocol = \"tcp\"\n",
            port = 10_000 + number
        );
        format!("{text}# end {number} {}\n", text.len())
    };
    let journal: String = (1..=500).map(event).collect();
    let place = image.path().join("usr/lib/sysimage/nodeshim");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("journal.toml"), format!("format = 1\n{journal}")).unwrap();
    // Without a package database nobody is known to be gone.
    fs::remove_dir_all(image.path().join("usr/lib/sysimage/rpm")).unwrap();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let list = plain(&bus.call(65534, "List", &[]));
    let list = list.as_array().unwrap();
    assert_eq!((list.len(), &list[499]["name"]), (500, &Value::from("p500")));
    let one = plain(&bus.call(65534, "Get", &["s", "p250"]));
    assert_eq!(one["ports"], serde_json::json!(["10250/tcp"]), "{one}");
}

#[test]
fn unknown_plugins_and_hostile_names_are_refused_by_name() {
    let image = image();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    for name in [
        "none",
        "",
        "on",
        "one\n",
        "../one",
        "\u{1b}[2J\u{202e}",
        &"x".repeat(100_000),
    ] {
        let error = bus.error(65534, "Get", &format!("string:{name}"));
        assert_eq!(error, "org.ovirt.node.Plugins1.Error.NoSuchPlugin", "{name:?}");
    }
    assert_eq!(bus.error(0, "Fetch", "string:one"), "org.freedesktop.DBus.Error.UnknownMethod");
    assert_eq!(bus.error(0, "Get", "int32:7"), "org.freedesktop.DBus.Error.InvalidArgs");
    fs::write(image.path().join("usr/lib/sysimage/nodeshim/state.toml"), "format = 99\n").unwrap();
    assert_eq!(bus.error(65534, "List", ""), "org.ovirt.node.Plugins1.Error.Unreadable");
    assert_eq!(bus.starts(), 1, "nothing of it ended the service");
}

/// Package text that is no UTF-8, and a request whose arguments are not.
#[test]
fn text_of_packages_that_is_no_utf8_is_told_all_the_same() {
    let image = Image::new();
    let directory = image.beside("rpms");
    fs::create_dir_all(&directory).unwrap();
    let spec = directory.join("odd.spec");
    let text = b"%define _invalid_encoding_terminates_build 0\nName: odd\nVersion: 1\nRelease: 1\n\
        Summary: T\xff\x1b]0;x\x07st\nVendor: \xc3\x28\nLicense: Apache-2.0\nBuildArch: noarch\nAutoReqProv: no\n\
        %description\nT\xfest.\n%files\n%post\n\
        systemctl start \"$(printf 'a\\377b.service')\" || :\nlokkit -p 7003:tcp\n";
    fs::write(&spec, text).unwrap();
    let mut rpmbuild = Command::new(support::project().join("tests/lib/build-rpms"));
    support::succeed(rpmbuild.arg(&directory).arg(&spec));
    image.transaction(&["-i", &directory.join("odd-1-1.noarch.rpm").display().to_string()]);
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let odd = plain(&bus.call(65534, "Get", &["s", "odd"]));
    assert_eq!(odd, reported(&image)[0]);
    assert!(odd["summary"].as_str().unwrap().contains('\u{fffd}'), "{odd}");
    assert_eq!(odd["ports"], serde_json::json!(["7003/tcp"]));
    assert_eq!(odd["deferred"], serde_json::json!([]), "the image has no such unit to start");
}

#[test]
fn only_root_may_have_the_change_told_whatever_the_bus_allows() {
    let image = image();
    for policy in [Policy::Shipped, Policy::Open] {
        let bus = Bus::start(&image, policy, 60);
        let monitor = bus.monitor();
        assert_eq!(bus.error(65534, "Refresh", "array:string:nobody"), DENIED);
        let refused = bus.refused();
        assert_eq!(refused, policy == Policy::Shipped, "who refused it");
        let seen =
            monitor.heard("Changed", || assert_eq!(bus.error(0, "Refresh", "array:string:one,two"), ""));
        assert!(seen.contains("(['one', 'two'],)"), "{seen}");
    }
}

#[test]
fn dbus_policy_lets_nobody_else_own_the_name() {
    let image = Image::new();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let take = [
        "call",
        "org.freedesktop.DBus",
        "/",
        "org.freedesktop.DBus",
        "RequestName",
    ];
    let refused = bus.busctl(65534, &[take.as_slice(), &["su", INTERFACE, "0"]].concat());
    assert!(!refused.status.success(), "{refused:?}");
    assert!(String::from_utf8_lossy(&refused.stderr).contains("Access denied"), "{refused:?}");
    bus.call(0, "List", &[]);
    let second = image.nodeshim("serve", ["--bus", &bus.address()]).output().unwrap();
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert_eq!(said, "nodeshim: org.ovirt.node.Plugins1 is served already\n");
}

#[test]
fn serve_ends_with_the_number_of_calls_as_json() {
    let image = Image::new();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let mut serve = image.nodeshim("serve", ["--json", "--idle", "1", "--bus", &bus.address()]);
    let output = support::succeed(&mut serve).stdout;
    let printed: Value = serde_json::from_slice(&output).expect("JSON");
    schema::assert_fits("serve", &printed);
    assert_eq!(printed["calls"], 0);
}

#[test]
fn dbus_service_exits_when_idle_and_starts_again() {
    let image = Image::new();
    let bus = Bus::start(&image, Policy::Shipped, 1);
    for start in 1..=2 {
        bus.call(65534, "List", &[]);
        assert_eq!(bus.starts(), start);
        bus.wait_for_end();
    }
}

/// Whoever calls while the service is about to end is answered, by it or by the next one.
#[test]
fn no_call_is_lost_when_it_ends() {
    let image = Image::new();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    for round in 1..=8 {
        let service = bus.service();
        // While it stands still, calls pile up; it goes on with the end in sight.
        bus::signal(service, Signal::SIGSTOP);
        let there = bus.connections();
        let calls: Vec<_> = (0..5).map(|_| bus.begin(65534, "List")).collect();
        while bus.connections() < there + calls.len() {}
        bus::signal(service, Signal::SIGTERM);
        bus::signal(service, Signal::SIGCONT);
        for call in calls {
            let output = call.wait_with_output().expect("a client");
            assert!(output.status.success(), "{output:?}");
        }
        bus.service();
        assert!(bus.starts() > round, "it did not end");
    }
}

#[test]
fn an_image_is_never_told_of_on_a_bus() {
    let image = image();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let watch = bus.watch();
    for verb in ["settle", "revert", "settle"] {
        let args: &[&str] = if verb == "revert" { &["one"] } else { &[] };
        let mut command = image.nodeshim(verb, args);
        support::succeed(command.env("DBUS_SYSTEM_BUS_ADDRESS", bus.address()));
    }
    assert_eq!(bus.starts(), 0);
    assert_eq!(watch.others(), 0, "somebody else came to the bus");
}

/// The interface in a description: each element in it with its attributes and where it stands.
fn elements(xml: &str) -> Vec<String> {
    let mut reader = Reader::from_str(xml);
    let (mut path, mut found) = (Vec::<String>::new(), Vec::new());
    let named = |start: &BytesStart| {
        let attributes: BTreeMap<String, String> = start
            .attributes()
            .map(|attribute| attribute.expect("an attribute"))
            .map(|attribute| (attribute.key.as_ref().to_owned(), attribute.value.into_owned()))
            .collect();
        format!("{} {attributes:?}", start.name().as_ref())
    };
    loop {
        match reader.read_event().expect("XML") {
            Event::Start(start) => {
                path.push(named(&start));
                found.push(path.clone());
            }
            Event::Empty(start) => found.push([path.as_slice(), &[named(&start)]].concat()),
            Event::End(_) => drop(path.pop()),
            Event::Eof => break,
            _ => {}
        }
    }
    let own = format!("interface {{\"name\": \"{INTERFACE}\"}}");
    let from_own =
        |path: Vec<String>| Some(path[path.iter().position(|element| *element == own)?..].join("/"));
    let mut found: Vec<String> = found.into_iter().filter_map(from_own).collect();
    found.sort();
    found
}

#[test]
fn the_interface_is_the_one_that_is_published() {
    let image = Image::new();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let told = bus.program(65534, "gdbus", &["introspect", "--xml", "--dest", INTERFACE], "", "");
    let shipped = support::stage().join("usr/share/dbus-1/interfaces/org.ovirt.node.Plugins1.xml");
    let shipped = elements(&fs::read_to_string(shipped).expect("the interface"));
    assert!(shipped.len() > 8, "{shipped:?}");
    assert_eq!(elements(&answer(&told)), shipped);
}
