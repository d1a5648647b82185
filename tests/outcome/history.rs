//! Random histories of an image: packages of several styles that come, are upgraded and go, and what
//! its builder calls in between. A history prints as the lines that replay it by hand.

use std::fmt;

use super::firewalld_support::Numbers;

/// Units that the image itself ships; its presets enable the first.
pub const VENDOR_UNITS: [&str; 2] = ["v0.service", "v1.service"];
/// Instances of a template that the image ships.
pub const INSTANCES: [&str; 2] = ["w@a.service", "w@b.service"];
/// Their template.
pub const TEMPLATE: &str = "w@.service";
/// Targets that an image may boot into.
pub const TARGETS: [&str; 2] = ["multi-user.target", "work.target"];
/// The packages of a history.
pub const PACKAGES: [&str; 3] = ["p0", "p1", "p2"];
/// The zones in which something is opened.
pub const ZONES: [&str; 2] = ["public", "internal"];

/// An init script that the image itself ships, which is on in its own run levels.
pub const VENDOR_SCRIPT: &str = "s0";

const PORTS: [&str; 4] = ["80/tcp", "81/tcp", "443/udp", "9000-9005/tcp"];
/// What every tool refuses.
const REFUSED: [Call; 5] = [
    Call::unit("enable", "typo.service"),
    Call::firewall("public", true, "port", "99999/tcp"),
    Call::firewall("internal", true, "service", "nosuch"),
    Call::Levels {
        verb: "on",
        levels: "",
        script: "nosuch",
    },
    Call::Lokkit {
        option: "--service",
        value: "nosuch",
    },
];

/// A call of systemctl, firewall-offline-cmd, chkconfig or lokkit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Unit {
        verb: &'static str,
        unit: &'static str,
    },
    PresetAll,
    DefaultTarget {
        target: &'static str,
    },
    Firewall {
        zone: &'static str,
        add: bool,
        /// `port` or `service`.
        kind: &'static str,
        value: &'static str,
    },
    /// chkconfig: `add`, `del`, `on` or `off`.
    Levels {
        verb: &'static str,
        /// Those of `--level`; empty without.
        levels: &'static str,
        script: &'static str,
    },
    /// lokkit, which only opens, in the default zone.
    Lokkit {
        /// `--port`; no service that it knows is in the zones.
        option: &'static str,
        value: &'static str,
    },
}

impl Call {
    const fn unit(verb: &'static str, unit: &'static str) -> Call {
        Call::Unit { verb, unit }
    }

    const fn firewall(zone: &'static str, add: bool, kind: &'static str, value: &'static str) -> Call {
        Call::Firewall {
            zone,
            add,
            kind,
            value,
        }
    }

    /// The tool and its words.
    pub fn words(&self) -> (&'static str, Vec<String>) {
        match self {
            Call::Unit { verb, unit } => ("systemctl", [*verb, *unit].map(str::to_owned).into()),
            Call::PresetAll => ("systemctl", vec!["preset-all".to_owned()]),
            Call::DefaultTarget { target } => {
                ("systemctl", ["set-default", *target].map(str::to_owned).into())
            }
            Call::Firewall {
                zone,
                add,
                kind,
                value,
            } => {
                // `--remove-service` is lokkit's, of the default zone.
                let option = match (add, *kind) {
                    (true, kind) => format!("--add-{kind}"),
                    (false, "service") => "--remove-service-from-zone".to_owned(),
                    (false, kind) => format!("--remove-{kind}"),
                };
                ("firewall-offline-cmd", vec![format!("--zone={zone}"), format!("{option}={value}")])
            }
            Call::Levels { verb, levels, script } => {
                let words: &[&str] = match (*verb, *levels) {
                    ("add", _) => &["--add", script],
                    ("del", _) => &["--del", script],
                    (verb, "") => &[script, verb],
                    (verb, levels) => &["--level", levels, script, verb],
                };
                ("chkconfig", words.iter().map(|word| (*word).to_owned()).collect())
            }
            Call::Lokkit { option, value } => {
                let value = value.replace('/', ":");
                ("lokkit", vec!["--nostart".to_owned(), format!("{option}={value}")])
            }
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let (tool, words) = self.words();
        write!(f, "{tool} {}", words.join(" "))
    }
}

/// One step of a history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// A package comes, with the calls of its `%post` and what its metadata declares.
    Install {
        package: &'static str,
        post: Vec<Call>,
        declared: Vec<Call>,
    },
    /// Its next version comes, with the calls of the new `%post` and of the old `%postun`.
    Upgrade {
        package: &'static str,
        post: Vec<Call>,
        postun: Vec<Call>,
    },
    /// It goes, with the calls of its `%preun`, and of its `%postun` when its files are gone.
    Erase {
        package: &'static str,
        preun: Vec<Call>,
        postun: Vec<Call>,
    },
    /// The builder calls tools.
    Builder(Vec<Call>),
}

