//! A large journal is closed and begun anew: numbers count on, nothing is lost or read twice, even
//! if closing was interrupted.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod support;

use std::fs;
use std::path::PathBuf;

use nodeshim::journal::{Appender, DIRECTORY, Event, Journal, PATH, last_event};
use nodeshim::root::Root;
use tempfile::TempDir;

fn image() -> (TempDir, Root) {
    let directory = support::scratch();
    fs::create_dir_all(directory.path().join("usr/lib/sysimage/nodeshim")).unwrap();
    let root = Root::open(directory.path()).unwrap();
    (directory, root)
}

/// Appends as many events, each by a process of its own as far as the journal can tell.
fn append(root: &Root, count: usize) {
    for _ in 0..count {
        let text = "id = 0\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"chkconfig\"\nargv = [\"chkconfig\"]\n\
                    exit = 0\nverdict = \"allow\"\n";
        let mut event: Event = toml::from_str(text).unwrap();
        Appender::open(root).unwrap().append(&mut event).unwrap();
    }
}

fn close(root: &Root) -> bool {
    Appender::open(root).unwrap().close_part(root, 0).unwrap()
}

fn ids(root: &Root) -> Vec<u64> {
    let journal = Journal::read(root).unwrap();
    assert_eq!(journal.torn, None);
    journal.events.iter().map(|event| event.id).collect()
}

fn parts(root: &Root) -> Vec<String> {
    let names = root.list(DIRECTORY).unwrap().into_iter().map(|entry| entry.name.into_string().unwrap());
    let mut names: Vec<String> = names.filter(|name| name.starts_with("journal")).collect();
    names.sort();
    names
}

fn on_disk(directory: &TempDir, name: &str) -> PathBuf {
    directory.path().join(DIRECTORY.trim_start_matches('/')).join(name)
}

#[test]
fn closed_parts_and_the_open_one_are_read_as_one_journal() {
    let (_directory, root) = image();
    assert!(!close(&root), "nothing is closed that holds no event");
    append(&root, 3);
    assert!(close(&root));
    assert!(!close(&root), "nor closed twice");
    assert_eq!((ids(&root), last_event(&root).unwrap()), (vec![1, 2, 3], 3));
    append(&root, 9);
    assert!(close(&root));
    append(&root, 1);
    assert_eq!(ids(&root), (1..=13).collect::<Vec<u64>>());
    assert_eq!(last_event(&root).unwrap(), 13);
    assert_eq!(parts(&root), ["journal-1-3.toml", "journal-4-12.toml", "journal.toml"]);
    assert!(!Appender::open(&root).unwrap().close_part(&root, 1 << 20).unwrap(), "it is small");
}

#[test]
fn closing_may_be_interrupted_between_its_steps() {
    let (directory, root) = image();
    append(&root, 2);
    fs::hard_link(on_disk(&directory, "journal.toml"), on_disk(&directory, "journal-1-2.toml")).unwrap();
    assert_eq!(ids(&root), [1, 2], "one file with two names is one part");
    append(&root, 2);
    assert_eq!(ids(&root), [1, 2, 3, 4]);
    assert!(close(&root));
    append(&root, 1);
    assert_eq!(ids(&root), [1, 2, 3, 4, 5]);
    assert_eq!(parts(&root), ["journal-1-4.toml", "journal.toml"]);
}

#[test]
fn numbers_count_on_where_the_open_journal_is_lost_or_torn() {
    for left in [
        None,
        Some(""),
        Some("form"),
        Some("format = 1\n"),
        Some("format = 1\n# end 2"),
    ] {
        let (directory, root) = image();
        append(&root, 2);
        assert!(close(&root));
        fs::remove_file(on_disk(&directory, "journal.toml")).unwrap();
        if let Some(text) = left {
            fs::write(on_disk(&directory, "journal.toml"), text).unwrap();
        }
        append(&root, 1);
        assert_eq!(ids(&root), [1, 2, 3], "{left:?}");
    }
}

