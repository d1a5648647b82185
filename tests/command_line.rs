//! What the verbs print for people: ports and units, widths, help, completions, and misses that are alike.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/image.rs"]
mod image;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use image::{Image, build, made_once};
use serde_json::Value;
use support::{nodeshim, stage, succeed};

const UNIT: &str = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";

/// An image whose builder and one of whose packages asked for ports and units.
fn image() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let make = |place: &Path| _ = succeed(Command::new("cp").arg("-a").arg(installed().path()).arg(place));
    Image::copy_of(PLACE.get_or_init(|| made_once("installed", make)))
}

fn installed() -> Image {
    let image = Image::new();
    for unit in ["agent", "vendor"] {
        fs::write(image.path().join(format!("usr/lib/systemd/system/{unit}.service")), UNIT).unwrap();
    }
    let wants = image.path().join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("/usr/lib/systemd/system/vendor.service", wants.join("vendor.service"))
        .unwrap();
    let service =
        "<service><port port=\"9443\" protocol=\"tcp\"/><port port=\"9444\" protocol=\"udp\"/></service>";
    fs::create_dir_all(image.path().join("etc/firewalld/services")).unwrap();
    fs::write(image.path().join("etc/firewalld/services/agent.xml"), service).unwrap();
    let scriptlets = "%post\nsystemctl enable agent\nfirewall-cmd --permanent --add-service=agent\n\
        firewall-cmd --permanent --add-port=8080/tcp\n\
        firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" source address=\"10.0.0.0/8\" port port=\"8081\" protocol=\"tcp\" accept'\n\
        firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" source address=\"10.0.0.0/8\" port port=\"8082\" protocol=\"tcp\" drop'\n";
    let agent = build(&image.beside("rpms"), "agent", scriptlets);
    image.transaction(&["-i", &agent]);
    let root = image.path().display().to_string();
    let by_hand = [
        "--name",
        "kickstart-post",
        "--",
        "chroot",
        &root,
        "firewall-cmd",
        "--permanent",
        "--add-port=70/udp",
    ];
    succeed(&mut image.nodeshim("run", by_hand));
    image
}

fn say(image: &Image, verb: &str, args: &[&str]) -> String {
    let output = succeed(&mut image.nodeshim(verb, args));
    String::from_utf8(output.stdout).expect("text")
}

