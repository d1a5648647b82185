//! What no scriptlet is known for is recorded with the command: an rpm that names no scriptlets, a
//! script, file systems that are mounted below the image.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use nodeshim::audit::{Audit, Run, Transaction};
use nodeshim::intent::{Intent, UnitWant};
use nodeshim::tool::Tool;

use super::image::{Image, build, contained, with_rpm};
use super::support::{nodeshim, succeed};
use super::{
    EVERY_KIND, WAYS, assert_every_kind, audited, change, digests, image_of_kinds, paths, run, runs, sha256,
};

/// The only record, which is the command's.
fn of_command(image: &Image) -> (Run, Transaction) {
    let mut all = runs(image);
    assert_eq!(all.len(), 1, "{all:#?}");
    let run = all.remove(0);
    let transaction = run.transaction.clone().expect("the command's");
    (run, transaction)
}

#[test]
fn an_rpm_that_names_no_scriptlets_is_audited_as_a_whole() {
    for how in WAYS {
        let image = image_of_kinds();
        let package = build(&image.beside("kinds"), "kinds", EVERY_KIND);
        audited(&image, how, &["--noplugins", "-U", &package]);
        let (run, transaction) = of_command(&image);
        assert_every_kind(&run, how);
        assert_eq!(transaction.installed, ["kinds-1.0-1.noarch"], "{how}");
        assert_eq!(transaction.command.first().map(|word| word.shown()).as_deref(), Some("rpm"), "{how}");
        let shown = succeed(&mut image.nodeshim("log", ["--files"]));
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("installed kinds-1.0-1.noarch") && shown.contains("/etc/made"), "{shown}");
        audited(&image, how, &["--noplugins", "-e", "kinds"]);
        let erased = runs(&image).into_iter().nth(1);
        let payload = erased
            .into_iter()
            .flat_map(|run| run.changes)
            .any(|change| change.path.shown().contains("kinds"));
        assert!(!payload, "{how}: what rpm took away is its own: {:#?}", runs(&image));
    }
}

fn differences(image: &Image) -> Vec<(String, String, String)> {
    let checked = image.nodeshim("check", ["--json"]).output().expect("a check");
    let json: serde_json::Value = serde_json::from_slice(&checked.stdout).expect("JSON");
    let of = |one: &serde_json::Value, key: &str| one[key].as_str().expect("a text").to_owned();
    json["items"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| (of(one, "kind"), of(one, "path"), of(one, "text")))
        .collect()
}

#[test]
fn what_a_whole_transaction_left_is_checked() {
    for how in WAYS {
        let image = image_of_kinds();
        let package = build(&image.beside("kinds"), "kinds", EVERY_KIND);
        audited(&image, how, &["--noplugins", "-U", &package]);
        assert_eq!(differences(&image), [], "{how}");
        let etc = image.path().join("etc");
        fs::write(etc.join("made"), "other\n").expect("a file");
        fs::write(etc.join("gone"), "back\n").expect("a file");
        fs::remove_file(etc.join("link")).expect("a removal");
        let found = differences(&image);
        let kinds: Vec<(&str, &str)> =
            found.iter().map(|(kind, path, _)| (kind.as_str(), path.as_str())).collect();
        let expected = [
            ("extra", "/etc/gone"),
            ("missing", "/etc/link"),
            ("changed", "/etc/made"),
        ];
        assert_eq!(kinds, expected, "{how}");
        assert!(found[2].2.starts_with("S.5.... since the command rpm "), "{how}: {found:?}");
        assert!(found[0].2.starts_with("was removed by the command rpm "), "{how}: {found:?}");
        // Of what is gone nobody knows whether it was to stay.
        audited(&image, how, &["--noplugins", "-e", "kinds"]);
        assert_eq!(differences(&image), [], "{how}");
    }
}

