//! A fault of the shim itself ends as one line, an event and exit code 1, never as a signal.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "../shims/internal_error.rs"]
mod internal_error;
mod support;

use std::ffi::OsString;
use std::fs;
use std::process::{Command, Stdio};

/// Set where a copy of this program shall fail; its value says whether it holds the journal then.
const FAIL: &str = "NODESHIM_TEST_FAIL";

/// Runs a program on a copy of the machine that keeps every change apart in `$1`.
const APART: &str = "mount -t tmpfs apart \"$1\"; mkdir $1/upper $1/work $1/root; \
    mount -t overlay apart -o lowerdir=/,upperdir=$1/upper,workdir=$1/work $1/root; \
    [ $(stat -c %d /) = $(stat -c %d \"$3\") ] || mount --rbind \"$3\" \"$1/root$3\"; \
    own=usr/lib/sysimage/nodeshim; mkdir -p $1/root/$own; code=0; chroot $1/root \"$2\" --exact \
    --nocapture shim_that_fails_on_purpose >&2 || code=$?; cat $1/root/$own/journal.toml; exit $code";

/// What a shim does up to its fault, in the process that the other test starts.
#[test]
fn shim_that_fails_on_purpose() {
    let Ok(how) = std::env::var(FAIL) else { return };
    let argv = ["/usr/bin/systemctl", "enable", "a b.service"].map(OsString::from);
    internal_error::set_hook(&argv);
    let root = nodeshim::root::Root::open("/").unwrap();
    let journal = (how == "locked").then(|| nodeshim::journal::Appender::open(&root).unwrap());
    if journal.is_some() {
        internal_error::journal_is_locked();
    }
    let nothing: Vec<u8> = Vec::new();
    let index = how.len();
    assert!(nothing[index] == 0, "the line above fails");
}

#[test]
fn a_fault_is_one_line_an_event_and_exit_code_1() {
    for how in ["free", "locked"] {
        let place = support::scratch();
        let output = Command::new("unshare")
            .args(["-m", "--propagation", "private", "sh", "-euc", APART, "sh"])
            .arg(place.path())
            .arg(std::env::current_exe().unwrap())
            .arg(support::project())
            .env(FAIL, how)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{how}: {output:?}");
        let said = String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = said.lines().filter(|line| line.starts_with("nodeshim: ")).collect();
        let [line] = lines[..] else {
            panic!("{how}: {said}")
        };
        assert!(line.starts_with("nodeshim: internal error at tests/internal_error.rs:"), "{line}");
        assert!(line.ends_with("; the request may be carried out in part"), "{line}");
        let journal = nodeshim::journal::Journal::parse(&output.stdout).unwrap();
        let [event] = &journal.events[..] else {
            panic!("{how}: {journal:?}")
        };
        assert_eq!(event.argv, ["/usr/bin/systemctl", "enable", "a b.service"]);
        assert_eq!(
            (event.exit, event.warnings.as_slice()),
            (1, &[line["nodeshim: ".len()..].to_owned()][..])
        );
    }
    let host = fs::metadata("/usr/lib/sysimage/nodeshim/journal.toml");
    assert!(host.is_err(), "nothing was written to the machine itself");
}
