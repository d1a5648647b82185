//! What lint and policy find by reading, held against what a preview finds by running.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::image::{Image, build_with, package};
use crate::support::{nodeshim, succeed};

/// The sample plugins.
const PLUGINS: [&str; 13] = [
    "node-agent-4.50",
    "node-console-a-1.0",
    "node-console-b-1.0",
    "node-exporter-0.9",
    "node-gateway-3.0",
    "node-hook-el7-1.4",
    "node-hook-el8-2.1",
    "node-legacy-1.0",
    "node-lua-1.0",
    "node-mirror-1.0",
    "node-roller-1.0",
    "node-roller-2.0",
    "node-watch-1.0",
];

fn json(command: &mut Command) -> Value {
    serde_json::from_slice(&succeed(command).stdout).expect("JSON")
}

/// An intent as both see it. Only the image knows its default zone and what its presets say of a unit, and
/// only an installation that a package is not signed.
fn alike(text: &str) -> Option<String> {
    let text = text.trim_end_matches(" in zone public");
    let text = text.replacen("preset (ignore)", "preset", 1).replacen("preset (enable)", "preset", 1);
    (!text.ends_with("was installed although it is not signed")).then_some(text)
}

fn texts<'v>(items: impl Iterator<Item = &'v Value>) -> BTreeSet<String> {
    items.filter_map(|item| alike(item["text"].as_str()?)).collect()
}

#[test]
fn what_is_read_in_scriptlets_of_plugins_is_what_they_ask_for_when_they_run() {
    let image = Image::new();
    let mut asked = 0;
    for plugin in PLUGINS {
        let file = package(plugin);
        let read = json(Command::new(nodeshim()).args(["policy", "test", "--json", &file]));
        // An installation runs neither %preun nor %postun of what is new.
        let installs = |item: &&Value| {
            let place = item["place"].as_str().unwrap_or_default();
            ["%pre", "%post", "%posttrans"].contains(&place)
        };
        let read = texts(read["items"].as_array().expect("items").iter().filter(installs));
        let ran = json(&mut image.nodeshim("preview", ["--json", "--allow-unsigned", &file]));
        let requests = ran["requests"].as_array().expect("requests").iter();
        let ran = texts(requests.flat_map(|request| request["intents"].as_array().expect("intents")));
        assert_eq!(read, ran, "{plugin}: read, and run");
        asked += ran.len();
    }
    assert!(asked >= 15, "{asked}");
}

/// Lines of a scriptlet, the rule by which lint finds fault with each, and what a preview says of it.
const SINS: [(&str, &str, &str); 12] = [
    ("systemctl enable agnet.service", "unit-name", "Unit agnet.service does not exist"),
    (
        "firewall-cmd --permenant --add-port=1/tcp",
        "usage",
        "unrecognized arguments: --permenant",
    ),
    ("firewall-cmd --add-port=8080/tcp", "runtime-only", "(runtime only)"),
    ("firewall-cmd --permanent --add-port=80", "usage", "INVALID_PORT"),
    ("lokkit -p 99999:tcp", "usage", "invalid port definition 99999:tcp"),
    ("systemctl frobnicate agent.service", "usage", "Unknown command verb 'frobnicate'"),
    ("chkconfig --level 9 agent on", "usage", "chkconfig [--level <levels>]"),
    (
        "mkdir -p /etc/systemd/system/basic.target.wants && \
         ln -s /usr/lib/systemd/system/agent.service /etc/systemd/system/basic.target.wants/agent.service",
        "by-hand",
        "direct change: /etc/systemd/system/basic.target.wants/agent.service",
    ),
    ("echo 'net.ipv4.ip_forward = 1' >>/etc/sysctl.conf", "by-hand", "/etc/sysctl.conf"),
    ("iptables -A INPUT -p tcp --dport 22 -j ACCEPT", "bypass", "iptables: command not found"),
    ("chmod 4755 /usr/bin/env", "privileged", "/usr/bin/env"),
    ("reboot", "bypass", "reboot: command not found"),
];

#[test]
fn what_a_preview_shows_to_go_wrong_lint_finds_in_the_same_line() {
    let image = Image::new();
    let unit = [("/usr/lib/systemd/system/agent.service", "[Install]\nWantedBy=multi-user.target\n")];
    let lines: Vec<&str> = SINS.iter().map(|(line, ..)| *line).collect();
    let post = format!("%post\n{}\n:\n", lines.join("\n"));
    let file = build_with(&image.beside("rpms"), "sins", "", &unit, &post);
    let output = Command::new(nodeshim())
        .args(["lint", "--json", &file])
        .output()
        .expect("nodeshim starts");
    assert_eq!(output.status.code(), Some(1));
    let linted: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let mut found: BTreeMap<u64, Vec<&str>> = BTreeMap::new();
    for finding in linted["items"][0]["findings"].as_array().expect("findings") {
        let line = finding["line"].as_u64().expect("a line");
        found.entry(line).or_default().push(finding["rule"].as_str().expect("a rule"));
    }
    let preview = succeed(&mut image.nodeshim("preview", ["--allow-unsigned", &file]));
    let shown = [preview.stdout, preview.stderr]
        .map(|text| String::from_utf8_lossy(&text).into_owned())
        .concat();
    for (line, (command, rule, words)) in (1..).zip(SINS) {
        let rules = found.get(&line).cloned().unwrap_or_default();
        assert!(rules.contains(&rule), "{command}: {rules:?}");
        assert!(shown.contains(words), "{command}: {words}: {shown}");
    }
}
