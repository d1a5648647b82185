//! The rule files that lokkit's stand-in generates are loaded by the real iptables tools, both the
//! nftables and the legacy ones, in a network namespace that is thrown away; and what lokkit does
//! where it cannot write.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
mod support;

use std::ffi::OsString;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use call::call_with;
use nodeshim::config::{Backend, Config};
use nodeshim::firewall::lokkit::icmp::ICMP_TYPES;
use nodeshim::firewall::lokkit::services::SERVICES;
use nodeshim::tool::Tool;

const CUSTOM: &str = "-A INPUT -p tcp --dport 7 -j DROP\n";
const CUSTOM_NAT: &str = "-A POSTROUTING -o lo -j RETURN";

/// Command lines that between them have every kind of rule.
fn command_lines() -> Vec<String> {
    let all = |option: &str, keys: &mut dyn Iterator<Item = &str>| {
        keys.map(|key| format!("{option}={key}")).collect::<Vec<_>>().join(" ")
    };
    let services = all("--service", &mut SERVICES.iter().map(|service| service.key));
    let icmp = all("--block-icmp", &mut ICMP_TYPES.iter().map(|icmp| icmp.key));
    let forwards = "--forward-port=if=w0:port=80:proto=tcp:toport=8080 \
                    --forward-port=if=w0:port=90-99:proto=udp:toport=190-199 \
                    --forward-port=if=w1:port=1:proto=tcp:toaddr=192.0.2.1 \
                    --forward-port=if=w+:port=1-9:proto=udp:toport=11-19:toaddr=192.0.2.1 \
                    --forward-port=if=w0:port=7:proto=tcp:toaddr=";
    let custom = "--custom-rules=/custom --custom-rules=ipv6:/custom --custom-rules=mangle:/custom \
                  --custom-rules=ipv6:mangle:/custom --custom-rules=nat:/custom-nat \
                  --custom-rules=/missing";
    let interfaces = r#"-t lan0 -t br+ -t a"b\ -t it's -t -x -m wan0 -m --"#;
    vec![
        "--enabled".to_owned(),
        "-p 0:tcp -p 65535:udp -p 1-65535:tcp".to_owned(),
        services.clone(),
        icmp.clone(),
        forwards.to_owned(),
        custom.to_owned(),
        interfaces.to_owned(),
        format!("{services} {icmp} {forwards} {custom} {interfaces} --default=desktop -p 1:udp"),
    ]
}

/// The rule files of a command line: IPv4, IPv6.
fn rule_files(line: &str) -> [String; 2] {
    let image = support::scratch();
    fs::write(image.path().join("custom"), CUSTOM).unwrap();
    fs::write(image.path().join("custom-nat"), CUSTOM_NAT).unwrap();
    fs::create_dir(image.path().join("etc")).unwrap();
    let mut config = Config::default();
    config.firewall.backend = Backend::Iptables;
    let line = format!("-n {line}");
    let reply = call_with(image.path(), Tool::Lokkit, &config, line.split_whitespace());
    assert_eq!(reply.exit, 0, "{line}: {:?}", reply.output);
    ["iptables", "ip6tables"]
        .map(|name| fs::read_to_string(image.path().join("etc/sysconfig").join(name)).unwrap())
}

