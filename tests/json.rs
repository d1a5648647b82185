//! What each verb prints with `--json`, held against the schemas that are published.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
#[path = "support/schema.rs"]
mod schema;
#[path = "support/sign.rs"]
mod sign;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use image::{Image, build_with, made_once};
use schema::assert_fits;
use serde_json::{Value, json};
use support::{nodeshim, succeed};

const UNIT: &str = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
const INIT: &str = "#!/bin/sh\n# chkconfig: 345 80 20\n# description: old\n";
/// Requests of every kind, some of which tools or policy refuse.
const SCRIPTLETS: &str = "%post
systemctl enable agent.service
systemctl start agent.service
systemctl mask other.service
systemctl set-default multi-user.target
systemctl add-wants multi-user.target agent.service
systemctl enable nosuch.service
systemctl poweroff
chkconfig --add old
chkconfig --level 35 old on
firewall-cmd --permanent --add-port=8080/tcp
firewall-cmd --permanent --add-port=22/tcp
firewall-cmd --permanent --add-source-port=5000/udp
firewall-cmd --permanent --add-protocol=gre
firewall-cmd --permanent --add-service=http
firewall-cmd --permanent --zone=trusted --add-interface=eth7
firewall-cmd --permanent --zone=internal --add-source=10.0.0.0/8
firewall-cmd --permanent --add-masquerade
firewall-cmd --permanent --add-forward-port=port=81:proto=tcp:toport=8081
firewall-cmd --permanent --add-icmp-block=echo-request
firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" source address=\"10.0.0.0/8\" service name=\"ssh\" accept'
firewall-cmd --permanent --new-zone=mine
firewall-cmd --add-port=9090/tcp
echo 1 >/etc/agent.conf
chmod 4755 /usr/bin/agent
:
";
const METADATA: &str = "schema = 1\nsummary = \"An agent\"\n[firewall]\nports = [\"7070/tcp\"]\n[units]\nenable = [\"agent.service\"]\n";

fn unsigned(directory: &Path) -> String {
    let files = [
        ("/usr/lib/systemd/system/agent.service", UNIT),
        ("/usr/lib/systemd/system/other.service", UNIT),
        ("/etc/init.d/old", INIT),
        ("/usr/bin/agent", "#!/bin/sh\n"),
        ("/usr/share/ovirt-node/plugins.d/agent.toml", METADATA),
        ("/usr/libexec/vdsm/hooks/before_vm_start/50_agent", "#!/bin/sh\n"),
    ];
    build_with(directory, "agent", "Provides: ovirt-node-plugin(agent) = 1", &files, SCRIPTLETS)
}

/// An image with one plugin that nodeshim installed and one that rpm installed under it.
fn image() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let make = |place: &Path| {
        let image = Image::new();
        let policy = image.path().join("usr/lib/nodeshim/policy.d");
        fs::create_dir_all(&policy).unwrap();
        fs::copy(support::project().join("packaging/policy.d/00-node.toml"), policy.join("00-node.toml"))
            .unwrap();
        let agent = unsigned(&image.beside("rpms"));
        let key = sign::key("good").display().to_string();
        sign::sign(Path::new(&agent), "good", None);
        fits(&image, "key", &["import", &key]);
        fits(&image, "install", &["--dry-run", &agent]);
        fits(&image, "install", &[&agent]);
        image.install(&["node-exporter-0.9"]);
        succeed(Command::new("cp").arg("-a").arg(image.path()).arg(place));
    };
    Image::copy_of(PLACE.get_or_init(|| made_once("many", make)))
}

/// What a verb prints, which is what its schema describes.
#[track_caller]
fn fits(image: &Image, verb: &str, args: &[&str]) -> Value {
    let output = image.nodeshim(verb, ["--json"]).args(args).output().expect("nodeshim starts");
    let value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"));
    assert_fits(verb, &value);
    value
}

#[test]
fn what_verbs_print_about_an_image_is_what_the_schemas_describe() {
    let image = image();
    let list = fits(&image, "list", &[]);
    let kinds: BTreeSet<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["intent"]["kind"].as_str().unwrap())
        .collect();
    assert!(kinds.len() >= 8, "{kinds:?}");
    for (verb, args) in [
        ("show", &["agent", "--files"][..]),
        ("plugins", &[]),
        ("plugins", &["--registered"]),
        ("ports", &["--all"]),
        ("units", &["--all"]),
        ("log", &["--all"]),
        ("log", &["--files"]),
        ("why", &["8080/tcp"]),
        ("why", &["/etc/agent.conf"]),
        ("why", &["nosuch.service"]),
        ("plan", &[]),
        ("export", &["--format", "firewalld"]),
        ("export", &["--format", "ansible"]),
        ("firewall", &["show"]),
        ("policy", &["list"]),
        ("policy", &["test", "agent"]),
        ("policy", &["test", "--", "firewall-cmd", "--permanent", "--add-port=1/tcp"]),
        ("apply", &["--dry-run"]),
        ("key", &["list"]),
        ("report", &[]),
        ("repair", &[]),
    ] {
        fits(&image, verb, args);
    }
}

