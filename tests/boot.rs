//! What was recorded takes effect on a real systemd, booted in a container, with real packets.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "boot/bus.rs"]
mod bus;
#[path = "boot/faults.rs"]
mod faults;
#[path = "boot/first.rs"]
mod first;
#[path = "boot/handover.rs"]
mod handover;
#[path = "support/machine.rs"]
mod machine;
mod support;

use machine::{Machine, text, unit};

/// Says how often a unit was started.
const COUNT: &str = "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo start >>/var/tmp/%p'";
const SLEEP: &str = "ExecStart=/usr/bin/sleep infinity";

/// Prints one `name=value` line for each question.
const LOOK: &str = "
    ask() { printf '%s=%s\\n' \"$1\" \"$(shift; inside \"$@\" 2>&1 | tr '\\n' ' ' | sed 's/ $//')\"; }
    packets() { if peer \"$@\" >&2; then echo packets=right; else echo packets=wrong; fi; }
    ask alpha systemctl is-enabled alpha.service
    ask alpha-runs systemctl is-active alpha.service
    ask beta-runs systemctl is-active beta.service
    ask beta-starts sh -c 'cat /var/tmp/beta 2>/dev/null | wc -l'
    ask gamma-tries sh -c 'cat /var/tmp/gamma 2>/dev/null | wc -l'
    ask delta systemctl is-enabled delta.service
    ask watch systemctl is-enabled watch.service
    ask apply systemctl is-active nodeshim-apply.service
    ask firewall systemctl is-active nodeshim-firewall.service
    ask failed sh -c 'systemctl --failed --no-legend --plain | cut -d\" \" -f1'
";

fn look(script: &str) -> String {
    format!("{LOOK}\n{script}")
}

fn expect(looked: &str, lines: &[&str]) {
    for line in lines {
        assert!(looked.lines().any(|found| found == *line), "no {line:?} in:\n{looked}");
    }
}

/// Enables and starts its unit and opens a port.
fn alpha(machine: &Machine) -> String {
    let body = unit("alpha.service", SLEEP)
        + "%post\nsystemctl enable --now alpha.service\nfirewall-cmd --permanent --add-port=8080/tcp\n";
    machine.package("alpha", "1", &body)
}

/// Starts its unit, which nobody enables, and opens a port.
fn beta(machine: &Machine, version: &str, port: &str) -> String {
    let scriptlet = format!("%post\nsystemctl start beta.service\nlokkit -p {port}\n");
    machine.package("beta", version, &(unit("beta.service", COUNT) + &scriptlet))
}

/// Starts a unit that fails.
fn gamma(machine: &Machine) -> String {
    let fails = "Type=oneshot\nExecStart=/bin/sh -c 'echo try >>/var/tmp/gamma; exit 1'";
    machine.package(
        "gamma",
        "1",
        &(unit("gamma.service", fails) + "%post\nsystemctl restart gamma.service\n"),
    )
}

/// Disables its unit, which the distribution's presets would enable.
fn delta(machine: &Machine) -> String {
    machine.package(
        "delta",
        "1",
        &(unit("delta.service", SLEEP) + "%post\nsystemctl disable delta.service\n"),
    )
}

fn install(machine: &Machine, files: &[String]) {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    machine.rpm(&[&["-U"], files.as_slice()].concat());
}

fn four_plugins(machine: &Machine) {
    machine.write(
        "/etc/systemd/system-preset/90-distribution.preset",
        "enable alpha.service\nenable delta.service\n",
    );
    install(
        machine,
        &[
            alpha(machine),
            beta(machine, "1", "5353:udp"),
            gamma(machine),
            delta(machine),
        ],
    );
}

#[test]
fn what_was_recorded_takes_effect_and_the_administrator_wins() {
    let machine = Machine::with_nodeshim();
    four_plugins(&machine);
    // What the builder decides.
    install(&machine, &[machine.package("watch", "1", &unit("watch.service", SLEEP))]);
    machine.run(&[
        "chroot",
        &machine.root(""),
        "systemctl",
        "enable",
        "watch.service",
    ]);
    let first = machine.first_boot(&look(
        "packets tcp:8080=open 6/tcp:8080=open udp:5353=open tcp:22=open tcp:8081=rejected udp:53=rejected
        ask log sh -c 'journalctl -u nodeshim-apply -o cat | grep -c \"^1/2\\|^2/2\"'
        ask bus sh -c 'journalctl -u nodeshim-apply -p err -o cat | grep -c gamma'
        ask idle sh -c 'stat -c %Y.%i /var/lib/nodeshim/applied.toml; nodeshim apply --dry-run --json | grep -c kept.:.true'",
    ));
    let running = [
        "alpha=enabled",
        "alpha-runs=active",
        "delta=disabled",
        "firewall=active",
        "packets=right",
    ];
    expect(&first, &running);
    expect(
        &first,
        &[
            "beta-runs=active",
            "beta-starts=1",
            "gamma-tries=1",
            "watch=enabled",
            "apply=failed",
            "log=2",
            "bus=1",
        ],
    );
    // Nothing is started twice; what failed is tried once more.
    let second = machine.boot(&look(
        "packets tcp:8080=open udp:5353=open
        inside systemctl disable --now alpha.service watch.service
        inside rm /etc/nftables/nodeshim.d/alpha.nft",
    ));
    expect(&second, &running);
    expect(
        &second,
        &[
            "beta-runs=inactive",
            "beta-starts=1",
            "gamma-tries=2",
            "apply=failed",
        ],
    );
    // What the administrator took back stays so, and what failed twice is left.
    let closed = "packets tcp:8080=rejected udp:5353=open tcp:22=open
        ask again sh -c 'nodeshim apply; echo $?'
        ask quick sh -c 'nodeshim apply --if-changed --json | grep -c unchanged.:.true'
        inside sh -c 'mkdir -p /etc/nodeshim; touch /etc/nodeshim/nodeshim.toml'
        ask drift sh -c 'nodeshim apply --if-changed --json | grep -c unchanged.:.false'";
    let third = machine.boot(&look(closed));
    let kept = [
        "alpha=disabled",
        "alpha-runs=inactive",
        "watch=disabled",
        "packets=right",
        "apply=active",
        "failed=",
    ];
    expect(&third, &kept);
    expect(&third, &["beta-starts=1", "gamma-tries=2", "quick=1", "drift=1"]);
    assert!(third.contains("enable alpha.service for alpha, changed on this node"), "{third}");
    assert!(third.contains("alpha.nft: changed on this node"), "{third}");
    // So it does when another plugin is upgraded: that one's start is a new one.
    install(&machine, &[beta(&machine, "2", "8081:tcp")]);
    let calls = "packets tcp:8080=rejected udp:5353=open tcp:8081=open
        ask calls timeout 30 sh -c ': >/var/tmp/calls; busctl monitor org.freedesktop.systemd1 >/var/tmp/calls 2>&1 & seen() { until grep -q $1 /var/tmp/calls; do sleep 0.05; done; }
            seen Monitoring; nodeshim apply >/dev/null; seen Member=ListUnitsByNames && ! grep -q Member=GetUnitFileState /var/tmp/calls && echo seen; kill $!'";
    let fourth = machine.boot(&look(calls));
    expect(&fourth, &kept);
    expect(&fourth, &["beta-runs=active", "beta-starts=2", "gamma-tries=2", "calls=seen"]);
    // And when one is erased.
    machine.rpm(&["-e", "beta"]);
    let fifth =
        machine.boot(&look("packets tcp:8080=rejected udp:5353=rejected tcp:8081=rejected tcp:22=open"));
    expect(&fifth, &kept);
    expect(&fifth, &["beta-runs=inactive", "beta-starts=2"]);
}

/// Puts off until the boot what one plugin asks for.
const PUT_OFF: &str = "format = 1\n[[rule]]\nplugin = \"late\"\nverdict = \"defer\"\n";

/// Enables and starts its unit, opens a port, sets the default target.
fn late(machine: &Machine) -> String {
    let body = unit("late.service", COUNT)
        + "%post\nsystemctl enable --now late.service\nlokkit -p 7777:tcp\n\
           systemctl set-default late.target\nexit 0\n";
    machine.package("late", "1", &body)
}

#[test]
fn an_image_without_nodeshim_is_as_safe_and_starts_the_same() {
    let machine = Machine::new();
    four_plugins(&machine);
    machine.write("/etc/nodeshim/policy.d/put-off.toml", PUT_OFF);
    let told = text(&machine.rpm(&["-U", &late(&machine)]));
    let nodeshim = support::stage().join("usr/bin/nodeshim").display().to_string();
    let report = text(&machine.host(&[&nodeshim, "report", "--root", &machine.root("")]));
    assert!(report.contains("warning: nothing will open 7777/tcp"), "{report}");
    // systemd can do some of it by itself; of the rest nobody is left in the dark.
    for line in [
        "late: warning: nothing will open 7777/tcp: it waits for the boot, and nodeshim is not in this image",
        "late: warning: nothing will set default target late.target: policy deferred it, and a boot cannot do it",
    ] {
        assert!(told.contains(line), "{line:?} is not told: {told}");
    }
    assert_eq!(told.matches("warning").count(), 2, "{told}");
    let started = "ask started sh -c 'cat /var/lib/nodeshim/started/beta.service'
        ask gave-up sh -c 'cat /var/lib/nodeshim/started/gamma.service'
        ask late sh -c 'systemctl is-enabled late.service; wc -l </var/tmp/late; cat /var/lib/nodeshim/*/late.service'
        ask order sh -c 'systemctl show -P After network-pre.target | tr \" \" \"\\n\" | grep nodeshim | sort'";
    let script = format!("packets tcp:8080=open udp:5353=open tcp:22=open tcp:8081=rejected\n{started}");
    let first = machine.first_boot(&look(&format!("{script}\ninside systemctl disable late.service")));
    expect(
        &first,
        &[
            "alpha=enabled",
            "alpha-runs=active",
            "beta-runs=active",
            "beta-starts=1",
            "gamma-tries=1",
            "delta=disabled",
            "firewall=active",
            "packets=right",
            "started=success",
            "late=enabled 1 success success",
            "order=nodeshim-firewall-closed.service nodeshim-firewall.service",
        ],
    );
    let second = machine.boot(&look(&script));
    expect(
        &second,
        &[
            "beta-runs=inactive",
            "beta-starts=1",
            "gamma-tries=1",
            "packets=right",
            "late=disabled 1 success success",
        ],
    );
}

#[test]
fn firewalld_lets_the_same_through_and_keeps_closed_what_was_closed() {
    let machine = Machine::with_nodeshim();
    machine.host(&[
        "systemctl",
        "--root",
        &machine.root(""),
        "enable",
        "firewalld.service",
    ]);
    install(&machine, &[alpha(&machine), beta(&machine, "1", "5353:udp")]);
    let open = "packets tcp:8080=open 6/tcp:8080=open udp:5353=open tcp:8081=rejected udp:53=rejected";
    let first = machine.first_boot(&look(&format!(
        "{open}
        ask services firewall-cmd --list-services
        inside firewall-cmd -q --permanent --remove-service=nodeshim-beta && inside firewall-cmd -q --reload
        packets tcp:8080=open udp:5353=rejected"
    )));
    expect(
        &first,
        &[
            "apply=active",
            "beta-starts=1",
            "packets=right",
            "firewall=inactive",
        ],
    );
    assert!(
        !first.contains("packets=wrong") && first.contains("nodeshim-alpha nodeshim-beta"),
        "{first}"
    );
    // A plugin that comes later is let through at once, by a reload over D-Bus.
    let gamma =
        machine.package("gamma", "1", "%files\n%post\nfirewall-cmd --permanent --add-port=9090/tcp\n");
    install(&machine, &[gamma]);
    let second = machine.boot(&look(
        "packets tcp:8080=open udp:5353=rejected tcp:9090=open
        ask again sh -c 'nodeshim apply >/dev/null; echo $?'",
    ));
    expect(&second, &["apply=active", "packets=right", "again=0"]);
}
