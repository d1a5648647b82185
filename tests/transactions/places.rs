//! Where the rpm runs: in the image itself, in a container build whose root is the image, in a user
//! namespace. And rpm, or all of a run, killed in the middle of a transaction.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nodeshim::attribution::FoundBy;

use super::image::{Image, build, build_version, contained, package, with_rpm};
use super::support::{assert_same, nodeshim, stage, succeed};
use super::{text, wants};

fn with_rpm_and_plugin() -> Image {
    let image = with_rpm();
    succeed(Command::new("cp").arg(package("node-exporter-0.9")).arg(image.path().join("plugin.rpm")));
    image
}

const INSTALL: [&str; 6] = ["rpm", "--dbpath", "/var/lib/rpm", "--nodeps", "-i", "/plugin.rpm"];

fn assert_installed(image: &Image, found_by: FoundBy) {
    assert!(image.has("/etc/rc.d/rc3.d/S80node-exporter"));
    let events = image.events();
    assert!(!events.is_empty());
    for event in events {
        assert_eq!(event.origin.package(), Some("node-exporter"), "{event:?}");
        assert_eq!(event.origin.found_by, found_by, "{event:?}");
    }
    assert!(!image.has("/usr/lib/sysimage/nodeshim/armed.toml"));
}

#[test]
fn an_rpm_of_the_images_own_is_served() {
    let image = with_rpm_and_plugin();
    let (program, root) = (nodeshim().display().to_string(), image.path().display().to_string());
    let run = [
        &[program.as_str(), "--root", &root, "run", "--", "chroot", &root][..],
        &INSTALL,
    ]
    .concat();
    succeed(&mut contained(&image, &run));
    assert_installed(&image, FoundBy::Digest);
}

#[test]
fn a_container_build_runs_it_on_its_own_root() {
    let image = with_rpm_and_plugin();
    let staged = image.path().join("opt/nodeshim");
    fs::create_dir_all(staged.parent().expect("a parent")).expect("a directory");
    succeed(Command::new("cp").arg("-a").arg(stage().join("usr")).arg(&staged));
    let root = image.path().display().to_string();
    let run = [
        &["chroot", root.as_str(), "/opt/nodeshim/bin/nodeshim", "run", "--"][..],
        &INSTALL,
    ]
    .concat();
    succeed(&mut contained(&image, &run));
    assert_installed(&image, FoundBy::RpmPlugin);
}

#[test]
fn an_ordinary_user_may_do_it_in_a_user_namespace() {
    let image = Image::new();
    let (place, root) = (image.beside(""), image.path());
    let plugin = place.join("plugin.rpm");
    succeed(Command::new("cp").arg(package("node-exporter-0.9")).arg(&plugin));
    // The build may lie where only root may look.
    succeed(Command::new("cp").arg("-a").arg(stage().join("usr")).arg(place.join("staged")));
    fs::create_dir(place.join("tmp")).expect("a directory");
    succeed(Command::new("chown").args(["-hR", "1000:1000"]).arg(&place));
    let mut rpm = image.rpm(&["-i", "--nodeps"]);
    rpm.push(plugin.display().to_string());
    let mut command = Command::new("setpriv");
    command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "unshare", "-r"]);
    command
        .arg(place.join("staged/bin/nodeshim"))
        .arg("--root")
        .arg(&root)
        .args(["run", "--"])
        .args(rpm);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", &place);
    succeed(command.env("TMPDIR", place.join("tmp")).stdin(Stdio::null()));
    assert_installed(&image, FoundBy::RpmPlugin);
    assert_eq!(fs::read_dir(place.join("tmp")).expect("a directory").count(), 0);
}

/// An `/etc` of its own, in which user 4242 exists and has subordinate ids; then that user's call.
const WITH_SUBORDINATE_IDS: &str = r#"
mkdir "$1/etc"; mount -t tmpfs etc "$1/etc"; mkdir "$1/etc/upper" "$1/etc/work"
mount -t overlay etc -o "lowerdir=/etc,upperdir=$1/etc/upper,workdir=$1/etc/work" /etc
echo 'plugger:x:4242:4242::/:/bin/sh' >>/etc/passwd; echo 'plugger:x:4242:' >>/etc/group
echo 'plugger:400000:65536' >/etc/subuid; echo 'plugger:400000:65536' >/etc/subgid
shift; exec setpriv --reuid=4242 --regid=4242 --clear-groups unshare --map-auto --map-root-user "$@"
"#;