/// The words of each line, without event numbers.
fn words(text: &str) -> Vec<String> {
    let line = |line: &str| {
        let line = line.split(" [#").next().unwrap_or_default();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    text.lines().map(line).collect()
}

#[test]
fn ports_are_listed_one_by_one_with_who_asked_for_them() {
    let image = image();
    let rule = "rule family=\"ipv4\" source address=\"10.0.0.0/8\" port port=\"8081\" protocol=\"tcp\" accept \
                from 10.0.0.0/8";
    let asked = [
        "PORT ZONE BY THROUGH",
        "70/udp public (builder kickstart-post) port",
        "8080/tcp public agent port",
        &format!("8081/tcp public agent {rule}"),
        "9443/tcp public agent service agent",
        "9444/udp public agent service agent",
    ];
    assert_eq!(words(&say(&image, "ports", &[])), asked);
    let all = words(&say(&image, "ports", &["--all"]));
    assert!(all.contains(&"22/tcp public (image) service ssh".to_owned()), "{all:?}");
    assert_eq!(all.iter().filter(|line| line.starts_with("8080/tcp")).count(), 1, "{all:?}");
    let json: Value = serde_json::from_str(&say(&image, "ports", &["--json"])).expect("JSON");
    let of =
        |at: usize| (json["items"][at]["port"].as_str().unwrap(), json["items"][at]["by"].as_str().unwrap());
    assert_eq!((of(0), of(1)), (("70", "(builder kickstart-post)"), ("8080", "agent")));
    assert_eq!(json["items"][2]["from"], serde_json::json!(["10.0.0.0/8"]));
}

#[test]
fn units_are_listed_with_who_starts_them_at_boot() {
    let image = image();
    let said = words(&say(&image, "units", &[]));
    assert_eq!((said.len(), said[0].as_str()), (2, "UNIT BY REQUESTED HOW"));
    assert!(
        said[1].starts_with("agent.service agent 20") && said[1].ends_with("Z enabled"),
        "{said:?}"
    );
    let all = words(&say(&image, "units", &["--all"]));
    assert!(all.contains(&"vendor.service (image) - enabled".to_owned()), "{all:?}");
    assert!(!all.iter().any(|line| line.starts_with("agent.service (image)")), "{all:?}");
}

#[test]
fn text_is_as_wide_as_columns_and_in_a_pipe_a_record_is_one_line() {
    let image = image();
    let list = say(&image, "list", &[]);
    let rich: Vec<&str> = list.lines().filter(|line| line.contains("8081")).collect();
    assert!(rich.len() == 1 && rich[0].starts_with("agent") && rich[0].contains("accept"), "{list}");
    for (columns, wraps) in [(60, true), (160, false)] {
        let mut command = image.nodeshim("list", [] as [&str; 0]);
        let output = succeed(command.env("COLUMNS", columns.to_string()));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
        assert_eq!(text.lines().count() > list.lines().count(), wraps, "{text}");
    }
}

#[test]
fn a_plugin_that_nobody_knows_is_a_miss_for_every_verb() {
    let image = image();
    for (verb, args) in [
        ("list", &["nosuch"][..]),
        ("show", &["nosuch"]),
        ("log", &["nosuch"]),
        ("revert", &["nosuch"]),
        ("policy", &["test", "nosuch"]),
    ] {
        let output = image.nodeshim(verb, args).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{verb}: {said}");
        assert!(
            said.contains("nothing is recorded of nosuch; nodeshim plugins lists the plugins"),
            "{verb}: {said}"
        );
        assert!(output.stdout.is_empty(), "{verb}");
    }
}

#[test]
fn names_with_a_backslash_are_printed_as_they_are() {
    let image = Image::new();
    fs::write(image.path().join("usr/lib/systemd/system/w@.service"), UNIT).unwrap();
    let scriptlets = "%post\nsystemctl enable 'w@a\\x2db.service'\n";
    image.transaction(&["-i", &build(&image.beside("rpms"), "escaped", scriptlets)]);
    let link = r"/etc/systemd/system/multi-user.target.wants/w@a\x2db.service";
    for (verb, args) in [
        ("list", &[][..]),
        ("show", &["escaped"]),
        ("log", &[]),
        ("report", &[]),
        ("units", &[]),
        ("why", &[link]),
        ("plan", &[]),
    ] {
        let said = say(&image, verb, args);
        assert!(!said.contains(r"\\x2d"), "{verb}: {said}");
        assert!(verb == "plan" || said.contains(r"w@a\x2db.service"), "{verb}: {said}");
    }
    let why = say(&image, "why", &[link]);
    assert!(why.contains("wanted by escaped") && why.contains("systemctl enable"), "{why}");
    assert!(say(&image, "show", &["escaped"]).contains(link));
    succeed(&mut image.nodeshim("check", [] as [&str; 0]));
}

#[test]
fn diff_compares_images_and_saved_reports() {
    let (before, after) = (image(), image());
    let root = after.path().display().to_string();
    let calls = "firewall-cmd --permanent --remove-port=70/udp; firewall-cmd --permanent --add-port=71/udp";
    succeed(&mut after.nodeshim(
        "run",
        [
            "--name",
            "kickstart-post",
            "--",
            "chroot",
            &root,
            "sh",
            "-c",
            calls,
        ],
    ));
    let saved = before.beside("before.json").display().to_string();
    succeed(&mut before.nodeshim("report", ["--format", "json", "--out", &saved]));
    let said = |before: &str, after: &str| {
        let output = Command::new(nodeshim()).args(["diff", before, after]).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let first = before.path().display().to_string();
    let (code, text) = said(&first, &root);
    assert_eq!(code, Some(1), "{text}");
    for line in [
        "- ports       (builder kickstart-post): 70/udp\n",
        "+ ports       (builder kickstart-post): 71/udp\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    assert!(!text.contains("agent"), "{text}");
    assert_eq!(said(&saved, &root), (Some(1), text));
    assert_eq!(said(&saved, &first), (Some(0), String::new()));
    let output = Command::new(nodeshim()).args(["diff", &root, "/nosuch"]).output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).contains("/nosuch"), "{output:?}");
}

#[test]
fn metrics_count_what_plugins_open_and_what_check_finds() {
    let image = image();
    let text = say(&image, "report", &["--format", "prometheus"]);
    for line in [
        "# TYPE nodeshim_plugin_open_ports gauge",
        "nodeshim_plugin_info{plugin=\"agent\",version=\"1.0-1\"} 1",
        "nodeshim_plugin_open_ports{plugin=\"agent\"} 2",
        "nodeshim_plugin_open_ports{plugin=\"(builder kickstart-post)\"} 1",
        "nodeshim_check_differences 0",
    ] {
        assert!(text.lines().any(|other| other == line), "{line}\n{text}");
    }
    fs::remove_file(image.path().join("etc/systemd/system/multi-user.target.wants/agent.service")).unwrap();
    let text = say(&image, "report", &["--format", "prometheus"]);
    assert!(!text.contains("nodeshim_check_differences 0\n"), "{text}");
}

#[test]
fn help_lists_verbs_by_task_and_completions_are_installed() {
    let output = succeed(Command::new(nodeshim()).arg("--help").env("COLUMNS", "80"));
    let help = String::from_utf8(output.stdout).unwrap();
    for expected in [
        "Build an image:\n  run ",
        "Look at an image:\n",
        "\n  ports ",
        "Examples:\n",
        "--root <DIR>",
    ] {
        assert!(help.contains(expected), "{expected:?}\n{help}");
    }
    let script = stage().join("usr/share/bash-completion/completions/nodeshim");
    succeed(Command::new("bash").arg("-n").arg(&script));
    let complete = "source \"$1\"; COMP_WORDS=(nodeshim po) COMP_CWORD=1; _nodeshim nodeshim po nodeshim; echo \"${COMPREPLY[*]}\"";
    let output = succeed(Command::new("bash").args(["-c", complete, "bash"]).arg(&script));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "ports policy");
    for path in [
        "usr/share/zsh/site-functions/_nodeshim",
        "usr/share/fish/vendor_completions.d/nodeshim.fish",
    ] {
        assert!(fs::read_to_string(stage().join(path)).unwrap().contains("ports"), "{path}");
    }
}

