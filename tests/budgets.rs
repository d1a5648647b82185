//! What a shim may cost: system calls in a full image, bytes, and packages that it is built from.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use nodeshim::journal::{Appender, Event, Journal};
use nodeshim::root::Root;
use nodeshim::state::State;

use support::{arm, project, scratch, shim, succeed};

const SYSTEM_CALLS: usize = 300;
/// To disable a unit every link has to be read, wherever it lies: to list a directory takes seven
/// system calls, to read a link one.
const LISTING: usize = 7;
const WANTS: usize = 40;
const LINKS: usize = 120;
const UNITS: usize = 3000;
/// To find that a unit is to be disabled, and has no links, takes a look at its file; to enable it takes five more:
/// opened, its size, read, closed, linked.
const LOOK: usize = 1;
const ENABLING: usize = 5;
const BYTES: u64 = 3 << 20;
const PACKAGES: usize = 25;

/// One request of each kind that scriptlets make.
const CALLS: [&[&str]; 11] = [
    &["systemctl", "enable", "unit-1500.service"],
    &["systemctl", "is-enabled", "unit-1500.service"],
    &["systemctl", "--no-reload", "preset", "unit-1501.service"],
    &["systemctl", "disable", "unit-100.service"],
    &["systemctl", "daemon-reload"],
    &["systemctl", "try-restart", "unit-1500.service"],
    &["chkconfig", "--add", "script-500"],
    &["service", "script-500", "start"],
    &["lokkit", "--nostart", "--port=8081:tcp"],
    &["firewall-offline-cmd", "--add-port=8082/tcp"],
    &["firewall-cmd", "--permanent", "--add-port=8083/tcp"],
];

/// An armed root with 3000 units, links in 40 directories, 1000 init scripts, the shipped policy
/// and some recorded events.
fn full_image(root: &Path, events: usize) {
    let units = root.join("usr/lib/systemd/system");
    let links = root.join("etc/systemd/system");
    let scripts = root.join("etc/rc.d/init.d");
    let zones = root.join("usr/lib/firewalld/zones");
    for dir in [&units, &links, &scripts, &zones, &root.join("etc/sysconfig")] {
        fs::create_dir_all(dir).expect("a directory");
    }
    fs::write(zones.join("public.xml"), "<zone><short>Public</short></zone>\n").expect("a zone");
    fs::write(units.join("multi-user.target"), "[Unit]\nDescription=Multi user\n").expect("a unit");
    for n in 0..UNITS {
        let text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
        fs::write(units.join(format!("unit-{n}.service")), text).expect("a unit");
    }
    for n in 0..LINKS {
        let wants = links.join(format!("group-{}.target.wants", n % WANTS));
        fs::create_dir_all(&wants).expect("a directory");
        let name = format!("unit-{n}.service");
        // Tools write both.
        let target = ["/usr/lib/systemd/system", "../../../../usr/lib/systemd/system"][n / WANTS % 2];
        symlink(Path::new(target).join(&name), wants.join(&name)).expect("a link");
    }
    for level in 0..7 {
        fs::create_dir_all(root.join(format!("etc/rc.d/rc{level}.d"))).expect("a directory");
        symlink(format!("rc.d/rc{level}.d"), root.join(format!("etc/rc{level}.d"))).expect("a link");
    }
    symlink("rc.d/init.d", root.join("etc/init.d")).expect("a link");
    for n in 0..1000 {
        let script = scripts.join(format!("script-{n}"));
        fs::write(&script, "#!/bin/sh\n# chkconfig: 345 50 50\n# description: Script\n").expect("a script");
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).expect("a script");
    }
    let policies = root.join("usr/lib/nodeshim");
    fs::create_dir_all(&policies).expect("a directory");
    succeed(Command::new("cp").arg("-r").arg(project().join("packaging/policy.d")).arg(&policies));
    arm(root);
    record(root, events);
}

