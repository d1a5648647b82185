//! What scriptlets of real packages change in an image is recorded, each change with the scriptlet
//! and the program that made it, by the kernel's reports and without them.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "audit/beside.rs"]
mod beside;
#[path = "audit/bypasses.rs"]
mod bypasses;
#[path = "audit/faults.rs"]
mod faults;
#[path = "support/image.rs"]
mod image;
mod support;
#[path = "audit/system.rs"]
mod system;

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use image::{Image, build};
use nodeshim::audit::{Audit, FileChange, How, Run};
use nodeshim::intent::Intent;
use nodeshim::journal::Event;
use nodeshim::tool::Tool;
use support::succeed;

/// The two ways of finding changes.
const WAYS: [&str; 2] = ["events", "times"];

/// Runs a transaction under an audit of a certain kind.
fn audited(image: &Image, how: &str, args: &[&str]) {
    let way = format!("--audit={how}");
    succeed(image.nodeshim("run", [way.as_str(), "--"]).args(image.rpm(args)));
}

fn runs(image: &Image) -> Vec<Run> {
    Audit::read(&image.root()).expect("the records read").runs
}

/// The run of a scriptlet, of which there is exactly one.
fn run(image: &Image, package: &str, kind: &str) -> Run {
    let all = runs(image);
    let is_it =
        |run: &&Run| run.origin.package() == Some(package) && run.origin.scriptlet.as_deref() == Some(kind);
    let found: Vec<&Run> = all.iter().filter(is_it).collect();
    assert_eq!(found.len(), 1, "{package} {kind}: {all:#?}");
    found[0].clone()
}

/// What the journal has of one kind of changes that the audit saw.
fn seen(image: &Image, tool: Tool) -> Vec<Event> {
    image.events().into_iter().filter(|event| event.tool == tool).collect()
}

fn intents(events: &[Event]) -> Vec<Intent> {
    let all = events.iter().flat_map(|event| &event.intents);
    all.map(|recorded| recorded.intent.clone()).collect()
}

fn paths(run: &Run) -> Vec<String> {
    run.changes.iter().map(|change| change.path.shown()).collect()
}

fn change<'r>(run: &'r Run, path: &str) -> &'r FileChange {
    run.changes
        .iter()
        .find(|change| change.path == path)
        .unwrap_or_else(|| panic!("{path}: {run:#?}"))
}

fn sha256(content: &str) -> Option<String> {
    Some(nodeshim::digest::digest(content.as_bytes()))
}

/// A change with its digests before and after.
fn digests(change: &FileChange) -> (Option<String>, Option<String>) {
    let of = |side: &Option<nodeshim::audit::Side>| side.as_ref().and_then(|side| side.sha256.clone());
    (of(&change.before), of(&change.after))
}

const EVERY_KIND: &str = "/etc/kinds.conf
/opt/kinds.dat
%install
mkdir -p %{buildroot}/etc %{buildroot}/opt
echo conf >%{buildroot}/etc/kinds.conf
echo data >%{buildroot}/opt/kinds.dat
%post
echo made >/etc/made
echo more >>/etc/kinds.conf
echo more >>/opt/kinds.dat
chmod 0600 /etc/group
chown 3:4 /etc/owned
ln -sfn /new /etc/link
rm /etc/gone
mkdir /var/newdir
touch /etc/same
echo same >/etc/rewritten
";

fn image_of_kinds() -> Image {
    let image = Image::new();
    let etc = image.path().join("etc");
    for name in ["gone", "owned", "same", "rewritten"] {
        fs::write(etc.join(name), "same\n").expect("a file");
    }
    fs::write(etc.join("group"), "root:x:0:\n").expect("a file");
    std::os::unix::fs::symlink("/old", etc.join("link")).expect("a link");
    image
}

fn assert_every_kind(run: &Run, how: &str) {
    // What was chmodded or rewritten with the same bytes is told apart.
    assert_eq!(
        paths(run),
        [
            "/etc/gone",
            "/etc/group",
            "/etc/kinds.conf",
            "/etc/link",
            "/etc/made",
            "/etc/owned",
            "/opt/kinds.dat",
            "/var/newdir"
        ],
        "{how}"
    );
    assert_eq!(digests(change(run, "/etc/made")), (None, sha256("made\n")), "{how}");
    assert_eq!(digests(change(run, "/etc/gone")), (sha256("same\n"), None), "{how}");
    assert_eq!(digests(change(run, "/opt/kinds.dat")).1, sha256("data\nmore\n"), "{how}");
}

