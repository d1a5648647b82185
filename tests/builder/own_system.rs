//! Without a named root, verbs that change something leave a machine's own system alone. The machine is
//! a made-up root in namespaces of its own: whatever goes wrong, nothing reaches the one that tests run on.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::image::Image;
use super::support::{nodeshim, shim, succeed};

const REFUSED: &str = "nodeshim: name the image with --root DIR, or --root / for this system";
const ARMED: &str = "/usr/lib/sysimage/nodeshim/armed.toml";

/// An image with nodeshim and chroot in it, and the libraries that they need.
fn installed() -> Image {
    let image = Image::new();
    let chroot = ["/usr/sbin/chroot", "/usr/bin/chroot"].map(PathBuf::from);
    let chroot = chroot.into_iter().find(|path| path.exists()).expect("chroot");
    for (from, to) in [
        (nodeshim(), "usr/bin/nodeshim"),
        (shim(), "usr/libexec/nodeshim/shim"),
        (chroot, "usr/bin/chroot"),
    ] {
        put(&image, &from, to);
        // A static program has none, and ldd says so with an error.
        let libraries = Command::new("ldd").arg(&from).stderr(Stdio::null()).output().unwrap();
        let libraries = String::from_utf8_lossy(&libraries.stdout).into_owned();
        let paths = libraries.split_whitespace().filter(|word| word.starts_with('/'));
        paths.for_each(|path| put(&image, Path::new(path), path.trim_start_matches('/')));
    }
    image
}

fn put(image: &Image, from: &Path, to: &str) {
    let to = image.path().join(to);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::copy(from, to).unwrap();
}

/// Runs a script as process 1, of this name, of a system whose root is the image.
fn as_process_1(image: &Image, name: &str, script: &str) -> String {
    let init = image.path().join(name);
    fs::write(&init, format!("#!/bin/sh\n{script}\n:\n")).unwrap();
    fs::set_permissions(&init, fs::Permissions::from_mode(0o755)).unwrap();
    let enter = "for proc in \"$1/proc\" \"$1/inner/proc\"; do [ ! -d \"$proc\" ] || mount -t proc proc \"$proc\" || exit; done; \
                 exec chroot \"$1\" \"$2\"";
    let mut unshare = Command::new("unshare");
    unshare.args([
        "--mount",
        "--pid",
        "--fork",
        "--propagation",
        "private",
        "sh",
        "-c",
        enter,
        "sh",
    ]);
    unshare.arg(image.path()).arg(format!("/{name}")).stdin(Stdio::null());
    unshare.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    let output = succeed(&mut unshare);
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn without_a_named_root_verbs_that_change_something_refuse_on_a_machine() {
    let image = installed();
    let verbs = [
        "run -- true",
        "arm",
        "disarm",
        "settle",
        "install /x.rpm",
        "remove x",
        "revert x",
        "replay --from /x",
        "key import /x",
        "plugins --register",
    ];
    let script: String = verbs.iter().map(|verb| format!("nodeshim {verb} 2>&1\necho $?\n")).collect();
    let before = image.files();
    let expected = format!("{REFUSED}\n1\n").repeat(verbs.len());
    assert_eq!(as_process_1(&image, "init", &script), expected);
    fs::remove_file(image.path().join("init")).unwrap();
    assert!(image.files() == before, "something was changed");
    fs::create_dir_all(image.path().join("run/systemd/system")).unwrap();
    assert_eq!(as_process_1(&image, "systemd", &script), expected);
    assert!(!image.has(ARMED));
    let read = as_process_1(&image, "init", "nodeshim log && echo read");
    assert!(read.ends_with("read\n"), "{read}");
}

#[test]
fn without_a_named_root_verbs_work_in_a_container_and_a_chroot_and_on_a_system_that_is_named() {
    let image = installed();
    let arms = |name: &str, script: &str| {
        let said = as_process_1(&image, name, &format!("{script} && test -e {ARMED} && echo armed"));
        assert_eq!(said, "armed\n", "{script}");
        succeed(&mut image.nodeshim("disarm", [""; 0]));
    };
    arms("init", "nodeshim --root / arm");
    // A container's first process is what the builder runs.
    arms("rpm", "nodeshim arm");
    fs::write(image.path().join("run/.containerenv"), "").unwrap();
    arms("init", "nodeshim arm");
    // An init that runs systemd's directory is the system's, whatever a container left.
    fs::create_dir_all(image.path().join("run/systemd/system")).unwrap();
    assert_eq!(as_process_1(&image, "init", "nodeshim arm 2>&1"), format!("{REFUSED}\n"));
    fs::remove_file(image.path().join("run/.containerenv")).unwrap();
    let inner = image.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for part in ["usr", "etc", "bin", "sbin", "lib", "lib64"] {
        succeed(Command::new("cp").arg("-a").arg(image.path().join(part)).arg(&inner));
    }
    fs::create_dir(inner.join("proc")).unwrap();
    assert_eq!(as_process_1(&image, "init", "chroot /inner nodeshim arm 2>&1"), "");
    assert!(!image.has(ARMED) && image.has(&format!("/inner{ARMED}")));
}
