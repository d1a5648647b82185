//! Random requests: every verb, every option, good and bad arguments.

use super::case::{Image, Request};
use super::image::{OUTSIDE, VENDOR, unit_name};
use super::random::Random;

/// The verbs about unit files, each as often as it matters.
pub const FILE_VERBS: [(&str, usize); 16] = [
    ("enable", 18),
    ("disable", 12),
    ("reenable", 6),
    ("preset", 9),
    ("preset-all", 5),
    ("mask", 6),
    ("unmask", 6),
    ("link", 5),
    ("revert", 5),
    ("is-enabled", 10),
    ("list-unit-files", 6),
    ("add-wants", 4),
    ("add-requires", 3),
    ("set-default", 4),
    ("get-default", 3),
    ("is-system-running", 1),
];

/// The verbs that need a running systemd, some of later generations, and one of none.
pub const MANAGER_VERBS: [&str; 71] = [
    "start",
    "stop",
    "restart",
    "try-restart",
    "reload",
    "reload-or-restart",
    "try-reload-or-restart",
    "isolate",
    "reload-or-try-restart",
    "force-reload",
    "condrestart",
    "condreload",
    "condstop",
    "is-active",
    "check",
    "is-failed",
    "show",
    "status",
    "help",
    "list-units",
    "list-sockets",
    "list-timers",
    "list-jobs",
    "list-machines",
    "list-dependencies",
    "list-automounts",
    "list-paths",
    "whoami",
    "cat",
    "edit",
    "set-property",
    "daemon-reload",
    "daemon-reexec",
    "kill",
    "clean",
    "freeze",
    "thaw",
    "reset-failed",
    "cancel",
    "clear-jobs",
    "set-environment",
    "unset-environment",
    "import-environment",
    "show-environment",
    "log-level",
    "log-target",
    "service-log-level",
    "service-log-target",
    "service-watchdogs",
    "bind",
    "mount-image",
    "halt",
    "poweroff",
    "reboot",
    "kexec",
    "soft-reboot",
    "suspend",
    "hibernate",
    "hybrid-sleep",
    "suspend-then-hibernate",
    "sleep",
    "default",
    "rescue",
    "emergency",
    "exit",
    "switch-root",
    "enqueue-marked",
    "frob",
    "",
    "enabl",
    "Enable",
];

/// The options that a request may have, as they are written.
pub const OPTIONS: [&str; 78] = [
    "-q",
    "--quiet",
    "--no-reload",
    "--no-block",
    "--no-ask-password",
    "--no-wall",
    "--no-pager",
    "--wait",
    "--job-mode=replace",
    "--fail",
    "--irreversible",
    "--ignore-dependencies",
    "--ignore-inhibitors",
    "-i",
    "--check-inhibitors=no",
    "--signal=HUP",
    "-sKILL",
    "--kill-who=main",
    "--kill-whom=all",
    "-n5",
    "--lines=3",
    "-ojson",
    "--output=short",
    "-a",
    "--all",
    "-l",
    "--full",
    "-r",
    "--recursive",
    "--value",
    "-pId",
    "-PId",
    "--property=Id",
    "--reverse",
    "--before",
    "--after",
    "--what=all",
    "--dry-run",
    "--plain",
    "--no-legend",
    "--legend=no",
    "--legend=maybe",
    "-f",
    "--force",
    "--now",
    "--runtime",
    "--global",
    "--user",
    "--system",
    "--root=/",
    "--root=/opt/image",
    "--root=/nowhere",
    "--type=service",
    "-tsocket",
    "--type=frob",
    "--state=enabled",
    "--failed",
    "--preset-mode=full",
    "--preset-mode=enable-only",
    "--preset-mode=disable-only",
    "--preset-mode=odd",
    "--marked",
    "--no-warn",
    "--read-only",
    "--mkdir",
    "--message=x",
    "--timestamp=unix",
    "--show-types",
    "--with-dependencies",
    "--firmware-setup",
    "--drop-in=x",
    "--stdin",
    "--unknown",
    "-y",
    "-qf",
    "--runt",
    "--pre=disable-only",
    "--signal=FROB",
];

