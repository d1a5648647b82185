//! Random unit files.

use super::image::{NAMES, TARGETS, unit_name};
use super::random::Random;

/// The specifiers that are the same on both sides of a comparison, and two that are refused.
pub const SPECIFIERS: [&str; 23] = [
    "%n", "%N", "%p", "%i", "%j", "%u", "%U", "%g", "%G", "%m", "%o", "%w", "%B", "%W", "%M", "%A", "%v",
    "%a", "%b", "%l", "%%", "%t", "%z",
];

/// A unit file, sometimes broken.
pub fn unit_text(random: &mut Random, name: &str) -> Vec<u8> {
    let mut text = format!("[Unit]\nDescription={name}\n");
    match random.below(24) {
        0 => return Vec::new(),
        1 => return text.into_bytes(),
        2 => text.insert_str(0, "stray=1\n"),
        3 => text.push_str("[Odd]\nx=y\n"),
        4 => text.insert(0, '\u{feff}'),
        5 => text.push_str("[broken\n"),
        6 => text.push_str("; comment\n  # another\n\n \t\n"),
        _ => {}
    }
    text.push_str(&install_text(random, name));
    match random.below(40) {
        0..=3 => text = text.replace('\n', "\r\n"),
        4 => text = text.trim_end().to_owned(),
        5 => text.push('\0'),
        6 => text = text.replacen("[Install]", "[Install]\nWantedBy=x\0y.target", 1),
        7 => text.push_str("[X-Own]\nany=thing\n[Install]\n"),
        8 => text.push_str("WantedBy=\\"),
        9 => return [text.as_bytes(), b"Alias=\xff\xfe.service\n"].concat(),
        10 => text = text.replace("[Install]", " [Install] "),
        11 => text = text.replace("[Install]", "[install]"),
        _ => {}
    }
    text.into_bytes()
}

/// An `[Install]` section.
pub fn install_text(random: &mut Random, name: &str) -> String {
    let mut text = "[Install]\n".to_owned();
    for _ in 0..1 + random.below(3) {
        text.push_str(&install_line(random, name));
        text.push('\n');
    }
    text
}

fn install_line(random: &mut Random, name: &str) -> String {
    match random.below(20) {
        0..=5 => format!("WantedBy={}", random.pick(&TARGETS)),
        6 => format!("RequiredBy={} {}", random.pick(&TARGETS), random.pick(&TARGETS)),
        7 => format!("WantedBy={}", odd_target(random)),
        8 => {
            let specifier = random.pick(&SPECIFIERS);
            let key = random.pick(&["WantedBy", "RequiredBy", "Alias"]);
            let type_of_unit = name.rsplit('.').next().unwrap_or("service");
            match key {
                "Alias" => format!("Alias=x{specifier}.{type_of_unit}"),
                _ => format!("{key}=x{specifier}.target"),
            }
        }
        9 | 10 => format!("Alias={}", unit_name(random)),
        11 => format!("Alias={}", odd_alias(random)),
        12 | 13 => format!("Also={}", unit_name(random)),
        14 => format!(
            "Also={}",
            random.pick(&[
                "gone.service a.service",
                "%p.socket",
                "bad",
                "",
                "work@%i.service"
            ])
        ),
        15 => format!(
            "DefaultInstance={}",
            random.pick(&["one", "main", "%p", "", "x-y", "a/b", "%i", "two words"])
        ),
        16 => odd_line(random).to_owned(),
        17 => format!("UpheldBy={}", random.pick(&TARGETS)),
        18 => format!("WantedBy={}", NAMES[random.below(NAMES.len())]),
        _ => format!("WantedBy=\"{}\"", name.replace("service", "target")),
    }
}

fn odd_target(random: &mut Random) -> &'static str {
    random.pick(&[
        "x-%i.target",
        "x-%N.target",
        "%p@%i.target",
        "not_a_unit",
        "grp@%p.target",
        "grp@one.target",
        "../../x.target",
        "/x.target",
        "a b.target",
        "\"multi-user.target timers.target\"",
        "'unfinished",
        "multi-user.target,timers.target",
        "x\\x2dy.target",
        "multi-user.target multi-user.target",
        ".target",
        "@.target",
    ])
}

fn odd_alias(random: &mut Random) -> &'static str {
    random.pick(&[
        "dm.service",
        "multi-user.target.wants/a.service",
        "multi-user.target.requires/b.service",
        "odd/a.service",
        "../a.service",
        "/etc/systemd/system/q.service",
        "tmpl@.service",
        "inst@one.service",
        "default.target",
        "noext",
        "dm.service dm.socket dm.timer",
        "",
        "%n",
        "nick@%i.service",
    ])
}

fn odd_line(random: &mut Random) -> &'static str {
    random.pick(&[
        "WantedBy=",
        "Alias=",
        "RequiredBy=",
        "junk",
        "Unknown=1",
        "X-Own=1",
        "wantedby=multi-user.target",
        "# comment",
        "; comment \\",
        "WantedBy=\\\nmulti-user.target",
        "WantedBy=multi-user.target \\\n# in between\n timers.target",
        "  WantedBy = multi-user.target  ",
        "=x",
        "[Install]",
        "[Unit]",
        "[]",
        "WantedBy==x.target",
        "DefaultInstance",
    ])
}
