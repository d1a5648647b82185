//! Random requests: every verb, every option, good and bad arguments.

use super::case::{Image, Request, Stdout};
use super::image::{OUTSIDE, VENDOR, unit_name};
use super::random::Random;
use super::side::BELOW_OPTION;
use super::words::{
    DIRECTORIES, ENVIRONMENT, FILE_VERBS, MANAGER_VERBS, OPTIONS, USERS_ENVIRONMENT, WEIGHTY,
};

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
        let is_users = image.has_user_parts() && random.chance(60);
        if is_users {
            add(random.pick(&["--user", "--user", "--global"]), random);
        }
        if verb.starts_with("preset") && random.chance(20) {
            add(random.pick(&["--preset-mode=enable-only", "--preset-mode=disable-only"]), random);
        }
        if random.chance(20) {
            add(random.pick(&OPTIONS), random);
        }
        if image.is_below && random.chance(80) {
            add(BELOW_OPTION, random);
        }
        if random.chance(2) {
            add("--", random);
        }
        avoid_faults(verb, image, &mut words);
        let is_below = has_below_option(&words);
        Request {
            // What is called from outside finds no directory of the image where it is called.
            directory: match random.chance(6) {
                true if !is_below => random.pick(&DIRECTORIES).to_owned(),
                _ => String::new(),
            },
            stdout: match random.below(100) {
                0 => Stdout::Closed,
                1 => Stdout::Full,
                _ => Stdout::Kept,
            },
            from_outside: is_below && random.chance(50),
            environment: environment(is_users, random),
            words,
        }
    }

    /// Whether the original is asked from outside of any root: where the image lies below one.
    pub fn is_outside(&self) -> bool {
        self.from_outside && has_below_option(&self.words)
    }

    /// The verb that it means, of those that are known here.
    pub fn verb(&self) -> Option<&'static str> {
        let known = || FILE_VERBS.iter().map(|(verb, _)| *verb).chain(MANAGER_VERBS);
        let word = |word: &String| known().find(|verb| verb == word);
        self.words.iter().find_map(word)
    }
}

/// Whether `--root` names the image below: the last one counts, and what follows `--` is no option (getopt_long(3)).
fn has_below_option(words: &[String]) -> bool {
    let options = words.iter().take_while(|word| *word != "--");
    options
        .filter(|word| word.starts_with("--root="))
        .last()
        .is_some_and(|word| word == BELOW_OPTION)
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

fn environment(is_users: bool, random: &mut Random) -> Vec<String> {
    let mut variables = Vec::new();
    if random.chance(8) {
        variables.push(random.pick(&ENVIRONMENT).to_owned());
    }
    if is_users && random.chance(30) {
        variables.push(random.pick(&USERS_ENVIRONMENT).to_owned());
    }
    variables
}

/// How many units a request names: mostly one, and up to four of different fates.
fn count(random: &mut Random) -> usize {
    match random.below(20) {
        0..=10 => 1,
        11..=16 => 2,
        17 | 18 => 3,
        _ => 4,
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
        "link" => (0..count(random)).map(|_| link_argument(random)).collect(),
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
            let units = (0..count(random)).map(|_| unit_argument(random));
            [target.to_owned()].into_iter().chain(units).collect()
        }
        "set-property" => vec![
            unit_argument(random),
            random.pick(&["Markers=+needs-restart", "CPUWeight=5", "x"]).to_owned(),
        ],
        "log-level" | "service-watchdogs" | "exit" | "reboot" | "halt" | "show-environment"
        | "clear-jobs" => Vec::new(),
        _ => (0..count(random)).map(|_| unit_argument(random)).collect(),
    }
}

fn link_argument(random: &mut Random) -> String {
    let name = unit_name(random);
    match random.below(10) {
        0 => name.to_owned(),
        1 => format!("{VENDOR}/{name}"),
        2 => format!("opt/plugin/{name}"),
        6 => format!("{}{name}", random.pick(&["./", "../plugin/", "../../opt/plugin/"])),
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
        5 if random.chance(30) => format!("./{}", unit_name(random)),
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
