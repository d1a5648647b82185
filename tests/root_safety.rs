//! Nothing outside of an image root is ever read or changed through it, whatever the image holds,
//! on kernels with and without openat2; and nothing in it makes a reader or writer wait.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "root_safety/hostile.rs"]
mod hostile;
#[path = "root_safety/random.rs"]
mod random;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use nix::errno::Errno;
use nodeshim::error::Result;
use nodeshim::root::Root;

use hostile::{Hostile, SECRET};

/// Both ways to resolve a path.
const WAYS: [fn(&Path) -> Root; 2] = [
    |path| Root::open(path).expect("the root opens"),
    |path| Root::open(path).expect("the root opens").without_openat2(),
];

type Deed = fn(&Root, &str) -> Result<Vec<u8>>;

/// Everything that can be done to a path, with what it tells.
const DEEDS: [(&str, Deed); 18] = [
    ("read", |root, path| root.read(path)),
    ("read_link", |root, path| {
        root.read_link(path).map(|target| target.into_os_string().into_encoded_bytes())
    }),
    ("meta", |root, path| {
        root.meta(path).map(|meta| format!("{:?} {:o}", meta.kind, meta.mode).into())
    }),
    ("meta_followed", |root, path| {
        root.meta_followed(path).map(|meta| format!("{:?}", meta.kind).into())
    }),
    ("resolve", |root, path| {
        root.resolve(path).map(|path| path.into_os_string().into_encoded_bytes())
    }),
    ("list", |root, path| root.list(path).map(|entries| format!("{entries:?}").into())),
    ("list below", |root, path| {
        root.list(below(path)).map(|entries| format!("{entries:?}").into())
    }),
    ("read below", |root, path| root.read(below(path))),
    ("write", |root, path| done(root.write(path, b"new", Some(0o600)))),
    ("write below", |root, path| done(root.write(below(path), b"new", None))),
    ("create_dirs", |root, path| done(root.create_dirs(format!("{path}/made/here"), 0o755))),
    ("symlink", |root, path| done(root.symlink("/target", format!("{path}/link")))),
    ("replace_with_symlink", |root, path| {
        done(root.replace_with_symlink("/target", below(path)))
    }),
    ("hard_link", |root, path| done(root.hard_link("/plain", format!("{path}/second")))),
    ("rename", |root, path| done(root.rename("/plain", below(path)))),
    ("chmod", |root, path| done(root.chmod(below(path), 0o777))),
    ("open_append", |root, path| root.open_append(path, 0o600).map(|_| Vec::new())),
    ("remove", |root, path| done(root.remove(below(path)))),
];

fn below(path: &str) -> String {
    format!("{path}/secret")
}

fn done(result: Result<()>) -> Result<Vec<u8>> {
    result.map(|()| b"done".to_vec())
}

#[test]
fn no_deed_reaches_outside_and_both_ways_agree() {
    for (name, deed) in DEEDS {
        for path in hostile::PATHS {
            let [kernel, walk] = WAYS.map(|open| {
                let image = Hostile::new();
                let root = open(image.root());
                let answer = deed(&root, path).map_err(|error| error.errno());
                image.assert_outside_unchanged(&format!("{name} {path}"));
                let answer = answer.map(|bytes| image.without_own_name(&String::from_utf8_lossy(&bytes)));
                assert!(
                    !answer.as_ref().is_ok_and(|text| text.contains(SECRET)),
                    "{name} {path} told a secret"
                );
                (answer, image.inside())
            });
            assert_eq!(kernel.0, walk.0, "{name} {path}: with openat2, and without");
            assert_eq!(kernel.1, walk.1, "{name} {path}: what is in the image with openat2, and without");
        }
    }
}

#[test]
fn what_lies_inside_is_reached_through_any_link() {
    for open in WAYS {
        let image = Hostile::new();
        let root = open(image.root());
        for path in [
            "plain",
            "/plain",
            "inside-absolute",
            "inside-up",
            "chain-in",
            "far/../../plain",
            "./plain",
        ] {
            assert_eq!(root.read(path).expect(path), b"plain\n", "{path}");
            assert_eq!(root.resolve(path).expect(path), Path::new("/plain"), "{path}");
        }
        root.write("inside-absolute", b"through\n", None).expect("a link inside is followed");
        assert_eq!(fs::read(image.root().join("plain")).expect("plain"), b"through\n");
        root.write("dangling-in", b"made\n", None)
            .expect("a dangling link names the file to make");
        assert_eq!(fs::read(image.root().join("new-file")).expect("new-file"), b"made\n");
    }
}

#[test]
fn paths_below_etc_lead_into_usr_of_a_tree_for_ostree() {
    let place = support::scratch();
    let tree = place.path().join("tree");
    fs::create_dir_all(tree.join("usr/etc/made")).expect("a directory");
    fs::write(tree.join("usr/etc/plain"), "plain\n").expect("a file");
    std::os::unix::fs::symlink("/etc/plain", tree.join("usr/link")).expect("a link");
    std::os::unix::fs::symlink("/usr/../etc/./made", tree.join("usr/etc/here")).expect("a link");
    let root = Root::open(&tree).expect("the root opens");
    assert!(root.has_etc_in_usr());
    for path in [
        "/etc/plain",
        "etc/plain",
        "/usr/link",
        "/usr/etc/plain",
        "../etc/plain",
    ] {
        assert_eq!(root.read(path).expect(path), b"plain\n", "{path}");
        assert_eq!(root.resolve(path).expect(path), Path::new("/etc/plain"), "{path}");
    }
    root.write("/etc/here/new", b"new", None).expect("a file");
    root.create_dirs("/etc/deep/er", 0o755).expect("directories");
    assert!(root.is_dir("/etc") && root.list("/etc").expect("a list").len() == 4);
    assert_eq!(fs::read(tree.join("usr/etc/made/new")).expect("the file"), b"new");
    assert!(tree.join("usr/etc/deep/er").is_dir() && !tree.join("etc").exists());
    // What leads out, or round and round, leads nowhere.
    fs::rename(tree.join("usr"), place.path().join("outside")).expect("a rename");
    for target in ["/", "..", "../outside"] {
        std::os::unix::fs::symlink(target, tree.join("usr")).expect("a link");
        assert!(root.read("/etc/plain").is_err(), "{target}");
        assert!(!Root::open(&tree).expect("the root opens").has_etc_in_usr(), "{target}");
        fs::remove_file(tree.join("usr")).expect("the link");
    }
}