/// As rootless containers are made: files may belong to other users than root of the namespace.
#[test]
fn an_ordinary_user_may_do_it_with_subordinate_ids() {
    let image = Image::new();
    let place = image.beside("");
    let post = "%post\nsystemctl enable node-lua.service\necho x >/etc/owned\nchown 5:7 /etc/owned\n";
    let plugin = build(&place.join("rpms"), "owning", post);
    let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    fs::write(image.path().join("usr/lib/systemd/system/node-lua.service"), unit).expect("a unit");
    succeed(Command::new("cp").arg("-a").arg(stage().join("usr")).arg(place.join("staged")));
    fs::create_dir(place.join("tmp")).expect("a directory");
    succeed(Command::new("chown").args(["-hR", "4242:4242"]).arg(&place));
    let mut command = Command::new("unshare");
    command.args([
        "-m",
        "--propagation",
        "private",
        "sh",
        "-euc",
        WITH_SUBORDINATE_IDS,
        "sh",
    ]);
    command.arg(&place).arg(place.join("staged/bin/nodeshim")).arg("--root").arg(image.path());
    command.args(["run", "--"]).args(image.rpm(&["-i", "--nodeps", &plugin]));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", &place);
    succeed(command.env("TMPDIR", place.join("tmp")).stdin(Stdio::null()));
    assert!(image.has(&wants("node-lua.service")));
    let events = image.events();
    assert!(!events.is_empty());
    for event in events {
        assert_eq!(event.origin.package(), Some("owning"), "{event:?}");
        assert_eq!(event.origin.found_by, FoundBy::RpmPlugin, "{event:?}");
    }
    let owned = fs::metadata(image.path().join("etc/owned")).expect("a file");
    // Root of the namespace is the user itself, user 1 the first subordinate id.
    assert_eq!((owned.uid(), owned.gid()), (400_004, 400_006));
    let audit = nodeshim::audit::Audit::read(&image.root()).expect("the records read");
    let sides = audit
        .runs
        .iter()
        .flat_map(|run| &run.changes)
        .filter(|change| change.path == "/etc/owned");
    let owners: Vec<_> = sides
        .filter_map(|change| change.after.as_ref())
        .map(|side| (side.uid, side.gid))
        .collect();
    assert_eq!(owners, [(5, 7)], "the audit sees what the image's users are");
    assert!(!image.has("/usr/lib/sysimage/nodeshim/armed.toml"));
    assert_eq!(fs::read_dir(place.join("tmp")).expect("a directory").count(), 0);
}

/// Where only one user exists, every file is that user's: dnf resolves, rpm unpacks, scriptlets ask.
#[test]
fn an_ordinary_user_may_use_dnf_in_a_user_namespace() {
    let image = Image::new();
    let place = image.beside("");
    succeed(Command::new("cp").arg("-a").arg(stage().join("usr")).arg(place.join("staged")));
    succeed(Command::new("cp").arg(package("node-lua-1.0")).arg(place.join("plugin.rpm")));
    fs::write(place.join(".rpmmacros"), "%_dbpath /var/lib/rpm\n").expect("macros");
    fs::create_dir(place.join("tmp")).expect("a directory");
    succeed(Command::new("chown").args(["-hR", "1000:1000"]).arg(&place));
    let mut command = Command::new("setpriv");
    command.args(["--reuid=1000", "--regid=1000", "--clear-groups", "unshare", "-r"]);
    command.arg(place.join("staged/bin/nodeshim")).arg("--root").arg(image.path());
    command.args(["run", "--", "dnf", "--disablerepo=*", "--releasever=1", "-y"]);
    command
        .arg(format!("--installroot={}", image.path().display()))
        .arg("install")
        .arg(place.join("plugin.rpm"));
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", &place);
    succeed(command.env("TMPDIR", place.join("tmp")).stdin(Stdio::null()));
    assert!(image.has(&wants("node-lua.service")));
    let events = image.events();
    assert!(!events.is_empty());
    for event in events {
        super::origins::assert_by_plugin(&event, "%post");
    }
    assert_eq!(fs::read_dir(place.join("tmp")).expect("a directory").count(), 0);
}

/// A package whose scriptlet makes a request, tells its rpm's number, then waits.
fn waiting(place: &Path) -> String {
    // Short, as it outlives an rpm that is killed alone.
    let script = "systemctl enable node-lua.service\necho $PPID >/var/tmp/rpm\nsleep 20\n";
    build_version(place, "waiting", 1, "", &format!("%files\n%post\n{script}"))
}