impl Step {
    /// All that is called and declared in it.
    pub fn calls_mut(&mut self) -> impl Iterator<Item = &mut Call> {
        let (first, second) = match self {
            Step::Install { post, declared, .. } => (post, Some(declared)),
            Step::Upgrade { post, postun, .. } => (post, Some(postun)),
            Step::Erase { preun, postun, .. } => (preun, Some(postun)),
            Step::Builder(calls) => (calls, None),
        };
        first.iter_mut().chain(second.into_iter().flatten())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let calls = |calls: &[Call]| calls.iter().map(Call::to_string).collect::<Vec<_>>().join("; ");
        match self {
            Step::Install {
                package,
                post,
                declared,
            } => write!(f, "install {package}: {} [declares: {}]", calls(post), calls(declared)),
            Step::Upgrade {
                package,
                post,
                postun,
            } => write!(f, "upgrade {package}: {} [postun: {}]", calls(post), calls(postun)),
            Step::Erase {
                package,
                preun,
                postun,
            } => write!(f, "erase {package}: {} [postun: {}]", calls(preun), calls(postun)),
            Step::Builder(all) => write!(f, "builder: {}", calls(all)),
        }
    }
}

/// A history of one to eight steps in which only packages that are there are upgraded and erased.
pub fn history(seed: u64) -> Vec<Step> {
    let mut numbers = Numbers::of(seed);
    let mut installed: Vec<&'static str> = Vec::new();
    let length = 1 + numbers.below(8);
    (0..length).map(|_| step(&mut numbers, &mut installed)).collect()
}

/// Whether every step fits the ones before it.
pub fn is_possible(steps: &[Step]) -> bool {
    let mut installed: Vec<&str> = Vec::new();
    steps.iter().all(|step| match step {
        Step::Install { package, .. } => {
            let is_new = !installed.contains(package);
            installed.push(package);
            is_new
        }
        Step::Upgrade { package, .. } => installed.contains(package),
        Step::Erase { package, .. } => {
            let was = installed.contains(package);
            installed.retain(|known| known != package);
            was
        }
        Step::Builder(_) => true,
    })
}

fn step(numbers: &mut Numbers, installed: &mut Vec<&'static str>) -> Step {
    let missing: Vec<&'static str> = PACKAGES.into_iter().filter(|name| !installed.contains(name)).collect();
    match numbers.below(10) {
        0..4 if !missing.is_empty() => {
            let package = missing[numbers.below(missing.len())];
            installed.push(package);
            let declared = match numbers.below(3) {
                0 => declared(numbers, package),
                _ => Vec::new(),
            };
            let post = scriptlet(numbers, package);
            Step::Install {
                package,
                post,
                declared,
            }
        }
        4..6 if !installed.is_empty() => {
            let package = installed[numbers.below(installed.len())];
            let post = scriptlet(numbers, package);
            let postun = match numbers.below(3) {
                0 => scriptlet(numbers, package),
                _ => Vec::new(),
            };
            Step::Upgrade {
                package,
                post,
                postun,
            }
        }
        6 if !installed.is_empty() => {
            let package = installed.remove(numbers.below(installed.len()));
            let preun = match numbers.below(4) {
                0 | 1 => vec![Call::unit("disable", own_unit(package))],
                2 => vec![Call::Levels {
                    verb: "del",
                    levels: "",
                    script: own_script(package),
                }],
                _ => Vec::new(),
            };
            let postun = match numbers.below(3) {
                0 => vec![Call::firewall(
                    ZONES[numbers.below(ZONES.len())],
                    false,
                    "port",
                    PORTS[numbers.below(PORTS.len())],
                )],
                _ => Vec::new(),
            };
            Step::Erase {
                package,
                preun,
                postun,
            }
        }
        _ => Step::Builder(builder(numbers, installed)),
    }
}