/// What a verb prints on a terminal of so many columns, standard error among it.
fn on_terminal(image: &Image, columns: usize, verb: &str, args: &[&str]) -> String {
    let words = [verb, "--root"].into_iter().chain(args.iter().copied());
    let words: Vec<String> = words.map(|word| format!("'{}'", word.replace('\'', r"'\''"))).collect();
    let root = image.path().display().to_string();
    let line = format!(
        "stty cols {columns}; exec {} {} {root} {}",
        nodeshim().display(),
        words[..2].join(" "),
        words[2..].join(" ")
    );
    let mut command = Command::new("script");
    command.args(["-qec", &line, "/dev/null"]).env_clear().stdin(std::process::Stdio::null());
    command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("TERM", "xterm");
    let output = command.output().expect("script starts");
    String::from_utf8(output.stdout).expect("text").replace("\r\n", "\n")
}

/// The text without its colours.
fn plain(text: &str) -> String {
    regex::Regex::new("\x1b\\[[0-9;]*m").unwrap().replace_all(text, "").into_owned()
}

#[test]
fn a_terminal_gets_its_width_and_colours_and_a_pipe_neither() {
    let image = image();
    let piped = say(&image, "list", &[]);
    assert!(!piped.contains('\x1b'), "{piped}");
    for columns in [60, 160] {
        let shown = on_terminal(&image, columns, "list", &[]);
        assert!(shown.contains("\x1b["), "{shown}");
        let text = plain(&shown);
        assert!(text.lines().all(|line| line.chars().count() <= columns), "{text}");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&text), words(&piped));
    }
    let coloured = on_terminal(&image, 80, "ports", &[]);
    assert!(coloured.starts_with("\x1b[1mPORT"), "{coloured}");
    assert_eq!(plain(&coloured), coloured.replace("\x1b[1m", "").replace("\x1b[0m", ""));
    assert!(!on_terminal(&image, 80, "ports", &["--color", "never"]).contains('\x1b'));
}

#[test]
fn colour_is_as_the_option_and_the_environment_say() {
    let image = image();
    let has_colour = |variables: &[(&str, &str)], args: &[&str]| {
        let mut command = image.nodeshim("ports", args);
        let output = succeed(command.envs(variables.iter().copied()));
        output.stdout.contains(&0x1b)
    };
    assert!(!has_colour(&[], &[]));
    assert!(has_colour(&[], &["--color=always"]));
    assert!(has_colour(&[("CLICOLOR_FORCE", "1")], &[]));
    assert!(!has_colour(&[("CLICOLOR_FORCE", "1")], &["--color", "never"]));
    assert!(has_colour(&[("NO_COLOR", "1")], &["--color", "always"]));
    let mut command = image.nodeshim("show", ["nosuch", "--color=always"]);
    let said = command.output().unwrap().stderr;
    assert!(said.starts_with(b"\x1b[1m\x1b[31mnodeshim:"), "{}", String::from_utf8_lossy(&said));
    for args in [&["--json"][..], &["--json", "--color=always"]] {
        let output = succeed(&mut image.nodeshim("ports", args)).stdout;
        assert!(!output.contains(&0x1b), "JSON has no colours");
    }
}

#[test]
fn what_packages_wrote_brings_no_colours_of_its_own() {
    let image = Image::new();
    let scriptlets = "%post\nfirewall-cmd --permanent --add-service=\"$(printf 'a\\033[31mb')\"\n:\n";
    image.transaction(&["-i", &build(&image.beside("rpms"), "painter", scriptlets)]);
    let output = succeed(&mut image.nodeshim("log", ["--all", "--color=always"])).stdout;
    assert!(
        !output.windows(5).any(|bytes| bytes == b"\x1b[31m"),
        "{}",
        String::from_utf8_lossy(&output)
    );
}

