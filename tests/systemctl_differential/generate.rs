//! Random images full of unit files, links, masks, drop-ins and presets, and requests about them.

use std::collections::BTreeMap;
use std::fmt;

const VENDOR: &str = "/usr/lib/systemd/system";
const CONFIG: &str = "/etc/systemd/system";
const RUNTIME: &str = "/run/systemd/system";
const LOCAL: &str = "/usr/local/lib/systemd/system";
const OUTSIDE: &str = "/opt/plugin";
const TARGETS: [&str; 4] = ["multi-user.target", "timers.target", "grp@.target", "gone.target"];
const NAMES: [&str; 14] = [
    "a.service",
    "b.service",
    "demo-agent.service",
    "a.socket",
    "a.timer",
    "p.path",
    "mnt.mount",
    "site.target",
    "sys.slice",
    "work@.service",
    "job@.timer",
    "work@one.service",
    "work@x-y.service",
    "nick.service",
];

/// A deterministic source of choices (splitmix64).
pub struct Random(u64);

impl Random {
    /// The same seed gives the same choices.
    pub fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5bd1_e995)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("small")
    }

    /// True in `parts` of 100 cases.
    fn chance(&mut self, parts: usize) -> bool {
        self.below(100) < parts
    }

    fn pick<'t>(&mut self, choices: &[&'t str]) -> &'t str {
        choices[self.below(choices.len())]
    }
}

/// What lies at a path.
pub enum Node {
    /// A file with this content.
    File(Vec<u8>),
    /// A link.
    Link(String),
}

/// The part of an image that systemctl looks at.
pub struct Image {
    /// By absolute path.
    pub nodes: BTreeMap<String, Node>,
}

impl Image {
    /// Makes one up.
    pub fn random(random: &mut Random) -> Image {
        let mut image = Image {
            nodes: BTreeMap::new(),
        };
        for target in &TARGETS[..3] {
            image.file(format!("{VENDOR}/{target}"), b"[Unit]\nDescription=x\n".to_vec());
        }
        for _ in 0..3 + random.below(6) {
            let name = random.pick(&NAMES);
            let dir = random.pick(&[VENDOR, VENDOR, VENDOR, VENDOR, CONFIG, RUNTIME, LOCAL, OUTSIDE]);
            let text = unit_text(random, name);
            image.file(format!("{dir}/{name}"), text);
        }
        for _ in 0..random.below(5) {
            image.add_link(random);
        }
        for _ in 0..random.below(3) {
            image.add_dependency_link(random);
        }
        if random.chance(40) {
            image.add_drop_in(random);
        }
        for _ in 0..random.below(3) {
            image.add_preset(random);
        }
        if random.chance(10) {
            image.file(
                format!("/run/systemd/generator/{}", random.pick(&NAMES)),
                unit_text(random, "a.service"),
            );
        }
        image
    }

    fn file(&mut self, path: String, content: Vec<u8>) {
        self.put(path, Node::File(content));
    }

    /// Puts something where nothing is yet, neither at the path nor in its way.
    fn put(&mut self, path: String, node: Node) {
        let in_the_way = self
            .nodes
            .keys()
            .any(|other| other.starts_with(&format!("{path}/")) || path.starts_with(&format!("{other}/")));
        if !in_the_way {
            self.nodes.entry(path).or_insert(node);
        }
    }

    fn add_link(&mut self, random: &mut Random) {
        let name = random.pick(&NAMES);
        let other = random.pick(&NAMES);
        let dir = random.pick(&[VENDOR, CONFIG, CONFIG, RUNTIME]);
        let target = match random.below(8) {
            0 | 1 => "/dev/null".to_owned(),
            2 => format!("{OUTSIDE}/{name}"),
            3 => format!("{VENDOR}/{other}"),
            4 => other.to_owned(),
            5 => format!("../../../usr/lib/systemd/system/{other}"),
            6 => format!("{CONFIG}/{other}"),
            _ => format!("{VENDOR}/{name}"),
        };
        self.put(format!("{dir}/{name}"), Node::Link(target));
    }

    fn add_dependency_link(&mut self, random: &mut Random) {
        let name = random.pick(&NAMES);
        let dir = random.pick(&[VENDOR, CONFIG, CONFIG, RUNTIME]);
        let kind = random.pick(&["wants", "requires"]);
        let target = match random.below(4) {
            0 => format!("../{name}"),
            1 => format!("{VENDOR}/gone.service"),
            2 => format!("{OUTSIDE}/{name}"),
            _ => format!("{VENDOR}/{name}"),
        };
        let path = format!("{dir}/{}.{kind}/{name}", random.pick(&TARGETS));
        self.put(path, Node::Link(target));
    }

    fn add_drop_in(&mut self, random: &mut Random) {
        let name = random.pick(&NAMES);
        let dir = random.pick(&[VENDOR, CONFIG, RUNTIME]);
        let text = install_text(random, name);
        self.file(format!("{dir}/{name}.d/{}.conf", random.pick(&["10-a", "50-b"])), text.into_bytes());
    }

    fn add_preset(&mut self, random: &mut Random) {
        let mut text = String::new();
        for _ in 0..1 + random.below(4) {
            let verb = random.pick(&["enable", "disable", "disable", "ignore", "frob"]);
            let what = random.pick(&[
                "*",
                "a.*",
                "a.service",
                "work@.service",
                "work@.service one two",
                "*.timer",
                "[ab].service",
                "nick.service",
                "b.service # x",
            ]);
            text.push_str(&format!("{verb} {what}\n"));
        }
        let dir = random.pick(&[
            "/usr/lib/systemd/system-preset",
            "/etc/systemd/system-preset",
            "/run/systemd/system-preset",
        ]);
        self.file(format!("{dir}/{}.preset", random.pick(&["10-x", "50-y", "99-z"])), text.into_bytes());
    }

