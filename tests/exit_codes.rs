//! The table of exit codes in packaging/doc/exit-codes.md: every row is brought about, for every verb that it names.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
#[path = "support/sign.rs"]
mod sign;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use image::{Image, build, made_once, package};
use support::{nodeshim, project, succeed};

/// A row: the code, whose it is, and what brings it about.
type Row = (&'static str, &'static str, fn(&str));

/// In the order of the table; the words of each verb cell are handed to the function.
const ROWS: [Row; 16] = [
    ("0", "every verb", all_is_well),
    ("1", "every verb", nothing_can_be_done),
    ("1", "`check`, `diff`", there_are_differences),
    ("1", "`why`, `show`, `log`, `list NAME`", nothing_is_recorded),
    ("1", "`list`, `settle`, `plan`", something_is_unmet),
    ("1", "`lint`", lint_finds),
    ("1", "`policy test`", policy_holds_back),
    ("1", "`replay`", something_no_longer_applies),
    ("1", "`revert`", something_is_left),
    ("1", "`apply`", apply_cannot),
    ("1", "`run`", a_run_fails),
    ("2", "every verb", usage_is_wrong),
    ("N", "`run`", a_run_ends_as_its_command),
    ("10 to 16", "`install`, `preview`, `image edit`, `key import`", signatures_are_wrong),
    ("20 to 23", "`install`, `preview`, `image edit`, `remove`", rpm_refuses),
    ("30 to 32", "`key import`, `install`", keys_are_wrong),
];

fn table() -> Vec<(String, String)> {
    let text = fs::read_to_string(project().join("packaging/doc/exit-codes.md")).expect("the table");
    let rows = text.lines().filter_map(|line| line.strip_prefix("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.split(" | ").collect();
        (cells[0].to_owned(), cells[1].to_owned())
    })
    .collect()
}

#[test]
fn every_row_of_the_table_is_tested() {
    let rows: Vec<(String, String)> =
        ROWS.iter().map(|(code, of, _)| ((*code).into(), (*of).into())).collect();
    assert_eq!(table(), rows);
}

fn check(rows: &[Row]) {
    rows.iter().for_each(|(_, of, check)| check(of));
}

#[test]
fn exit_codes_0_and_1_of_every_verb_are_as_described() {
    check(&ROWS[..2]);
}

#[test]
fn exit_code_1_of_single_verbs_is_as_described() {
    check(&ROWS[2..11]);
}

#[test]
fn exit_codes_of_usage_commands_signatures_and_rpm_are_as_described() {
    check(&ROWS[11..]);
}

/// An image with plugins that opened ports and started an init script.
fn installed() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let make = |place: &Path| {
        let image = Image::new();
        image.install(&["node-gateway-3.0", "node-exporter-0.9", "node-console-a-1.0"]);
        succeed(Command::new("cp").arg("-a").arg(image.path()).arg(place));
    };
    Image::copy_of(PLACE.get_or_init(|| made_once("installed", make)))
}

/// Runs a verb on the image and panics unless it ends with the code.
#[track_caller]
fn ends(image: &Image, code: i32, words: &[&str]) -> Output {
    let output = image.nodeshim(words[0], &words[1..]).output().expect("nodeshim starts");
    assert_eq!(output.status.code(), Some(code), "{words:?}: {output:?}");
    output
}

/// The verbs that `--help` lists, with those of `key`, `policy` and `image` that have their own.
fn verbs() -> Vec<String> {
    let help = succeed(Command::new(nodeshim()).arg("--help")).stdout;
    let help = String::from_utf8(help).expect("text");
    let (_, rest) = help.split_once("Build an image:\n").expect("the verbs");
    let (list, _) = rest.split_once("Options:\n").expect("an end of the list");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(Into::into).collect()
}