fn record(root: &Path, events: usize) {
    let text = "id = 0\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"chkconfig\"\n\
                argv = [\"chkconfig\", \"--list\"]\nexit = 0\nverdict = \"allow\"\n";
    let mut event: Event = toml::from_str(text).expect("an event");
    let mut journal = Appender::open(&Root::open(root).expect("the root opens")).expect("the journal opens");
    for _ in 0..events {
        journal.append(&mut event).expect("room for an event");
    }
}

/// How many system calls the shim makes, from its own start to its end.
fn system_calls(root: &Path, trace: &Path, argv: &[&str]) -> usize {
    let mut command = Command::new("strace");
    command.arg("-o").arg(trace).args(["chroot"]).arg(root).args(argv);
    command.env_clear().envs(support::ENVIRONMENT).stdin(Stdio::null());
    succeed(&mut command);
    let lines = fs::read_to_string(trace).expect("the trace");
    let (_, own) = lines.rsplit_once("\nexecve(").expect("the shim was started");
    // A debug build looks whether a file is open before it closes it.
    let counts = |line: &&str| line.contains('(') && !line.contains("F_GETFD");
    1 + own.lines().skip(1).filter(counts).count()
}

/// The calls in a full image with this many recorded events, in order.
fn all_calls(events: usize) -> Vec<usize> {
    let place = scratch();
    let root = place.path().join("root");
    full_image(&root, events);
    CALLS.iter().map(|argv| system_calls(&root, &place.path().join("trace"), argv)).collect()
}

#[test]
fn a_call_makes_few_system_calls_however_much_is_recorded() {
    let (few, many) = (all_calls(10), all_calls(10_000));
    for (argv, (few, many)) in CALLS.iter().zip(few.into_iter().zip(many)) {
        let links = if argv[1] == "disable" {
            WANTS * LISTING + LINKS
        } else {
            0
        };
        assert!(many <= SYSTEM_CALLS + links, "{argv:?} makes {many} system calls");
        assert!(many.abs_diff(few) <= 4, "{argv:?}: {few} with 10 events, {many} with 10000");
    }
}

#[test]
fn preset_all_makes_few_system_calls_a_unit() {
    let place = scratch();
    let root = place.path().join("root");
    full_image(&root, 10);
    let presets = root.join("usr/lib/systemd/system-preset");
    fs::create_dir_all(&presets).expect("a directory");
    // 1000 to 1999, and what has a link already.
    fs::write(presets.join("90-all.preset"), "enable unit-1???.service\ndisable *\n").expect("presets");
    let made = system_calls(&root, &place.path().join("trace"), &["systemctl", "preset-all"]);
    let enabled = fs::read_dir(root.join("etc/systemd/system/multi-user.target.wants"))
        .expect("links")
        .count();
    assert_eq!(enabled, 1000);
    // Each link is read, followed where it is not written in full, and removed, and its directory with it.
    let most = SYSTEM_CALLS + UNITS * LOOK + enabled * ENABLING + WANTS * (LISTING + 2) + LINKS * 4;
    assert!(made <= most, "{made} system calls, more than {most}");
}

#[test]
fn the_shim_is_static_and_small() {
    let headers = succeed(Command::new("readelf").arg("-lW").arg(shim()).env("LC_ALL", "C"));
    assert!(!String::from_utf8_lossy(&headers.stdout).contains("INTERP"));
    // Only an optimised build, which somebody else staged, tells about its size.
    if std::env::var_os("NODESHIM_STAGE").is_some() {
        let bytes = fs::metadata(shim()).expect("the shim").len();
        assert!(bytes <= BYTES, "the shim has {bytes} bytes");
    }
}

#[test]
fn the_shim_is_built_from_few_packages() {
    let mut tree = Command::new(env!("CARGO"));
    tree.args([
        "tree",
        "--locked",
        "--offline",
        "--package",
        "nodeshim",
        "--no-default-features",
    ]);
    tree.args(["--edges", "normal,build", "--prefix", "none", "--format", "{p}"])
        .current_dir(project());
    let output = succeed(&mut tree).stdout;
    let text = String::from_utf8_lossy(&output).into_owned();
    let packages: BTreeSet<&str> = text.lines().filter_map(|line| line.split(" (").next()).collect();
    assert!(packages.len() > 3, "{packages:?}");
    assert!(packages.len() <= PACKAGES, "{} packages: {packages:?}", packages.len());
}

