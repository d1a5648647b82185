//! Nothing outside of the image changes, at whatever moment a path is exchanged.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use crate::support::{nodeshim, scratch, snapshot, succeed};

/// System calls that change something, or lead to what is changed. Each waits 20 ms before it is done,
/// which makes sure that what lies at the path is exchanged in between.
const CALLS: [&str; 8] = [
    "mkdirat",
    "fchmodat",
    "fchmod",
    "openat2",
    "openat",
    "renameat",
    "symlinkat",
    "unlinkat",
];

/// Directories of the image that settling makes or writes into.
const PLACES: [&str; 3] = ["etc/nftables", "etc/systemd/system-preset", "etc/sysctl.d"];

const METADATA: &str = "schema = 1\n[firewall]\nports = [\"6060/tcp\"]\n[units]\nenable = [\"u.service\"]\n";

/// An image for which settling makes directories and files.
fn image(root: &Path) {
    for directory in ["usr/lib/systemd/system", "usr/share/ovirt-node/plugins.d", "etc"] {
        fs::create_dir_all(root.join(directory)).unwrap();
    }
    fs::write(root.join("usr/share/ovirt-node/plugins.d/p.toml"), METADATA).unwrap();
}

/// Puts a link to a file or a directory outside in the place of each directory as soon as that is there, and takes
/// it away again, until it is over.
fn exchange(root: &Path, target: &Path, over: &AtomicBool) {
    let mut round = 0;
    while !over.load(Ordering::Relaxed) {
        for place in PLACES.map(|place| root.join(place)) {
            let aside = place.with_extension(format!("away{round}"));
            let is_there = fs::symlink_metadata(&place).is_ok_and(|meta| meta.is_dir());
            if is_there && fs::rename(&place, &aside).is_ok() {
                let _ = symlink(target, &place);
                // Longer than a call is held up, so that the link is there when it is done.
                thread::sleep(Duration::from_millis(30));
                let _ = fs::remove_file(place);
                round += 1;
            }
        }
        thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn directories_exchanged_for_links_at_every_system_call_change_nothing_outside() {
    let peaceful = scratch();
    image(peaceful.path());
    succeed(Command::new(nodeshim()).args(["settle", "--root"]).arg(peaceful.path()));
    for path in [
        "etc/nftables/nodeshim.nft",
        "etc/systemd/system-preset/80-nodeshim-p.preset",
    ] {
        assert!(peaceful.path().join(path).exists(), "settling in peace does not write {path}");
    }
    // What wants a directory stumbles over a link to a file by itself.
    for (call, target) in CALLS.iter().flat_map(|call| ["closed", "secret"].map(|target| (call, target))) {
        let place = scratch();
        let (root, outside) = (place.path().join("root"), place.path().join("outside"));
        image(&root);
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), "secret").unwrap();
        fs::set_permissions(outside.join("secret"), fs::Permissions::from_mode(0o600)).unwrap();
        fs::create_dir(outside.join("closed")).unwrap();
        fs::set_permissions(outside.join("closed"), fs::Permissions::from_mode(0o700)).unwrap();
        let before = snapshot(&outside);
        let over = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| exchange(&root, &outside.join(target), &over));
            let _ = Command::new("timeout")
                .args(["20", "strace", "-f", "-qq", "-o/dev/null"])
                .arg(format!("-einject={call}:delay_enter=20000"))
                .arg(nodeshim())
                .args(["settle", "--root"])
                .arg(&root)
                .stdin(Stdio::null())
                .output()
                .expect("strace (tests/lib/need strace) starts");
            over.store(true, Ordering::Relaxed);
        });
        assert_eq!(snapshot(&outside), before, "after an exchange for {target} before {call}");
    }
}