#[test]
fn an_rpm_of_the_images_own_is_audited_as_a_whole() {
    let image = with_rpm();
    for name in ["gone", "owned", "same", "rewritten"] {
        fs::write(image.path().join("etc").join(name), "same\n").expect("a file");
    }
    fs::write(image.path().join("etc/group"), "root:x:0:\n").expect("a file");
    std::os::unix::fs::symlink("/old", image.path().join("etc/link")).expect("a link");
    let package = build(&image.beside("kinds"), "kinds", EVERY_KIND);
    fs::copy(package, image.path().join("kinds.rpm")).expect("a copy");
    let (program, root) = (nodeshim().display().to_string(), image.path().display().to_string());
    let words = [
        program.as_str(),
        "--root",
        &root,
        "run",
        "--",
        "chroot",
        &root,
        "rpm",
        "--dbpath",
    ];
    succeed(&mut contained(
        &image,
        &[&words[..], &["/var/lib/rpm", "--nodeps", "-i", "/kinds.rpm"]].concat(),
    ));
    let (run, transaction) = of_command(&image);
    assert_every_kind(&run, "chroot");
    assert_eq!(transaction.installed, ["kinds-1.0-1.noarch"]);
    assert!(
        change(&run, "/etc/group").by.iter().any(|program| program.shown().ends_with("/chmod")),
        "{run:#?}"
    );
}

const SCRIPT: &str = "set -e
echo outside >\"$0/etc/by-script\"
chroot \"$0\" sh -c 'echo inside >/etc/by-shell; systemctl enable asked.service
mkdir -p /etc/systemd/system/multi-user.target.wants
ln -s /usr/lib/systemd/system/linked.service /etc/systemd/system/multi-user.target.wants/linked.service'
";

#[test]
fn a_plain_script_is_audited_too() {
    for how in WAYS {
        let image = Image::new();
        for unit in ["asked", "linked"] {
            let text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
            let path = format!("usr/lib/systemd/system/{unit}.service");
            fs::write(image.path().join(path), text).expect("a unit");
        }
        let way = format!("--audit={how}");
        let mut script = image.nodeshim("run", [way.as_str(), "--", "sh", "-c", SCRIPT]);
        succeed(script.arg(image.path()));
        let (run, transaction) = of_command(&image);
        assert_eq!(digests(change(&run, "/etc/by-script")), (None, sha256("outside\n")), "{how}");
        assert_eq!(digests(change(&run, "/etc/by-shell")), (None, sha256("inside\n")), "{how}");
        assert_eq!((&transaction.installed, &transaction.erased), (&Vec::new(), &Vec::new()));
        let events = image.events();
        let asked = change(&run, "/etc/systemd/system/multi-user.target.wants/asked.service");
        assert_eq!(asked.request, Some(events[0].id), "{how}: {run:#?}");
        let by_hand: Vec<&Intent> = events
            .iter()
            .filter(|event| event.tool == Tool::Bypass)
            .flat_map(|event| event.intents.iter().map(|recorded| &recorded.intent))
            .collect();
        let linked = matches!(by_hand[..], [Intent::Unit { unit, want: UnitWant::Enable, .. }] if unit == "linked.service");
        assert!(linked, "{how}: {by_hand:#?}");
        if how == "events" {
            let by = &change(&run, "/etc/by-shell").by;
            assert!(
                by.iter()
                    .any(|program| program.shown().ends_with("/sh") || program.shown().ends_with("/bash")),
                "{run:#?}"
            );
        }
    }
}

#[test]
fn an_audit_wakes_up_for_many_changes_at_once() {
    const FILES: usize = 600;
    let (image, trace) = (Image::new(), tempfile::NamedTempFile::new().expect("a file"));
    let script = format!("for n in $(seq {FILES}); do echo $n >\"$0/etc/many-$n\"; done");
    let run = image.nodeshim("run", ["--audit=events", "--", "sh", "-c", &script]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "--seccomp-bpf", "-e", "trace=poll", "-o"]).arg(trace.path());
    traced.arg(run.get_program()).args(run.get_args()).arg(image.path());
    succeed(&mut traced);
    assert_eq!(of_command(&image).0.changes.len(), FILES);
    let polls = fs::read_to_string(trace.path()).expect("the trace").matches("poll(").count();
    assert!(polls < FILES / 2, "{polls} times for {FILES} files");
}

#[test]
fn a_script_around_a_transaction_is_told_from_its_scriptlets() {
    for how in WAYS {
        let image = Image::new();
        let package = build(
            &image.beside("inner"),
            "inner",
            "/opt/inner/file\n%install\nmkdir -p %{buildroot}/opt/inner\necho p >%{buildroot}/opt/inner/file\n\
             %post\necho x >/etc/by-post\n",
        );
        let rpm = image.rpm(&["-U", &package]).join(" ");
        let script = format!("echo 1 >\"$0/etc/before\"; {rpm}; sleep 0.1; echo 2 >\"$0/etc/after\"");
        let way = format!("--audit={how}");
        succeed(image.nodeshim("run", [way.as_str(), "--", "sh", "-euc", &script]).arg(image.path()));
        assert_eq!(paths(&run(&image, "inner", "%post")), ["/etc/by-post"], "{how}");
        let all = runs(&image);
        let outside: Vec<&Run> = all.iter().filter(|run| run.transaction.is_some()).collect();
        assert_eq!(outside.len(), 1, "{how}: {all:#?}");
        assert_eq!(paths(outside[0]), ["/etc/after", "/etc/before"], "{how}");
    }
}

