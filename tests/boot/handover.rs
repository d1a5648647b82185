//! A shim that was left standing in an image that is booted stands in nobody's way.

use crate::machine::{Machine, unit};
use crate::{expect, look};

/// Left armed, as by a run that was killed.
fn armed() -> Machine {
    let machine = Machine::new();
    let nodeshim = crate::support::stage().join("usr/bin/nodeshim").display().to_string();
    machine.host(&[&nodeshim, "arm", "--root", &machine.root("")]);
    let body = unit("scripted.service", "ExecStart=/usr/bin/sleep infinity")
        + "%post\nsystemctl daemon-reload\nsystemctl enable --now scripted.service\n";
    machine.put(&machine.package("scripted", "1", &body), "/var/tmp/scripted.rpm");
    machine
}

const LIVE: &str = "
    inside sh -c 'printf \"[Service]\\nExecStart=/usr/bin/sleep infinity\\n[Install]\\nWantedBy=multi-user.target\\n\" >/etc/systemd/system/live.service'
    inside systemctl daemon-reload
    ask shim sh -c 'cmp -s /usr/bin/systemctl /usr/lib/sysimage/nodeshim/shim && echo stands'
    ask enabled sh -c 'systemctl enable --now live.service; echo $?'
    ask runs systemctl is-active live.service
    ask exits sh -c 'systemctl is-active none.service; echo $?'
    ask words sh -c 'systemctl show -P Description \"live.service\"'
    ask env sh -c 'SYSTEMD_COLORS=0 SYSTEMD_PAGER= LC_ALL=C systemctl --no-legend list-unit-files live.service'
    ask rpm sh -c 'rpm --dbpath /var/lib/rpm --nodeps -i /var/tmp/scripted.rpm 2>&1 | grep -c ^Created; systemctl is-enabled scripted.service; systemctl is-active scripted.service'
    ask recorded sh -c 'grep -c ^argv /usr/lib/sysimage/nodeshim/journal.toml 2>/dev/null || true'
";

#[test]
fn the_original_does_the_work_on_a_booted_system() {
    let machine = armed();
    let looked = machine.boot(&look(LIVE));
    expect(
        &looked,
        &[
            "shim=stands",
            "rpm=1 enabled active",
            "runs=active",
            "exits=inactive 3",
            "words=live.service",
            "recorded=",
            "enabled=Created symlink /etc/systemd/system/multi-user.target.wants/live.service → /etc/systemd/system/live.service. 0",
        ],
    );
}

#[test]
fn a_node_that_is_set_to_record_gets_both() {
    let machine = armed();
    machine.write("/etc/nodeshim/nodeshim.toml", "[shims]\nbooted = \"record\"\n");
    let script = format!("{LIVE}
        ask intents sh -c 'grep -c \"^want = .enable\" /usr/lib/sysimage/nodeshim/journal.toml'
        ask starts sh -c 'grep -A4 \"^kind = .defer\" /usr/lib/sysimage/nodeshim/journal.toml | grep -c \"runtime = true\"'");
    let looked = machine.boot(&look(&script));
    expect(
        &looked,
        &[
            "shim=stands",
            "rpm=1 enabled active",
            "runs=active",
            "exits=inactive 3",
            "intents=2",
            "starts=2",
        ],
    );
    assert!(!looked.contains("recorded=\n"), "{looked}");
}