/// Feeds a shell script in a network namespace of its own.
fn in_namespace(script: &str, input: &str) -> Output {
    let mut child = Command::new("unshare")
        .args(["--net", "sh", "-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// Checks a rule file, loads it, and compares how many rules each table then has.
fn load(tool: &str, variant: &str, rules: &str) {
    let tool = format!("{tool}-{variant}");
    let script = format!("cat >&9; {tool}-restore --test <&8 && {tool}-restore <&7 && {tool}-save");
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().display();
    let script = format!("exec 9>{path} 8<{path} 7<{path}; {script}");
    let output = in_namespace(&script, rules);
    let saved = String::from_utf8(output.stdout).unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{tool}: {complaints}\n{rules}");
    assert_eq!(count(&saved), count(rules), "{tool}:\n{saved}\n{rules}");
}

/// The rules of the tables, in the tables' order by name.
fn count(rules: &str) -> Vec<(String, usize)> {
    let mut tables: Vec<(String, usize)> = Vec::new();
    for line in rules.lines() {
        match (line.strip_prefix('*'), tables.last_mut()) {
            (Some(table), _) => tables.push((table.to_owned(), 0)),
            (None, Some((_, rules))) if line.starts_with("-A ") => *rules += 1,
            _ => {}
        }
    }
    tables.retain(|(_, rules)| *rules > 0);
    tables.sort();
    tables
}

/// Whether the kernel still has the legacy interface.
fn has_legacy(tool: &str) -> bool {
    let empty = "*filter\n:INPUT ACCEPT [0:0]\nCOMMIT\n";
    let restored = in_namespace(&format!("{tool}-legacy-restore"), empty);
    if !restored.status.success() {
        eprintln!("no {tool}-legacy here: {}", String::from_utf8_lossy(&restored.stderr));
    }
    restored.status.success()
}

#[test]
fn every_rule_set_is_loaded_by_the_real_tools() {
    let legacy = ["iptables", "ip6tables"].map(has_legacy);
    for line in command_lines() {
        let files = rule_files(&line);
        for ((tool, legacy), rules) in ["iptables", "ip6tables"].into_iter().zip(legacy).zip(&files) {
            load(tool, "nft", rules);
            if legacy {
                load(tool, "legacy", rules);
            }
        }
    }
}

#[test]
fn a_closed_rule_set_lets_only_the_opened_port_in() {
    let [rules, _] = rule_files("-p 8190:tcp");
    // Over loopback everything is let in: that rule is taken out so that one namespace will do.
    let rules = rules.replace("-A INPUT -i lo -j ACCEPT\n", "");
    let script = "ip link set lo up && iptables-nft-restore && exec python3 -c '
import socket
for port in 8190, 8191:
    listener = socket.create_server((\"127.0.0.1\", port))
    client = socket.socket()
    client.settimeout(5)
    print(port, client.connect_ex((\"127.0.0.1\", port)) == 0)
'";
    let output = in_namespace(script, &rules);
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers, "8190 True\n8191 False\n", "{}", String::from_utf8_lossy(&output.stderr));
}

fn armed_image() -> tempfile::TempDir {
    let image = support::scratch();
    for directory in ["usr/sbin", "etc/sysconfig", "etc/nodeshim"] {
        fs::create_dir_all(image.path().join(directory)).unwrap();
    }
    fs::write(image.path().join("etc/nodeshim/nodeshim.toml"), "[firewall]\nbackend = \"iptables\"\n")
        .unwrap();
    support::arm(image.path());
    image
}

/// Runs lokkit in an image after a shell command in a mount namespace of its own.
fn lokkit_after(image: &Path, preparation: &str, words: &str) -> Output {
    let script = format!("cd \"$0\" && {preparation} && exec chroot . /usr/sbin/lokkit {words}");
    Command::new("unshare")
        .args(["--mount", "sh", "-c", &script])
        .arg(image)
        .output()
        .unwrap()
}

#[test]
fn a_read_only_directory_is_said_and_nothing_is_left_behind() {
    let image = armed_image();
    let configuration = image.path().join("etc/sysconfig/system-config-firewall");
    fs::write(&configuration, "--enabled\n--port=22:tcp\n").unwrap();
    let before = support::snapshot(&image.path().join("etc"));
    let read_only = "mount --bind etc/sysconfig etc/sysconfig && mount -o remount,bind,ro etc/sysconfig";
    let output = lokkit_after(image.path(), read_only, "-n -p 80:tcp");
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(
        said.starts_with("Failed to write /etc/sysconfig/system-config-firewall.\n\n"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(support::snapshot(&image.path().join("etc")), before);
    let journal = fs::read_to_string(image.path().join("usr/lib/sysimage/nodeshim/journal.toml")).unwrap();
    assert!(journal.contains("port = \"80\"") && journal.contains("changed = false"), "{journal}");
}

#[test]
fn special_files_never_block_and_are_left_alone() {
    let image = armed_image();
    let places = [
        "etc/services",
        "etc/sysctl.conf",
        "etc/selinux",
        "etc/sysconfig/iptables",
        "rules",
    ];
    let at = |path: &str| image.path().join(path);
    for place in places {
        support::succeed(Command::new("mkfifo").arg(at(place)));
    }
    std::os::unix::fs::symlink("/dev/null", at("etc/sysconfig/system-config-firewall")).unwrap();
    fs::create_dir(at("dev")).unwrap();
    support::succeed(Command::new("mknod").arg(at("dev/null")).args(["c", "1", "3"]));
    let lokkit = |words: &str| {
        let words = ["timeout", "10", "chroot", ".", "/usr/sbin/lokkit"]
            .into_iter()
            .chain(words.split(' '))
            .map(OsString::from);
        let output = Command::new("env").args(words).current_dir(image.path()).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    assert_eq!(lokkit("-n -p name:tcp"), (Some(2), String::new()));
    let failed = |path: &str| format!("Failed to write {path}.\n\n");
    let expected = [
        "Failed to write selinux configuration.\n".to_owned(),
        failed("/etc/sysconfig/system-config-firewall"),
        failed("/etc/sysctl.conf"),
        failed("/etc/sysconfig/iptables"),
    ];
    let answer = lokkit("-n -m wan0 --custom-rules=/rules --selinux=disabled");
    assert_eq!(answer, (Some(4), expected.concat()));
    for place in places {
        let kind = fs::symlink_metadata(at(place)).unwrap().file_type();
        assert!(std::os::unix::fs::FileTypeExt::is_fifo(&kind), "{place}");
    }
}
