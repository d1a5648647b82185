//! The nftables files, read by nft itself in a network namespace of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use nodeshim::intent::FirewallItem;
use nodeshim::settle::{self, Planner, Prepared};
use nodeshim::state::State;

use crate::image::{BareImage, allow, allow_in, facts, port};
use crate::intents::everything;

/// What nft says to a text, loaded `times` times in one namespace and listed afterwards.
pub fn load(text: &str, json: bool, times: usize) -> Result<String, String> {
    let flag = if json { "-j" } else { "-nn" };
    let script = format!(
        "t=$(cat); for i in $(seq {times}); do printf '%s\\n' \"$t\" | nft {flag} -f - || exit 1; done; nft -nn list ruleset"
    );
    let mut child = Command::new("unshare")
        .args(["-n", "sh", "-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("unshare and nft");
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(stderr),
    }
}

fn state(image: &BareImage, packages: &[&str]) -> State {
    settle::state(&image.root, &facts(packages)).unwrap()
}

pub fn flattened(image: &BareImage, packages: &[&str]) -> String {
    settle::firewall(&image.root, &state(image, packages)).unwrap().0.flattened().unwrap()
}

#[test]
fn nft_loads_one_of_everything_again_and_again() {
    let image = BareImage::with_nft();
    image.record("a-b.c+d", "%post", 1, everything());
    image.record("other", "%post", 1, everything());
    let packages = ["a-b.c+d", "other"];
    let text = flattened(&image, &packages);
    let listed = load(&text, false, 2).unwrap_or_else(|error| panic!("{error}\n{text}"));
    for expected in [
        "8000-8101",
        "iifname \"eth1\" goto in_trusted",
        "iifname \"ppp*\" goto in_trusted",
        "iifname \"eth2\" goto in_internal",
        "iifname \"eth6\" goto in_block",
        "icmpv6 type 128 reject",
        "redirect to :80",
        "dnat ip to 10.0.0.9:80",
        "dnat ip6 to [fd00::1]:80-90",
        "ip saddr 10.0.0.0/8 goto in_trusted",
        "policy drop",
        "ip saddr 10.9.0.0/16 tcp dport 80 ct state 0x8,0x40 accept",
        "ip saddr != 10.8.0.0/16 tcp dport 77 ct state 0x8,0x40 drop",
        "ip6 saddr fd00::/8 reject",
    ] {
        assert!(listed.contains(expected), "{expected} is missing in:\n{listed}\nof:\n{text}");
    }
    let model = settle::firewall(&image.root, &state(&image, &packages)).unwrap().0.whole().into_model();
    let json = serde_json::to_string(&model).unwrap();
    let by_json = load(&json, true, 2).unwrap_or_else(|error| panic!("{error}\n{json}"));
    assert_eq!(by_json, listed);
}

#[test]
fn the_files_load_as_the_flattened_text_does() {
    let image = BareImage::with_nft();
    image.record("a", "%post", 1, everything());
    image.settle(&["a"]);
    let main = image.read("/etc/nftables/nodeshim.nft");
    let at_host = main.replace("/etc/nftables", &format!("{}/etc/nftables", image.path().display()));
    assert_ne!(main, at_host);
    let listed = load(&at_host, false, 1).unwrap_or_else(|error| panic!("{error}\n{main}"));
    assert_eq!(listed, load(&flattened(&image, &["a"]), false, 1).unwrap());
    assert!(!main.contains("flush") && !main.contains("destroy"));
}

#[test]
fn a_plugin_is_one_file_and_goes_with_it() {
    let image = BareImage::with_nft();
    image.record("a", "%post", 1, vec![allow(port("80", "tcp"))]);
    image.record("b", "%post", 1, vec![allow(port("80", "tcp")), allow(port("81", "udp"))]);
    let first = image.settle(&["a", "b"]);
    assert!(!first.plan.is_empty() && first.state_written);
    let again = image.settle(&["a", "b"]);
    assert!(again.plan.is_empty() && !again.state_written, "{again:?}");
    let a = image.read("/etc/nftables/nodeshim.d/a.nft");
    let b = image.read("/etc/nftables/nodeshim.d/b.nft");
    let main = image.read("/etc/nftables/nodeshim.nft");
    let report = image.settle(&["b"]);
    assert_eq!(report.gone, ["a"]);
    assert!(!image.root.exists("/etc/nftables/nodeshim.d/a.nft"));
    assert_eq!(image.read("/etc/nftables/nodeshim.d/b.nft"), b);
    assert_eq!(image.read("/etc/nftables/nodeshim.nft"), main);
    assert!(a.contains("elements = { 80 }"), "{a}");
    assert!(image.root.exists("/etc/systemd/system/sysinit.target.wants/nodeshim-firewall.service"));
    // The node's own firewall stays.
    image.settle(&[]);
    assert_eq!(image.read("/etc/nftables/nodeshim.nft"), main);
    assert!(!image.root.exists("/etc/nftables/nodeshim.d"));
}

#[test]
fn hostile_values_are_noted_and_never_written() {
    const EVIL: [&str; 8] = [
        "80; flush ruleset",
        "80 }\n flush ruleset",
        "\"; flush ruleset; \"",
        "$(x)",
        "80/tcp accept #",
        "a\\\" accept",
        "@set",
        "*",
    ];
    let image = BareImage::with_nft();
    let mut intents = vec![allow(port("80", "tcp"))];
    for evil in EVIL {
        let text = || evil.to_owned();
        let openings = [
            port(evil, "tcp"),
            port("80", evil),
            FirewallItem::Protocol { protocol: text() },
            FirewallItem::Source { source: text() },
            FirewallItem::BlockIcmp { icmp_type: text() },
            FirewallItem::FirewallService { service: text() },
            FirewallItem::RichRule { rule: text() },
            FirewallItem::Interface {
                interface: text(),
                trusted: true,
            },
            FirewallItem::Masquerade {
                interface: Some(text()),
            },
        ];
        intents.extend(openings.into_iter().map(allow));
        intents.push(allow_in(evil, port("80", "tcp")));
    }
    image.record("a", "%post", 1, intents);
    image.record("evil\"x", "%post", 1, vec![allow(port("81", "tcp"))]);
    let Prepared { plan, .. } = {
        let journal = nodeshim::journal::Journal::read(&image.root).unwrap();
        Planner::new(&image.root, &facts(&["a", "evil\"x"]), &journal).plan().unwrap()
    };
    assert_eq!(plan.notes.len(), EVIL.len() * 10 + 1, "{:#?}", plan.notes);
    image.settle(&["a", "evil\"x"]);
    let plugin = image.read("/etc/nftables/nodeshim.d/a.nft");
    for line in plugin.lines() {
        assert!(!line.contains("flush") && !line.contains("$(") && !line.contains("@set"), "{plugin}");
    }
    load(&flattened(&image, &["a", "evil\"x"]), false, 1).unwrap();
    let state = image.read("/usr/lib/sysimage/nodeshim/state.toml");
    toml::from_str::<State>(&state).unwrap();
}

#[test]
fn five_hundred_plugins_with_ten_thousand_ports_settle_quickly() {
    let image = BareImage::with_nft();
    let names: Vec<String> = (0..500).map(|number| format!("plugin-{number}")).collect();
    for (number, name) in names.iter().enumerate() {
        let ports = (0..20).map(|index| allow(port(&(number * 40 + index * 2 + 1).to_string(), "tcp")));
        image.record(name, "%post", 1, ports.collect());
    }
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let start = std::time::Instant::now();
    image.settle(&names);
    let first = start.elapsed();
    let again = image.settle(&names);
    eprintln!("settling took {first:?} the first time, {:?} with the second", start.elapsed());
    assert!(again.plan.is_empty());
    load(&flattened(&image, &names), false, 1).unwrap();
}
