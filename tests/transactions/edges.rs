//! What goes wrong: no root, no image, a read-only one, hostile names, and the host's own files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::image::{Image, build};
use super::support::{nodeshim, scratch, snapshot};
use super::text;

fn run(root: &Path, argv: &[&str]) -> Output {
    let mut command = Command::new(nodeshim());
    command.arg("run").arg("--root").arg(root).arg("--").args(argv).stdin(Stdio::null());
    command.output().expect("nodeshim starts")
}

/// One line that names the place, and exit code 1.
fn assert_refused(output: &Output, part: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(part) && stderr.lines().count() == 1, "{stderr}");
}

#[test]
fn a_root_that_is_missing_or_no_image_is_refused_and_the_command_not_run() {
    let place = scratch();
    let canary = place.path().join("canary");
    let touch = ["touch", canary.to_str().expect("a plain path")];
    assert_refused(&run(&place.path().join("missing"), &touch), "missing: No such file or directory");
    let file = place.path().join("file");
    fs::write(&file, "").expect("a file");
    assert_refused(&run(&file, &touch), "file: Not a directory");
    let empty = place.path().join("empty");
    fs::create_dir(&empty).expect("a directory");
    assert_refused(&run(&empty, &touch), "not an image root");
    assert!(!canary.exists());
    assert_eq!(fs::read_dir(&empty).expect("the directory").count(), 0);
}

#[test]
fn the_command_s_exit_code_is_run_s_and_a_missing_command_leaves_nothing_armed() {
    let image = Image::new();
    assert_eq!(run(&image.path(), &["sh", "-c", "exit 7"]).status.code(), Some(7));
    assert_eq!(run(&image.path(), &["sh", "-c", "kill -9 $$"]).status.code(), Some(137));
    assert_refused(&run(&image.path(), &["/no/such/command"]), "/no/such/command: No such file or directory");
    assert!(!image.has("/usr/lib/sysimage/nodeshim/armed.toml") && !image.has("/usr/bin/systemctl"));
}

#[test]
fn a_read_only_image_is_refused_in_one_line() {
    let image = Image::new();
    let before = image.files();
    let script = "mount --bind $1 $1; mount -o remount,bind,ro $1; exec $2 run --root $1 -- true";
    let output = Command::new("unshare")
        .args(["-m", "--propagation", "private", "sh", "-euc", script, "sh"])
        .args([image.path(), nodeshim()])
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    assert_refused(&output, "Read-only file system");
    assert_eq!(image.files(), before);
}

#[test]
fn a_run_that_was_killed_is_repaired_by_the_next() {
    let image = Image::new();
    fs::write(image.path().join("usr/bin/systemctl"), "the image's own\n").expect("a tool");
    let mut killed = Command::new(nodeshim());
    killed
        .arg("run")
        .arg("--root")
        .arg(image.path())
        .args(["--", "sh", "-c", "kill -9 $PPID; sleep 0.1"]);
    assert_eq!(killed.stdin(Stdio::null()).status().expect("nodeshim starts").code(), None);
    assert_ne!(image.read("/usr/bin/systemctl"), "the image's own\n");
    let output = run(&image.path(), &["true"]);
    assert!(output.status.success(), "{output:?}");
    assert_eq!(image.read("/usr/bin/systemctl"), "the image's own\n");
    assert!(!image.has("/usr/sbin/chkconfig"));
}

#[test]
fn hostile_names_make_no_files_and_no_lines() {
    let image = Image::new();
    let package = build(
        &image.beside("hostile"),
        "hostile",
        "%post\n\
         systemctl enable '../../../escape.service' '-- x' \"$(printf 'a\\nb').service\" || :\n\
         systemctl mask '../escape.service' || :\n\
         chkconfig --add '../../escape' || :\n\
         service '../../escape' start || :\n\
         lokkit --nostart --port='22:tcp\"; flush ruleset; #' || :\n\
         lokkit --nostart --service='../../escape' || :\n\
         firewall-cmd --permanent --new-service='../../escape' || :\n\
         firewall-cmd --permanent --new-zone='../escape' || :\n\
         firewall-offline-cmd --add-port='1/tcp accept; flush ruleset' || :\n\
         firewall-offline-cmd --new-service=\"$(printf 'a\\nb')\" || :\n",
    );
    image.transaction(&["-U", &package]);
    let strangers: Vec<PathBuf> = image
        .files()
        .into_keys()
        .filter(|path| {
            let name = path.to_string_lossy();
            name.contains("escape") || name.contains('\n') || name.contains("-- x")
        })
        .collect();
    assert_eq!(strangers, Vec::<PathBuf>::new());
    let listed = image.nodeshim("list", [""; 0]).output().expect("nodeshim starts");
    assert!(!text(&listed.stdout).contains("a\nb"), "{}", text(&listed.stdout));
    let rules = image.nodeshim("export", ["--format", "nft"]).output().expect("nodeshim starts");
    // The ruleset itself may well begin by flushing its own table.
    assert!(!text(&rules.stdout).contains("flush ruleset;"), "{}", text(&rules.stdout));
}

#[test]
fn nothing_on_the_host_changes() {
    const PLACES: [&str; 3] = ["/etc", "/usr/lib/systemd", "/root"];
    // The build tools of whoever runs the tests may write there at the same time.
    let ours =
        |path: &Path| !["root/.cargo", "root/.rustup", "root/.cache"].iter().any(|p| path.starts_with(p));
    let host = || -> Vec<(PathBuf, u64, i64, i64)> {
        let mut found = Vec::new();
        for place in PLACES {
            walk(Path::new(place), &ours, &mut found);
        }
        found.sort();
        found
    };
    let before = host();
    let image = Image::new();
    image.install(&[
        "node-agent-4.50",
        "node-gateway-3.0",
        "node-mirror-1.0",
        "node-exporter-0.9",
    ]);
    image.erase(&["node-agent"]);
    assert_eq!(host(), before);
    assert!(!snapshot(&image.path()).is_empty());
}

/// Path, inode and times of everything below a directory of the host.
fn walk(path: &Path, ours: &dyn Fn(&Path) -> bool, found: &mut Vec<(PathBuf, u64, i64, i64)>) {
    use std::os::unix::fs::MetadataExt;
    if !ours(path.strip_prefix("/").unwrap_or(path)) {
        return;
    }
    let Ok(meta) = fs::symlink_metadata(path) else {
        return;
    };
    found.push((path.to_owned(), meta.ino(), meta.ctime(), meta.ctime_nsec()));
    if meta.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), ours, found);
        }
    }
}