/// The unit that a package ships.
pub fn own_unit(package: &str) -> &'static str {
    match package {
        "p0" => "p0.service",
        "p1" => "p1.service",
        _ => "p2.service",
    }
}

/// The init script that a package ships.
pub fn own_script(package: &str) -> &'static str {
    match package {
        "p0" => "s-p0",
        "p1" => "s-p1",
        _ => "s-p2",
    }
}

fn declared(numbers: &mut Numbers, package: &str) -> Vec<Call> {
    let port = PORTS[numbers.below(PORTS.len())];
    vec![
        Call::unit("enable", own_unit(package)),
        Call::firewall("public", true, "port", port),
    ]
}

fn scriptlet(numbers: &mut Numbers, package: &str) -> Vec<Call> {
    let mut units = vec![own_unit(package), own_unit(package), own_unit(package)];
    units.extend(VENDOR_UNITS);
    units.extend(INSTANCES);
    let scripts = [own_script(package), own_script(package), VENDOR_SCRIPT];
    (0..1 + numbers.below(3)).map(|_| call(numbers, &units, &scripts)).collect()
}

fn builder(numbers: &mut Numbers, installed: &[&str]) -> Vec<Call> {
    if numbers.below(8) == 0 {
        return vec![Call::PresetAll];
    }
    let mut units: Vec<&'static str> = installed.iter().map(|package| own_unit(package)).collect();
    units.extend(VENDOR_UNITS);
    units.extend(INSTANCES);
    let mut scripts: Vec<&'static str> = installed.iter().map(|package| own_script(package)).collect();
    scripts.push(VENDOR_SCRIPT);
    (0..1 + numbers.below(2)).map(|_| call(numbers, &units, &scripts)).collect()
}

fn call(numbers: &mut Numbers, units: &[&'static str], scripts: &[&'static str]) -> Call {
    let verbs = [
        "enable",
        "enable",
        "enable",
        "disable",
        "disable",
        "preset",
        "mask",
        "unmask",
        "start",
        "try-restart",
    ];
    match numbers.below(16) {
        12 | 13 => Call::Levels {
            verb: ["add", "add", "del", "on", "on", "off", "off"][numbers.below(7)],
            levels: ["", "", "35", "4"][numbers.below(4)],
            script: scripts[numbers.below(scripts.len())],
        },
        14 => Call::Lokkit {
            option: "--port",
            value: PORTS[numbers.below(PORTS.len())],
        },
        8 => Call::unit("disable", TEMPLATE),
        9 | 10 => Call::DefaultTarget {
            target: TARGETS[numbers.below(TARGETS.len())],
        },
        0..5 => Call::Unit {
            verb: verbs[numbers.below(verbs.len())],
            unit: units[numbers.below(units.len())],
        },
        5..8 => {
            let (kind, value) = match numbers.below(5) {
                0 => ("service", "web"),
                _ => ("port", PORTS[numbers.below(PORTS.len())]),
            };
            Call::Firewall {
                zone: ZONES[numbers.below(ZONES.len())],
                add: numbers.below(3) > 0,
                kind,
                value,
            }
        }
        _ => REFUSED[numbers.below(REFUSED.len())],
    }
}