/// Starts a transaction that hangs in a scriptlet after an answered request; kills its rpm or all of
/// it; the next run puts the image right and keeps the request.
fn killed_in_a_transaction(all: bool) {
    let image = Image::new();
    image.install(&["node-lua-1.0"]);
    let tool = image.path().join("usr/bin/systemctl");
    fs::write(&tool, "the image's own").expect("a tool");
    let seen = image.events().len();
    let package = waiting(&image.beside("packages"));
    let mut run = image.nodeshim("run", ["--"]);
    run.args(image.rpm(&["-i", &package])).stderr(Stdio::null()).process_group(0);
    let mut run = run.spawn().expect("nodeshim starts");
    let told = image.path().join("var/tmp/rpm");
    let rpm = loop {
        match fs::read_to_string(&told) {
            Ok(number) if number.ends_with('\n') => break number.trim().to_owned(),
            _ => std::thread::sleep(std::time::Duration::from_millis(10)),
        }
        assert!(run.try_wait().expect("its state").is_none(), "the run ended before it was killed");
    };
    let target = if all { format!("-{}", run.id()) } else { rpm };
    succeed(Command::new("kill").args(["-KILL", "--", &target]));
    let status = run.wait().expect("its end");
    assert_eq!(status.code(), if all { None } else { Some(128 + 9) });
    let output = succeed(&mut image.nodeshim("run", ["--", "true"]));
    let said = text(&output.stderr);
    assert_eq!(said.contains("took out the shims"), all, "{said}");
    assert_eq!(fs::read_to_string(&tool).expect("the tool"), "the image's own");
    let events = image.events();
    assert!(events[seen..].iter().any(|event| event.words() == "systemctl enable node-lua.service"));
    assert!(image.has(&wants("node-lua.service")));
    let before = image.files();
    succeed(&mut image.nodeshim("settle", [""; 0]));
    assert_same(&before, &image.files(), "settling again");
}

#[test]
fn an_rpm_that_is_killed_in_a_scriptlet_costs_no_request() {
    killed_in_a_transaction(false);
}

#[test]
fn a_run_that_is_killed_with_all_its_processes_is_repaired() {
    killed_in_a_transaction(true);
}

/// nodeshim is killed while a scriptlet is at work that no plugin names; its rpm goes on to the end.
/// Whoever comes next learns whose scriptlet it was, though its package may be gone by then.
#[test]
fn origins_are_learnt_after_a_run_that_was_killed() {
    for (verb, words) in [("run", &["--", "true"][..]), ("settle", &[]), ("disarm", &[])] {
        let image = Image::new();
        let scriptlet = "systemctl enable node-lua.service\ntouch /var/tmp/at-work\n\
                         while [ ! -e /var/tmp/go ]; do sleep 0.1; done\nrm /var/tmp/at-work /var/tmp/go\n";
        let package = build(
            &image.beside("packages"),
            "slow",
            &format!("%post\n{scriptlet}# coming\n%preun\n{scriptlet}# going\n"),
        );
        for args in [&["-i", package.as_str()][..], &["-e", "slow"]] {
            let mut run = image.nodeshim("run", ["--"]);
            run.args(image.rpm(&[args, &["--noplugins"]].concat())).stderr(Stdio::null());
            let mut run = run.spawn().expect("nodeshim starts");
            while !image.has("/var/tmp/at-work") {
                assert!(run.try_wait().expect("its state").is_none(), "the run ended before it was killed");
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
            run.kill().expect("a kill");
            run.wait().expect("its end");
            fs::write(image.path().join("var/tmp/go"), "").expect("a file");
            // The image is held until rpm has ended.
            while !image.nodeshim(verb, words.iter().copied()).output().expect("nodeshim").status.success() {
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
        let asked: Vec<_> = image.events().into_iter().filter(|event| event.argv[0] == "systemctl").collect();
        let kinds: Vec<_> = asked.iter().map(|event| event.origin.scriptlet.as_deref()).collect();
        assert_eq!(kinds, [Some("%post"), Some("%preun")], "{verb}: {asked:#?}");
        for event in &asked {
            assert_eq!(event.origin.found_by, FoundBy::Digest, "{verb}: {event:?}");
            assert_eq!(event.origin.nevra.as_deref(), Some("slow-1.0-1.noarch"), "{verb}: {event:?}");
        }
        assert!(!image.has("/usr/lib/sysimage/nodeshim/run.toml"), "{verb}");
    }
}

/// Debian's rpm would make a database below the caller's home, also in the image.
#[test]
fn an_rpm_that_is_not_told_its_database_uses_the_images() {
    let rpm = ["rpm", "--root", "$1", "--force-debian", "--nodeps", "-U", "$2"];
    let is_of_debian = succeed(Command::new("rpm").arg("--help")).stdout;
    let is_of_debian = String::from_utf8_lossy(&is_of_debian).contains("--force-debian");
    let words: Vec<&str> = rpm.into_iter().filter(|word| is_of_debian || *word != "--force-debian").collect();
    for script in [false, true] {
        for audit in ["--audit=off", "--audit=times"] {
            let image = Image::new();
            let place = image.path().display().to_string();
            let package = package("node-lua-1.0");
            let mut command = image.nodeshim("run", [audit, "--"]);
            if script {
                command.args(["sh", "-c", &words.join(" "), "sh", &place, &package]);
            } else {
                let told = |word: &&str| word.replace("$1", &place).replace("$2", &package);
                command.args(words.iter().map(told));
            }
            succeed(&mut command);
            assert!(!image.has("/root/.rpmdb"), "{script} {audit}");
            let listed = succeed(&mut image.nodeshim("list", [""; 0])).stdout;
            assert!(String::from_utf8_lossy(&listed).contains("node-lua"), "{script} {audit}");
        }
    }
}
