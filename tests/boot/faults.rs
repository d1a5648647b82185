//! Whatever goes wrong is said, ends with an exit code, is finished later, and never leaves the
//! firewall more open than asked.

use crate::machine::{Machine, unit};
use crate::{alpha, beta, expect, install, look};

/// Two plugins on a machine whose apply is not called at boot.
fn machine() -> Machine {
    let machine = Machine::with_nodeshim();
    install(&machine, &[alpha(&machine), beta(&machine, "1", "5353:udp")]);
    machine.host(&[
        "systemctl",
        "--root",
        &machine.root(""),
        "mask",
        "nodeshim-apply.service",
    ]);
    machine
}

/// `apply` under some condition: its exit code, and one line of what it says.
fn apply(name: &str, options: &str) -> String {
    format!(
        "ask {name} sh -c 'nodeshim apply {options} 2>&1 >/dev/null | grep ^nodeshim: | tail -1'
        ask {name}-exit sh -c 'nodeshim apply {options} >/dev/null 2>&1; echo $?'\n"
    )
}

#[test]
fn a_rule_that_cannot_be_loaded_closes_all_but_the_node_s_own() {
    let machine = machine();
    machine.write("/etc/nftables/nodeshim.d/broken.nft", "table inet nodeshim { no such thing }\n");
    let script = format!(
        "packets tcp:8080=rejected udp:5353=rejected tcp:22=open
        {}
        inside rm /etc/nftables/nodeshim.d/broken.nft
        {}
        packets tcp:8080=open udp:5353=open tcp:22=open",
        apply("broken", ""),
        apply("mended", "")
    );
    let looked = machine.boot(&look(&script));
    expect(
        &looked,
        &[
            "firewall=failed",
            "failed=nodeshim-firewall.service",
            "broken-exit=1",
            "mended-exit=0",
        ],
    );
    assert!(!looked.contains("packets=wrong"), "{looked}");
    assert!(looked.contains("what was loaded before stays"), "{looked}");
}

#[test]
fn a_crash_a_full_disk_and_a_bus_that_is_away_are_survived() {
    let machine = machine();
    let slow = "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo try >>/var/tmp/slow; test -e /var/tmp/go || sleep 600'";
    let slow = machine.package(
        "slow",
        "1",
        &(unit("slow.service", slow)
            + "%post\nsystemctl start slow.service\nsystemctl start 'multi-user*'\n"),
    );
    install(&machine, &[slow]);
    let full = "inside sh -c 'mkdir -p /var/lib/nodeshim; mount -t tmpfs -o size=4k full /var/lib/nodeshim; head -c 4096 /dev/zero >/var/lib/nodeshim/x'";
    let script = format!(
        "{full}
        {}
        inside umount /var/lib/nodeshim
        ask untouched sh -c 'cat /var/tmp/beta 2>/dev/null | wc -l'
        inside systemctl stop dbus.socket dbus.service
        inside sh -c 'nodeshim apply >/dev/null 2>&1 & until [ -e /var/tmp/slow ] && [ -e /var/tmp/beta ]; do sleep 0.05; done; kill -9 $!'
        ask begun sh -c 'cat /var/tmp/beta | wc -l'
        ask matched sh -c 'grep -c ^unit....multi-user.target /var/lib/nodeshim/applied.toml'
        {}
        packets tcp:8080=open udp:5353=open udp:53=rejected",
        apply("full", ""),
        apply("hung", "--timeout 1")
    );
    let looked = machine.boot(&look(&script));
    expect(
        &looked,
        &[
            "full-exit=1",
            "untouched=0",
            "begun=1",
            "matched=1",
            "hung-exit=1",
            "packets=right",
        ],
    );
    assert!(looked.contains("No space left on device"), "{looked}");
    assert!(looked.contains("slow: start slow.service: timeout"), "{looked}");
    let finish =
        format!("inside touch /var/tmp/go\n{}ask slow systemctl is-active slow.service", apply("rest", ""));
    let looked = machine.boot(&look(&finish));
    expect(&looked, &["rest-exit=0", "slow=active", "beta-starts=1"]);
}

#[test]
fn a_firewalld_that_failed_is_named_and_left_alone() {
    let machine = Machine::with_nodeshim();
    machine.host(&[
        "systemctl",
        "--root",
        &machine.root(""),
        "enable",
        "firewalld.service",
    ]);
    install(&machine, &[alpha(&machine)]);
    machine.host(&[
        "systemctl",
        "--root",
        &machine.root(""),
        "mask",
        "nodeshim-apply.service",
    ]);
    machine.write("/etc/firewalld/direct.xml", "<?xml version=\"1.0\"?>\n<direct><rule ipv=\"ipv4\" table=\"filter\" chain=\"INPUT\" priority=\"0\">--no-such-option</rule></direct>\n");
    let script = format!(
        "ask state firewall-cmd --state\n{}
        packets tcp:8081=rejected",
        apply("failed-state", "")
    );
    let looked = machine.boot(&look(&script));
    expect(&looked, &["failed-state-exit=1"]);
    assert!(
        looked.contains("failed-state=nodeshim: firewall: firewalld is in state FAILED"),
        "{looked}"
    );
}