/// rpm starts to say where its plugins are, what is installed before, as the command, and to say what is installed after.
const RPMS: usize = 4;

#[test]
fn a_run_starts_rpm_few_times_and_no_shell() {
    let place = scratch();
    let (root, trace) = (place.path().join("root"), place.path().join("trace"));
    succeed(Command::new(project().join("tests/lib/mkroot")).arg(&root));
    let mut command = Command::new("strace");
    command
        .args(["-f", "-z", "-e", "trace=execve", "-o"])
        .arg(&trace)
        .arg(support::nodeshim());
    command.args(["run", "--audit", "events", "--root"]).arg(&root);
    command.args(["--", "rpm", "--root"]).arg(&root).args(["--dbpath", "/var/lib/rpm", "-qa"]);
    succeed(&mut command);
    let lines = fs::read_to_string(&trace).expect("the trace");
    let started = |name: &str| lines.matches(&format!("/{name}\", [")).count();
    assert!(started("rpm") <= RPMS, "{lines}");
    assert_eq!((started("sh"), started("bash")), (0, 0), "{lines}");
}

/// System calls for each init script in run levels that the builder decided about.
const SETTLED_SCRIPT: usize = 40;

/// A root whose packages have asked for the same again and again, as at every upgrade; settled.
fn settled_image(root: &Path, events: usize) {
    let units = root.join("usr/lib/systemd/system");
    let wants = root.join("etc/systemd/system/multi-user.target.wants");
    for dir in [&units, &wants, &root.join("usr/lib/sysimage/nodeshim")] {
        fs::create_dir_all(dir).expect("a directory");
    }
    let mut journal = Appender::open(&Root::open(root).expect("the root opens")).expect("the journal opens");
    for n in 0..events {
        let unit = format!("unit-{}.service", n % 20);
        if n < 20 {
            let text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
            fs::write(units.join(&unit), text).expect("a unit");
            symlink(format!("/usr/lib/systemd/system/{unit}"), wants.join(&unit)).expect("a link");
        }
        let text = format!(
            "id = 0\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"systemctl\"\nargv = [\"systemctl\", \"enable\", \"{unit}\"]\n\
             exit = 0\nverdict = \"allow\"\n[origin]\nfound-by = \"rpm-plugin\"\nnevra = \"p{}-1-1.noarch\"\n\
             scriptlet = \"%post\"\narg = 2\n[[intent]]\nchanged = {}\nkind = \"unit\"\nunit = \"{unit}\"\nwant = \"enable\"\n",
            n % 20,
            n < 20
        );
        journal.append(&mut toml::from_str(&text).expect("an event")).expect("room for an event");
    }
    drop(journal);
    succeed(Command::new(support::nodeshim()).arg("settle").arg("--root").arg(root));
}

/// A root whose builder has put this many init scripts into their run levels; settled.
fn image_of_scripts(root: &Path, scripts: usize) {
    let (init, level) = (root.join("etc/rc.d/init.d"), root.join("etc/rc.d/rc3.d"));
    fs::create_dir_all(&init).expect("a directory");
    (0..7).for_each(|level| {
        fs::create_dir_all(root.join(format!("etc/rc.d/rc{level}.d"))).expect("a directory")
    });
    fs::create_dir_all(root.join("usr/lib/sysimage/nodeshim")).expect("a directory");
    let mut journal = Appender::open(&Root::open(root).expect("the root opens")).expect("the journal opens");
    for n in 0..scripts {
        fs::write(init.join(format!("s{n}")), "#!/bin/sh\n# chkconfig: 3 50 50\n# description: x\n")
            .expect("a script");
        symlink(format!("../init.d/s{n}"), level.join(format!("S50s{n}"))).expect("a link");
        let text = format!(
            "id = 0\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"chkconfig\"\n\
             argv = [\"chkconfig\", \"--level\", \"3\", \"s{n}\", \"on\"]\nexit = 0\nverdict = \"allow\"\n\
             [origin]\nfound-by = \"builder\"\n[[intent]]\nchanged = true\nkind = \"service\"\n\
             service = \"s{n}\"\nwant = \"on\"\nlevels = \"3\"\n"
        );
        journal.append(&mut toml::from_str(&text).expect("an event")).expect("room for an event");
    }
    drop(journal);
    succeed(Command::new(support::nodeshim()).arg("settle").arg("--root").arg(root));
}

