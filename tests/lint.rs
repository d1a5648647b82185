//! Lint over real packages: what is wrong, denied, put off or better declared is said with its place.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
mod support;

use std::fs;
use std::process::{Command, Output};

use image::build_with;
use support::scratch;

fn lint(args: &[&str]) -> Output {
    let mut command = Command::new(support::nodeshim());
    command.arg("lint").args(args).env_clear().env("PATH", "/usr/bin:/bin");
    command.output().expect("nodeshim starts")
}

fn text(output: &Output) -> String {
    // Lines are wrapped for a terminal.
    String::from_utf8_lossy(&output.stdout).replace("\n    ", " ")
}

#[test]
fn a_package_is_looked_at_without_being_installed() {
    let dir = scratch();
    let metadata = "schema = 1\n[firewall]\nports = [\"8080/tcp\"]\n[kernel]\nparameters = [\"quiet\"]\n";
    let files = [
        ("/usr/share/ovirt-node/plugins.d/p.toml", metadata),
        ("/usr/libexec/vdsm/hooks/before_vm_strat/50_p", "#!/bin/sh\n"),
        ("/usr/share/other/x", "x\n"),
        ("/usr/share/p/x", "x\n"),
    ];
    let scriptlets = "%post\nA=a.service\nsystemctl enable $A\nsystemctl start \"$B\"\n\
        systemctl disable sshd\nfirewall-cmd --permanent --add-port=8080/tcp\nuseradd x\niptables -F\n\
        %preun -p /sbin/ldconfig\n%postun -p <lua>\nprint(1)\n%pre -p /usr/bin/python3\nprint(1)\n";
    let file = build_with(dir.path(), "p", "", &files, scriptlets);
    let output = lint(&[&file]);
    let said = text(&output);
    for expected in [
        "%post:2: note: systemctl enable a.service: could be declared; in metadata: [units] enable = [\"a.service\"]",
        "%post:3: note: systemctl start $B: what it asks for shows only when it runs",
        "%post:4: error: disable sshd.service: denied by policy (node: protected-units: the node needs this unit as it is)",
        "p.toml: error: boot with quiet: denied by policy (node: global: this affects the whole system)",
        "%post:6: note: useradd x: could be declared; in metadata: [[user]]",
        "%post:7: warning: iptables -F: changes the firewall of the machine that builds the image",
        "50_p: warning: vdsm has no hook point before_vm_strat: it is never run",
        "/usr/share/other/x: warning: is outside of the places that plugins of a node may use",
        "%pre:1: note: a scriptlet in /usr/bin/python3: what it asks for shows only when it runs",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("postun"), "a script that runs nothing asks for nothing: {said}");
    assert!(!said.contains("8080"), "what is declared already is no finding: {said}");
    assert!(!said.contains("/usr/share/p/x"), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn loops_and_lua_are_read_as_far_as_they_are_known() {
    let dir = scratch();
    let scriptlets = "%post\nUNITS=\"sshd.service a.service\"\nfor u in $UNITS b.timer; do\n  systemctl disable \"$u\"\ndone\n\
        for u in $(ls /x); do systemctl enable $u; done\n\
        case \"$1\" in 1) $SYSTEMCTL enable z ;; esac\necho x | xargs systemctl enable\necho systemctl\n\
        sh -c 'systemctl enable y.service'\n%posttrans -p <lua>\nfor _, unit in ipairs({'c.service', 'd.service'}) do\n  os.execute('systemctl enable ' .. unit)\nend\n\
        posix.exec('/usr/bin/systemctl', 'start', 'c.service')\nos.execute('iptables -F; systemctl disable sshd.service')\n\
        rpm.execute('systemctl', 'enable', arg[2])\nos.execute(cmd)\n\
        %triggerin -p <lua> -- other\nos.execute('systemctl disable auditd.service')\n";
    let file = build_with(dir.path(), "p", "", &[("/usr/share/p/x", "x\n")], scriptlets);
    let output = lint(&[&file]);
    let said = text(&output);
    for expected in [
        "%post:3: error: disable sshd.service: denied by policy (node: protected-units",
        "%post:3: note: systemctl disable a.service: could be declared; in metadata: [units] disable = [\"a.service\"]",
        "%post:3: note: systemctl disable b.timer: could be declared",
        "%post:5: note: systemctl enable $u: what it asks for shows only when it runs",
        "%post:6: note: $SYSTEMCTL enable z: what it asks for shows only when it runs",
        "%post:7: note: xargs systemctl enable: what it asks for shows only when it runs",
        "%post:9: note: systemctl enable y.service: could be declared",
        "%posttrans:2: note: systemctl enable c.service: could be declared",
        "%posttrans:2: note: systemctl enable d.service: could be declared",
        "%posttrans:4: note: /usr/bin/systemctl start c.service: put off until the boot",
        "%posttrans:5: warning: iptables -F: changes the firewall of the machine",
        "%posttrans:5: error: disable sshd.service: denied by policy",
        "%posttrans:6: note: systemctl enable ?: what it asks for shows only when it runs",
        "%posttrans:7: note: os.execute(cmd): what it asks for shows only when it runs",
        "%triggerin:1: error: disable auditd.service: denied by policy",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("echo") && !said.contains("$1"), "{said}");
    assert!(!said.contains("$UNITS") && !said.contains("\"$u\""), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_package_without_fault_ends_with_0_also_as_json() {
    let dir = scratch();
    let files = [("/usr/share/p/x", "x\n")];
    let file = build_with(dir.path(), "p", "", &files, "%post\nsystemctl daemon-reload\n");
    assert_eq!((text(&lint(&[&file])).as_str(), lint(&[&file]).status.code()), ("", Some(0)));
    let json = lint(&["--json", &file]).stdout;
    let found: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(found[0]["findings"], serde_json::json!([]));
}

#[test]
fn a_metadata_file_by_itself_and_what_is_no_package() {
    let dir = scratch();
    let path = dir.path().join("p.toml");
    fs::write(
        &path,
        "schema = 1\n[units]\nenable = [\"a\", \"b.service\"]\n\n[firewall]\nports = [\"80\"]\n",
    )
    .unwrap();
    let output = lint(&[path.to_str().unwrap()]);
    let said = text(&output);
    assert!(said.contains("p.toml:3: error: \"a\" is not a unit's name"), "{said}");
    assert!(said.contains("p.toml:6: error: \"80\" is not PORT/PROTOCOL"), "{said}");
    let other = dir.path().join("x.rpm");
    fs::write(&other, "no rpm").unwrap();
    let output = lint(&[other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("x.rpm: "), "{output:?}");
}