fn all_is_well(_: &str) {
    let image = installed();
    let (lua, next) = (package("node-lua-1.0"), image.beside("saved.json").display().to_string());
    let calls: [&[&str]; 29] = [
        &["run", "--", "true"],
        &["arm"],
        &["disarm"],
        &["settle"],
        &["plan"],
        &["apply", "--dry-run"],
        &["firewall", "show"],
        &["check"],
        &["plugins"],
        &["list"],
        &["show", "node-gateway"],
        &["ports"],
        &["units"],
        &["log"],
        &["why", "9090/tcp"],
        &["report", "--format", "json", "--out", &next],
        &["export", "--format", "nft"],
        &["policy", "list"],
        &["lint", &lua],
        &["install", "--allow-unsigned", &lua],
        &["preview", "--allow-unsigned", &package("node-watch-1.0")],
        &["key", "list"],
        &["remove", "node-lua"],
        &["revert", "node-gateway"],
        &["repair"],
        &[
            "replay",
            "--dry-run",
            "--from",
            &image.path().display().to_string(),
        ],
        &["completions", "bash"],
        &["diff", &next, &next],
        &["serve", "--bus", "unix:path=/nosuch"],
    ];
    let mut called: Vec<&str> = calls.iter().map(|words| words[0]).chain(["image"]).collect();
    // The bus that serve needs is that of tests/dbus.rs, the ISO that image needs that of tests/image_edit.rs.
    for words in calls.iter().filter(|words| words[0] != "serve") {
        let mut command = image.nodeshim(words[0], &words[1..]);
        if ["completions", "diff", "lint"].contains(&words[0]) {
            command = Command::new(nodeshim());
            command.args(*words);
        }
        succeed(&mut command);
    }
    let mut verbs = verbs();
    verbs.sort_unstable();
    called.sort_unstable();
    assert_eq!(called, verbs);
}

/// What a verb needs so that its command line is right.
fn arguments(verb: &str) -> &'static [&'static str] {
    match verb {
        "run" => &["--", "true"],
        "why" | "show" | "remove" | "revert" => &["nosuch"],
        "lint" | "install" | "preview" => &["/nosuch/a.rpm"],
        "diff" => &["/nosuch/a", "/nosuch/b"],
        "export" => &["--format", "nft"],
        "firewall" => &["show"],
        "policy" => &["test", "/nosuch/a.rpm"],
        "key" => &["list"],
        "image" => &[
            "edit",
            "/nosuch/in.iso",
            "--out",
            "/nosuch/out.iso",
            "--remove",
            "a",
        ],
        "replay" => &["--from", "/nosuch"],
        "serve" => &["--bus", "unix:path=/nosuch"],
        _ => &[],
    }
}

