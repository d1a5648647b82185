//! The journal keeps what it was given, byte for byte, through crashes, full disks and parallel
//! writers; what was written before a failure is never lost.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod support;

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use nodeshim::error::Error;
use nodeshim::journal::{Appender, Event, Journal, PATH, TORN_PATH};
use nodeshim::root::Root;
use tempfile::TempDir;

use support::{arm, chrooted, scratch};

/// An event with these arguments.
fn event(words: &[&OsStr]) -> Event {
    let text = "id = 0\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"chkconfig\"\nargv = []\nexit = 0\n\
                verdict = \"allow\"\nmessage = \"one\\ntwo\"\n\
                [[intent]]\nkind = \"default-target\"\nunit = \"a.target\"\nchanged = true\n";
    let mut event: Event = toml::from_str(text).expect("an event");
    event.argv = Event::escape_arguments(&words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>());
    event
}

/// Arguments that try to look like the journal's own text.
fn hostile_words() -> Vec<Vec<&'static OsStr>> {
    vec![
        vec![OsStr::new("chkconfig"), OsStr::new("--add"), OsStr::new("plain")],
        vec![
            OsStr::new("x\n# end 77 12\n"),
            OsStr::new("# end 78 12"),
            OsStr::new("\n[[event]]\nid = 9\n"),
        ],
        vec![
            OsStr::from_bytes(b"\xff\xfe\\xff\\"),
            OsStr::new("'''\n\"\"\"\n# end 5 1\n"),
            OsStr::new(""),
        ],
        vec![OsStr::new("é\u{1b}[31m\u{0}\u{7f}\r\n# end 4 4\r\n")],
    ]
}

fn image() -> (TempDir, Root) {
    let directory = scratch();
    fs::create_dir_all(directory.path().join("usr/lib/sysimage/nodeshim")).expect("an image");
    let root = Root::open(directory.path()).expect("the root opens");
    (directory, root)
}

fn append(root: &Root, words: &[&OsStr]) -> Event {
    let mut event = event(words);
    Appender::open(root)
        .expect("the journal opens")
        .append(&mut event)
        .expect("room for an event");
    event
}

/// Events as they were written: their arguments in the one canonical spelling.
fn canonical(mut events: Vec<Event>) -> Vec<Event> {
    for event in &mut events {
        event.argv = Event::escape_arguments(&event.arguments());
    }
    events
}

fn on_disk(directory: &TempDir, path: &str) -> PathBuf {
    directory.path().join(path.trim_start_matches('/'))
}

#[test]
fn journal_gives_back_every_event_as_it_was_appended() {
    let (_directory, root) = image();
    let written: Vec<Event> = hostile_words().iter().map(|words| append(&root, words)).collect();
    let journal = Journal::read(&root).expect("the journal reads");
    assert_eq!(canonical(journal.events.clone()), written);
    assert_eq!(journal.torn, None);
    for (index, (event, words)) in journal.events.iter().zip(hostile_words()).enumerate() {
        assert_eq!(event.id, index as u64 + 1);
        assert_eq!(event.arguments(), words);
    }
}