/// Those that unit files are handled by, and so worth more than one try.
const WEIGHTY: [&str; 12] = [
    "-q",
    "--runtime",
    "--force",
    "--global",
    "--runtime",
    "--force",
    "--user",
    "--now",
    "--full",
    "--no-legend",
    "--root=/opt/image",
    "--runtime",
];

const ENVIRONMENT: [&str; 7] = [
    "LC_ALL=C",
    "LC_ALL=",
    "SYSTEMD_LOG_LEVEL=err",
    "SYSTEMD_LOG_LEVEL=warning",
    "SYSTEMD_LOG_LEVEL=notice",
    "SYSTEMD_LOG_LEVEL=loud",
    "SYSTEMCTL_SKIP_SYSV=1",
];

impl Request {
    /// Makes one up about the units of an image.
    pub fn random(image: &Image, random: &mut Random) -> Request {
        let verb = verb(image, random);
        let mut words: Vec<String> = Vec::new();
        if !verb.is_empty() || random.chance(50) {
            words.push(verb.to_owned());
            words.extend(arguments(verb, random));
        }
        if random.chance(3) {
            // One too many, or one too few.
            if random.chance(50) {
                words.push(unit_argument(random));
            } else {
                words.truncate(words.len().saturating_sub(1).max(1));
            }
        }
        let mut add = |option: &str, random: &mut Random| {
            let at = random.below(words.len() + 1);
            words.insert(at, option.to_owned());
        };
        if random.chance(35) {
            add(random.pick(&WEIGHTY), random);
        }
        if verb.starts_with("preset") && random.chance(20) {
            add(random.pick(&["--preset-mode=enable-only", "--preset-mode=disable-only"]), random);
        }
        if random.chance(20) {
            add(random.pick(&OPTIONS), random);
        }
        if image.is_below && random.chance(80) {
            add("--root=/opt/image", random);
        }
        if random.chance(2) {
            add("--", random);
        }
        avoid_faults(verb, image, &mut words);
        let environment = if random.chance(4) {
            vec![random.pick(&ENVIRONMENT).to_owned()]
        } else {
            Vec::new()
        };
        Request { environment, words }
    }

    /// The verb that it means, of those that are known here.
    pub fn verb(&self) -> Option<&'static str> {
        let known = || FILE_VERBS.iter().map(|(verb, _)| *verb).chain(MANAGER_VERBS);
        let word = |word: &String| known().find(|verb| verb == word);
        self.words.iter().find_map(word)
    }
}

/// This generation of systemctl takes what disabling a unit would remove from the system's units in
/// its own root, whatever is asked for. With `--root` it takes a template for its instance when it enables it again and forgets its drop-ins then, and
/// links units that are in the search path already.
fn avoid_faults(verb: &str, image: &Image, words: &mut Vec<String>) {
    if verb == "is-enabled" && words.iter().any(|word| ["--global", "--user"].contains(&word.as_str())) {
        words.retain(|word| !["--full", "-l"].contains(&word.as_str()));
    }
    if !words.iter().any(|word| word.starts_with("--root=/opt")) {
        return;
    }
    match verb {
        "is-enabled" => words.retain(|word| !["--full", "-l"].contains(&word.as_str())),
        "reenable" if image.has_drop_ins() => words.retain(|word| word != "reenable"),
        "reenable" => words.retain(|word| !word.contains('@')),
        "link" => words.retain(|word| !word.contains(VENDOR)),
        _ => {}
    }
}

