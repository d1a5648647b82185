//! What firewall-cmd and firewall-offline-cmd calls are recorded as, whatever they answer.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;

use std::fs;
use std::path::Path;

use call::call;
use nodeshim::config::FirewallCmd;
use nodeshim::request::Reply;
use nodeshim::tool::Tool;

fn image() -> tempfile::TempDir {
    let image = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = image.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put("usr/lib/firewalld/zones/public.xml", "<zone>\n  <service name=\"ssh\"/>\n</zone>\n");
    put("usr/lib/firewalld/zones/trusted.xml", "<zone target=\"ACCEPT\"/>\n");
    put("usr/lib/firewalld/services/ssh.xml", "<service/>\n");
    image
}

fn answering(image: &Path, tool: Tool, answer: FirewallCmd, line: &str) -> Reply {
    call(image, tool, line, |config| config.shims.firewall_cmd = answer)
}

/// Each intent as one line of TOML values.
fn intents(reply: &Reply) -> Vec<String> {
    let line = |text: String| {
        text.lines().map(|l| l.replace(" = ", "=").replace('"', "")).collect::<Vec<_>>().join(" ")
    };
    reply.intents.iter().map(|recorded| line(toml::to_string(recorded).unwrap())).collect()
}

#[test]
fn edits_of_files_carry_an_intent_for_each_value() {
    let image = image();
    let offline = |line: &str| answering(image.path(), Tool::FirewallOfflineCmd, FirewallCmd::Virtual, line);
    let reply = offline("--add-port=80/tcp --add-port=80/tcp --add-port=x");
    assert_eq!(reply.exit, 0);
    assert_eq!(
        intents(&reply),
        [
            "kind=note severity=low text=port x of Zone 'public' is invalid changed=false",
            "kind=allow opening=port port=80 protocol=tcp zone=public changed=true",
            "kind=allow opening=port port=80 protocol=tcp zone=public changed=false",
        ]
    );
    let reply = offline("--add-service=nope --add-service=ssh");
    assert_eq!(reply.exit, 101);
    assert!(reply.intents.iter().all(|recorded| !recorded.changed));
    let reply = offline("-t eth1 -m eth0");
    assert_eq!(
        intents(&reply),
        [
            "kind=allow opening=interface interface=eth1 trusted=true zone=trusted changed=true",
            "kind=allow opening=masquerade zone=public changed=true",
        ]
    );
    assert_eq!(intents(&offline("--query-port=80/tcp")), Vec::<String>::new());
    assert_eq!(
        intents(&offline("--reset-to-defaults")),
        ["kind=firewall-reset changed=false"],
        "recorded, and nothing is wiped"
    );
    assert!(image.path().join("etc/firewalld/zones/public.xml").exists());
}

#[test]
fn a_change_of_the_running_firewall_is_recorded_and_not_written() {
    let image = image();
    let reply = answering(image.path(), Tool::FirewallCmd, FirewallCmd::Virtual, "--add-port=80/tcp");
    assert_eq!(reply.exit, 0);
    assert!(reply.intents.iter().all(|recorded| recorded.runtime));
    assert_eq!(reply.intents.len(), 1);
    assert!(!image.path().join("etc").exists());
    assert!(!image.path().join("usr/lib/sysimage").exists());
}

#[test]
fn without_a_bus_or_daemon_the_request_is_recorded_all_the_same() {
    let image = image();
    for (answer, exit) in [(FirewallCmd::NoBus, 36), (FirewallCmd::NoDaemon, 252)] {
        let reply = answering(image.path(), Tool::FirewallCmd, answer, "--permanent --add-service=ssh");
        assert_eq!(reply.exit, exit);
        assert_eq!(
            intents(&reply),
            ["kind=allow opening=firewall-service service=ssh zone=public changed=false"]
        );
        let reply = answering(image.path(), Tool::FirewallCmd, answer, "--permanent --new-service=a");
        assert_eq!(intents(&reply), ["kind=definition object=service name=a change=new changed=false"]);
        assert!(!image.path().join("etc").exists());
    }
}

#[test]
fn an_interface_is_trusted_where_the_trusted_zone_is_the_default() {
    let image = image();
    let offline = |line: &str| answering(image.path(), Tool::FirewallOfflineCmd, FirewallCmd::Virtual, line);
    assert_eq!(offline("--set-default-zone=trusted").exit, 0);
    let reply = offline("-p 80:tcp -t eth1");
    assert_eq!(reply.exit, 0);
    let zone = fs::read_to_string(image.path().join("etc/firewalld/zones/trusted.xml")).unwrap();
    for part in [
        "<interface name=\"eth1\"/>",
        "<port port=\"80\" protocol=\"tcp\"/>",
    ] {
        assert!(zone.contains(part), "{zone}");
    }
}
