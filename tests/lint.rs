//! Lint over real packages: what is wrong, denied, deferred or better declared is said with its place.
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
        "%post:2: note: declare: systemctl enable a.service: could be declared; in metadata: [units] enable = [\"a.service\"]",
        "%post:3: note: unclear: systemctl start $B: what it asks for shows only when it runs",
        "%post:4: error: policy: disable sshd.service: denied by policy (node: protected-units: the node needs this unit as it is)",
        "p.toml: error: policy: boot with quiet: denied by policy (node: global: this affects the whole system)",
        "%post:6: note: declare: useradd x: could be declared; in metadata: [[user]]",
        "%post:7: warning: bypass: iptables -F: changes the firewall of the machine that builds the image",
        "50_p: warning: vdsm-hook: vdsm has no hook point before_vm_strat: it is never run",
        "/usr/share/other: warning: path: 1 file is outside of the places that plugins of a node may use",
        "%pre:1: note: unclear: a scriptlet in /usr/bin/python3: what it asks for shows only when it runs",
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
        "%post:3: error: policy: disable sshd.service: denied by policy (node: protected-units",
        "%post:3: note: declare: systemctl disable a.service: could be declared; in metadata: [units] disable = [\"a.service\"]",
        "%post:3: note: declare: systemctl disable b.timer: could be declared",
        "%post:5: note: unclear: systemctl enable $u: what it asks for shows only when it runs",
        "%post:6: note: unclear: $SYSTEMCTL enable z: what it asks for shows only when it runs",
        "%post:7: note: unclear: xargs systemctl enable: what it asks for shows only when it runs",
        "%post:9: note: declare: systemctl enable y.service: could be declared",
        "%posttrans:2: note: declare: systemctl enable c.service: could be declared",
        "%posttrans:2: note: declare: systemctl enable d.service: could be declared",
        "%posttrans:4: note: put-off: /usr/bin/systemctl start c.service: deferred to the boot",
        "%posttrans:5: warning: bypass: iptables -F: changes the firewall of the machine",
        "%posttrans:5: error: policy: disable sshd.service: denied by policy",
        "%posttrans:6: note: unclear: systemctl enable ?: what it asks for shows only when it runs",
        "%posttrans:7: note: unclear: os.execute(cmd): what it asks for shows only when it runs",
        "%triggerin:1: error: policy: disable auditd.service: denied by policy",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("echo") && !said.contains("$1"), "{said}");
    assert!(!said.contains("$UNITS") && !said.contains("\"$u\""), "{said}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn try_restart_and_triggers_of_removals_are_no_findings_and_bypasses_behind_nohup_are() {
    let dir = scratch();
    let scriptlets = "%post\nsystemctl try-restart other.service\n%preun\nsystemctl disable p.service\n\
        %triggerun -- other\nsystemctl enable p.service\n%triggerpostun -- other\nsystemctl start p.service\n";
    let quiet = build_with(dir.path(), "quiet", "", &[("/usr/share/p/x", "x\n")], scriptlets);
    assert_eq!(text(&lint(&[&quiet])), "");
    let scriptlets = "%post\nnohup ipset flush\nupdate-rc.d p defaults\niptables-save\n";
    let loud = build_with(dir.path(), "loud", "", &[("/usr/share/p/x", "x\n")], scriptlets);
    let said = text(&lint(&[&loud]));
    for expected in [
        "%post:1: warning: bypass: nohup ipset flush: changes the firewall of the machine",
        "%post:2: warning: bypass: update-rc.d p defaults: is for other systems; use systemctl or chkconfig",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert_eq!(said.lines().count(), 2, "{said}");
}

#[test]
fn a_package_without_fault_ends_with_0_also_as_json() {
    let dir = scratch();
    let files = [("/usr/share/p/x", "x\n")];
    let file = build_with(dir.path(), "p", "", &files, "%post\nsystemctl daemon-reload\n");
    assert_eq!((text(&lint(&[&file])).as_str(), lint(&[&file]).status.code()), ("", Some(0)));
    let json = lint(&["--json", &file]).stdout;
    let found: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(found["items"][0]["findings"], serde_json::json!([]));
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
    assert!(said.contains("p.toml:3: error: metadata: \"a\" is not a unit's name"), "{said}");
    assert!(said.contains("p.toml:6: error: metadata: \"80\" is not PORT/PROTOCOL"), "{said}");
    let other = dir.path().join("x.rpm");
    fs::write(&other, "no rpm").unwrap();
    let output = lint(&[other.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("x.rpm: "), "{output:?}");
}

#[test]
fn refused_words_bypasses_and_pipes_into_a_shell_are_found_by_rule() {
    let dir = scratch();
    let scriptlets = "%post\nfirewall-cmd --permenant --add-port=80/tcp\nlokkit -p tcp:80\nsystemctl enabel a\n\
        ln -s ../a.service /etc/systemd/system/multi-user.target.wants/a.service\n\
        echo net.ipv4.ip_forward=1 >> /etc/sysctl.conf\nsed -i s/a/b/ /etc/selinux/config\nreboot\n\
        curl -s https://example.org/x | sh\nsed s/a/b/ /etc/selinux/config\n\
        %preun\nsystemctl disable --now a.service\n";
    let file = build_with(dir.path(), "p", "", &[("/srv/p/x", "x\n")], scriptlets);
    let output = lint(&[&file]);
    let said = text(&output);
    for expected in [
        "%post:1: error: usage: firewall-cmd --permenant --add-port=80/tcp: ",
        "%post:2: error: usage: lokkit -p tcp:80: ",
        "%post:3: error: usage: systemctl enabel a: ",
        "%post:4: warning: by-hand: /etc/systemd/system/multi-user.target.wants/a.service: is changed directly; use systemctl",
        "%post:5: warning: by-hand: /etc/sysctl.conf: is changed directly",
        "%post:6: warning: by-hand: /etc/selinux/config: is changed directly",
        "%post:7: warning: bypass: reboot: would restart or stop the machine",
        "%post:8: warning: piped-shell: sh: runs what another command prints",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert!(!said.contains("%post:9") && !said.contains("%preun"), "{said}");
    assert!(!said.contains("/srv/p"), "a package that is no plugin may put its files anywhere: {said}");
    let without = text(&lint(&["--disable", "usage", "--disable", "by-hand", &file]));
    assert!(!without.contains("usage:") && without.contains("piped-shell"), "{without}");
}

#[test]
fn units_are_compared_with_those_that_the_package_ships_and_rules_are_silenced_by_comments() {
    let dir = scratch();
    let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    let files = [
        ("/usr/lib/systemd/system/agent.service", unit),
        ("/usr/lib/systemd/system/kept.service", unit),
        ("/usr/lib/systemd/system/w@.service", unit),
    ];
    let scriptlets = "%post\nsystemctl enable agnet.service\nsystemctl enable agent.service\n\
        systemctl enable w@a.service\nsystemctl enable kept.service\nsystemctl enable sshd.socket\n\
        firewall-cmd --add-port=80/tcp\nfirewall-cmd --permanent --add-port=81/tcp\n\
        %preun\nif [ $1 = 0 ]; then systemctl disable kept.service w@a.service; fi\n\
        %posttrans\n# nodeshim: disable=bypass, runtime-only\niptables -F\nfirewall-cmd --add-port=82/tcp\n";
    let file = build_with(dir.path(), "p", "", &files, scriptlets);
    let said = text(&lint(&[&file]));
    for expected in [
        "%post:1: warning: unit-name: systemctl enable agnet.service: the package ships no agnet.service; it ships agent.service",
        "%post:2: warning: no-preun: systemctl enable agent.service: no %preun disables agent.service when the package is erased",
        "%post:6: warning: runtime-only: firewall-cmd --add-port=80/tcp: is lost when firewalld reloads",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    for rule in ["unit-name", "no-preun", "runtime-only"] {
        assert_eq!(said.matches(&format!(": {rule}: ")).count(), 1, "{rule}\n{said}");
    }
    assert!(!said.contains("bypass"), "{said}");
}

#[test]
fn warnings_fail_only_if_strict_and_findings_come_in_the_forms_of_ci() {
    let dir = scratch();
    let scriptlets = "%post\niptables -F\n";
    let file = build_with(dir.path(), "p", "", &[("/usr/share/p/x", "x\n")], scriptlets);
    assert_eq!(lint(&[&file]).status.code(), Some(0));
    assert_eq!(lint(&["--strict", &file]).status.code(), Some(1));
    let sarif: serde_json::Value =
        serde_json::from_slice(&lint(&["--format", "sarif", &file]).stdout).expect("JSON");
    let run = &sarif["runs"][0];
    assert_eq!(sarif["version"], "2.1.0");
    assert_eq!(run["results"][0]["ruleId"], "bypass");
    assert_eq!(run["results"][0]["level"], "warning");
    assert_eq!(run["results"][0]["locations"][0]["physicalLocation"]["region"]["startLine"], 1);
    assert_eq!(run["tool"]["driver"]["rules"][0]["id"], "bypass");
    let github = text(&lint(&["--format", "github", &file]));
    assert!(
        github.starts_with("::warning file=") && github.contains(",line=1,title=bypass::%25post: "),
        "{github}"
    );
}

/// What a spec file of the corpus is to be found to have: the lines `# lint: LINE SEVERITY RULE` at its end.
fn expected(spec: &str) -> Vec<String> {
    spec.lines().filter_map(|line| line.strip_prefix("# lint: ")).map(str::to_owned).collect()
}

#[test]
fn spec_files_as_packagers_write_them_have_the_findings_that_they_name() {
    let corpus = support::project().join("tests/spec-corpus");
    let output = lint(&["--json", corpus.to_str().unwrap()]);
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let items = found["items"].as_array().unwrap();
    assert!(items.len() >= 40, "{}", items.len());
    let mut rules = std::collections::BTreeSet::new();
    for item in items {
        let path = item["file"].as_str().unwrap();
        let findings = item["findings"].as_array().unwrap().iter();
        let found: Vec<String> = findings
            .map(|finding| {
                let line = finding["line"].as_u64().map_or("-".to_owned(), |line| line.to_string());
                let (severity, rule) =
                    (finding["severity"].as_str().unwrap(), finding["rule"].as_str().unwrap());
                rules.insert(rule.to_owned());
                format!("{line} {severity} {rule}")
            })
            .collect();
        assert_eq!(found, expected(&fs::read_to_string(path).unwrap()), "{path}: {item:#}");
    }
    // What needs a package that is built is tested with one.
    let elsewhere = ["metadata", "other-port"];
    let all: std::collections::BTreeSet<String> = nodeshim::lint::RULES
        .iter()
        .filter(|rule| !elsewhere.contains(rule))
        .map(|rule| (*rule).to_owned())
        .collect();
    assert_eq!(rules, all, "each rule has a spec file");
}

#[test]
fn a_spec_file_s_findings_have_its_lines_and_no_rule_is_misspelt() {
    let dir = scratch();
    let spec = dir.path().join("p.spec");
    fs::write(&spec, "Name: p\n%post\n%systemd_post p.service\niptables -F\n%files\n").unwrap();
    let said = text(&lint(&[spec.to_str().unwrap()]));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(
        said.starts_with(&format!("{}:4: warning: bypass: %post: iptables -F: ", spec.display())),
        "{said}"
    );
    assert_eq!(text(&lint(&[dir.path().to_str().unwrap()])), said);
    let output = lint(&["--disable", "bypas", spec.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn a_port_that_metadata_does_not_know_is_found() {
    let dir = scratch();
    let metadata = "schema = 1\n[firewall]\nports = [\"910/tcp\"]\n";
    let files = [("/usr/share/ovirt-node/plugins.d/p.toml", metadata)];
    let scriptlets =
        "%post\nfirewall-cmd --permanent --add-port=909/tcp\nfirewall-cmd --permanent --add-port=910/tcp\n";
    let file = build_with(dir.path(), "p", "", &files, scriptlets);
    let said = text(&lint(&[&file]));
    assert!(
        said.contains("%post:1: warning: other-port: opens 909/tcp, and metadata declares 910/tcp"),
        "{said}"
    );
    assert_eq!(said.matches("other-port").count(), 1, "{said}");
}
