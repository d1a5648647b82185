//! Histories of real packages: rpm installs, upgrades and erases them in a machine's root, whose own systemd is
//! then booted. What it has enabled and started and which packets pass is as on the image with the original tools.

use std::fmt::Write;

use nodeshim::config::Backend;

use super::Twins;
use super::firewalld_support::number;
use super::history::{Call, Step, TARGETS, VENDOR_SCRIPT, VENDOR_UNITS, history, own_script, own_unit};
use super::machine::Machine;
use super::original::Firewall;
use super::twins::{METADATA, SCRIPT, SCRIPTS, TARGET, UNIT, UNITS, WEB, metadata};

/// Histories that are booted in a run of all tests, of those with an upgrade, an erasure and a builder.
const HISTORIES: u64 = 1;

#[test]
fn a_booted_machine_has_started_and_opened_what_was_last_asked_for() {
    let mut firewall = Firewall::start();
    let worth = (number("NODESHIM_SEED", 1)..).filter(|seed| is_worth_it(&history(*seed)));
    let wanted = number("NODESHIM_BOOTED_HISTORIES", HISTORIES);
    for seed in worth.take(usize::try_from(wanted).expect("a number")) {
        let steps = history(seed);
        let shown: Vec<String> = steps.iter().map(|step| format!("  {step}")).collect();
        let (twins, expected) = Twins::live(&mut firewall, &steps, Backend::Nftables);
        let starts = twins.wanted.starts();
        let mut lines: Vec<String> = expected
            .units
            .iter()
            .map(|(unit, state)| {
                let runs = state == "enabled" || !state.starts_with("masked") && starts.contains(unit);
                format!("{unit} {state} {}", if runs { "active" } else { "inactive" })
            })
            .collect();
        lines.push(format!("target {}", expected.target));
        lines.push("packets right".to_owned());
        let machine = live(&steps);
        let units: Vec<&str> = expected.units.keys().copied().collect();
        let found = machine.first_boot(&look(&units, &probes(&expected.open)));
        let found: Vec<&str> = found.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(found, lines, "seed {seed}\n{}", shown.join("\n"));
    }
}

/// Presets of the machine's other units are not for it.
fn is_worth_it(steps: &[Step]) -> bool {
    let has = |is_one: &dyn Fn(&Step) -> bool| steps.iter().any(is_one);
    has(&|step| matches!(step, Step::Upgrade { .. }))
        && has(&|step| matches!(step, Step::Erase { .. }))
        && has(&|step| matches!(step, Step::Builder(_)))
        && !has(&|step| matches!(step, Step::Builder(calls) if calls.contains(&Call::PresetAll)))
}

/// Prints a line for each unit, the target, and whether the packets are as expected.
fn look(units: &[&str], probes: &[String]) -> String {
    format!(
        "for unit in {}; do\n\
         echo $unit $(inside systemctl is-enabled $unit 2>/dev/null) $(inside systemctl is-active $unit)\n\
         done\n\
         echo target $(inside systemctl get-default)\n\
         if peer {} >&2; then echo packets right; else echo packets wrong; fi",
        units.join(" "),
        probes.join(" ")
    )
}

/// What is let in on the default zone's interface.
fn probes(open: &std::collections::BTreeSet<String>) -> Vec<String> {
    let ports = [
        ("22", "tcp"),
        ("80", "tcp"),
        ("81", "tcp"),
        ("443", "udp"),
        ("8080", "tcp"),
        ("9003", "tcp"),
        ("9006", "tcp"),
    ];
    let is_open = |port: &str, protocol: &str| {
        let service = match port {
            "22" => "ssh",
            "8080" => "web",
            _ => "",
        };
        open.contains(&format!("public {port}/{protocol}")) || open.contains(&format!("public {service}"))
    };
    let probe = |(port, protocol): &(&str, &str)| {
        format!(
            "{protocol}:{port}={}",
            if is_open(port, protocol) {
                "open"
            } else {
                "rejected"
            }
        )
    };
    ports.iter().map(probe).collect()
}