#[test]
fn a_journal_keeps_its_mode_and_a_bad_part_is_named() {
    let (directory, root) = image();
    append(&root, 1);
    root.chmod(PATH, 0o600).unwrap();
    assert!(close(&root));
    assert_eq!(root.meta(PATH).unwrap().mode, 0o600);
    fs::write(on_disk(&directory, "journal-1-1.toml"), "format = 1\nevent = 1\n# end 1 10\n").unwrap();
    let error = Journal::read(&root).unwrap_err().to_string();
    assert!(error.starts_with("/usr/lib/sysimage/nodeshim/journal-1-1.toml: line 2: "), "{error}");
    fs::write(on_disk(&directory, "journal-1-1.toml"), "format = 2\n").unwrap();
    let error = Journal::read(&root).unwrap_err().to_string();
    assert!(error.contains("journal-1-1.toml: format version 2 is newer than 1"), "{error}");
}

#[test]
fn a_large_part_is_parsed_piece_by_piece_and_an_error_still_has_its_line() {
    let (directory, root) = image();
    append(&root, 1);
    let one = fs::read_to_string(on_disk(&directory, "journal.toml")).unwrap();
    let event = one.strip_prefix("format = 1\n").unwrap();
    let many = |count: usize| -> String {
        (1..=count).map(|n| event.replace("# end 1", &format!("# end {n}"))).collect()
    };
    let text = format!("format = 1\n{}", many(9000).replace("chkconfig\"]", "é\"]"));
    assert!(text.len() > 1 << 20);
    assert_eq!(Journal::parse(text.as_bytes()).unwrap().events.len(), 9000);
    let lines = text.matches('\n').count();
    let error = Journal::parse(format!("{text}event =\n# end 9001 1\n").as_bytes())
        .unwrap_err()
        .to_string();
    assert!(error.contains(&format!("line {}: ", lines + 1)), "{error}");
}

/// A closed journal of more events than a compressed part holds, with an index of all.
fn compressed(count: usize) -> (TempDir, Root) {
    let (directory, root) = image();
    let text = "id = 0\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"chkconfig\"\nargv = [\"chkconfig\", \"--list\"]\n\
                exit = 0\nverdict = \"allow\"\n";
    let mut event: Event = toml::from_str(text).unwrap();
    let mut journal = Appender::open(&root).unwrap();
    (0..count).for_each(|_| journal.append(&mut event).unwrap());
    assert!(journal.close_part(&root, 0).unwrap());
    Journal::read(&root).unwrap().write_index(&root, None).unwrap();
    (directory, root)
}

#[test]
fn a_large_part_is_compressed_as_several_files_of_few_events() {
    let (directory, root) = compressed(6000);
    let all: Vec<u64> = (1..=6000).collect();
    let names = parts(&root);
    assert!(names.len() > 4 && names.iter().all(|name| !name.ends_with("-6000.toml")), "{names:?}");
    assert_eq!(ids(&root), all);
    let newest = Journal::since(&root, 5990).unwrap();
    assert_eq!(
        newest.iter().map(|event| event.id).collect::<Vec<u64>>(),
        (5990..=6000).collect::<Vec<u64>>()
    );
    // Compressing may be interrupted before the plain part is removed.
    let mut plain = String::from("format = 1\n");
    let one = "\n[[event]]\nid = N\ntime = \"1970-01-01T00:00:00Z\"\ntool = \"chkconfig\"\nargv = []\nexit = 0\nverdict = \"allow\"\n";
    all.iter()
        .for_each(|id| plain.push_str(&format!("{}# end {id} 1\n", one.replace('N', &id.to_string()))));
    fs::write(on_disk(&directory, "journal-1-6000.toml"), plain).unwrap();
    fs::remove_file(on_disk(&directory, "journal-index.toml")).unwrap();
    assert_eq!(ids(&root), all, "the plain part alone counts");
}

