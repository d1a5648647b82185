//! What is lost opens nothing: an image whose records were emptied, cut, replaced or removed keeps its
//! firewall and its units until somebody repairs it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use nodeshim::journal::PART_LIMIT;

use crate::image::{Image, build};
use crate::support::{assert_same, scratch, snapshot, succeed};
use crate::{Answer, call, install};

const OWN: &str = "usr/lib/sysimage/nodeshim";
const JOURNAL: &str = "usr/lib/sysimage/nodeshim/journal.toml";
const INDEX: &str = "usr/lib/sysimage/nodeshim/journal-index.toml";
const STATE: &str = "usr/lib/sysimage/nodeshim/state.toml";

/// An image with two plugins that have opened a port each, settled.
fn settled() -> (Image, tempfile::TempDir) {
    let (image, place) = (Image::new(), scratch());
    for (name, port) in [("a", 8081), ("b", 8082)] {
        let post = format!(
            "%post\nfirewall-cmd --permanent --add-port={port}/tcp\nsystemctl enable {name}.service\n"
        );
        let unit = image.path().join(format!("usr/lib/systemd/system/{name}.service"));
        fs::write(unit, "[Install]\nWantedBy=multi-user.target\n").unwrap();
        install(&image, &[&build(place.path(), name, &post)]).ends(0);
    }
    (image, place)
}

/// What a node's firewall and units are made of.
fn in_force(image: &Image) -> BTreeMap<PathBuf, String> {
    snapshot(&image.path().join("etc"))
}

type Damage = (&'static str, fn(&Path));

/// Ways in which records get lost.
const DAMAGES: [Damage; 9] = [
    ("emptied journal", |root| fs::write(root.join(JOURNAL), "").unwrap()),
    ("removed journal", |root| fs::remove_file(root.join(JOURNAL)).unwrap()),
    ("journal cut in its first line", |root| fs::write(root.join(JOURNAL), "form").unwrap()),
    ("journal cut after an event", |root| {
        let text = fs::read_to_string(root.join(JOURNAL)).unwrap();
        let end = text.find("# end 1 ").map(|at| at + text[at..].find('\n').unwrap() + 1).unwrap();
        fs::write(root.join(JOURNAL), &text[..end]).unwrap();
    }),
    ("journal of nobody", |root| fs::write(root.join(JOURNAL), "format = 1\n").unwrap()),
    ("journal that lacks its first event", |root| {
        let text = fs::read_to_string(root.join(JOURNAL)).unwrap();
        let end = text.find("# end 1 ").map(|at| at + text[at..].find('\n').unwrap() + 1).unwrap();
        fs::write(root.join(JOURNAL), format!("format = 1\n{}", &text[end..])).unwrap();
    }),
    ("garbage in the journal", |root| {
        let text = fs::read_to_string(root.join(JOURNAL)).unwrap();
        fs::write(root.join(JOURNAL), text.replacen("tool = ", "t = = ", 1)).unwrap();
    }),
    ("emptied state", |root| fs::write(root.join(STATE), "").unwrap()),
    ("removed state", |root| fs::remove_file(root.join(STATE)).unwrap()),
];

/// Every verb ends in 1, names the way out and leaves what is in force; repairing leads back to `before` and `list`.
fn assert_held_and_repaired(copy: &Image, what: &str, before: &BTreeMap<PathBuf, String>, list: &str) {
    for verb in [&["settle"][..], &["check"], &["run", "--", "true"]] {
        let answer = call(copy, verb[0], &verb[1..]);
        assert_eq!(answer.code, 1, "{what}: {verb:?}: {}", answer.text);
        assert!(answer.text.contains("repair"), "{what}: {verb:?}: {}", answer.text);
        assert_same(before, &in_force(copy), &format!("{what}: {verb:?}"));
    }
    let repaired = call(copy, "repair", [""; 0]).ends(0).text;
    call(copy, "settle", [""; 0]).ends(0);
    assert_same(before, &in_force(copy), &format!("{what}: after repair: {repaired}"));
    assert_eq!(call(copy, "list", [""; 0]).ends(0).text, list, "{what}: {repaired}");
}

#[test]
fn loss_changes_nothing_ends_in_1_and_is_repaired() {
    let (image, _place) = settled();
    let before = in_force(&image);
    assert!(before.keys().any(|path| path.starts_with("nftables")), "{:?}", before.keys());
    let list = call(&image, "list", [""; 0]).ends(0).text;
    for (what, damage) in DAMAGES {
        let copy = Image::copy_of(&image.path());
        damage(&copy.path());
        assert_held_and_repaired(&copy, what, &before, &list);
    }
}

/// A settled image whose journal was closed; the open one holds nothing.
fn closed() -> (Image, tempfile::TempDir) {
    let (image, place) = settled();
    let journal = image.path().join(JOURNAL);
    let text = fs::read_to_string(&journal).unwrap();
    let (first, rest) = text.split_once('\n').unwrap();
    // A comment is read faster than as many events.
    let filler = "x".repeat(PART_LIMIT as usize);
    fs::write(&journal, format!("{first}\n# {filler}\n{rest}")).unwrap();
    call(&image, "settle", [""; 0]).ends(0);
    assert!(part(&image.path()).exists() && image.path().join(INDEX).exists());
    (image, place)
}

/// The one closed part.
fn part(root: &Path) -> PathBuf {
    let entries = fs::read_dir(root.join(OWN)).unwrap().map(|entry| entry.unwrap().path());
    entries
        .into_iter()
        .find(|path| path.extension().is_some_and(|ending| ending == "zst"))
        .unwrap()
}

/// Ways in which a closed part gets lost.
const DAMAGES_OF_PARTS: [Damage; 4] = [
    ("removed part", |root| fs::remove_file(part(root)).unwrap()),
    ("cut part", |root| {
        let bytes = fs::read(part(root)).unwrap();
        fs::write(part(root), &bytes[..bytes.len() - 9]).unwrap();
    }),
    ("altered part", |root| {
        let mut bytes = fs::read(part(root)).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(part(root), bytes).unwrap();
    }),
    ("part of another image", |root| {
        fs::write(part(root), frame_of("format = 1\n")).unwrap();
    }),
];

/// A compressed file with this text.
fn frame_of(text: &str) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(text.as_bytes(), ruzstd::encoding::CompressionLevel::Fastest)
}