#[test]
fn each_kind_of_change_is_recorded_and_the_payload_is_not() {
    for how in WAYS {
        let image = image_of_kinds();
        let package = build(&image.beside("kinds"), "kinds", EVERY_KIND);
        audited(&image, how, &["-U", &package]);
        let run = run(&image, "kinds", "%post");
        assert_eq!(run.origin.arg, Some(1));
        assert_every_kind(&run, how);
        let mode = |side: &Option<nodeshim::audit::Side>| side.as_ref().map(|side| side.mode.clone());
        let group = change(&run, "/etc/group");
        assert_eq!((mode(&group.before), mode(&group.after)), (Some("0644".into()), Some("0600".into())));
        // Who may not read a short file could guess by its digest what it holds.
        assert!(group.after.as_ref().is_some_and(|side| side.sha256.is_none()), "{how}: {group:?}");
        let owned = change(&run, "/etc/owned").after.as_ref().expect("it is there");
        assert_eq!((owned.uid, owned.gid), (3, 4));
        let link = change(&run, "/etc/link");
        assert_eq!(link.before.as_ref().and_then(|side| side.target.as_ref()).unwrap(), &"/old");
        assert_eq!(link.after.as_ref().and_then(|side| side.target.as_ref()).unwrap(), &"/new");
        if how == "events" {
            assert_eq!(run.how, How::Events);
            assert_eq!(digests(change(&run, "/etc/kinds.conf")), (sha256("conf\n"), sha256("conf\nmore\n")));
            // Outside of /etc the rpm database knows what rpm had unpacked.
            assert_eq!(digests(change(&run, "/opt/kinds.dat")).0, sha256("data\n"));
            assert!(group.by.iter().any(|program| program.shown().ends_with("/chmod")), "{group:?}");
        }
    }
}

#[test]
fn what_a_shim_did_is_told_apart() {
    for how in WAYS {
        let image = Image::new();
        audited(&image, how, &["-U", &image::package("node-agent-4.50")]);
        let all = runs(&image);
        let shims = all.iter().flat_map(|run| &run.changes).filter(|change| change.request.is_some()).count();
        let others: Vec<&FileChange> = all
            .iter()
            .flat_map(|run| &run.changes)
            .filter(|change| change.request.is_none())
            .collect();
        assert!(shims > 0, "{how}: {all:#?}");
        assert!(others.iter().all(|change| !change.path.shown().contains("systemd")), "{how}: {others:#?}");
        let events = image.events();
        for run in &all {
            for change in &run.changes {
                assert!(change.request.is_none_or(|id| events.iter().any(|event| event.id == id)));
                assert!(!change.path.shown().contains(".nodeshim-tmp-"), "{change:?}");
            }
        }
    }
}

#[test]
fn two_packages_that_change_one_file_are_told_apart() {
    let image = Image::new();
    let place = image.beside("two");
    let a = build(&place, "two-a", "%post\necho a >/etc/shared\n");
    let b = build(&place, "two-b", "%post\necho b >>/etc/shared\n");
    audited(&image, "events", &["-U", &a, &b]);
    let (a, b) = (run(&image, "two-a", "%post"), run(&image, "two-b", "%post"));
    let (first, second) = if a.id < b.id { (&a, &b) } else { (&b, &a) };
    let (first, second) = (change(first, "/etc/shared"), change(second, "/etc/shared"));
    assert_eq!(first.before, None);
    assert_eq!(first.after, second.before);
    assert_eq!(digests(second).1, sha256(&image.read("/etc/shared")));
}