#[test]
fn settling_reads_the_run_levels_once_for_all_of_the_builders_scripts() {
    let calls = |scripts: usize| {
        let place = scratch();
        let (root, trace) = (place.path().join("root"), place.path().join("trace"));
        image_of_scripts(&root, scripts);
        let mut command = Command::new("strace");
        command.arg("-f").arg("-o").arg(&trace).arg(support::nodeshim());
        let said = succeed(command.args(["settle", "--root"]).arg(&root)).stdout;
        assert!(String::from_utf8_lossy(&said).contains("0 changes"), "{}", String::from_utf8_lossy(&said));
        let trace = fs::read_to_string(&trace).expect("the trace");
        (trace.lines().filter(|line| line.contains("getdents64")).count(), trace.lines().count())
    };
    let (few, many) = (calls(20), calls(120));
    assert!(many.0 <= few.0 + 4, "directories are read {} and {} times", few.0, many.0);
    let each = (many.1 - few.1) / 100;
    assert!(each <= SETTLED_SCRIPT, "{each} system calls for each script");
}

#[test]
fn what_is_settled_costs_the_same_however_much_was_recorded() {
    let costs = |events: usize| -> (usize, u64, Vec<usize>, usize) {
        let place = scratch();
        let (root, trace) = (place.path().join("root"), place.path().join("trace"));
        settled_image(&root, events);
        let own = Root::open(&root).expect("the root opens");
        let state = State::load(&own).expect("a state");
        let standing = Journal::standing(&own, state.last_event).expect("a journal").events.len();
        assert_eq!(Journal::read(&own).expect("a journal").events.len(), events);
        let verbs: [&[&str]; 5] = [
            &["settle"],
            &["check"],
            &["why", "unit-7.service"],
            &["list"],
            &["log", "--last", "3"],
        ];
        let calls = verbs.iter().map(|verb| {
            let mut command = Command::new("strace");
            command
                .arg("-f")
                .arg("-o")
                .arg(&trace)
                .arg(support::nodeshim())
                .args(*verb)
                .arg("--root")
                .arg(&root);
            succeed(&mut command);
            fs::read_to_string(&trace).expect("the trace").lines().count()
        });
        let calls = calls.collect();
        let records = root.join("usr/lib/sysimage/nodeshim");
        let state = fs::metadata(records.join("state.toml")).expect("a state").len();
        let names = fs::read_dir(records).expect("the records").flatten();
        let parts = names.filter(|entry| entry.path().extension().is_some_and(|ending| ending == "zst"));
        (standing, state, calls, parts.count())
    };
    let (few, few_bytes, few_calls, few_parts) = costs(1000);
    let (many, many_bytes, many_calls, many_parts) = costs(5000);
    assert!(few <= 60 && many <= 60, "{few} and {many} requests of 20 series are kept");
    assert!(many_bytes <= few_bytes + 100, "the state has {few_bytes} and {many_bytes} bytes");
    // Each closed part is looked at, so that no device is opened, opened once, read and closed, for its digest.
    let of_parts = 10 * (many_parts - few_parts);
    for (few, many) in few_calls.iter().zip(&many_calls) {
        assert!(
            *many <= few + of_parts + 10,
            "{few_calls:?} system calls after 1000 events, {many_calls:?} after 5000, which are {many_parts} parts"
        );
    }
}
