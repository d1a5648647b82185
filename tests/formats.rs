//! The formats that packages and administrators write: a corpus of files that are accepted and
//! refused, the published schema held against it, and any text at all.
#![allow(clippy::disallowed_methods, reason = "reads the project's own files")]

mod support;

use std::fs;
use std::sync::LazyLock;

use nodeshim::{metadata, policy};
use proptest::prelude::*;
use serde_json::Value;

/// The files of a directory of the corpus, with their names.
fn corpus(directory: &str) -> Vec<(String, String)> {
    let directory = support::project().join("tests/corpus").join(directory);
    let entries = fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let file = |entry: fs::DirEntry| {
        let name = entry.path().display().to_string();
        let text = fs::read_to_string(&name).expect("a text");
        (name, text)
    };
    let mut files: Vec<_> = entries.map(|entry| file(entry.expect("an entry"))).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn schema() -> Value {
    let path = support::project().join("packaging/plugin.schema.json");
    serde_json::from_str(&fs::read_to_string(path).expect("the schema")).expect("JSON")
}

fn fits_schema(text: &str) -> bool {
    let table: toml::Table = text.parse().expect("TOML");
    static SCHEMA: LazyLock<jsonschema::Validator> =
        LazyLock::new(|| jsonschema::validator_for(&schema()).expect("a schema"));
    SCHEMA.is_valid(&serde_json::to_value(table).expect("JSON"))
}

#[test]
fn the_schema_and_the_parser_of_metadata_agree() {
    for (name, text) in corpus("metadata/accepted") {
        assert!(fits_schema(&text), "{name}");
        let parsed = metadata::parse(&text);
        assert!(parsed.is_ok(), "{name}: {parsed:?}");
    }
    for (name, text) in corpus("metadata/refused") {
        assert!(!fits_schema(&text), "{name}");
        assert!(metadata::parse(&text).is_err(), "{name}");
    }
    for directory in ["metadata/refused-beyond-schema", "metadata/refused-as-text"] {
        for (name, text) in corpus(directory) {
            assert!(metadata::parse(&text).is_err(), "{name}");
        }
    }
    for (name, text) in corpus("metadata/refused-beyond-schema") {
        assert!(fits_schema(&text), "{name}");
    }
}

#[test]
fn policies_are_accepted_and_refused_with_a_line() {
    for (name, text) in corpus("policy/accepted") {
        assert!(policy::parse("x.toml", &text).is_ok(), "{name}");
    }
    for (name, text) in corpus("policy/refused") {
        let problem = policy::parse("x.toml", &text).expect_err(&name);
        assert!((1..=text.lines().count()).contains(&problem.line), "{name}: {problem:?}");
        assert!(!problem.text.contains('\n'), "{name}: {problem:?}");
    }
}

#[test]
fn shipped_policies_are_accepted() {
    for entry in fs::read_dir(support::project().join("packaging/policy.d")).expect("policies") {
        let path = entry.expect("an entry").path();
        let parsed = policy::parse("x.toml", &fs::read_to_string(&path).expect("a text"));
        assert!(parsed.is_ok_and(|parsed| !parsed.rules.is_empty()), "{}", path.display());
    }
}

/// A text of the corpus with a piece of another one put in its place somewhere.
fn mangled(directories: &'static [&'static str]) -> impl Strategy<Value = String> {
    let texts: Vec<String> =
        directories.iter().flat_map(|directory| corpus(directory)).map(|(_, text)| text).collect();
    let one = proptest::sample::select(texts);
    (one.clone(), one, any::<[prop::sample::Index; 4]>()).prop_map(|(text, other, at)| {
        let cut = |text: &str, from: usize, to: usize| {
            let (from, to) = (from.min(to), from.max(to));
            (text.floor_char_boundary(from), text.floor_char_boundary(to))
        };
        let (from, to) = cut(&text, at[0].index(text.len() + 1), at[1].index(text.len() + 1));
        let (start, end) = cut(&other, at[2].index(other.len() + 1), at[3].index(other.len() + 1));
        format!("{}{}{}", &text[..from], &other[start..end], &text[to..])
    })
}

proptest! {
    #[test]
    fn any_text_is_metadata_or_not(text in mangled(&["metadata/accepted", "metadata/refused"])) {
        if let Err(problems) = metadata::parse(&text) {
            prop_assert!(!problems.is_empty());
            let lines = text.lines().count() + 1;
            prop_assert!(problems.iter().all(|problem| (1..=lines).contains(&problem.line)), "{:?}", problems);
        }
    }

    #[test]
    fn any_text_is_a_policy_or_not(text in mangled(&["policy/accepted", "policy/refused"])) {
        if let Err(problem) = policy::parse("x", &text) {
            prop_assert!((1..=text.lines().count() + 1).contains(&problem.line), "{:?}", problem);
        }
    }

    #[test]
    fn what_is_accepted_fits_the_schema(text in mangled(&["metadata/accepted", "metadata/refused"])) {
        if metadata::parse(&text).is_ok() {
            prop_assert!(fits_schema(&text), "{}", text);
        }
    }
}