fn verb(image: &Image, random: &mut Random) -> &'static str {
    if random.chance(10) {
        return MANAGER_VERBS[random.below(MANAGER_VERBS.len())];
    }
    let mut at = random.below(FILE_VERBS.iter().map(|(_, weight)| weight).sum());
    let found = FILE_VERBS.iter().find(|(_, weight)| {
        let here = at < *weight;
        at = at.wrapping_sub(*weight);
        here
    });
    match found.map_or("enable", |(verb, _)| verb) {
        // What Also= brings in before its own turn depends on the order of directories.
        "preset-all" if image.has_also() => "list-unit-files",
        verb => verb,
    }
}

fn arguments(verb: &str, random: &mut Random) -> Vec<String> {
    match verb {
        "preset-all" | "get-default" | "is-system-running" | "daemon-reload" | "daemon-reexec" => Vec::new(),
        "list-unit-files" => list_argument(random).into_iter().collect(),
        "set-default" => vec![
            random
                .pick(&[
                    "site",
                    "multi-user",
                    "multi-user.target",
                    "a.service",
                    "gone",
                    "default.target",
                    "timers",
                ])
                .to_owned(),
        ],
        "link" => (0..1 + random.below(2)).map(|_| link_argument(random)).collect(),
        "add-wants" | "add-requires" => {
            let target = random.pick(&[
                "multi-user",
                "site.target",
                "gone.target",
                "grp@one.target",
                "grp@.target",
                "b.service",
                "nick",
            ]);
            let units = (0..1 + random.below(2)).map(|_| unit_argument(random));
            [target.to_owned()].into_iter().chain(units).collect()
        }
        "set-property" => vec![
            unit_argument(random),
            random.pick(&["Markers=+needs-restart", "CPUWeight=5", "x"]).to_owned(),
        ],
        "log-level" | "service-watchdogs" | "exit" | "reboot" | "halt" | "show-environment"
        | "clear-jobs" => Vec::new(),
        _ => (0..1 + random.below(2)).map(|_| unit_argument(random)).collect(),
    }
}

fn link_argument(random: &mut Random) -> String {
    let name = unit_name(random);
    match random.below(10) {
        0 => name.to_owned(),
        1 => format!("{VENDOR}/{name}"),
        2 => format!("opt/plugin/{name}"),
        3 => format!("{VENDOR}/multi-user.target.wants/{name}"),
        4 => OUTSIDE.to_owned(),
        5 => format!("{OUTSIDE}//./{name}{}", random.pick(&["", "", "/"])),
        _ => format!("{OUTSIDE}/{name}"),
    }
}

fn list_argument(random: &mut Random) -> Option<String> {
    let choices = [
        "--no-legend",
        "--state=enabled",
        "--state=disabled,static",
        "-tservice",
        "--type=socket,timer",
        "a*",
        "*.service",
        "a.service",
        "[",
        "--output=json",
        "-ojson-pretty",
    ];
    random.chance(50).then(|| random.pick(&choices).to_owned())
}

fn unit_argument(random: &mut Random) -> String {
    match random.below(24) {
        0 => format!("{OUTSIDE}/{}", unit_name(random)),
        1 => format!("{VENDOR}/{}", unit_name(random)),
        2 => "gone".to_owned(),
        3 => random
            .pick(&["work@two", "job@1.timer", "work@", "work@one", "a", "b", "work"])
            .to_owned(),
        4 => odd_argument(random),
        _ => unit_name(random).to_owned(),
    }
}

fn odd_argument(random: &mut Random) -> String {
    let long = "x".repeat(300);
    let choices = [
        "bad name",
        "a*",
        "[ab].service",
        "a@b@c",
        "@x.service",
        "",
        ".",
        "-.mount",
        "demo.conf",
        "a\\x2db.service",
        "\u{e4}.service",
        "/dev/sda1",
        "./a.service",
        "usr/lib/systemd/system/a.service",
        "../a.service",
        "Cc.service",
        "a.SERVICE",
        "a.service ",
        "work@a/b.service",
        "sys@x.slice",
        "a.service/",
        "/",
        &long,
    ];
    random.pick(&choices).to_owned()
}