#[test]
fn a_journal_cut_anywhere_keeps_all_before_the_cut_and_goes_on() {
    let (directory, root) = image();
    let mut ends = vec![("format = 1\n".len(), 0)];
    let mut written = Vec::new();
    for words in hostile_words() {
        written.push(append(&root, &words));
        let length = fs::metadata(on_disk(&directory, PATH)).expect("the journal").len() as usize;
        ends.push((length, written.len()));
    }
    let whole = fs::read(on_disk(&directory, PATH)).expect("the journal");
    for cut in 0..whole.len() {
        fs::write(on_disk(&directory, PATH), &whole[..cut]).expect("the journal");
        let _ = fs::remove_file(on_disk(&directory, TORN_PATH));
        let (end, kept) = ends.iter().rev().find(|(end, _)| *end <= cut).copied().unwrap_or((0, 0));
        if end > 0 {
            let journal = Journal::read(&root).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
            assert_eq!(canonical(journal.events), written[..kept], "cut at {cut}");
            let torn = journal.torn.map(|torn| (torn.after, torn.bytes));
            assert_eq!(torn, (cut > end).then_some((kept as u64, cut - end)), "cut at {cut}");
        }
        let next = append(&root, &[OsStr::new("next")]);
        assert_eq!(next.id, kept as u64 + 1, "cut at {cut}");
        let journal = Journal::read(&root).unwrap_or_else(|error| panic!("cut at {cut}: {error}"));
        assert_eq!(canonical(journal.events[..kept].to_vec()), written[..kept], "cut at {cut}");
        assert_eq!(journal.events[kept..], [next], "cut at {cut}");
        assert_eq!(journal.torn, None, "cut at {cut}");
        if end > 0 && cut > end {
            let torn = fs::read(on_disk(&directory, TORN_PATH)).expect("what was torn");
            assert_eq!(torn, [&whole[end..cut], b"\n"].concat(), "cut at {cut}");
        }
    }
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let (directory, root) = image();
    append(&root, &[OsStr::new("x")]);
    let old = fs::read_to_string(on_disk(&directory, PATH)).expect("the journal");
    let newer = old.replacen("format = 1", "format = 2", 1);
    fs::write(on_disk(&directory, PATH), &newer).expect("the journal");
    assert!(matches!(
        Journal::read(&root),
        Err(Error::NewerFormat {
            found: 2,
            supported: 1,
            ..
        })
    ));
    assert!(matches!(
        Appender::open(&root),
        Err(Error::NewerFormat {
            found: 2,
            supported: 1,
            ..
        })
    ));

    arm(directory.path());
    let output = call(directory.path(), &["systemctl", "enable", "x"]);
    assert_one_line(&output, "format version 2 is newer than 1");
    assert_eq!(fs::read_to_string(on_disk(&directory, PATH)).expect("the journal"), newer);
}

fn call<S: AsRef<OsStr>>(root: &Path, argv: &[S]) -> Output {
    chrooted(root, argv).output().expect("chroot starts")
}

/// A shim that could not record says so in one line and fails.
fn assert_one_line(output: &Output, part: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(part) && text.lines().count() == 1, "{text}");
    assert_eq!(output.status.code(), Some(1), "{text}");
}

#[test]
fn parallel_shims_lose_nothing() {
    let (directory, root) = image();
    arm(directory.path());
    let names: Vec<String> = (0..64).map(|n| format!("unit-{n}.service")).collect();
    let running: Vec<_> = names
        .iter()
        .map(|name| {
            let mut command = chrooted(directory.path(), ["systemctl", "enable", name]);
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("chroot starts")
        })
        .collect();
    for mut child in running {
        child.wait().expect("a shim ends");
    }
    let journal = Journal::read(&root).expect("the journal reads");
    let ids: Vec<u64> = journal.events.iter().map(|event| event.id).collect();
    assert_eq!(ids, (1..=64).collect::<Vec<_>>());
    let mut asked: Vec<String> = journal.events.iter().map(|event| event.argv[2].shown()).collect();
    asked.sort();
    let mut expected = names.to_vec();
    expected.sort();
    assert_eq!(asked, expected);
}

#[test]
fn a_shim_records_arguments_that_are_not_text() {
    let (directory, root) = image();
    arm(directory.path());
    let words: Vec<OsString> = [
        b"chkconfig".as_slice(),
        b"--add",
        b"caf\xe9\n# end 9 9\n",
        b"\\xe9",
        b"",
    ]
    .map(|word| OsStr::from_bytes(word).to_owned())
    .to_vec();
    call(directory.path(), &words);
    let journal = Journal::read(&root).expect("the journal reads");
    assert_eq!(journal.events.len(), 1);
    assert_eq!(journal.events[0].arguments(), words);
}