#[test]
fn what_verbs_print_that_change_an_image_is_what_the_schemas_describe() {
    let image = image();
    fs::remove_file(image.path().join("etc/systemd/system/multi-user.target.wants/agent.service")).unwrap();
    let found = fits(&image, "check", &[]);
    assert!(!found["items"].as_array().unwrap().is_empty());
    let before = image.beside("before.json").display().to_string();
    succeed(&mut image.nodeshim("report", ["--format", "json", "--out", &before]));
    fits(&image, "plan", &[]);
    fits(&image, "settle", &[]);
    fits(&image, "revert", &["--dry-run", "node-exporter"]);
    fits(&image, "revert", &["node-exporter"]);
    let again = fits(&image, "revert", &["node-exporter"]);
    assert_eq!(again["plan"]["changes"], json!([]));
    fits(&image, "remove", &["agent"]);
    let again = fits(&image, "remove", &["agent"]);
    assert_eq!(again["plan"], Value::Null);
    fits(&image, "firewall", &["remove", "--dry-run"]);
    fits(&image, "key", &["remove", &sign::fingerprint("good")]);
    let mut diff = Command::new(nodeshim());
    let output = diff.args(["diff", "--json", &before]).arg(image.path()).output().unwrap();
    assert_fits("diff", &serde_json::from_slice(&output.stdout).expect("JSON"));
}

#[test]
fn what_verbs_print_about_packages_is_what_the_schemas_describe() {
    let image = Image::new();
    let package = unsigned(&image.beside("rpms"));
    let output = Command::new(nodeshim()).args(["lint", "--json", &package]).output().unwrap();
    assert_fits("lint", &serde_json::from_slice(&output.stdout).expect("JSON"));
    fits(&image, "policy", &["test", &package]);
    let previewed = fits(&image, "preview", &["--allow-unsigned", &package]);
    assert!(!previewed["requests"].as_array().unwrap().is_empty());
    fits(&image, "install", &[&package]);
}

#[test]
fn what_a_run_and_arming_print_is_what_the_schemas_describe() {
    let image = Image::new();
    let script = "echo of the command; chroot \"$0\" /usr/bin/firewall-cmd --permanent --add-port=80; exit 3";
    let root = image.path().display().to_string();
    let output = image.nodeshim("run", ["--json", "--", "sh", "-c", script, &root]).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let ran: Value = serde_json::from_slice(&output.stdout).expect("nothing but JSON");
    assert_fits("run", &ran);
    assert!(String::from_utf8_lossy(&output.stderr).contains("of the command"), "{output:?}");
    assert_eq!((&ran["exit"], &ran["plugins"]), (&json!(3), &json!(1)));
    assert_eq!(ran["requests"][0]["command"], "/usr/bin/firewall-cmd --permanent --add-port=80");
    assert!(ran["failed"][0].as_str().unwrap().contains("80"), "{ran:#}");
    let rpm = image.rpm(&["-U", &image::package("node-console-a-1.0")]);
    let words: Vec<&str> = ["--"].into_iter().chain(rpm.iter().map(String::as_str)).collect();
    let ran = fits(&image, "run", &words);
    assert_eq!((&ran["exit"], &ran["plugins"]), (&json!(0), &json!(2)));
    assert_eq!(ran["requests"][0]["nevra"], "node-console-a-1.0-1.noarch");
    assert!(!ran["plan"]["changes"].as_array().unwrap().is_empty());
    let armed = fits(&image, "arm", &[]);
    assert!(armed["paths"].as_array().unwrap().contains(&json!("/usr/bin/systemctl")), "{armed:#}");
    let disarmed = fits(&image, "disarm", &[]);
    assert_eq!((&disarmed["was-armed"], &disarmed["problems"]), (&json!(true), &json!([])));
    assert_eq!(disarmed["restored"], armed["paths"]);
    let again = fits(&image, "disarm", &[]);
    assert_eq!((&again["was-armed"], &again["restored"]), (&json!(false), &json!([])));
}

#[test]
fn an_error_is_an_object_for_every_verb() {
    let image = Image::new();
    for (verb, args) in [
        ("show", &["nosuch"][..]),
        ("install", &["/nosuch.rpm"]),
        ("replay", &["--from", "/nosuch"]),
    ] {
        let output = image.nodeshim(verb, args).arg("--json").output().unwrap();
        let line = String::from_utf8(output.stderr).unwrap();
        let error = line.lines().last().unwrap_or_default();
        assert_fits("error", &serde_json::from_str(error).unwrap_or_else(|_| panic!("{verb}: {line}")));
    }
}

#[test]
fn every_verb_that_prints_json_has_a_schema_and_every_schema_a_verb() {
    let output = succeed(Command::new(nodeshim()).arg("--help")).stdout;
    let help = String::from_utf8(output).unwrap();
    let verbs = help
        .lines()
        .filter_map(|line| line.strip_prefix("  ")?.split_once("  "))
        .map(|(verb, _)| verb);
    let silent = ["completions", "-h,", "nodeshim"];
    let verbs: BTreeSet<&str> = verbs
        .filter(|verb| !verb.is_empty() && !silent.contains(verb) && !verb.contains(' '))
        .collect();
    let names = schema::names();
    let names: BTreeSet<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !["common", "error"].contains(name))
        .collect();
    assert_eq!(
        verbs.iter().filter(|verb| !verb.starts_with('-')).copied().collect::<BTreeSet<_>>(),
        names
    );
}
