//! Tests of whole lokkit calls: files, answers and intents.

use std::ffi::OsString;

use super::*;
use crate::config::Backend;
use crate::intent::{DeferredVerb, FirewallItem, NoteSeverity, RecordedIntent, Scope};
use crate::request::Stream;
use crate::request::test_image::TestImage;
use crate::tool::Tool;

/// An image whose firewall is that of the iptables services.
fn with_iptables() -> TestImage {
    let mut image = TestImage::new();
    image.config.firewall.backend = Backend::Iptables;
    image
}

impl TestImage {
    fn lokkit(&self, line: &str) -> Reply {
        self.call(Tool::Lokkit, "lokkit", &line.split_whitespace().collect::<Vec<_>>())
    }

    fn text(&self, path: &str) -> String {
        self.root.read_text(path).unwrap()
    }
}

fn stdout(reply: &Reply) -> String {
    String::from_utf8(reply.output.all(Stream::Stdout)).unwrap()
}

fn stderr(reply: &Reply) -> String {
    String::from_utf8(reply.output.all(Stream::Stderr)).unwrap()
}

const CFG: &str = "/etc/sysconfig/system-config-firewall";

fn allow(opening: FirewallItem, changed: bool) -> RecordedIntent {
    RecordedIntent::new(Intent::Allow { opening, zone: None }, changed)
}

fn port(port: &str, changed: bool) -> RecordedIntent {
    let opening = FirewallItem::Port {
        port: port.into(),
        protocol: "tcp".into(),
    };
    allow(opening, changed)
}

fn defer(verb: DeferredVerb) -> RecordedIntent {
    let intent = Intent::Defer {
        verb,
        unit: "iptables.service".into(),
        scope: Scope::System,
    };
    RecordedIntent::new(intent, false)
}

#[test]
fn intents_come_in_order_and_tell_what_is_new() {
    let image = TestImage::new().with_file(CFG, "--port=22:tcp\n--disabled\n");
    let reply = image.lokkit(
        "-p 80:tcp -s ssh -p 22:tcp --port=80-80:tcp --enabled -t br+ -m w --block-icmp=redirect \
         --custom-rules=/x --forward-port=if=w:port=1:proto=tcp:toaddr=192.0.2.1",
    );
    assert_eq!(reply.exit, 0);
    let expected = [
        port("80", true),
        allow(
            FirewallItem::FirewallService {
                service: "ssh".into(),
            },
            true,
        ),
        port("22", false),
        port("80", false),
        RecordedIntent::new(Intent::FirewallSwitch { on: true }, true),
        allow(
            FirewallItem::Interface {
                interface: "br+".into(),
                trusted: true,
            },
            true,
        ),
        allow(
            FirewallItem::Masquerade {
                interface: Some("w".into()),
            },
            true,
        ),
        allow(
            FirewallItem::BlockIcmp {
                icmp_type: "redirect".into(),
            },
            true,
        ),
        allow(
            FirewallItem::CustomRules {
                family: "ipv4".into(),
                table: "filter".into(),
                file: "/x".into(),
            },
            true,
        ),
        allow(
            FirewallItem::ForwardPort {
                interface: Some("w".into()),
                port: "1".into(),
                protocol: "tcp".into(),
                to_port: None,
                to_address: Some("192.0.2.1".into()),
            },
            true,
        ),
    ];
    assert_eq!(reply.intents, expected);
    assert_eq!(image.text("/etc/sysctl.conf"), "net.ipv4.ip_forward = 1\n");
}

#[test]
fn rule_files_are_kept_only_for_the_iptables_services() {
    for (image, there) in [(TestImage::new(), false), (with_iptables(), true)] {
        let reply = image.lokkit("-p 80:tcp --addmodule=nf_x");
        assert_eq!(reply.exit, 0);
        for path in ["iptables", "ip6tables", "iptables-config", "ip6tables-config"] {
            assert_eq!(image.root.exists(format!("/etc/sysconfig/{path}")), there, "{path}");
        }
        let module = Intent::FirewallModule {
            module: "nf_x".into(),
            load: true,
        };
        assert!(reply.intents.contains(&RecordedIntent::new(module, there)));
        assert_eq!(reply.intents.contains(&defer(DeferredVerb::Restart)), there);
        assert_eq!(image.root.meta(CFG).unwrap().mode, 0o600);
    }
}

#[test]
fn an_enabled_iptables_service_decides_by_itself() {
    let image = TestImage::new().with_file("/etc/systemd/system/basic.target.wants/iptables.service", "");
    assert_eq!(image.lokkit("-n -p 80:tcp").exit, 0);
    assert!(image.text("/etc/sysconfig/iptables").contains("--dport 80 -j ACCEPT\n"));
}

#[test]
fn switching_off_removes_rules_and_defers_a_stop() {
    let image = with_iptables().with_file("/etc/sysconfig/iptables", "*filter\nCOMMIT\n");
    let reply = image.lokkit("--disabled");
    assert_eq!(
        reply.intents,
        [
            RecordedIntent::new(Intent::FirewallSwitch { on: false }, true),
            defer(DeferredVerb::Stop)
        ]
    );
    assert!(!image.root.exists("/etc/sysconfig/iptables"));
    let again = image.lokkit("--disabled");
    assert_eq!(again.intents, [RecordedIntent::new(Intent::FirewallSwitch { on: false }, false)]);
}

