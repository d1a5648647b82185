//! What a transaction costs in numbers that do not depend on the machine.

use std::fs;
use std::process::Command;

use super::image::{Image, build, build_with};
use super::support::{shim, succeed};
use super::text;

/// Runs a command and says how much memory the largest of the processes that it started had, in KiB.
const PEAK: &str = "import resource, subprocess, sys; subprocess.run(sys.argv[1:], check=True); \
                    print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)";

/// What rpm has in memory it hands down to each scriptlet, by copying tables.
#[test]
fn rpm_with_the_plugin_does_not_have_the_shim_in_its_memory() {
    let image = Image::new();
    let package = build(&image.beside("rpms"), "lean", "%post\necho $1 >/etc/lean\n");
    let peak = |mut command: Command| -> u64 {
        let said = text(&succeed(&mut command).stdout);
        said.trim().parse().expect("a number of KiB")
    };
    let words = || ["python3", "-SEc", PEAK].map(str::to_owned).into_iter();
    let with = peak({
        let mut command = image.nodeshim("run", ["--"]);
        command.args(words().chain(image.rpm(&["-U", &package])));
        command
    });
    let without = peak({
        let mut command = Command::new("python3");
        command.args(words().skip(1).chain(image.rpm(&["-U", "--replacepkgs", &package])));
        command
    });
    let shim = fs::metadata(shim()).expect("the shim").len() / 1024;
    assert!(
        with < without + shim,
        "{with} KiB with the plugin, {without} without, and the shim has {shim}"
    );
}

/// Without a scriptlet an rpm is known by having loaded the plugin.
#[test]
fn an_audit_does_not_read_what_an_rpm_unpacks_where_no_package_has_a_scriptlet() {
    let image = Image::new();
    let files: Vec<(String, String)> =
        (0..20).map(|n| (format!("/opt/bare/payload-{n}"), format!("{n}\n"))).collect();
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let package = build_with(&image.beside("rpms"), "bare", "", &files, "");
    let trace = image.beside("trace");
    let run = image.nodeshim("run", ["--audit", "events", "--"]);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-s", "200", "-e", "trace=openat2", "-o"]).arg(&trace);
    command.arg(run.get_program()).args(run.get_args()).args(image.rpm(&["-U", &package]));
    succeed(&mut command);
    assert!(image.has("/opt/bare/payload-19"));
    let calls = fs::read_to_string(&trace).expect("the trace");
    let read: Vec<&str> = calls
        .lines()
        .filter(|line| line.contains("payload-") && !line.contains("O_PATH"))
        .collect();
    assert!(calls.contains("openat2(") && read.is_empty(), "{read:?}");
}