#[test]
fn a_closed_part_that_is_not_as_it_was_changes_nothing_and_is_repaired() {
    let (image, _place) = closed();
    let before = in_force(&image);
    let list = call(&image, "list", [""; 0]).ends(0).text;
    for (what, damage) in DAMAGES_OF_PARTS {
        // The parts alone tell of damage, too.
        for with_index in [true, false] {
            let what = format!("{what}, index: {with_index}");
            let copy = Image::copy_of(&image.path());
            damage(&copy.path());
            if !with_index {
                fs::remove_file(copy.path().join(INDEX)).unwrap();
            }
            assert_held_and_repaired(&copy, &what, &before, &list);
        }
    }
}

#[test]
fn an_index_of_closed_parts_that_is_lost_or_damaged_is_made_again() {
    let (image, _place) = closed();
    let before = in_force(&image);
    let index = fs::read(image.path().join(INDEX)).unwrap();
    let list = call(&image, "list", [""; 0]).ends(0).text;
    for how in ["removed", "empty", "garbage", "cut"] {
        let copy = Image::copy_of(&image.path());
        let path = copy.path().join(INDEX);
        match how {
            "removed" => fs::remove_file(&path).unwrap(),
            "cut" => fs::write(&path, &index[..index.len() / 2]).unwrap(),
            how => spoil(&path, how),
        }
        assert_eq!(call(&copy, "list", [""; 0]).ends(0).text, list, "{how}");
        call(&copy, "settle", [""; 0]).ends(0);
        assert_same(&before, &in_force(&copy), how);
        assert_eq!(fs::read(&path).unwrap(), index, "{how}");
    }
}

#[test]
fn a_loss_that_is_accepted_is_settled() {
    let (image, _place) = settled();
    fs::write(image.path().join(JOURNAL), "").unwrap();
    call(&image, "repair", ["--accept-loss"]).ends(0).says(&["4 lost requests are given up"]);
    call(&image, "settle", [""; 0]).ends(0);
    call(&image, "check", [""; 0]);
    assert!(!call(&image, "list", [""; 0]).text.contains("8081"));
}

#[test]
fn a_package_that_empties_the_journal_is_told_of_and_closes_nothing() {
    let (image, place) = settled();
    let before = in_force(&image);
    let evil = format!("%post\n: > /{JOURNAL}\nfirewall-cmd --permanent --add-port=6666/tcp\n");
    let both = format!("%post\nrm -rf /{OWN}/journal.toml /{OWN}/state.toml\n");
    for (name, post) in [("evil", &evil), ("both", &both)] {
        let copy = Image::copy_of(&image.path());
        let answer = install(&copy, &[&build(place.path(), name, post)]);
        assert_eq!(answer.code, 1, "{}", answer.text);
        let mut after = in_force(&copy);
        // The call itself changed the zone.
        after.retain(|path, _| !path.starts_with("firewalld"));
        let mut before = before.clone();
        before.retain(|path, _| !path.starts_with("firewalld"));
        assert_same(&before, &after, name);
    }
}

/// Puts something that cannot be used into the place of one of nodeshim's own files.
fn spoil(path: &Path, how: &str) {
    let _ = fs::remove_file(path);
    match how {
        "empty" => fs::write(path, "").unwrap(),
        "garbage" => fs::write(path, "\0garbage = [\n").unwrap(),
        "newer" => fs::write(path, "format = 99\n").unwrap(),
        "directory" => fs::create_dir(path).unwrap(),
        _ => drop(succeed(Command::new("mkfifo").arg(path))),
    }
}

#[test]
fn no_single_bad_file_wedges_an_image_for_good() {
    let (image, _place) = closed();
    let before = in_force(&image);
    let own = [
        "armed.toml",
        "run.toml",
        "origins.toml",
        "lock",
        "run.lock",
        "changes.toml",
        "state.toml",
        "journal-index.toml",
    ];
    for file in own {
        for how in ["empty", "garbage", "newer", "directory", "FIFO"] {
            if file.ends_with("lock") && !["directory", "FIFO"].contains(&how) {
                continue;
            }
            let copy = Image::copy_of(&image.path());
            spoil(&copy.path().join(OWN).join(file), how);
            let what = format!("{file}: {how}");
            let settled: Answer = call(&copy, "settle", [""; 0]);
            assert!(settled.code == 0 || settled.text.contains("repair"), "{what}: {}", settled.text);
            let repaired = call(&copy, "repair", [""; 0]);
            assert_eq!(repaired.code, 0, "{what}: {}", repaired.text);
            for verb in [&["settle"][..], &["run", "--", "true"]] {
                let answer = call(&copy, verb[0], &verb[1..]);
                assert_eq!(answer.code, 0, "{what}: {verb:?} after {}: {}", repaired.text, answer.text);
            }
            assert_same(&before, &in_force(&copy), &what);
        }
    }
}