#[test]
fn twice_verbose_logs_the_programs_that_are_run_and_what_is_planned() {
    let image = Image::new();
    let package = build(&image.beside("rpms"), "quiet", "%post\n:\n");
    image.transaction(&["-i", &package]);
    let log_of = |option: &str| {
        let output = image.nodeshim("check", [option]).output().unwrap();
        String::from_utf8(output.stderr).unwrap()
    };
    let log = log_of("-vv");
    for line in [
        r#""rpm" "--root""#,
        "the firewall is written for",
        "planned 0 changes",
    ] {
        assert!(log.contains(line), "{line}: {log}");
    }
    assert!(!log_of("-v").contains("planned"));
}

#[test]
fn quiet_leaves_out_remarks_and_verbose_adds_requests() {
    let image = Image::new();
    let scriptlets = "%post\nfirewall-cmd --permanent --add-port=8080/tcp\n";
    let package = build(&image.beside("rpms"), "chatty", scriptlets);
    let said = |option: &str, args: &[&str]| {
        let mut command = image.nodeshim("run", [option, "--"]);
        let output = succeed(command.args(image.rpm(args)));
        String::from_utf8(output.stderr).unwrap()
    };
    let verbose = said("-v", &["-i", &package]);
    assert!(verbose.contains("nodeshim: putting the shims in place\n"), "{verbose}");
    assert!(verbose.contains("firewall-cmd --permanent --add-port=8080/tcp"), "{verbose}");
    assert!(verbose.contains("recorded 1 request"), "{verbose}");
    let quiet = said("-q", &["-e", "chatty"]);
    assert_eq!(quiet, "");
    let refused = image.nodeshim("show", ["-q", "nosuch"]).output().unwrap();
    assert!(!refused.stderr.is_empty(), "errors are printed all the same");
    assert_eq!(succeed(&mut image.nodeshim("settle", ["-q"])).stdout, b"");
}

#[test]
fn progress_is_shown_on_a_terminal_for_what_takes_a_second_and_cleared() {
    let image = Image::new();
    let slow = build(&image.beside("rpms"), "slow", "%post\nsleep 3\n");
    let shown = on_terminal(&image, 80, "install", &["--allow-unsigned", &slow]);
    assert!(shown.contains("installing and erasing packages"), "{shown:?}");
    let (_, after) = shown.rsplit_once("installing and erasing packages").unwrap();
    assert!(after.contains("\x1b[2K"), "the line is cleared: {after:?}");
    let output = image.nodeshim("install", ["--reinstall", "--allow-unsigned", &slow]).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("installing and erasing"), "{output:?}");
    let quick = on_terminal(&image, 80, "ports", &[]);
    assert!(!quick.contains("\x1b[2K"), "{quick:?}");
}

#[test]
fn a_missing_shim_policy_or_rpm_plugin_is_named_with_what_to_do() {
    let place = support::scratch();
    let prefix = place.path().join("usr");
    let bin = prefix.join("bin");
    fs::create_dir_all(&bin).unwrap();
    fs::copy(nodeshim(), bin.join("nodeshim")).unwrap();
    let call = |root: &Path, args: &[&str]| {
        let output = Command::new(bin.join("nodeshim")).arg("--root").arg(root).args(args).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let image = Image::new();
    let advice = "nodeshim looks for its files beside its own program, in PREFIX/bin: install the nodeshim \
                  package, or use the program in DIR/usr/bin after packaging/stage DIR";
    for (args, part, file) in [
        (&["run", "--", "true"][..], "the shim", "libexec/nodeshim/shim"),
        (&["arm"], "the shim", "libexec/nodeshim/shim"),
        (&["lint", "x.toml"], "the shipped policy", "lib/nodeshim/policy.d"),
    ] {
        let (code, said) = call(&image.path(), args);
        let file = prefix.join(file);
        let expected = format!("{part} is not installed: {} does not exist; {advice}", file.display());
        assert_eq!(code, Some(1), "{args:?}: {said}");
        assert!(said.contains(&expected), "{args:?}: {said}");
    }
    fs::create_dir_all(prefix.join("libexec/nodeshim")).unwrap();
    fs::copy(support::shim(), prefix.join("libexec/nodeshim/shim")).unwrap();
    let without = "the rpm plugin is not installed: ";
    let (code, said) = call(&image.path(), &["run", "--", "rpm", "--version"]);
    assert!(code == Some(0) && said.contains(without), "{said}");
    let (code, said) = call(&image.path(), &["run", "--", "true"]);
    assert!(code == Some(0) && !said.contains(without), "a command that is no package manager: {said}");
    fs::create_dir_all(prefix.join("lib/nodeshim/policy.d")).unwrap();
    let (_, said) = call(&image.path(), &["lint", "--policy", "nosuch", "x.toml"]);
    assert!(said.contains("no policy named nosuch (looked in "), "{said}");
}
