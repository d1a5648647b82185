//! No file that a package leaves makes a call wait, or spin.

use std::fs::{self, OpenOptions};
use std::process::Command;
use std::time::{Duration, Instant};

use crate::image::{Image, build};
use crate::support::{chrooted, scratch};
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

#[test]
fn a_lock_that_is_kept_by_somebody_is_told_with_his_name() {
    let image = Image::new();
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
    answer.ends(1).says(&["lock", "is locked by"]);
}