/// A machine that has lived through a history.
fn live(steps: &[Step]) -> Machine {
    let machine = Machine::with_nodeshim();
    machine.write("/etc/systemd/system-preset/90-image.preset", "enable v0.service\n");
    machine.rpm(&["-U", &vendor(&machine)]);
    let root = machine.root("");
    machine.host(&[&["systemctl", "--root", &root, "preset"], VENDOR_UNITS.as_slice()].concat());
    for (index, step) in steps.iter().enumerate() {
        match step {
            Step::Install { .. } | Step::Upgrade { .. } => {
                let file = package(&machine, steps, index);
                machine.rpm(&["-U", &file]);
            }
            Step::Erase { package, .. } => drop(machine.rpm(&["-e", package])),
            Step::Builder(calls) => {
                drop(machine.run(&["chroot", &root, "sh", "-c", &script(calls)]));
            }
        }
    }
    machine
}

/// The lines of a scriptlet, none of which lets it fail.
fn script(calls: &[Call]) -> String {
    let lines = calls.iter().map(|call| format!("{call} || :\n"));
    lines.chain(["true\n".to_owned()]).collect()
}

/// `%install` and `%files` of a package that ships these.
fn payload(files: &[(String, String)]) -> String {
    let mut text = "%install\n".to_owned();
    for (path, content) in files {
        let _ = write!(
            text,
            "mkdir -p $(dirname %{{buildroot}}/{path})\ncat >%{{buildroot}}/{path} <<'EOF'\n{content}EOF\n"
        );
    }
    text += "%files\n";
    for (path, _) in files {
        let mode = if path.starts_with(SCRIPTS) {
            "%attr(0755,root,root) "
        } else {
            ""
        };
        let _ = writeln!(text, "{mode}/{path}");
    }
    text
}

/// What the image itself ships.
fn vendor(machine: &Machine) -> String {
    let mut files: Vec<(String, String)> = VENDOR_UNITS
        .iter()
        .chain(&["w@.service"])
        .map(|unit| (format!("{UNITS}/{unit}"), UNIT.to_owned()))
        .collect();
    files.push((format!("{UNITS}/{}", TARGETS[1]), TARGET.to_owned()));
    files.push((format!("{SCRIPTS}/{VENDOR_SCRIPT}"), SCRIPT.to_owned()));
    files.push(("usr/lib/firewalld/services/web.xml".to_owned(), format!("{WEB}\n")));
    machine.package("vendor", "1", &payload(&files))
}

/// The package of an installation or upgrade, with what its scriptlets will be asked until it is gone.
fn package(machine: &Machine, steps: &[Step], index: usize) -> String {
    let (name, post) = match &steps[index] {
        Step::Install { package, post, .. } | Step::Upgrade { package, post, .. } => (*package, post),
        _ => panic!("no package comes"),
    };
    let of_it = |step: &&Step| match step {
        Step::Install { package, .. } | Step::Upgrade { package, .. } | Step::Erase { package, .. } => {
            *package == name
        }
        Step::Builder(_) => false,
    };
    let (mut version, mut declared) = (0, &Vec::new());
    for step in steps[..=index].iter().filter(of_it) {
        match step {
            Step::Install { declared: of, .. } => (version, declared) = (1, of),
            _ => version += 1,
        }
    }
    let none = Vec::new();
    let (preun, erased, replaced) = match steps[index + 1..].iter().find(of_it) {
        Some(Step::Erase { preun, postun, .. }) => (preun, postun, &none),
        Some(Step::Upgrade { postun, .. }) => (&none, &none, postun),
        _ => (&none, &none, &none),
    };
    let mut files = vec![
        (format!("{UNITS}/{}", own_unit(name)), UNIT.to_owned()),
        (format!("{SCRIPTS}/{}", own_script(name)), SCRIPT.to_owned()),
    ];
    files.extend((!declared.is_empty()).then(|| (format!("{METADATA}/{name}.toml"), metadata(declared))));
    let scriptlets = format!(
        "%post\n{}%preun\nif [ $1 = 0 ]; then\n{}fi\n%postun\nif [ $1 = 0 ]; then\n{}else\n{}fi\n",
        script(post),
        script(preun),
        script(erased),
        script(replaced)
    );
    machine.package(name, &version.to_string(), &(payload(&files) + &scriptlets))
}
