//! What fuzzing found worth keeping, and the corpus that it starts from, go through every parser's
//! conditions again.
#![allow(clippy::disallowed_methods, reason = "reads the project's own files")]

#[path = "support/parsers.rs"]
mod parsers;

use std::fs;
use std::path::{Path, PathBuf};

fn files(directory: &Path, found: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    for entry in entries {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}

#[test]
fn the_corpus_holds() {
    for (name, parser) in parsers::ALL {
        let mut found = Vec::new();
        files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus").join(name), &mut found);
        assert!(!found.is_empty(), "{name} has no corpus");
        for path in found {
            eprintln!("{}", path.display());
            parser(&fs::read(&path).expect("a file"));
        }
    }
}

/// The inverse of `u8::escape_ascii`.
fn unescaped(line: &str) -> Vec<u8> {
    let (mut bytes, mut rest) = (Vec::new(), line.as_bytes());
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (kind, after) = rest.split_first().expect("an escape");
        rest = after;
        bytes.push(match kind {
            b't' => b'\t',
            b'n' => b'\n',
            b'r' => b'\r',
            b'x' => {
                let (digits, after) = rest.split_at(2);
                rest = after;
                u8::from_str_radix(std::str::from_utf8(digits).expect("digits"), 16).expect("digits")
            }
            other => *other,
        });
    }
    bytes
}

#[test]
fn fuzzed_inputs_are_parsed_without_panic() {
    let mut found = Vec::new();
    files(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/fuzzed"), &mut found);
    assert!(!found.is_empty());
    for path in found {
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        let (_, parser) =
            parsers::ALL.iter().find(|(known, _)| *known == name).expect("a parser of this name");
        for line in fs::read_to_string(&path).expect("a text").lines() {
            eprintln!("{name}: {line}");
            parser(&unescaped(line));
        }
    }
}

#[test]
fn escapes_come_back() {
    let bytes: Vec<u8> = (0..=255).collect();
    assert_eq!(unescaped(&bytes.escape_ascii().to_string()), bytes);
}

#[test]
fn every_parser_has_a_target() {
    let manifest =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/Cargo.toml")).expect("it");
    for (name, _) in parsers::ALL {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name}");
    }
}
