//! What scriptlets do around the tools is named, counted and taken back like what they ask of them.

use std::fs;

use nodeshim::intent::{FirewallItem, Intent, ServiceWant, UnitWant};
use nodeshim::journal::Event;
use nodeshim::tool::Tool;

use super::image::{Image, build, package};
use super::support::succeed;
use super::{WAYS, audited, intents, seen};

const BY_HAND: &str = "/usr/lib/systemd/system/byhand.service
/etc/init.d/byhand
%install
mkdir -p %{buildroot}/usr/lib/systemd/system %{buildroot}/etc/init.d
printf '[Service]\\nExecStart=/bin/true\\n[Install]\\nWantedBy=multi-user.target\\n' \\
  >%{buildroot}/usr/lib/systemd/system/byhand.service
printf '#!/bin/sh\\nexit 0\\n' >%{buildroot}/etc/init.d/byhand
chmod 755 %{buildroot}/etc/init.d/byhand
%post
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s /usr/lib/systemd/system/byhand.service /etc/systemd/system/multi-user.target.wants/
ln -s ../init.d/byhand /etc/rc.d/rc3.d/S80byhand
ln -s ../init.d/byhand /etc/rc.d/rc5.d/S80byhand
echo 'byhand 7777/tcp' >>/etc/services
echo '-A INPUT -j ACCEPT' >>/etc/sysconfig/iptables
sed -i 's,</zone>,<port port=\"7777\" protocol=\"tcp\"/></zone>,' /etc/firewalld/zones/public.xml
/etc/init.d/byhand condrestart || :
iptables -I INPUT -p tcp --dport 7777 -j ACCEPT || :
";

fn image() -> Image {
    let image = Image::new();
    for directory in [
        "etc/sysconfig",
        "etc/firewalld/zones",
        "etc/rc.d/rc3.d",
        "etc/rc.d/rc5.d",
    ] {
        fs::create_dir_all(image.path().join(directory)).expect("a directory");
    }
    fs::write(image.path().join("etc/services"), "ssh 22/tcp\n").expect("a file");
    fs::write(image.path().join("etc/sysconfig/iptables"), "*filter\nCOMMIT\n").expect("a file");
    let zone =
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<zone><port port=\"22\" protocol=\"tcp\"/></zone>\n";
    fs::write(image.path().join("etc/firewalld/zones/public.xml"), zone).expect("a file");
    image
}

fn by_hand(image: &Image) -> Vec<Event> {
    seen(image, Tool::Bypass)
}

#[test]
fn what_equals_a_request_counts_as_one() {
    for how in WAYS {
        let image = image();
        let package = build(&image.beside("byhand"), "byhand", BY_HAND);
        audited(&image, how, &["-U", &package]);
        let events = by_hand(&image);
        let found = intents(&events);
        let enabled = |intent: &Intent| matches!(intent, Intent::Unit { unit, want: UnitWant::Enable, .. } if unit == "byhand.service");
        assert!(found.iter().any(enabled), "{how}: {found:#?}");
        let on = Intent::Service {
            service: "byhand".into(),
            want: ServiceWant::On,
            levels: Some("35".into()),
        };
        assert!(found.contains(&on), "{how}: {found:#?}");
        let port = Intent::Allow {
            opening: FirewallItem::Port {
                port: "7777".into(),
                protocol: "tcp".into(),
            },
            zone: Some("public".into()),
        };
        assert!(found.contains(&port), "{how}: {found:#?}");
        assert_eq!(
            found.iter().filter(|intent| matches!(intent, Intent::Allow { .. })).count(),
            1,
            "{found:#?}"
        );
        for event in &events {
            assert_eq!(event.origin.package(), Some("byhand"));
        }
        let listed =
            String::from_utf8(succeed(&mut image.nodeshim("list", ["byhand"])).stdout).expect("text");
        for part in [
            "/etc/services",
            "/etc/sysconfig/iptables",
            "init script: byhand",
            "iptables -I INPUT",
        ] {
            let flat = listed.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(flat.contains(part), "{how}: {part}: {listed}");
        }
        let why = succeed(&mut image.nodeshim("why", ["7777/tcp"]));
        assert!(String::from_utf8_lossy(&why.stdout).contains("wanted by byhand"));
    }
}

#[test]
fn what_was_run_is_told_from_what_is_only_named() {
    let image = image();
    let package = build(&image.beside("byhand"), "byhand", BY_HAND);
    audited(&image, "events", &["-U", &package]);
    let texts: Vec<(String, String)> = by_hand(&image)
        .iter()
        .filter_map(|event| match &event.intents.first()?.intent {
            Intent::Note { text, .. } => Some((text.clone(), event.message.clone())),
            _ => None,
        })
        .collect();
    let of = |part: &str| {
        texts.iter().find(|(text, _)| text.contains(part)).unwrap_or_else(|| panic!("{texts:#?}"))
    };
    let (script, line) = of("byhand condrestart");
    assert!(script.ends_with("was run") && line == "line 8", "{texts:#?}");
    let (iptables, line) = of("iptables -I INPUT");
    assert!(iptables.ends_with("was not run") && line == "line 9", "{texts:#?}");
}