    fn has_also(&self) -> bool {
        let also =
            |node: &Node| matches!(node, Node::File(text) if text.windows(5).any(|part| part == b"Also="));
        self.nodes.values().any(also)
    }

    /// Makes a request up.
    pub fn command(&self, random: &mut Random) -> Vec<String> {
        let verb = random.pick(&[
            "enable",
            "enable",
            "enable",
            "disable",
            "disable",
            "reenable",
            "preset",
            "preset",
            "mask",
            "unmask",
            "link",
            "revert",
            "is-enabled",
            "is-enabled",
            "list-unit-files",
            "preset-all",
            "add-wants",
            "add-requires",
            "set-default",
            "get-default",
            "start",
        ]);
        // What Also= brings in before its own turn depends on the order of directories.
        let verb = if verb == "preset-all" && self.has_also() {
            "list-unit-files"
        } else {
            verb
        };
        let mut words = vec![verb.to_owned()];
        for (option, parts) in [("-q", 10), ("--runtime", 10), ("--force", 15)] {
            if random.chance(parts) {
                words.push(option.to_owned());
            }
        }
        if verb.starts_with("preset") && random.chance(20) {
            words.push(format!("--preset-mode={}", random.pick(&["enable-only", "disable-only"])));
        }
        match verb {
            "preset-all" | "get-default" => {}
            "list-unit-files" => words.extend(list_words(random)),
            "set-default" => words.push(random.pick(&["site", "multi-user", "a.service", "gone"]).to_owned()),
            "link" => words.push(format!("{OUTSIDE}/{}", random.pick(&NAMES))),
            "add-wants" | "add-requires" => {
                words.push(
                    random.pick(&["multi-user", "site.target", "gone.target", "grp@one.target"]).to_owned(),
                );
                words.push(unit_argument(random));
            }
            _ => {
                for _ in 0..1 + random.below(2) {
                    words.push(unit_argument(random));
                }
            }
        }
        words
    }
}

fn list_words(random: &mut Random) -> Option<String> {
    let choices = [
        "--no-legend",
        "--state=enabled",
        "-tservice",
        "a*",
        "--output=json",
    ];
    random.chance(50).then(|| random.pick(&choices).to_owned())
}

fn unit_argument(random: &mut Random) -> String {
    match random.below(20) {
        0 => format!("{OUTSIDE}/{}", random.pick(&NAMES)),
        1 => format!("{VENDOR}/{}", random.pick(&NAMES)),
        2 => "gone".to_owned(),
        3 => random.pick(&["work@two", "job@1.timer", "bad name", "work@"]).to_owned(),
        _ => random.pick(&NAMES).to_owned(),
    }
}

fn unit_text(random: &mut Random, name: &str) -> Vec<u8> {
    let mut text = format!("[Unit]\nDescription={name}\n");
    match random.below(20) {
        0 => return Vec::new(),
        1 => return text.into_bytes(),
        2 => text.insert_str(0, "stray=1\n"),
        3 => text.push_str("[Odd]\nx=y\n"),
        4 => text.insert(0, '\u{feff}'),
        5 => text.push_str("[broken\n"),
        _ => {}
    }
    text.push_str(&install_text(random, name));
    if random.chance(10) {
        text = text.replace('\n', "\r\n");
    }
    text.into_bytes()
}

fn install_text(random: &mut Random, name: &str) -> String {
    let mut text = "[Install]\n".to_owned();
    for _ in 0..1 + random.below(3) {
        let line = match random.below(16) {
            0..=5 => format!("WantedBy={}", random.pick(&TARGETS)),
            6 => format!("RequiredBy={} {}", random.pick(&TARGETS), random.pick(&TARGETS)),
            7 => format!(
                "WantedBy={}",
                random.pick(&[
                    "x-%i.target",
                    "x-%N.target",
                    "%p@%i.target",
                    "x%m.target",
                    "x%z.target",
                    "not_a_unit",
                    "grp@%p.target"
                ])
            ),
            8 | 9 => format!("Alias={}", random.pick(&NAMES)),
            10 => format!(
                "Alias={}",
                random.pick(&[
                    "dm.service",
                    "multi-user.target.wants/a.service",
                    "odd/a.service",
                    "tmpl@.service",
                    "default.target"
                ])
            ),
            11 | 12 => format!("Also={}", random.pick(&NAMES)),
            13 => format!("DefaultInstance={}", random.pick(&["one", "main", "%p", ""])),
            14 => random
                .pick(&[
                    "WantedBy=",
                    "junk",
                    "Unknown=1",
                    "X-Own=1",
                    "# comment",
                    "WantedBy=\\\nmulti-user.target",
                ])
                .to_owned(),
            _ => format!("WantedBy=\"{}\"", name.replace("service", "target")),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}

impl fmt::Display for Image {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        for (path, node) in &self.nodes {
            match node {
                Node::File(text) => writeln!(f, "  {path}: {:?}", String::from_utf8_lossy(text))?,
                Node::Link(target) => writeln!(f, "  {path} -> {target}")?,
            }
        }
        Ok(())
    }
}