fn nothing_can_be_done(_: &str) {
    for verb in verbs().iter().filter(|verb| *verb != "completions") {
        let mut command = Command::new(nodeshim());
        command.arg(verb).args(["--root", "/nosuch"]).args(arguments(verb));
        let output = command.output().expect("nodeshim starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(said.lines().count() == 1 && said.contains("nosuch"), "{verb}: {said}");
    }
}

fn usage_is_wrong(_: &str) {
    for verb in verbs() {
        let mut command = Command::new(nodeshim());
        let output = command.args([&*verb, "--nosuch"]).args(arguments(&verb)).output();
        assert_eq!(output.expect("nodeshim starts").status.code(), Some(2), "{verb}");
    }
    ends(&installed(), 2, &["report", "--format", "html", "--in-image"]);
}

fn there_are_differences(_: &str) {
    let image = installed();
    let (new, old) = (image.path().display().to_string(), Image::new());
    fs::remove_file(image.path().join("etc/rc.d/rc3.d/S80node-exporter")).expect("a link");
    ends(&image, 1, &["check"]);
    let mut diff = Command::new(nodeshim());
    let output = diff.arg("diff").arg(old.path()).arg(new).output().expect("nodeshim starts");
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

fn nothing_is_recorded(of: &str) {
    let image = installed();
    for verb in of.split(", ").map(|verb| verb.trim_matches('`')) {
        let verb = verb.trim_end_matches(" NAME");
        ends(&image, 1, &[verb, "nosuch"]);
    }
}

fn something_is_unmet(of: &str) {
    let image = Image::new();
    let post =
        "%post\nfirewall-cmd --permanent --new-service=mine\nfirewall-cmd --permanent --add-service=mine\n";
    image.transaction(&["-i", &build(&image.beside("rpms"), "mine", post)]);
    // The firewall needs the service's definition.
    fs::remove_file(image.path().join("etc/firewalld/services/mine.xml")).expect("a service");
    for verb in of.split(", ") {
        ends(&image, 1, &[verb.trim_matches('`')]);
    }
}

fn lint_finds(_: &str) {
    let lint = |name: &str, more: &[&str]| {
        let spec = project().join("tests/spec-corpus").join(name);
        let output = Command::new(nodeshim())
            .arg("lint")
            .args(more)
            .arg(spec)
            .output()
            .expect("nodeshim starts");
        output.status.code()
    };
    assert_eq!(lint("bad-options.spec", &[]), Some(1));
    assert_eq!((lint("no-preun.spec", &[]), lint("no-preun.spec", &["--strict"])), (Some(0), Some(1)));
}

fn policy_holds_back(_: &str) {
    let image = Image::new();
    let directory = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(
        directory.join("site.toml"),
        "[[rule]]\nname = \"no\"\nport = \"9090\"\nverdict = \"deny\"\n",
    )
    .expect("a policy");
    ends(&image, 1, &["policy", "test", &package("node-gateway-3.0")]);
    ends(&image, 0, &["policy", "test", &package("node-console-a-1.0")]);
}

fn something_no_longer_applies(_: &str) {
    let old = Image::new();
    old.install(&["node-agent-4.50"]);
    let next = Image::new();
    ends(&next, 1, &["replay", "--from", &old.path().display().to_string()]);
}

fn something_is_left(_: &str) {
    let image = installed();
    // What lokkit sets back was not kept.
    let post = "%post\nlokkit --default=server\n";
    image.transaction(&["-i", &build(&image.beside("rpms"), "resets", post)]);
    ends(&image, 1, &["revert", "resets"]);
}

fn apply_cannot(_: &str) {
    ends(&installed(), 1, &["apply"]);
}

fn a_run_fails(_: &str) {
    let image = Image::new();
    let shell = build(&image.beside("rpms"), "wrong", "%post\nsystemctl enable nosuch.service || :\n");
    let rpm = image.rpm(&["-i", &shell]);
    let words: Vec<&str> = ["run", "--fail-on", "failed", "--"]
        .into_iter()
        .chain(rpm.iter().map(String::as_str))
        .collect();
    ends(&image, 1, &words);
    fs::write(image.path().join("etc/nodeshim.toml"), "nonsense").expect("a file");
    fs::create_dir_all(image.path().join("etc/nodeshim")).expect("a directory");
    let again = image.path().join("usr/lib/sysimage/nodeshim/state.toml");
    let spoil = format!("echo nonsense >{}", again.display());
    ends(&image, 1, &["run", "--", "sh", "-c", &spoil]);
}

fn a_run_ends_as_its_command(_: &str) {
    let image = Image::new();
    for (script, code) in [("exit 77", 77), ("kill -TERM $$", 128 + 15)] {
        ends(&image, code, &["run", "--", "sh", "-c", script]);
    }
}

/// tests/install has each code of these by `install`.
fn signatures_are_wrong(_: &str) {
    let image = Image::new();
    let signed = |name: &str| sign::signed().join(name).display().to_string();
    for verb in ["install", "preview"] {
        ends(&image, 10, &[verb, &signed("unsigned.rpm")]);
        ends(&image, 12, &[verb, &signed("other.rpm")]);
        ends(&image, 15, &[verb, &signed("garbage.rpm")]);
    }
    ends(&image, 13, &["key", "import", &sign::key("expired").display().to_string()]);
    ends(&image, 14, &["key", "import", &sign::key("revoked").display().to_string()]);
    ends(&image, 16, &["key", "import", &sign::key("weak").display().to_string()]);
}

fn rpm_refuses(_: &str) {
    let image = Image::new();
    let rpms = image.beside("rpms");
    let good = package("node-gateway-3.0");
    ends(&image, 0, &["install", "--allow-unsigned", &good]);
    let late = build(&rpms, "late", "%post\nexit 3\n%preun\nexit 0\n%postun\nexit 3\n");
    let early = build(&rpms, "early", "%pre\nexit 3\n");
    for verb in ["preview", "install"] {
        ends(&image, 20, &[verb, "--allow-unsigned", &good]);
        ends(&image, 21, &[verb, "--allow-unsigned", &early]);
        ends(&image, 22, &[verb, "--allow-unsigned", &late]);
    }
    ends(&image, 22, &["remove", "late"]);
    let kept = build(&rpms, "kept", "%preun\nexit 3\n");
    ends(&image, 0, &["install", "--allow-unsigned", &kept]);
    ends(&image, 21, &["remove", "kept"]);
}

fn keys_are_wrong(_: &str) {
    let image = Image::new();
    let garbage = image.beside("garbage");
    fs::write(&garbage, "no key\n").expect("a file");
    ends(&image, 30, &["key", "import", &garbage.display().to_string()]);
    ends(&image, 31, &["key", "import", &sign::private_key().display().to_string()]);
    let directory = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&directory).expect("a directory");
    fs::write(directory.join("site.toml"), "[keys]\nimport = false\n[install]\nunsigned = false\n")
        .expect("a policy");
    ends(&image, 32, &["key", "import", &sign::key("good").display().to_string()]);
    ends(&image, 32, &["install", "--allow-unsigned", &package("node-gateway-3.0")]);
}