#[test]
fn erasing_the_package_takes_it_back() {
    let image = image();
    let package = build(&image.beside("byhand"), "byhand", BY_HAND);
    audited(&image, "events", &["-U", &package]);
    let link = "/etc/systemd/system/multi-user.target.wants/byhand.service";
    assert!(image.has(link));
    audited(&image, "events", &["-e", "byhand"]);
    for path in [link, "/etc/rc.d/rc3.d/S80byhand", "/etc/rc.d/rc5.d/S80byhand"] {
        assert!(!image.has(path), "{path}");
    }
    let why = image.nodeshim("why", ["7777/tcp"]).output().expect("an answer");
    assert!(!String::from_utf8_lossy(&why.stdout).contains("wanted by"), "{why:?}");
}

#[test]
fn why_and_check_know_of_changed_files() {
    let image = image();
    let package = build(&image.beside("plain"), "plain", "%post\ntrue\necho x >/etc/plain\n");
    audited(&image, "events", &["-U", &package]);
    let why = String::from_utf8(succeed(&mut image.nodeshim("why", ["/etc/plain"])).stdout).expect("text");
    assert!(why.contains("plain-1.0-1.noarch %post(1)") && why.contains("line 2"), "{why}");
    succeed(&mut image.nodeshim("check", [""; 0]));
    fs::write(image.path().join("etc/plain"), "other\n").expect("a file");
    let checked = image.nodeshim("check", [""; 0]).output().expect("a check");
    let text = String::from_utf8_lossy(&checked.stdout);
    assert_eq!(checked.status.code(), Some(1), "{text}");
    assert!(text.contains("S.5....") && text.contains("/etc/plain"), "{text}");
    fs::remove_file(image.path().join("etc/plain")).expect("a removal");
    let checked = image.nodeshim("check", ["--json"]).output().expect("a check");
    let json: serde_json::Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    assert!(
        json["items"]
            .as_array()
            .expect("an array")
            .iter()
            .any(|one| one["kind"] == "missing" && one["path"] == "/etc/plain")
    );
    let shown = succeed(&mut image.nodeshim("show", ["plain", "--files", "--json"]));
    let json: serde_json::Value = serde_json::from_slice(&shown.stdout).expect("JSON");
    assert_eq!(json["files"][0]["changes"][0]["path"], "/etc/plain");
}

const LOKKIT: &str = "%post
sed -i 's/^--port=80:tcp/--port=81:tcp/' /etc/sysconfig/system-config-firewall
echo --port=7777:udp >>/etc/sysconfig/system-config-firewall
";

#[test]
fn edits_of_lokkits_configuration_count_as_requests() {
    for how in WAYS {
        let image = image();
        let config = image.path().join("etc/sysconfig/system-config-firewall");
        fs::write(&config, "--enabled\n--port=22:tcp\n--port=80:tcp\n").expect("a file");
        let package = build(&image.beside("byhand"), "byhand", LOKKIT);
        audited(&image, how, &["-U", &package]);
        let port = |port: &str, protocol: &str| FirewallItem::Port {
            port: port.into(),
            protocol: protocol.into(),
        };
        let allow = |opening| Intent::Allow { opening, zone: None };
        let events = by_hand(&image);
        assert_eq!(
            intents(&events),
            [
                allow(port("81", "tcp")),
                allow(port("7777", "udp")),
                Intent::Withdraw {
                    opening: port("80", "tcp"),
                    zone: None
                }
            ],
            "{how}"
        );
        assert_eq!(events[0].origin.package(), Some("byhand"));
        let why = succeed(&mut image.nodeshim("why", ["7777/udp"]));
        assert!(String::from_utf8_lossy(&why.stdout).contains("wanted by byhand"));
    }
}

/// The tool works through `/etc/rc3.d`, which is a link; where its files are is another path.
#[test]
fn what_a_tool_does_through_a_link_is_not_done_by_hand() {
    for how in WAYS {
        let image = Image::new();
        assert!(image.root().read_link("/etc/rc3.d").is_ok());
        audited(&image, how, &["-U", &package("node-exporter-0.9")]);
        assert!(image.has("/etc/rc.d/rc3.d/S80node-exporter"));
        assert_eq!(by_hand(&image), [], "{how}");
        let all = super::runs(&image);
        let links = all
            .iter()
            .flat_map(|run| &run.changes)
            .filter(|change| change.path.shown().contains("/rc3.d/"));
        let links: Vec<_> = links.collect();
        assert!(!links.is_empty() && links.iter().all(|link| link.request.is_some()), "{how}: {links:#?}");
    }
}
