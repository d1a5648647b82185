//! Random images full of unit files, links, masks, drop-ins and presets, whole and broken.

use super::case::{Image, Node};
use super::random::Random;
use super::unit_text::{install_text, unit_text};

/// Where vendors put units.
pub const VENDOR: &str = "/usr/lib/systemd/system";
const CONFIG: &str = "/etc/systemd/system";
const RUNTIME: &str = "/run/systemd/system";
const LOCAL: &str = "/usr/local/lib/systemd/system";
/// Where no unit is looked for.
pub const OUTSIDE: &str = "/opt/plugin";
/// Targets; no image has a unit of the last one's name.
pub const TARGETS: [&str; 4] = ["multi-user.target", "timers.target", "grp@.target", "gone.target"];
/// Units: every type, plain ones, templates, instances with and without a file of their own.
pub const NAMES: [&str; 24] = [
    "a.service",
    "b.service",
    "demo-agent.service",
    "a.socket",
    "a.timer",
    "p.path",
    "mnt.mount",
    "mnt.automount",
    "site.target",
    "sys.slice",
    "swp.swap",
    "dev-x.device",
    "run-x.scope",
    "work@.service",
    "job@.timer",
    "sock@.socket",
    "work@one.service",
    "work@x-y.service",
    "job@1.timer",
    "nick.service",
    "nick.socket",
    "nick@.service",
    "a\\x2db.service",
    "default.target",
];
/// Those that most of an image is about, so that its parts meet.
const USUAL: usize = 12;
const SEARCHED: [&str; 12] = [
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
    "/run/systemd/generator.early",
    CONFIG,
    "/etc/systemd/system.attached",
    RUNTIME,
    "/run/systemd/system.attached",
    "/run/systemd/generator",
    LOCAL,
    VENDOR,
    "/run/systemd/generator.late",
];
/// Where users' units are, some only where a variable of the environment says so.
const USER: [&str; 16] = [
    "/usr/lib/systemd/user",
    "/usr/lib/systemd/user",
    "/usr/lib/systemd/user",
    "/usr/local/lib/systemd/user",
    "/etc/systemd/user",
    "/etc/systemd/user",
    "/run/systemd/user",
    "/.config/systemd/user",
    "/root/.config/systemd/user",
    "/etc/xdg/systemd/user",
    "/usr/share/systemd/user",
    "/usr/local/share/systemd/user",
    "/run/user/0/systemd/user",
    "/opt/config/systemd/user",
    "/opt/data/systemd/user",
    "/.local/share/systemd/user",
];
const PRESET_DIRS: [&str; 4] = [
    "/usr/lib/systemd/system-preset",
    "/etc/systemd/system-preset",
    "/run/systemd/system-preset",
    "/usr/local/lib/systemd/system-preset",
];
const USER_PRESET_DIRS: [&str; 4] = [
    "/usr/lib/systemd/user-preset",
    "/etc/systemd/user-preset",
    "/run/systemd/user-preset",
    "/usr/local/lib/systemd/user-preset",
];

/// A unit's name.
pub fn unit_name(random: &mut Random) -> &'static str {
    const FEW: [&str; USUAL] = [
        "a.service",
        "a.service",
        "b.service",
        "a.socket",
        "a.timer",
        "work@.service",
        "work@one.service",
        "work@x-y.service",
        "nick.service",
        "demo-agent.service",
        "job@.timer",
        "site.target",
    ];
    if random.chance(70) {
        random.pick(&FEW)
    } else {
        NAMES[random.below(NAMES.len())]
    }
}

