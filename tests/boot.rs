//! What was recorded takes effect on a real systemd, booted in a container, with real packets.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/machine.rs"]
mod machine;
mod support;

use machine::{Machine, unit};

/// Says how often a unit was started.
const COUNT: &str = "Type=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c 'echo start >>/var/tmp/%p'";
const SLEEP: &str = "ExecStart=/usr/bin/sleep infinity";

/// Prints one `name=value` line for each question.
const LOOK: &str = "
    ask() { printf '%s=%s\\n' \"$1\" \"$(shift; inside \"$@\" 2>&1 | tr '\\n' ' ' | sed 's/ $//')\"; }
    ask alpha systemctl is-enabled alpha.service
    ask alpha-runs systemctl is-active alpha.service
    ask beta-runs systemctl is-active beta.service
    ask beta-starts sh -c 'cat /var/tmp/beta 2>/dev/null | wc -l'
    ask gamma-tries sh -c 'cat /var/tmp/gamma 2>/dev/null | wc -l'
    ask delta systemctl is-enabled delta.service
    ask apply systemctl is-active nodeshim-apply.service
    ask firewall systemctl is-active nodeshim-firewall.service
    ask failed sh -c 'systemctl --failed --no-legend --plain | cut -d\" \" -f1'
";

fn expect(looked: &str, lines: &[&str]) {
    for line in lines {
        assert!(looked.lines().any(|found| found == *line), "no {line:?} in:\n{looked}");
    }
}

fn plugins(machine: &Machine) -> Vec<String> {
    let alpha = unit("alpha.service", SLEEP)
        + "%post\nsystemctl enable --now alpha.service\nfirewall-cmd --permanent --add-port=8080/tcp\n";
    let beta = unit("beta.service", COUNT) + "%post\nsystemctl start beta.service\nlokkit -p 5353:udp\n";
    let fails = "Type=oneshot\nExecStart=/bin/sh -c 'echo try >>/var/tmp/gamma; exit 1'";
    let gamma = unit("gamma.service", fails) + "%post\nsystemctl restart gamma.service\n";
    let delta = unit("delta.service", SLEEP) + "%post\nsystemctl disable delta.service\n";
    vec![
        machine.package("alpha", "1", &alpha),
        machine.package("beta", "1", &beta),
        machine.package("gamma", "1", &gamma),
        machine.package("delta", "1", &delta),
    ]
}

fn install(machine: &Machine, files: &[String]) {
    let files: Vec<&str> = files.iter().map(String::as_str).collect();
    machine.rpm(&[&["-U"], files.as_slice()].concat());
}

#[test]
fn what_was_recorded_takes_effect_and_the_administrator_wins() {
    let machine = Machine::with_nodeshim();
    // A distribution that would enable everything at first boot.
    machine.write(
        "/etc/systemd/system-preset/90-distribution.preset",
        "enable alpha.service\nenable delta.service\n",
    );
    install(&machine, &plugins(&machine));
    let looked = machine.first_boot(&format!("{LOOK}
        peer tcp:8080=open 6/tcp:8080=open udp:5353=open tcp:22=open tcp:8081=rejected udp:53=rejected >&2 || echo packets
        inside journalctl -u nodeshim-apply --no-pager >&2
        inside cat /var/lib/nodeshim/applied.toml >&2
        inside nodeshim apply >&2; echo again=$?"));
    expect(
        &looked,
        &[
            "alpha=enabled",
            "alpha-runs=active",
            "beta-runs=active",
            "beta-starts=1",
            "gamma-tries=1",
            "delta=disabled",
            "apply=failed",
            "firewall=active",
        ],
    );
    assert!(!looked.contains("packets"), "{looked}");
}
