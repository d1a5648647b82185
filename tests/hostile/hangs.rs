//! No file that a package leaves makes a call wait, or spin.

use std::fs::{self, OpenOptions};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::image::{Image, build};
use crate::support::{chrooted, nodeshim, scratch, succeed};
use crate::{call, install};

const OWN: &str = "usr/lib/sysimage/nodeshim";

/// How long a call may take on a loaded machine; each of these took between 25 seconds and for ever.
const SOON: Duration = Duration::from_secs(15);

#[test]
fn a_sparse_tail_of_a_record_costs_no_time() {
    let (image, place) = (Image::new(), scratch());
    let post = "%post\nfirewall-cmd --permanent --add-port=8081/tcp\n";
    install(&image, &[&build(place.path(), "a", post)]).ends(0);
    for (file, length) in [("journal.toml", 20 << 20), ("changes.toml", 8 << 30_u64)] {
        let path = image.path().join(OWN).join(file);
        OpenOptions::new().write(true).open(&path).unwrap().set_len(length).unwrap();
        let began = Instant::now();
        crate::support::arm(&image.path());
        let mut shim = chrooted(&image.path(), ["systemctl", "daemon-reload"]);
        assert!(shim.output().unwrap().status.code().is_some());
        call(&image, "disarm", [""; 0]).ends(0);
        let answer = call(&image, "run", ["--", "true"]);
        assert!(began.elapsed() < SOON, "{file}: {:?}: {}", began.elapsed(), answer.text);
        call(&image, "repair", [""; 0]).ends(0);
        call(&image, "run", ["--", "true"]).ends(0);
    }
}

/// Opening alone sets some devices to work, such as a watchdog.
#[test]
fn a_device_in_the_place_of_a_file_is_not_opened() {
    let (image, place) = (Image::new(), scratch());
    let path = image.path().join("etc/nodeshim/nodeshim.toml");
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    succeed(Command::new("mknod").arg(&path).args(["c", "10", "130"]));
    let log = place.path().join("log");
    let mut check = Command::new("strace");
    check
        .args(["-f", "-qq", "-e", "trace=open,openat,openat2", "-o"])
        .arg(&log)
        .arg(nodeshim());
    check.arg("--root").arg(image.path()).args(["plan"]);
    let said = crate::answer(&check).text;
    let log = fs::read_to_string(&log).unwrap();
    let opened: Vec<&str> = log.lines().filter(|line| line.contains("/etc/nodeshim/nodeshim.toml")).collect();
    assert!(!opened.is_empty() && opened.iter().all(|line| line.contains("O_PATH")), "{opened:#?}");
    assert!(said.contains("nodeshim.toml: Invalid argument"), "{said}");
}

/// Too little memory may end a run anywhere, a thread that cannot be started among that; a file that may not grow
/// is an error as a full disk is.
#[test]
fn no_limit_of_a_process_leaves_the_image_armed() {
    let image = Image::new();
    let mebibytes = (16..160).step_by(8).map(|size| format!("--as={}", size << 20));
    let lengths = [0, 100, 1000, 100_000].map(|length| format!("--fsize={length}"));
    let mut failed = 0;
    for limit in mebibytes.chain(lengths) {
        let mut run = Command::new("prlimit");
        run.args([&limit, "--core=0"])
            .arg(nodeshim())
            .arg("--root")
            .arg(image.path())
            .args(["run", "--", "true"]);
        let answer = crate::answer(&run);
        failed += usize::from(answer.code != 0);
        // The allocator ends the process as a kill does: who comes next puts the image right.
        if !(0..128).contains(&answer.code) {
            call(&image, "disarm", [""; 0]).ends(0);
        }
        for left in ["armed.toml", "real", "shim", "run.toml"] {
            assert!(!image.path().join(OWN).join(left).exists(), "{limit}: {left} is left: {}", answer.text);
        }
    }
    assert!(failed >= 4, "the limits are no limits");
    call(&image, "run", ["--", "true"]).ends(0);
}

#[test]
fn a_lock_that_is_kept_by_somebody_is_told_with_his_name() {
    let image = Image::new();
    // What is tried has to be built before the lock is taken.
    nodeshim();
    fs::create_dir_all(image.path().join(OWN)).unwrap();
    fs::write(image.path().join(OWN).join("journal.toml"), "format = 1\n").unwrap();
    let lock = image.path().join(OWN).join("lock");
    let mut keeper = Command::new("flock").arg(&lock).args(["sleep", "60"]).spawn().unwrap();
    while !lock.exists() {
        std::thread::sleep(Duration::from_millis(20));
    }
    std::thread::sleep(Duration::from_millis(300));
    let answer = call(&image, "settle", [""; 0]);
    let _ = keeper.kill();
    let _ = keeper.wait();
    answer.ends(1).says(&["lock", &format!("is locked by process {} (", keeper.id())]);
}