impl Image {
    /// Makes one up.
    pub fn random(random: &mut Random) -> Image {
        let mut image = Image {
            is_below: random.chance(8),
            ..Image::default()
        };
        for target in &TARGETS[..3] {
            image.file(format!("{VENDOR}/{target}"), b"[Unit]\nDescription=x\n".to_vec());
        }
        for _ in 0..3 + random.below(6) {
            image.add_unit(random);
        }
        for _ in 0..random.below(5) {
            image.add_link(random);
        }
        for _ in 0..random.below(4) {
            image.add_dependency_link(random);
        }
        for _ in 0..random.below(3) {
            image.add_drop_in(random);
        }
        for _ in 0..random.below(4) {
            image.add_preset(random, &PRESET_DIRS);
        }
        if random.chance(10) {
            image.add_empty_mask(random);
        }
        if random.chance(20) {
            for _ in 0..1 + random.below(5) {
                image.add_user_part(random);
            }
        }
        if random.chance(8) {
            image.add_hostile(random);
        }
        if image.is_below && random.chance(60) {
            image.file("/etc/os-release".to_owned(), b"ID=other\nVERSION_ID=\"2\"\n".to_vec());
        }
        if random.chance(20) {
            image.file("/opt/os-release".to_owned(), b"ID=third\nVERSION_ID=3\n".to_vec());
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

    fn add_unit(&mut self, random: &mut Random) {
        let name = unit_name(random);
        let dir = match random.below(20) {
            0..=11 => VENDOR,
            12..=14 => CONFIG,
            15 => RUNTIME,
            16 => LOCAL,
            17 => OUTSIDE,
            _ => random.pick(&SEARCHED),
        };
        let text = unit_text(random, name);
        self.file(format!("{dir}/{name}"), text);
    }

    fn add_link(&mut self, random: &mut Random) {
        let name = unit_name(random);
        let other = unit_name(random);
        let dir = random.pick(&[VENDOR, CONFIG, CONFIG, CONFIG, RUNTIME]);
        let target = match random.below(13) {
            12 => format!("../gone/{other}"),
            0 | 1 => "/dev/null".to_owned(),
            2 => format!("{OUTSIDE}/{name}"),
            3 => format!("{VENDOR}/{other}"),
            4 => other.to_owned(),
            5 => format!("../../../usr/lib/systemd/system/{other}"),
            6 => format!("{CONFIG}/{other}"),
            7 => name.to_owned(),
            8 => format!("{OUTSIDE}/{other}"),
            9 => format!("./../system/{name}"),
            _ => format!("{VENDOR}/{name}"),
        };
        self.put(format!("{dir}/{name}"), Node::Link(target));
    }

    fn add_dependency_link(&mut self, random: &mut Random) {
        let name = unit_name(random);
        let dir = random.pick(&[VENDOR, CONFIG, CONFIG, CONFIG, RUNTIME, LOCAL]);
        let kind = random.pick(&["wants", "wants", "requires", "upholds"]);
        let target = match random.below(6) {
            0 => format!("../{name}"),
            1 => format!("{VENDOR}/gone.service"),
            2 => format!("{OUTSIDE}/{name}"),
            3 => "/dev/null".to_owned(),
            _ => format!("{VENDOR}/{name}"),
        };
        let owner = if random.chance(80) {
            random.pick(&TARGETS)
        } else {
            unit_name(random)
        };
        let path = format!("{dir}/{owner}.{kind}/{name}");
        if random.chance(5) {
            self.file(path, Vec::new());
        } else {
            self.put(path, Node::Link(target));
        }
    }

    fn add_drop_in(&mut self, random: &mut Random) {
        let name = unit_name(random);
        let dir = random.pick(&[VENDOR, CONFIG, RUNTIME]);
        let path =
            format!("{dir}/{name}.d/{}", random.pick(&["10-a.conf", "50-b.conf", "50-b.conf", "z.txt"]));
        match random.below(12) {
            // An image without the device has no such file for the original.
            0 if !self.is_below => self.put(path, Node::Link("/dev/null".to_owned())),
            0 | 1 => self.put(path, Node::Link("gone".to_owned())),
            2 => self.put(path, Node::Dir),
            3 => self.file(path, Vec::new()),
            _ => {
                let text = install_text(random, name);
                self.file(path, text.into_bytes());
            }
        }
    }

    /// An empty file masks a unit as a link to the null device does.
    fn add_empty_mask(&mut self, random: &mut Random) {
        let dir = random.pick(&[CONFIG, CONFIG, RUNTIME, VENDOR, LOCAL]);
        self.file(format!("{dir}/{}", unit_name(random)), Vec::new());
    }

    fn add_preset(&mut self, random: &mut Random, dirs: &[&str]) {
        let mut text = String::new();
        for _ in 0..1 + random.below(4) {
            text.push_str(&preset_line(random));
            text.push_str(random.pick(&["\n", "\n", "\n", "\n", "\r\n", " \n"]));
        }
        let name = random.pick(&["10-x.preset", "50-y.preset", "99-z.preset", "README"]);
        let path = format!("{}/{name}", random.pick(dirs));
        match random.below(16) {
            0 => self.put(path, Node::Link("/dev/null".to_owned())),
            1 => self.file(path, Vec::new()),
            _ => self.file(path, text.into_bytes()),
        }
    }

    fn add_user_part(&mut self, random: &mut Random) {
        let name = unit_name(random);
        let dir = random.pick(&USER);
        match random.below(10) {
            0 | 1 => self.add_preset(random, &USER_PRESET_DIRS),
            2 => {
                let owner = random.pick(&["default.target", "multi-user.target", "grp@.target"]);
                let target = format!("/usr/lib/systemd/user/{name}");
                self.put(format!("{dir}/{owner}.wants/{name}"), Node::Link(target));
            }
            3 => self.put(format!("{dir}/{name}"), Node::Link("/dev/null".to_owned())),
            4 => self.put(
                format!("{dir}/{name}"),
                Node::Link(format!("/usr/lib/systemd/user/{}", unit_name(random))),
            ),
            _ => {
                let text = unit_text(random, name);
                self.file(format!("{dir}/{name}"), text);
            }
        }
    }

    /// Whether it has units of users.
    pub fn has_user_parts(&self) -> bool {
        self.nodes.keys().any(|path| path.contains("/systemd/user/"))
    }

    /// Things of which no sane package has any.
    fn add_hostile(&mut self, random: &mut Random) {
        let name = unit_name(random);
        let dir = random.pick(&[VENDOR, CONFIG, RUNTIME]);
        match random.below(8) {
            0 => self.put(format!("{dir}/{name}"), Node::Dir),
            1 => self.put(format!("{CONFIG}/multi-user.target.wants/{name}"), Node::Dir),
            2 => self.file(format!("{CONFIG}/multi-user.target.wants"), b"x\n".to_vec()),
            // With --root this generation of systemctl follows an absolute one out of the tree.
            3 if self.is_below => self
                .put(format!("{CONFIG}/multi-user.target.wants"), Node::Link(format!("../../..{OUTSIDE}"))),
            3 => self.put(format!("{CONFIG}/multi-user.target.wants"), Node::Link(OUTSIDE.to_owned())),
            4 => self.put(format!("{CONFIG}/{name}.d"), Node::Link("/opt".to_owned())),
            5 => {
                let other = unit_name(random);
                self.put(format!("{dir}/{name}"), Node::Link(format!("{dir}/{other}")));
                self.put(format!("{dir}/{other}"), Node::Link(format!("{dir}/{name}")));
            }
            6 => {
                let bytes = (0..random.below(60)).map(|_| u8::try_from(random.below(256)).expect("a byte"));
                let bytes = bytes.collect();
                self.file(format!("{dir}/{name}"), bytes);
            }
            _ => self.put(format!("{dir}/{name}"), Node::Link(format!("{OUTSIDE}/../../..{VENDOR}/{name}"))),
        }
    }

    /// Whether a link leads back to itself.
    pub fn has_loop(&self) -> bool {
        let next = |path: &str| match self.nodes.get(path) {
            Some(Node::Link(target)) => Some(resolve(path, target)),
            _ => None,
        };
        self.nodes.keys().any(|start| {
            let mut path = start.clone();
            (0..self.nodes.len()).any(|_| match next(&path) {
                Some(target) => {
                    path = target;
                    path == *start
                }
                None => false,
            })
        })
    }

    /// Whether a unit has drop-ins.
    pub fn has_drop_ins(&self) -> bool {
        self.nodes.keys().any(|path| path.contains(".d/"))
    }

    /// Whether a unit brings another one in.
    pub fn has_also(&self) -> bool {
        let also =
            |node: &Node| matches!(node, Node::File(text) if text.windows(5).any(|part| part == b"Also="));
        self.nodes.values().any(also)
    }
}

/// Where a link at `path` leads, going by names alone.
fn resolve(path: &str, target: &str) -> String {
    let full = match target.starts_with('/') {
        true => target.to_owned(),
        false => format!("{path}/../{target}"),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

fn preset_line(random: &mut Random) -> String {
    let verb = random.pick(&[
        "enable", "enable", "disable", "disable", "ignore", "frob", "Enable", "", "# enable",
    ]);
    let what = random.pick(&[
        "*",
        "*",
        "a.*",
        "a.service",
        "work@.service",
        "work@.service one two",
        "work@.service  x-y",
        "work@one.service",
        "nick@.service \"a b\"",
        "job@*.timer",
        "*.timer",
        "[ab].service",
        "[!a]*",
        "?.socket",
        "{a,b}.service",
        "nick.service",
        "b.service # x",
        "a.service b.service",
        "a",
        "",
    ]);
    let gap = random.pick(&[" ", " ", " ", "\t", "   "]);
    format!("{verb}{gap}{what}")
}