#[test]
fn the_journal_its_parts_and_its_index_are_for_their_owner_alone() {
    let (_directory, root) = compressed(30);
    let records = parts(&root);
    assert!(
        records.iter().any(|name| name.ends_with(".zst")) && records.contains(&"journal-index.toml".into())
    );
    for name in records {
        assert_eq!(root.meta(format!("{DIRECTORY}/{name}")).unwrap().mode, 0o600, "{name}");
    }
}

#[test]
fn old_parts_are_removed_as_configured_and_what_still_counts_stays() {
    let (_directory, root) = compressed(6000);
    let journal = Journal::read(&root).unwrap();
    assert!(journal.is_complete() && journal.removed == 0);
    // What still counts: the first event and the last.
    let mut kept = journal.clone();
    kept.events.retain(|event| [1, 6000].contains(&event.id));
    kept.write_index(&root, Some(1000)).unwrap();
    let left = Journal::read(&root).unwrap();
    assert!(left.removed > 0 && left.removed <= 5000, "{}", left.removed);
    let expected: Vec<u64> = [1].into_iter().chain(left.removed + 1..=6000).collect();
    assert_eq!(ids(&root), expected);
    let standing = Journal::standing(&root, 6000).unwrap();
    assert_eq!(standing.events.iter().map(|event| event.id).collect::<Vec<u64>>(), [1, 6000]);
    assert_eq!(standing.through, 6000);
    append(&root, 2);
    assert_eq!(Journal::standing(&root, 6000).unwrap().events.last().unwrap().id, 6002);
    assert!(close(&root), "numbers count on");
    assert_eq!(last_event(&root).unwrap(), 6002);
}

#[test]
fn removal_of_old_parts_that_was_interrupted_is_made_up_for() {
    let (directory, root) = compressed(6000);
    let oldest = parts(&root).into_iter().find(|name| name.starts_with("journal-1-")).unwrap();
    let bytes = fs::read(on_disk(&directory, &oldest)).unwrap();
    Journal::read(&root).unwrap().write_index(&root, Some(1000)).unwrap();
    let removed = Journal::read(&root).unwrap().removed;
    fs::write(on_disk(&directory, &oldest), bytes).unwrap();
    let journal = Journal::read(&root).unwrap();
    assert_eq!(journal.events.len(), 6000, "what was to be removed counts once");
    journal.write_index(&root, None).unwrap();
    assert_eq!(Journal::read(&root).unwrap().removed, removed);
    assert!(!parts(&root).contains(&oldest), "{oldest}");
}

#[test]
fn an_origin_that_is_learnt_later_is_that_of_an_event_in_the_index_too() {
    let (directory, root) = compressed(3);
    let origins = "format = 1\n\n[[found]]\nevent = 2\nnevra = \"p-1-1.noarch\"\nscriptlet = \"%post\"\n\
                   watched = true\nclaimed = \"q-1-1.noarch\"\n";
    fs::write(on_disk(&directory, "origins.toml"), origins).unwrap();
    let learnt = Journal::standing(&root, 3).unwrap();
    assert_eq!(learnt.through, 3, "read from the index");
    assert_eq!(learnt.events[1].origin.name(), "p");
    assert_eq!(learnt.events[1].warnings.len(), 1, "{:?}", learnt.events[1].warnings);
    assert_eq!(learnt.events, Journal::read(&root).unwrap().events);
    learnt.write_index(&root, None).unwrap();
    assert_eq!(Journal::standing(&root, 3).unwrap().events, learnt.events);
}

#[test]
fn a_closed_part_that_is_gone_or_altered_is_refused_by_what_reads_the_index_alone() {
    for how in ["gone", "altered"] {
        let (directory, root) = compressed(6000);
        let first = parts(&root).into_iter().find(|name| name.starts_with("journal-1-")).unwrap();
        match how {
            "gone" => fs::remove_file(on_disk(&directory, &first)).unwrap(),
            _ => fs::write(on_disk(&directory, &first), "x").unwrap(),
        }
        let error = Journal::standing(&root, 6000).unwrap_err().to_string();
        assert!(error.contains("journal-1-") && error.contains("repair"), "{how}: {error}");
    }
}