#[test]
fn a_reset_is_one_intent_that_names_its_defaults() {
    let reset = |defaults: Option<&str>, changed| {
        let intent = Intent::FirewallReset {
            defaults: defaults.map(Into::into),
        };
        RecordedIntent::new(intent, changed)
    };
    let image = TestImage::new();
    assert_eq!(image.lokkit("-n -f").intents, [reset(None, false)]);
    assert_eq!(
        image.lokkit("-n -f -p 1:tcp --default=server").intents,
        [port("1", true), reset(Some("server"), false)]
    );
    assert_eq!(image.lokkit("-n -f -p 1:tcp").intents, [reset(None, true), port("1", false)]);
    assert_eq!(image.lokkit("-n -f --update -p 2:tcp").intents, [port("2", true)]);
    let broken = TestImage::new().with_file(CFG, "--frob\n");
    assert_eq!(broken.lokkit("-n -f").intents, [reset(None, true)]);
}

#[test]
fn a_refused_call_leaves_a_note_and_nothing_else() {
    let image = TestImage::new();
    let reply = image.lokkit("-n -p 80 -s x -p 81:tcp");
    let text = "option -p: invalid port definition 80.; option -s: invalid service 'x'.";
    assert_eq!(reply.exit, 2);
    assert_eq!(stderr(&reply), text.replace("; ", "\n") + "\n");
    let note = Intent::Note {
        severity: NoteSeverity::Low,
        text: text.into(),
    };
    assert_eq!(reply.intents, [RecordedIntent::new(note, false)]);
    assert!(!image.root.exists(CFG));
}

#[test]
fn help_comes_with_the_errors_of_other_words() {
    let image = TestImage::new();
    let reply = image.lokkit("--help -z");
    assert_eq!((reply.exit, stdout(&reply).as_str()), (2, text::HELP));
    assert_eq!(stderr(&reply), "no such option: -z\n");
    let reply = image.lokkit("");
    assert_eq!((reply.exit, stdout(&reply).as_str()), (0, text::HELP));
}

#[test]
fn a_configuration_that_cannot_be_written_is_said_and_the_rest_is_done() {
    let image = with_iptables().with_file("/etc/sysconfig/system-config-firewall/in-the-way", "");
    let reply = image.lokkit("-n -p 80:tcp");
    assert_eq!(reply.exit, 1);
    assert_eq!(stdout(&reply), format!("Failed to write {CFG}.\n\n"));
    assert_eq!(reply.intents, [port("80", false)]);
    assert!(image.text("/etc/sysconfig/iptables").contains("--dport 80 "));
    assert_eq!(reply.warnings.len(), 1);
}

#[test]
fn selinux_without_a_directory_is_said() {
    let image = TestImage::new();
    let reply = image.lokkit("--selinux=disabled");
    assert_eq!((reply.exit, stdout(&reply).as_str()), (1, "Failed to write selinux configuration.\n"));
    let intent = Intent::Selinux {
        mode: Some("disabled".into()),
        policy: None,
    };
    assert_eq!(reply.intents, [RecordedIntent::new(intent, false)]);
    assert!(!image.root.exists(CFG));
}

#[test]
fn a_bad_selinux_file_stops_a_port() {
    let image = TestImage::new().with_file("/etc/selinux/config", "SELINUX=bogus\n");
    let reply = image.lokkit("-n -p 80:tcp");
    assert_eq!(reply.exit, 2);
    assert!(stderr(&reply).starts_with("/etc/selinux/config: option --selinux: invalid choice: 'bogus'"));
    assert_eq!(image.lokkit("-n -f -p 80:tcp").exit, 0);
}

#[test]
fn an_old_file_is_converted_once() {
    let old = "/etc/sysconfig/system-config-securitylevel";
    let image = TestImage::new().with_file(old, "--port=22:tcp\n--port=9:tcp\n");
    let reply = image.lokkit("-n");
    assert!(stdout(&reply).contains(old) && stdout(&reply).lines().count() == 1);
    let text = image.text(CFG);
    assert!(text.contains("--port=9:tcp\n--service=ssh\n") && !text.contains("--port=22"), "{text}");
    assert_eq!(stdout(&image.lokkit("-n")), "");
}

#[test]
fn words_that_are_not_text_end_in_a_message() {
    use std::os::unix::ffi::OsStringExt;
    let image = TestImage::new();
    let words = [OsString::from("-p"), OsString::from_vec(vec![0xff, b':'])];
    assert_eq!(
        stderr(&image.call(Tool::Lokkit, "lokkit", &words)),
        "option -p: invalid port definition \u{fffd}:.\n"
    );
    let words = [
        OsString::from("--custom-rules"),
        OsString::from_vec(vec![b'/', 0xff]),
    ];
    assert_eq!(image.call(Tool::Lokkit, "lokkit", &words).exit, 0);
    assert!(image.root.read(CFG).unwrap().ends_with(b"--custom-rules=ipv4:filter:/\xff\n"));
}