/// Mounts something at `$0` of a mount namespace of its own, then runs the rest.
fn with_part(image: &Image, kind: &str, place: &str, how: &str, rest: &[String]) -> String {
    let at = image.path().join(place);
    fs::create_dir_all(&at).expect("a directory");
    let mut mounted = Command::new("unshare");
    let script = format!("mount -t {kind} part \"$0\" && exec \"$@\"");
    mounted.args(["-m", "--propagation", "private", "sh", "-c", &script]).arg(&at);
    let way = format!("--audit={how}");
    let run = image.nodeshim("run", [way.as_str(), "--"]);
    mounted.arg(run.get_program()).args(run.get_args()).args(rest);
    mounted.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    String::from_utf8_lossy(&succeed(&mut mounted).stderr).into_owned()
}

#[test]
fn file_systems_below_the_image_are_watched_as_well() {
    for how in WAYS {
        let image = Image::new();
        let package =
            build(&image.beside("parts"), "parts", "%post\necho x >/srv/part/new\nmkdir /srv/part/dir\n");
        let said = with_part(&image, "tmpfs", "srv/part", how, &image.rpm(&["-U", &package]));
        assert!(!said.contains("another file system"), "{how}: {said}");
        let run = run(&image, "parts", "%post");
        assert_eq!(paths(&run), ["/srv/part/dir", "/srv/part/new"], "{how}");
        assert_eq!(digests(change(&run, "/srv/part/new")), (None, sha256("x\n")), "{how}");
        assert!(!image.has("/srv/part/new"), "it was on the other file system");
    }
}

/// The kernel names no file of a hugetlbfs in its reports.
#[test]
fn what_the_kernel_does_not_report_is_compared_and_said() {
    let image = Image::new();
    let package = build(&image.beside("parts"), "parts", "%post\nmkdir /srv/part/dir\necho x >/etc/x\n");
    let said = with_part(&image, "hugetlbfs", "srv/part", "events", &image.rpm(&["-U", &package]));
    assert!(said.contains("/srv/part is another file system"), "{said}");
    assert_eq!(paths(&run(&image, "parts", "%post")), ["/etc/x"]);
    let all = Audit::read(&image.root()).expect("the records read").runs;
    let outside = all.iter().find(|run| run.transaction.is_some()).expect("the command's record");
    assert_eq!(paths(outside), ["/srv/part/dir"]);
    for verb in [&["log", "--files"][..], &["report"]] {
        let shown = succeed(&mut image.nodeshim(verb[0], &verb[1..]));
        let flat = String::from_utf8_lossy(&shown.stdout).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(flat.contains("/srv/part is another file system"), "{flat}");
    }
}

#[test]
fn what_is_mounted_meanwhile_is_said() {
    let image = Image::new();
    fs::create_dir_all(image.path().join("srv/later")).expect("a directory");
    let script =
        format!("mount -t tmpfs later {0}/srv/later; echo x >{0}/srv/later/x", image.path().display());
    let said = with_part(&image, "tmpfs", "srv/part", "events", &["sh", "-euc", &script].map(String::from));
    assert!(said.contains("/srv/later is another file system"), "{said}");
}

#[test]
fn a_scriptlet_whose_rpm_is_killed_is_recorded_as_failed() {
    let image = Image::new();
    let package = build(&image.beside("dies"), "dies", "%post\necho x >/etc/x\nkill -9 $PPID\n");
    let mut command = image.nodeshim("run", ["--"]);
    let status = command.args(image.rpm(&["-U", &package])).status().expect("a run");
    assert_eq!(status.code(), Some(128 + 9));
    let run = run(&image, "dies", "%post");
    assert_eq!((paths(&run), run.failed), (vec!["/etc/x".to_owned()], true));
    let file = image.path().join("etc/x");
    assert_eq!(fs::metadata(file).expect("the file").permissions().mode() & 0o777, 0o644);
}
