//! First boots of every kind: with no machine id, with a firewall that cannot be loaded at all, with
//! the iptables services, and with intents that policy put off until then or that mean more than one
//! unit.

use crate::machine::Machine;
use crate::{SLEEP, alpha, beta, expect, four_plugins, install, look};

#[test]
fn presets_and_links_agree_whatever_the_machine_id_is() {
    for id in ["empty", "missing"] {
        let machine = Machine::with_nodeshim();
        four_plugins(&machine);
        let looked = machine.boot_with_id(id, &look("packets tcp:8080=open udp:5353=open tcp:8081=rejected"));
        expect(
            &looked,
            &[
                "alpha=enabled",
                "alpha-runs=active",
                "delta=disabled",
                "beta-runs=active",
                "beta-starts=1",
                "packets=right",
            ],
        );
    }
}

/// What mkosi does after its scripts: presets are applied in full, and the machine id is empty.
#[test]
fn preset_all_and_an_empty_machine_id_leave_the_firewall_and_the_deferred_starts() {
    let machine = Machine::with_nodeshim();
    machine.write("/etc/systemd/system-preset/99-everything.preset", "disable *\n");
    install(&machine, &[alpha(&machine), beta(&machine, "1", "5353:udp")]);
    machine.host(&["systemctl", "--root", &machine.root(""), "preset-all"]);
    let looked =
        machine.boot_with_id("empty", &look("packets tcp:8080=open udp:5353=open tcp:8081=rejected"));
    expect(
        &looked,
        &[
            "alpha=enabled",
            "alpha-runs=active",
            "beta-runs=active",
            "beta-starts=1",
            "firewall=active",
            "apply=active",
            "packets=right",
        ],
    );
    // The firewall stays when the last plugin goes.
    machine.rpm(&["-e", "alpha", "beta"]);
    let last = machine.boot(&look("packets tcp:8080=rejected udp:5353=rejected tcp:22=open"));
    expect(&last, &["firewall=active", "packets=right"]);
}

#[test]
fn a_node_whose_firewall_cannot_be_loaded_at_all_stops_in_emergency_mode() {
    let machine = Machine::with_nodeshim();
    install(&machine, &[alpha(&machine), beta(&machine, "1", "5353:udp")]);
    machine.host(&["ln", "-sf", "/bin/false", &machine.root("/usr/sbin/nft")]);
    let looked = machine.first_boot(&look(
        "ask emergency systemctl is-active emergency.target
        ask closed systemctl is-active nodeshim-firewall-closed.service
        ask up systemctl is-active multi-user.target",
    ));
    expect(
        &looked,
        &[
            "emergency=active",
            "closed=failed",
            "firewall=failed",
            "up=inactive",
            "alpha-runs=inactive",
            "beta-starts=0",
        ],
    );
}

/// Does what the unit of that name does on systems that start their firewall this way.
const IPTABLES: &str = "[Unit]\nBefore=network-pre.target\nWants=network-pre.target\n[Service]\nType=oneshot\n\
    RemainAfterExit=yes\nExecStart=/usr/sbin/iptables-restore /etc/sysconfig/iptables\n\
    [Install]\nWantedBy=multi-user.target\n";

/// A node's own rules, which let in secure shell.
const RULES: &str = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n\
    -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT\n-A INPUT -p icmp -j ACCEPT\n-A INPUT -i lo -j ACCEPT\n\
    -A INPUT -p tcp -m tcp --dport 22 -j ACCEPT\n-A INPUT -j REJECT --reject-with icmp-admin-prohibited\nCOMMIT\n";

#[test]
fn the_iptables_services_load_the_rules_and_keep_out_what_was_taken_out() {
    let machine = Machine::with_nodeshim();
    machine.write("/etc/systemd/system/iptables.service", IPTABLES);
    machine.write("/etc/sysconfig/iptables", RULES);
    machine.host(&[
        "systemctl",
        "--root",
        &machine.root(""),
        "enable",
        "iptables.service",
    ]);
    machine.write("/etc/systemd/system-preset/10-node.preset", "enable iptables.service\n");
    let zeta = machine.package("zeta", "1", "%files\n%post\nfirewall-cmd --permanent --add-port=5353/udp\n");
    install(&machine, &[alpha(&machine), zeta]);
    let first = machine.first_boot(&look(
        "packets tcp:8080=open udp:5353=open tcp:22=open tcp:8081=rejected udp:53=rejected
        inside sed -i '/nodeshim: begin/,/nodeshim: end/{/8080/d}' /etc/sysconfig/iptables",
    ));
    expect(&first, &["firewall=inactive", "packets=right", "apply=active"]);
    // Of a later plugin the new rule comes in, and comes in at once.
    let gamma =
        machine.package("gamma", "1", "%files\n%post\nfirewall-cmd --permanent --add-port=9090/tcp\n");
    install(&machine, &[gamma]);
    let second = machine.boot(&look(
        "packets tcp:8080=rejected udp:5353=open tcp:9090=open tcp:8081=rejected
        ask again sh -c 'nodeshim apply; echo $?'",
    ));
    expect(&second, &["packets=right", "apply=active"]);
}

/// Puts off what two plugins ask for, and keeps a unit as it is, after the shipped policy, whose file
/// sorts before it.
const POLICY: &str = "format = 1\n[[rule]]\nname = \"later\"\nplugin = [\"alpha\", \"odd\"]\n\
    kind = [\"unit\", \"allow\", \"default-target\"]\nverdict = \"defer\"\n\
    [[rule]]\nname = \"held\"\nkind = \"defer\"\nunit = \"many-held.service\"\nverdict = \"ignore\"\n";