#[test]
fn names_links_and_renames_are_followed() {
    let image = Image::new();
    let etc = image.path().join("etc");
    fs::write(etc.join("one"), "1\n").expect("a file");
    fs::hard_link(etc.join("one"), etc.join("two")).expect("a link");
    fs::write(etc.join("before"), "b\n").expect("a file");
    fs::create_dir_all(image.path().join("opt/dir/deep")).expect("directories");
    fs::write(image.path().join("opt/dir/deep/file"), "f\n").expect("a file");
    let package = build(
        &image.beside("names"),
        "names",
        "%post\n\
         echo x >\"/etc/$(printf 'new\\nline')\"\n\
         echo x >\"/etc/$(printf 'a\\377b')\"\n\
         echo 22 >/etc/one\n\
         mv /etc/before /etc/after\n\
         mv /opt/dir /opt/moved; echo g >/opt/moved/deep/file\n\
         echo t >/etc/transient; rm /etc/transient\n\
         sed -i s/root/ROOT/ /etc/passwd\n\
         ln /etc/passwd /etc/passwd2\n",
    );
    fs::write(etc.join("passwd"), "root:x:0:0::/:/bin/sh\n").expect("a file");
    audited(&image, "events", &["-U", &package]);
    let run = run(&image, "names", "%post");
    change(&run, "/etc/new\nline");
    let bytes = OsStr::from_bytes(b"/etc/a\xffb");
    assert!(run.changes.iter().any(|change| change.path.raw() == bytes), "{:?}", paths(&run));
    for name in ["/etc/one", "/etc/two"] {
        assert_eq!(digests(change(&run, name)), (sha256("1\n"), sha256("22\n")));
    }
    assert_eq!(change(&run, "/etc/after").from.as_ref().unwrap(), &"/etc/before");
    assert_eq!(change(&run, "/etc/before").after, None);
    let transient = change(&run, "/etc/transient");
    assert_eq!((&transient.before, &transient.after), (&None, &None));
    assert_eq!(change(&run, "/opt/moved").from.as_ref().unwrap(), &"/opt/dir");
    assert_eq!(digests(change(&run, "/opt/moved/deep/file")).1, sha256("g\n"));
    assert_eq!(digests(change(&run, "/etc/passwd")).0, sha256("root:x:0:0::/:/bin/sh\n"));
    assert!(change(&run, "/etc/passwd").by.iter().any(|program| program.shown().ends_with("/sed")));
    let strangers: Vec<String> =
        paths(&run).into_iter().filter(|path| path.starts_with("/etc/sed")).collect();
    assert_eq!(strangers, [""; 0], "a name that a file bore for a moment is no change");
    for args in [&["--files"][..], &["--files", "--json"]] {
        let shown = succeed(&mut image.nodeshim("log", args));
        let text = String::from_utf8(shown.stdout).expect("text");
        assert!(text.contains(r"a\xffb") || text.contains(r"a\\xffb"), "{text}");
        assert!(!text.contains("new\nline"), "{text}");
    }
}

#[test]
fn parallel_children_are_all_seen() {
    let image = Image::new();
    let package = build(
        &image.beside("many"),
        "many",
        "%post\nfor n in $(seq 64); do (echo $n >/etc/many-$n; cp /etc/many-$n /var/many-$n) & done; wait\n",
    );
    audited(&image, "events", &["-U", &package]);
    let run = run(&image, "many", "%post");
    assert_eq!(run.changes.len(), 128, "{:#?}", paths(&run));
    for n in 1..=64 {
        assert_eq!(digests(change(&run, &format!("/etc/many-{n}"))).1, sha256(&format!("{n}\n")));
        assert!(
            change(&run, &format!("/var/many-{n}"))
                .by
                .iter()
                .any(|program| program.shown().ends_with("/cp"))
        );
    }
}

#[test]
fn triggers_lua_and_erasure_have_their_own_records() {
    for how in WAYS {
        let image = Image::new();
        let place = image.beside("kinds");
        let watcher = build(
            &place,
            "watcher",
            "%triggerin -- target\necho t >/etc/by-trigger\n\
             %filetriggerin -- /opt/target\necho f >/etc/by-filetrigger\n\
             %transfiletriggerin -- /opt/target\necho f >/etc/by-transfiletrigger\n",
        );
        let target = build(
            &place,
            "target",
            "/opt/target/file\n%install\nmkdir -p %{buildroot}/opt/target\necho p >%{buildroot}/opt/target/file\n\
             %pre -p <lua>\nlocal f = io.open('/etc/by-lua', 'w')\nf:write('lua')\nf:close()\n\
             os.execute('echo x >/etc/by-lua-child')\n\
             %preun\necho p >/etc/by-preun\n%postun\nrm /etc/by-preun\n",
        );
        audited(&image, how, &["-U", &watcher]);
        audited(&image, how, &["-U", &target]);
        assert_eq!(paths(&run(&image, "target", "%pre")), ["/etc/by-lua", "/etc/by-lua-child"], "{how}");
        for kind in ["trigger", "filetrigger", "transfiletrigger"] {
            let run = run(&image, "watcher", &format!("%{kind}in"));
            assert_eq!(paths(&run), [format!("/etc/by-{kind}")], "{how}");
        }
        audited(&image, how, &["-e", "target"]);
        if how == "events" {
            assert_eq!(paths(&run(&image, "target", "%preun")), ["/etc/by-preun"]);
            let last = run(&image, "target", "%postun");
            assert_eq!((paths(&last), last.origin.arg), (vec!["/etc/by-preun".to_owned()], Some(0)));
        }
        assert!(!image.has("/opt/target/file"));
        let payload = |run: &Run| run.changes.iter().any(|change| change.path.shown().starts_with("/opt"));
        assert!(!runs(&image).iter().any(payload), "{how}");
    }
}

#[test]
fn an_audit_can_be_left_out() {
    let image = Image::new();
    let package = build(&image.beside("quiet"), "quiet", "%post\necho x >/etc/x\n");
    succeed(image.nodeshim("run", ["--no-audit", "--"]).args(image.rpm(&["-U", &package])));
    assert!(!image.has(nodeshim::audit::PATH));
    assert!(Path::new(&image.path()).join("etc/x").exists());
}
