//! Random trees of links: both ways to resolve a path agree with the kernel after a chroot.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::thread;

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};
use nix::unistd::{chdir, chroot};
use nodeshim::root::Root;
use proptest::prelude::*;

use super::support::scratch;

#[derive(Debug, Clone)]
enum Thing {
    Dir,
    File,
    Link(String),
}

/// A path of few names, so that much of what is asked for exists.
fn path() -> impl Strategy<Value = String> {
    let part = prop_oneof![
        6 => prop::sample::select(vec!["a", "b", "c", "d"]),
        2 => Just(".."),
        1 => Just("."),
    ];
    let end = prop::sample::select(vec!["", "", "", "/"]);
    (any::<bool>(), prop::collection::vec(part, 1..5), end).prop_map(|(absolute, parts, end)| {
        let start = if absolute { "/" } else { "" };
        format!("{start}{}{end}", parts.join("/"))
    })
}

fn place() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d"]), 1..4)
        .prop_map(|parts| parts.join("/"))
}

fn thing() -> impl Strategy<Value = Thing> {
    prop_oneof![2 => Just(Thing::Dir), 1 => Just(Thing::File), 5 => path().prop_map(Thing::Link)]
}

/// What a path leads to, or why it leads nowhere.
type Answer = Result<(u64, u64), Errno>;

/// Lays a tree out through std alone, deepest things last. What does not fit is left out.
fn lay_out(root: &Path, tree: &BTreeMap<String, Thing>) {
    for (name, thing) in tree {
        let path = root.join(name);
        let real_parent = path.parent().expect("a place").ancestors().take_while(|dir| *dir != root);
        if real_parent
            .into_iter()
            .any(|dir| fs::symlink_metadata(dir).is_ok_and(|meta| !meta.is_dir()))
        {
            continue;
        }
        fs::create_dir_all(path.parent().expect("a place")).expect("a directory");
        let _ = match thing {
            Thing::Dir => fs::create_dir(&path),
            Thing::File => fs::write(&path, name),
            Thing::Link(target) => symlink(target, &path),
        };
    }
}

/// The kernel's own answers and the C library's canonical paths, from a thread that is chrooted.
fn oracle(root: &Path, questions: &[String]) -> Vec<(Answer, Option<PathBuf>)> {
    thread::scope(|scope| {
        let chrooted = scope.spawn(|| {
            unshare(CloneFlags::CLONE_FS).expect("a file system context of its own");
            chroot(root).expect("chroot (run as root)");
            chdir("/").expect("the new root");
            let ask = |path: &String| {
                let meta = fs::metadata(path).map(|meta| (meta.dev(), meta.ino()));
                let answer = meta.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(0)));
                (answer, fs::canonicalize(path).ok())
            };
            questions.iter().map(ask).collect()
        });
        chrooted.join().expect("the chrooted thread")
    })
}

fn ask(root: &Root, path: &str) -> Answer {
    let meta = root.meta_followed(path).map(|meta| (meta.device, meta.inode));
    meta.map_err(|error| error.errno().expect("an error number"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_kernel_agrees_with_both_ways(
        tree in prop::collection::btree_map(place(), thing(), 1..12),
        questions in prop::collection::vec(path(), 1..40),
    ) {
        let base = scratch();
        let directory = base.path().join("x/y");
        fs::create_dir_all(&directory).expect("a root");
        lay_out(&directory, &tree);
        let kernel = Root::open(&directory).expect("the root opens");
        let walk = Root::open(&directory).expect("the root opens").without_openat2();
        for (question, (answer, canonical)) in questions.iter().zip(oracle(&directory, &questions)) {
            prop_assert_eq!(ask(&kernel, question), answer, "openat2, {}", question);
            prop_assert_eq!(ask(&walk, question), answer, "walk, {}", question);
            prop_assert_eq!(kernel.resolve(question).ok(), canonical, "resolve, {}", question);
        }
    }
}
