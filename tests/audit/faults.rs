//! Processes that outlive their scriptlet, torn records, runs that are killed.

use std::fs;
use std::io::Write;
use std::process::Stdio;
use std::thread::sleep;
use std::time::Duration;

use nodeshim::audit::{Audit, PATH};

use super::image::{Image, build};
use super::support::succeed;
use super::{audited, paths, run, runs};

#[test]
fn a_process_that_outlives_its_scriptlet_is_still_told_by_it() {
    let image = Image::new();
    let place = image.beside("late");
    // The second scriptlet waits for what the first one's child does.
    let package = build(
        &place,
        "late",
        "%post\n(echo 1 >/etc/late-1; while [ ! -e /tmp/go ]; do :; done; echo 2 >/etc/late-2; : >/tmp/done) \
         >/dev/null 2>&1 &\nwhile [ ! -s /etc/late-1 ]; do :; done\n",
    );
    let next = build(&place, "next", "%posttrans\n: >/tmp/go\nwhile [ ! -e /tmp/done ]; do :; done\n");
    audited(&image, "events", &["-U", &package, &next]);
    let seen = runs(&image);
    let of_late: Vec<_> = seen.iter().filter(|run| run.origin.package() == Some("late")).collect();
    assert_eq!(of_late.iter().map(|run| run.late).collect::<Vec<_>>(), [false, true], "{seen:#?}");
    assert_eq!(paths(of_late[0]), ["/etc/late-1"]);
    assert_eq!(paths(of_late[1]), ["/etc/late-2", "/tmp/done"]);
    assert_eq!(paths(&run(&image, "next", "%posttrans")), ["/tmp/go"]);
}

#[test]
fn a_torn_record_is_cut_and_nothing_before_it_is_lost() {
    let image = Image::new();
    let package = build(&image.beside("torn"), "torn", "%post\necho x >/etc/x\n%preun\nrm /etc/x\n");
    audited(&image, "events", &["-U", &package]);
    let file = image.path().join(PATH.trim_start_matches('/'));
    let mut open = fs::OpenOptions::new().append(true).open(&file).expect("the records");
    open.write_all(b"\n[[scriptlet]]\nid = 2\nti").expect("a torn tail");
    let audit = Audit::read(&image.root()).expect("the records read");
    assert_eq!((audit.runs.len(), audit.torn.map(|torn| torn.after)), (1, Some(1)));
    audited(&image, "events", &["-e", "torn"]);
    let audit = Audit::read(&image.root()).expect("the records read");
    assert_eq!((audit.runs.len(), audit.torn), (2, None));
    assert_eq!(audit.runs[1].id, 2);
}

#[test]
fn audit_records_what_ran_before_a_kill() {
    let image = Image::new();
    let place = image.beside("killed");
    let package = build(&place, "killed", "%pre\necho x >/etc/before\n%post\n: >/etc/waiting\nsleep 600\n");
    let mut child = image
        .nodeshim("run", ["--"])
        .args(image.rpm(&["-U", &package]))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a run");
    while !image.has("/etc/waiting") {
        assert!(child.try_wait().expect("the run").is_none(), "it ended early");
        sleep(Duration::from_millis(10));
    }
    let script =
        "for p in /proc/[0-9]*; do [ \"$(readlink $p/root)\" = \"$1\" ] && kill -9 ${p#/proc/}; done; exit 0";
    child.kill().expect("a kill");
    child.wait().expect("the end");
    assert_eq!(paths(&run(&image, "killed", "%pre")), ["/etc/before"]);
    // rpm and its scriptlet go on without a listener; this ends them.
    let mut kill = std::process::Command::new("sh");
    succeed(kill.args(["-c", script, "sh"]).arg(image.path()));
    let other = build(&place, "other", "%post\necho x >/etc/other\n");
    audited(&image, "events", &["-U", &other]);
    assert_eq!(paths(&run(&image, "other", "%post")), ["/etc/other"]);
}
