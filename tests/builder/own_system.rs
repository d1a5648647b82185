//! Without a named root, verbs that change something leave a machine's own system alone. The machine is
//! a made-up root in namespaces of its own: whatever goes wrong, nothing reaches the one that tests run on.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::image::Image;
use super::support::{nodeshim, shim, succeed};
use super::{builder, package};

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

/// What change the image whose root is named.
const CHANGING: [&str; 14] = [
    "run -- true",
    "arm",
    "disarm",
    "settle",
    "install /x.rpm",
    "remove x",
    "revert x",
    "replay --from /x",
    "repair",
    "firewall remove",
    "report --format manifest --in-image",
    "key import /x",
    "key remove 12345678",
    "plugins --register",
];

/// What only look at it.
const READING: [&str; 25] = [
    "install --dry-run /x.rpm",
    "revert --dry-run u",
    "replay --dry-run --from /",
    "firewall remove --dry-run",
    "firewall show",
    "key list",
    "plan",
    "check",
    "plugins",
    "list --all",
    "show u",
    "ports --all",
    "units --all",
    "log",
    "why 8080/tcp",
    "report",
    "report --format manifest",
    "report --format ovirt",
    "diff /x /x",
    "export --format nft",
    "policy list",
    "policy test -- systemctl enable u",
    "preview /x.rpm",
    "lint /x.rpm",
    "completions bash",
];

/// What is for the system that runs, or takes an image out of a file.
const OTHER: [&str; 3] = ["apply", "serve", "image edit"];

/// Every verb, with the verbs below it, as the help lists them.
fn verbs() -> BTreeSet<String> {
    let below = |verb: &str| {
        let mut help = Command::new(nodeshim());
        help.args(verb.split_whitespace()).arg("--help").env("COLUMNS", "200");
        let text = String::from_utf8(succeed(&mut help).stdout).expect("text");
        let listing = ["\nArguments:", "\nOptions:"]
            .iter()
            .fold(text.as_str(), |text, end| text.split(end).next().unwrap_or_default());
        let lines = listing.lines();
        let listed = lines.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
        let names = listed.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let with_below = |verb: String| match below(&verb) {
        names if names.is_empty() => vec![verb],
        names => names.into_iter().map(|name| format!("{verb} {name}")).collect(),
    };
    below("").into_iter().flat_map(with_below).collect()
}

#[test]
fn every_verb_is_known_to_change_an_image_or_not() {
    let tried = CHANGING.iter().chain(&READING).chain(&OTHER);
    let tried: BTreeSet<String> = tried
        .flat_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            [words[..1].join(" "), words[..words.len().min(2)].join(" ")]
        })
        .collect();
    let missing: Vec<String> = verbs().into_iter().filter(|verb| !tried.contains(verb)).collect();
    assert!(verbs().len() > 30 && missing.is_empty(), "{missing:?} is in none of the lists");
}

#[test]
fn without_a_named_root_verbs_that_change_something_refuse_on_a_machine() {
    let image = installed();
    let script: String = CHANGING.iter().map(|verb| format!("nodeshim {verb} 2>&1\necho $?\n")).collect();
    let before = image.files();
    let expected = format!("{REFUSED}\n1\n").repeat(CHANGING.len());
    assert_eq!(as_process_1(&image, "init", &script), expected);
    fs::remove_file(image.path().join("init")).unwrap();
    assert!(image.files() == before, "something was changed");
    fs::create_dir_all(image.path().join("run/systemd/system")).unwrap();
    assert_eq!(as_process_1(&image, "systemd", &script), expected);
    assert!(!image.has(ARMED));
    let script: String = READING.iter().map(|verb| format!("nodeshim {verb} 2>&1 >/dev/null\n")).collect();
    let said = as_process_1(&image, "init", &script);
    assert!(!said.contains(REFUSED), "{said}");
}

#[test]
fn verbs_that_need_no_named_root_change_nothing_of_an_image() {
    let image = Image::new();
    let u = package(&image, 1);
    image.transaction(&["-i", &u]);
    builder(&image, &[], "systemctl disable u");
    let before = image.files();
    for line in READING {
        let words: Vec<String> = line.split_whitespace().map(|word| word.replace("/x.rpm", &u)).collect();
        let output = image.nodeshim(&words[0], &words[1..]).output().unwrap();
        assert!(output.status.code().is_some_and(|code| code != 2), "{line}: {output:?}");
        assert!(image.files() == before, "{line} changed something");
    }
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
    add_inner(&image);
    assert_eq!(as_process_1(&image, "init", "chroot /inner nodeshim arm 2>&1"), "");
    assert!(!image.has(ARMED) && image.has(&format!("/inner{ARMED}")));
}

/// A root inside of an image, with nodeshim in it.
fn add_inner(image: &Image) -> PathBuf {
    let inner = image.path().join("inner");
    fs::create_dir(&inner).unwrap();
    for part in ["usr", "etc", "bin", "sbin", "lib", "lib64"] {
        succeed(Command::new("cp").arg("-a").arg(image.path().join(part)).arg(&inner));
    }
    fs::create_dir(inner.join("proc")).unwrap();
    inner
}

/// It would start the image's units on the machine.
#[test]
fn apply_in_a_chroot_that_has_the_machines_run_is_refused() {
    let image = installed();
    let inner = add_inner(&image);
    for root in [image.path(), inner] {
        fs::create_dir_all(root.join("run/systemd/system")).unwrap();
    }
    let said = as_process_1(&image, "systemd", "chroot /inner nodeshim apply 2>&1\necho $?");
    assert_eq!(said, "nodeshim: /: is not the running system: only --dry-run\n1\n");
    assert_eq!(as_process_1(&image, "systemd", "nodeshim apply 2>&1\necho $?"), "nothing to do\n0\n");
}
