//! The manual's table of what each generation of systemctl answers is what the shim answers.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use nodeshim::config::Config;
use nodeshim::tool::Tool;

const UNITS: &str = "usr/lib/systemd/system";
const LOCAL: &str = "etc/systemd/system";

/// What a row is about: a line of the table, files below [`UNITS`], links below [`LOCAL`], and the call.
struct Row {
    name: &'static str,
    files: &'static [(&'static str, &'static str)],
    links: &'static [(&'static str, &'static str)],
    call: &'static str,
}

const WANTED: &str = "[Install]\nWantedBy=multi-user.target\n";

const ROWS: [Row; 14] = [
    Row {
        name: "disable, gone unit",
        files: &[],
        links: &[],
        call: "disable gone.service",
    },
    Row {
        name: "disable, gone alias",
        files: &[],
        links: &[("syslog.service", "rsyslog.service")],
        call: "disable syslog.service",
    },
    Row {
        name: "enable, template",
        files: &[("t@.service", WANTED)],
        links: &[],
        call: "enable t@.service",
    },
    Row {
        name: "enable, Alias= type",
        files: &[("a.service", "[Install]\nAlias=a.socket\n")],
        links: &[],
        call: "enable a.service",
    },
    Row {
        name: "enable, Also= gone",
        files: &[("a.service", "[Install]\nWantedBy=multi-user.target\nAlso=none.service\n")],
        links: &[],
        call: "enable a.service",
    },
    Row {
        name: "enable, specifier",
        files: &[("a.service", "[Install]\nAlias=b.service\nWantedBy=%z.target\n")],
        links: &[],
        call: "enable a.service",
    },
    Row {
        name: "enable, line",
        files: &[("a.service", "[Unit]\nword\n[Install]\nWantedBy=multi-user.target\n")],
        links: &[],
        call: "enable a.service",
    },
    Row {
        name: "preset, taken alias",
        files: &[
            ("a.service", "[Install]\nAlias=al.service\n"),
            ("b.service", WANTED),
        ],
        links: &[("al.service", "/usr/lib/systemd/system/b.service")],
        call: "preset a.service",
    },
    Row {
        name: "preset-all, alias",
        files: &[("a.service", WANTED)],
        links: &[("../../../usr/lib/systemd/system/c.service", "gone.service")],
        call: "preset-all",
    },
    Row {
        name: "enable --now",
        files: &[("a.service", WANTED)],
        links: &[],
        call: "enable --now a.service",
    },
    Row {
        name: "preset --now",
        files: &[("a.service", WANTED)],
        links: &[],
        call: "preset --now a.service",
    },
    Row {
        name: "is-enabled, gone",
        files: &[],
        links: &[],
        call: "is-enabled gone.service",
    },
    Row {
        name: "list-unit-files",
        files: &[],
        links: &[],
        call: "list-unit-files gone.service",
    },
    Row {
        name: "get-default, masked",
        files: &[],
        links: &[("default.target", "/dev/null")],
        call: "get-default",
    },
];

/// A configuration that answers to the letter, as the systemd of a number or word.
fn configured(generation: &str) -> Config {
    let value = match generation.parse::<u16>() {
        Ok(number) => number.to_string(),
        Err(_) => format!("\"{generation}\""),
    };
    let text = format!("[shims]\nanswers = \"strict\"\nsystemctl-generation = {value}\n");
    Config::parse(text.as_bytes()).expect("a configuration").0
}

fn lay_out(image: &Path, files: &[(&str, &str)], links: &[(&str, &str)]) {
    for dir in [UNITS, LOCAL] {
        fs::create_dir_all(image.join(dir)).expect("a directory");
    }
    fs::write(image.join(UNITS).join("multi-user.target"), "[Unit]\n").expect("a unit");
    for (name, text) in files {
        fs::write(image.join(UNITS).join(name), text).expect("a unit");
    }
    for (name, target) in links {
        symlink(target, image.join(LOCAL).join(name)).expect("a link");
    }
}

/// What a systemd answers to every row, and the row's name.
fn answers(generation: &str) -> Vec<String> {
    let config = configured(generation);
    let exit = |row: &Row| {
        let image = support::scratch();
        lay_out(image.path(), row.files, row.links);
        call::call_with(image.path(), Tool::Systemctl, &config, row.call.split(' '))
            .exit
            .to_string()
    };
    ROWS.iter().map(exit).collect()
}

/// The releases that are no column of the table, and the columns that they answer as.
const OTHERS: [(std::ops::RangeInclusive<u16>, &str); 7] = [
    (239..=241, "el8"),
    (242..=246, "247"),
    (248..=249, "247"),
    (250..=251, "252"),
    (255..=255, "254"),
    (256..=258, "el10"),
    (259..=261, "262"),
];

#[test]
fn systemd_releases_between_those_of_the_table_answer_as_the_manual_says() {
    for (numbers, column) in OTHERS {
        for number in numbers.filter(|number| *number != 257) {
            assert_eq!(answers(&number.to_string()), answers(column), "{number} as {column}");
        }
    }
    let mut of_253 = answers("el9");
    let of_254 = answers("254");
    for (at, row) in ROWS.iter().enumerate() {
        if ["is-enabled, gone", "get-default, masked"].contains(&row.name) {
            of_253[at].clone_from(&of_254[at]);
        }
    }
    assert_eq!(answers("253"), of_253);
}

#[test]
fn the_manuals_table_of_systemctl_generations_is_what_is_answered() {
    let page = support::project().join("packaging/man/nodeshim-shims.7");
    let manual = fs::read_to_string(page).expect("the manual");
    let (_, rest) = manual.split_once(".It Sy exit code of Ta ").expect("the table");
    let (table, _) = rest.split_once("\n.El").expect("an end of the table");
    let mut lines = table.lines();
    let columns: Vec<&str> = lines
        .next()
        .expect("a header")
        .split(" Ta ")
        .map(|word| word.trim_start_matches("Sy "))
        .collect();
    assert!(columns.len() >= 8, "{columns:?}");
    let written: Vec<String> = lines.map(|line| line.trim_start_matches(".It ").to_owned()).collect();
    let by_column: Vec<Vec<String>> = columns.iter().map(|column| answers(column)).collect();
    let answered = ROWS.iter().enumerate().map(|(at, row)| {
        let exits = by_column.iter().map(|answers| answers[at].clone());
        [row.name.to_owned()].into_iter().chain(exits).collect::<Vec<_>>().join(" Ta ")
    });
    assert_eq!(written, answered.collect::<Vec<_>>());
}