#[test]
fn the_same_calls_at_the_same_source_date_give_the_same_bytes() {
    let [first, second] = [(); 2].map(|()| {
        let (directory, _) = image();
        arm(directory.path());
        for argv in [["systemctl", "enable", "a.service"], ["chkconfig", "--add", "b"]] {
            let mut command = chrooted(directory.path(), argv);
            command.env("SOURCE_DATE_EPOCH", "86400").output().expect("chroot starts");
        }
        fs::read_to_string(on_disk(&directory, PATH)).expect("the journal")
    });
    assert_eq!(first, second);
    assert_eq!(first.matches("time = \"1970-01-02T00:00:00Z\"").count(), 2, "{first}");
}

/// Runs a script in a mount namespace of its own, with `$ROOT`, `$OUT` and `$NODESHIM` set and an
/// image of a few megabytes mounted on `$ROOT`. Returns the directory `$OUT`.
fn in_small_image(script: &str) -> TempDir {
    let out = scratch();
    fs::create_dir(out.path().join("root")).expect("a place to mount on");
    let begin = "mount -t tmpfs -o size=16m none $ROOT; mkdir -p $ROOT/usr/bin $ROOT/etc; \
                 $NODESHIM arm --root $ROOT\n\
                 shim() { env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot $ROOT \"$@\"; }\n\
                 journal=$ROOT/usr/lib/sysimage/nodeshim/journal.toml\n";
    support::succeed(
        Command::new("unshare")
            .args(["-m", "--propagation", "private", "bash", "-euc"])
            .arg(format!("{begin}{script}"))
            .env("ROOT", out.path().join("root"))
            .env("OUT", out.path())
            .env("NODESHIM", support::nodeshim())
            .stdin(Stdio::null()),
    );
    out
}

fn read(out: &TempDir, name: &str) -> String {
    fs::read_to_string(out.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn a_full_disk_costs_the_event_that_does_not_fit_and_no_other() {
    let out = in_small_image(
        "shim systemctl enable first 2>/dev/null || :
         dd if=/dev/zero of=$ROOT/filler bs=4k 2>/dev/null || :
         for n in $(seq 100); do
           cp $journal $OUT/before
           shim systemctl enable filler-$n 2>$OUT/stderr && code=0 || code=$?
           if grep -q 'No space left' $OUT/stderr; then break; fi
         done
         echo $n $code >$OUT/code; cp $journal $OUT/full; rm $ROOT/filler
         shim systemctl enable last 2>/dev/null || :
         cp $journal $OUT/after",
    );
    let stderr = read(&out, "stderr");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.contains("journal.toml: No space left on device"), "{stderr}");
    let code = read(&out, "code");
    let (calls, exit) = code.trim().split_once(' ').expect("two numbers");
    assert_eq!(exit, "1");
    assert_eq!(read(&out, "before"), read(&out, "full"));
    let journal = Journal::parse(read(&out, "after").as_bytes()).expect("the journal reads");
    let recorded = calls.parse::<u64>().expect("a number");
    assert_eq!(
        journal.events.iter().map(|e| e.id).collect::<Vec<_>>(),
        (1..=recorded + 1).collect::<Vec<_>>()
    );
    assert_eq!(journal.events.last().unwrap().argv[2], "last");
    assert_eq!(journal.torn, None);
}

#[test]
fn a_read_only_image_gives_one_line_and_stays_as_it_was() {
    let out = in_small_image(
        "shim systemctl enable first 2>/dev/null || :
         cp $journal $OUT/before; mount -o remount,ro $ROOT
         shim systemctl enable second >$OUT/stdout 2>$OUT/stderr && echo 0 >$OUT/code || echo $? >$OUT/code
         $NODESHIM disarm --root $ROOT 2>$OUT/disarm && echo 0 >>$OUT/code || echo $? >>$OUT/code
         cp $journal $OUT/after",
    );
    for name in ["stderr", "disarm"] {
        let text = read(&out, name);
        assert!(text.contains("Read-only file system") && text.lines().count() == 1, "{name}: {text}");
    }
    assert_eq!(read(&out, "stdout"), "");
    assert_eq!(read(&out, "code"), "1\n1\n");
    assert_eq!(read(&out, "before"), read(&out, "after"));
}
