//! The D-Bus service on a booted node: systemd starts it, in its sandbox, and what changes is told.

use crate::machine::Machine;
use crate::{alpha, expect, install, look};

const METADATA: &str = "%install\ninstall -d %{buildroot}/usr/share/ovirt-node/plugins.d\n\
    printf 'schema = 1\\n[firewall]\\nports = [\"7007/tcp\"]\\n' \
    >%{buildroot}/usr/share/ovirt-node/plugins.d/meta.toml\n\
    %files\n/usr/share/ovirt-node/plugins.d/meta.toml\n";

/// Asks as root and as nobody, then has two plugins change while somebody listens to the bus: to all of
/// it, as who asks for a name's signals only once it has an owner would miss what a service that is
/// started for a change tells at once.
const ASK: &str = "
    call='busctl call org.ovirt.node.Plugins1 /org/ovirt/node/Plugins1 org.ovirt.node.Plugins1'
    nobody='setpriv --reuid=65534 --regid=65534 --clear-groups'
    ask bus systemctl show -P Id dbus.service
    ask before systemctl is-active nodeshim-plugins1.service
    ask list sh -c \"$nobody $call List | grep -c alpha-1-1.noarch\"
    ask started systemctl is-active nodeshim-plugins1.service
    ask get sh -c \"$nobody $call Get s alpha | grep -c '\\\"ports\\\" as 1 \\\"8080/tcp\\\"'\"
    ask none sh -c \"$nobody $call Get s none 2>&1\"
    ask refused sh -c \"$nobody $call Refresh as 0 2>&1\"
    ask root sh -c \"$call Refresh as 0 && echo fine\"
    ask sandbox sh -c 'nsenter -t $(systemctl show -P MainPID nodeshim-plugins1) -m touch /etc/x /usr/lib/sysimage/nodeshim/x 2>&1 | grep -c Read-only'
    inside rpm --dbpath /var/lib/rpm --nodeps -i /var/tmp/meta.rpm
    inside timeout 60 sh -c 'busctl --json=short --match type=signal,interface=org.ovirt.node.Plugins1 monitor >/var/tmp/told 2>/var/tmp/listening &
        seen() { until grep -q \"$1\" /var/tmp/$2; do sleep 0.05; done; }
        seen Monitoring listening
        systemctl stop nodeshim-plugins1.service
        nodeshim settle --root / >/dev/null && seen meta told && nodeshim settle --root / >/dev/null && nodeshim revert --root / alpha >/dev/null && seen alpha told; kill $!'
    ask told sh -c 'sed -n \"s/.*\\\"member\\\":\\\"\\(Changed\\)\\\".*\\\"data\\\":\\(.*\\)}}.*/\\1 \\2/p\" /var/tmp/told'
    ask problems sh -c 'journalctl -u nodeshim-plugins1 -p warning -o cat'
";

#[test]
fn the_bus_starts_the_service_and_what_changes_is_told() {
    let machine = Machine::with_nodeshim();
    assert_asked(&machine, "bus=dbus.service");
}

/// What Fedora has for a bus.
#[test]
fn another_bus_gives_the_same_answers() {
    let machine = Machine::with_nodeshim();
    let alias = machine.root("/etc/systemd/system/dbus.service");
    machine.host(&["ln", "-s", "/usr/lib/systemd/system/dbus-broker.service", &alias]);
    assert_asked(&machine, "bus=dbus-broker.service");
}

fn assert_asked(machine: &Machine, bus: &str) {
    install(machine, &[alpha(machine)]);
    let meta = machine.package("meta", "1", METADATA);
    machine.put(&meta, "/var/tmp/meta.rpm");
    let looked = machine.boot(&look(ASK));
    expect(
        &looked,
        &[
            bus,
            "before=inactive",
            "list=1",
            "started=active",
            "get=1",
            "none=Call failed: nothing is recorded of none",
            "refused=Call failed: Access denied",
            "root=fine",
            "sandbox=2",
            "told=Changed [[\"meta\"]] Changed [[\"alpha\"]]",
            "problems=",
            "failed=",
        ],
    );
}