#[test]
fn loops_end_and_special_files_never_block() {
    let image = Hostile::new();
    let path = image.root().to_owned();
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for open in WAYS {
            let root = open(&path);
            for name in ["fifo", "to-fifo", "socket", "null", "disk"] {
                let answers = [
                    root.read(name).map(|_| ()),
                    root.open_append(name, 0o600).map(|_| ()),
                ];
                sender.send((name, answers.map(|a| a.expect_err(name).errno()))).expect("a listener");
            }
            for name in ["loop-a", "loop-self", "loop-a/x"] {
                let answers = [root.read(name).map(|_| ()), root.meta_followed(name).map(|_| ())];
                sender.send((name, answers.map(|a| a.expect_err(name).errno()))).expect("a listener");
            }
        }
    });
    for _ in 0..16 {
        let (name, errnos) = receiver.recv_timeout(Duration::from_secs(20)).expect("an answer, no waiting");
        let expected = if name.starts_with("loop") {
            Errno::ELOOP
        } else {
            Errno::EINVAL
        };
        assert_eq!(errnos, [Some(expected); 2], "{name}");
    }
}

#[test]
fn odd_names_are_names() {
    for open in WAYS {
        let image = Hostile::new();
        let root = open(image.root());
        let longest = "n".repeat(255);
        for name in [
            "new\nline",
            "tab\there",
            "\u{1b}[2J",
            "-rf",
            "a b",
            "*",
            longest.as_str(),
        ] {
            root.write(name, name.as_bytes(), None).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(root.read(name).expect("it was written"), name.as_bytes());
            assert_eq!(root.resolve(name).expect("it was written"), Path::new("/").join(name));
            assert!(root.list("/").expect("the root").iter().any(|entry| entry.name == name));
            root.remove(name).expect("it was written");
        }
        let too_long = "n".repeat(256);
        let answers = [
            root.read(&too_long).map(|_| ()),
            root.write(&too_long, b"", None),
            root.create_dirs(&too_long, 0o755),
        ];
        for answer in answers {
            assert_eq!(answer.expect_err("a name of 256 bytes").errno(), Some(Errno::ENAMETOOLONG));
        }
    }
}

/// Runs a program with openat2 failing as on an old kernel, or under a strict seccomp filter.
fn without_openat2(errno: Option<&str>, program: &Path, args: &[&str]) -> Output {
    let mut command = match errno {
        None => Command::new(program),
        Some(errno) => {
            let mut command = Command::new("strace");
            command.args(["-f", "-qq", "-o", "/dev/null", "-e", "trace=openat2"]);
            command.arg("-e").arg(format!("inject=openat2:error={errno}")).arg(program);
            command
        }
    };
    command.args(args).env_clear().envs(support::ENVIRONMENT).env("SOURCE_DATE_EPOCH", "0");
    command.stdin(Stdio::null()).output().expect("strace and the program start")
}

#[test]
fn the_programs_do_the_same_without_openat2() {
    let ways = [None, Some("ENOSYS"), Some("EPERM")].map(|errno| {
        let image = Hostile::new();
        let root = image.root().to_str().expect("a plain path");
        let armed = without_openat2(errno, &support::nodeshim(), &["arm", "--root", root]);
        assert!(armed.status.success(), "{errno:?}: {armed:?}");
        let called = without_openat2(
            errno,
            Path::new("/usr/sbin/chroot"),
            &[root, "systemctl", "enable", "x.service"],
        );
        let disarmed = without_openat2(errno, &support::nodeshim(), &["disarm", "--root", root]);
        assert!(disarmed.status.success(), "{errno:?}: {disarmed:?}");
        image.assert_outside_unchanged(&format!("{errno:?}"));
        (called.status.code(), called.stdout, called.stderr, image.inside())
    });
    assert!(ways[0].3.contains_key(Path::new("usr/lib/sysimage/nodeshim/journal.toml")));
    assert_eq!(ways[0], ways[1]);
    assert_eq!(ways[0], ways[2]);
}

#[test]
fn arming_an_image_whose_directories_lead_outside_changes_nothing_there() {
    for link in [
        "usr/bin",
        "usr/lib/sysimage",
        "usr/lib",
        "usr",
        "etc",
        "sbin",
        "usr/lib/sysimage/nodeshim",
    ] {
        for climb in ["", "../../../../../../../.."] {
            let image = Hostile::bare();
            let target = format!("{climb}{}", image.outside().display());
            hostile::replace_by_link(&image.root().join(link), &target);
            for verb in ["arm", "disarm"] {
                let output = Command::new(support::nodeshim())
                    .args([verb, "--root"])
                    .arg(image.root())
                    .stdin(Stdio::null())
                    .output()
                    .expect("nodeshim starts");
                let lines = String::from_utf8_lossy(&output.stderr).lines().count();
                assert!(output.status.success() || lines == 1, "{verb}, {link}: {output:?}");
                image.assert_outside_unchanged(&format!("{verb} with {link} -> {target}"));
            }
        }
    }
}