const POLICY_FILE: &str = "/etc/nodeshim/policy.d/put-off.toml";

/// Lets a plugin isolate a target.
const ISOLATE: &str =
    "[[rule]]\nplugin = \"odd\"\nkind = \"defer\"\nwant = \"isolate\"\nverdict = \"allow\"\n";

/// Asks for all that a boot cannot do, must not do, or does to more than one unit.
const ODD: &str = "%files\n%post\nsystemctl set-default rescue.target\nsystemctl isolate quiet.target\n\
    systemctl kill --signal HUP --kill-whom main alpha.service\nsystemctl start 'alpha*' 'no-such-*'\n\
    systemctl restart 'many-*'\nsystemctl --user start own.service\nexit 0\n";

/// Units of one pattern: one runs, two fail at the boot's attempt alone.
fn many(machine: &Machine) {
    let units = "/etc/systemd/system";
    let write = |name: &str, service: &str| {
        let text = format!("[Service]\n{service}\n[Install]\nWantedBy=multi-user.target\n");
        machine.write(&format!("{units}/{name}"), &text);
        let root = machine.root("");
        machine.host(&["systemctl", "--root", &root, "enable", name]);
    };
    let second = "Type=oneshot\nRemainAfterExit=yes\n\
        ExecStart=/bin/sh -c 'echo start >>/var/tmp/%p; [ $(wc -l </var/tmp/%p) -gt 1 ]'";
    write("many-runs.service", SLEEP);
    write("many-fails.service", second);
    write("many-held.service", second);
    machine.write(
        &format!("{units}/quiet.target"),
        "[Unit]\nRequires=basic.target\nAfter=basic.target\nAllowIsolate=yes\n",
    );
}

#[test]
fn what_policy_puts_off_until_a_boot_is_done_at_the_first() {
    let machine = Machine::with_nodeshim();
    machine.write(POLICY_FILE, &format!("{POLICY}{ISOLATE}"));
    many(&machine);
    let odd = machine.package("odd", "1", ODD);
    install(&machine, &[alpha(&machine), beta(&machine, "1", "5353:udp"), odd]);
    for path in [
        "/etc/systemd/system/multi-user.target.wants/alpha.service",
        "/etc/nftables/nodeshim.d/alpha.nft",
    ] {
        assert!(std::fs::symlink_metadata(machine.root(path)).is_err(), "{path} is in the image");
    }
    // The shipped policy alone has nothing isolated.
    machine.write(POLICY_FILE, POLICY);
    let first = machine.first_boot(&look(
        "packets tcp:8080=open udp:5353=open tcp:22=open tcp:8081=rejected
        ask told sh -c 'journalctl -u nodeshim-apply -o cat | tr -s \" \\n\" \" \"'
        ask again sh -c 'nodeshim apply | tr -s \" \\n\" \" \"'
        ask plan sh -c 'nodeshim plan --json | grep -c alpha.service || true'
        ask fails sh -c 'systemctl is-active many-fails.service; wc -l </var/tmp/many-fails'
        ask held sh -c 'systemctl is-active many-held.service; wc -l </var/tmp/many-held'
        inside systemctl disable alpha.service
        inside rm /etc/nftables/nodeshim.d/alpha.nft",
    ));
    expect(
        &first,
        &[
            "alpha=enabled",
            "alpha-runs=active",
            "beta-starts=1",
            "packets=right",
            "plan=0",
            "apply=active",
            "fails=active 2",
            "held=failed 1",
        ],
    );
    for line in [
        "set default target rescue.target for odd, not done: policy deferred it, and a boot cannot do it: it is left to the administrator",
        "start own.service for the calling user for odd, not done: there is no user's service manager at a boot",
        "start no-such-* for odd: no unit that is loaded matches",
        "restart many-* for odd: matches many-fails.service, many-held.service, many-runs.service",
        "restart many-fails.service (many-*) for odd: done",
        "restart many-runs.service (many-*) for odd, not done: runs since",
        "restart many-held.service (many-*) for odd, not done: held back by policy (put-off.toml: held)",
    ] {
        assert!(first.contains(line), "{line:?} is not told: {first}");
    }
    let again = first.lines().find(|line| line.starts_with("again=")).unwrap_or_default();
    assert!(
        again.contains("set default target rescue.target") && !again.contains("own.service"),
        "{again}"
    );
    // Where a policy allows it, it is done once, and does not end who does it. The message bus goes.
    machine.write(POLICY_FILE, &format!("{POLICY}{ISOLATE}"));
    let second = machine.boot(&look(
        "packets tcp:8080=rejected udp:5353=open tcp:22=open
        ask quiet sh -c 'systemctl is-active quiet.target; systemctl is-active many-runs.service'
        ask told sh -c 'journalctl -u nodeshim-apply -b -o cat | grep isolate'
        inside systemctl start many-runs.service
        ask again sh -c 'nodeshim apply >/dev/null; echo $?; systemctl is-active many-runs.service'",
    ));
    expect(
        &second,
        &[
            "alpha=disabled",
            "packets=right",
            "apply=active",
            "quiet=active inactive",
            "again=0 active",
        ],
    );
    assert!(second.contains("isolate quiet.target for odd: done"), "{second}");
}
