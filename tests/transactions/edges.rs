//! A read-only image, a tool that a transaction replaces, hostile names, and the host's own files.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::image::{Image, build};
use super::support::{assert_same, nodeshim, snapshot};
use super::text;

/// One line that names the place, and exit code 1.
fn assert_refused(output: &Output, part: &str) {
    let stderr = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert!(stderr.contains(part) && stderr.lines().count() == 1, "{stderr}");
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
    assert_same(&before, &image.files(), "a read-only image has changed");
}

#[test]
fn a_transaction_may_bring_and_upgrade_a_tool() {
    let image = Image::new();
    let place = image.beside("tool");
    let owner = |version: u32| {
        build(
            &place,
            &format!("tool-{version}"),
            &format!(
                "%attr(0755,root,root) /usr/sbin/chkconfig\n%install\ninstall -d %{{buildroot}}/usr/sbin\n\
                 echo 'tool {version}' >%{{buildroot}}/usr/sbin/chkconfig\n%post\nchkconfig --list x{version} || :\n"
            ),
        )
    };
    image.transaction(&["-U", &owner(1)]);
    assert_eq!(image.read("/usr/sbin/chkconfig"), "tool 1\n");
    // Another package with the same file takes its place, as an upgrade does.
    image.transaction(&["-U", "--replacefiles", &owner(2)]);
    assert_eq!(image.read("/usr/sbin/chkconfig"), "tool 2\n");
    let asked: Vec<String> = image.events().iter().map(|event| event.words()).collect();
    assert_eq!(asked, ["chkconfig --list x1", "chkconfig --list x2"], "the shim stood there in %post");
    let verified = image.rpm(&["-V", "tool-2"]);
    let verified = Command::new(&verified[0]).args(&verified[1..]).output().expect("rpm starts");
    assert!(verified.status.success(), "{}", text(&verified.stdout));
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
    const PLACES: [&str; 7] = [
        "/etc",
        "/usr/lib/systemd",
        "/usr/lib/firewalld",
        "/usr/lib/sysimage",
        "/var/lib/rpm",
        "/root/.rpmdb",
        "/root/.rpmmacros",
    ];
    let host = || -> Vec<(PathBuf, u64, i64, i64)> {
        let mut found = Vec::new();
        for place in PLACES {
            walk(Path::new(place), &mut found);
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
fn walk(path: &Path, found: &mut Vec<(PathBuf, u64, i64, i64)>) {
    use std::os::unix::fs::MetadataExt;
    let Ok(meta) = fs::symlink_metadata(path) else {
        return;
    };
    found.push((path.to_owned(), meta.ino(), meta.ctime(), meta.ctime_nsec()));
    if meta.is_dir() {
        for entry in fs::read_dir(path).into_iter().flatten().flatten() {
            walk(&entry.path(), found);
        }
    }
}

#[test]
fn a_home_that_somebody_else_laid_out_is_not_used() {
    let image = Image::new();
    let trap = image.beside("tmp");
    fs::create_dir(&trap).expect("a directory");
    let script = "for n in $(seq $(($$ - 5)) $(($$ + 300))); do mkdir $1/nodeshim-home-$n-0; done; \
                  exec $2 run --root $3 -- sh -c 'eval \"$(sed -n \"s/exec .*//; /^HOME/p\" \"$(command -v rpm)\")\"; \
                  ls -d $HOME; ls -A $HOME'";
    let mut command = Command::new("sh");
    command.args(["-euc", script, "sh"]).args([&trap, &nodeshim(), &image.path()]);
    let output = command.env("TMPDIR", &trap).stdin(Stdio::null()).output().expect("sh starts");
    let said = text(&output.stdout);
    assert!(said.lines().next().is_some_and(|home| home.ends_with("-1")), "{said}");
    assert!(said.contains(".rpmmacros"), "{said}");
    assert!(fs::read_dir(&trap).expect("the trap").all(|entry| {
        let path = entry.expect("an entry").path();
        path.to_string_lossy().ends_with("-0") && fs::read_dir(path).expect("a trap").count() == 0
    }));
}

#[test]
fn the_hosts_own_rpm_plugins_stay_within_reach() {
    let image = Image::new();
    let (home, plugins) = (image.beside("home"), image.beside("plugins"));
    fs::create_dir_all(&home).expect("a home");
    fs::create_dir_all(&plugins).expect("a directory of plugins");
    fs::write(plugins.join("other.so"), "").expect("a plugin");
    fs::write(home.join(".rpmmacros"), format!("%__plugindir {}\n", plugins.display())).expect("macros");
    let script = "d=$(rpm --eval '%{__plugindir}'); ls -1 \"$d\"; echo \"$d\"";
    let output = image
        .nodeshim("run", ["--", "sh", "-c", script])
        .env("HOME", &home)
        .output()
        .expect("a run");
    let printed = text(&output.stdout);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines[..2], ["nodeshim.so", "other.so"], "{output:?}");
    assert!(!Path::new(lines[2]).exists(), "{} is left", lines[2]);
    assert!(plugins.join("other.so").exists());
}
