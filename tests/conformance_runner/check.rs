//! Compares what a case expects with what is there, and says readably what differs.

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use nodeshim::root::{Kind, Root};

use super::case::{After, Content, Expected, Matcher, octal};

/// Differences of one step.
pub fn step(expected: &Expected, output: &Output) -> String {
    let mut problems = String::new();
    let exit = output.status.code();
    if exit != Some(expected.exit) {
        let _ = writeln!(problems, "  exit: expected {}, got {}", expected.exit, output.status);
    }
    problems.push_str(&text("stdout", &expected.stdout, &output.stdout));
    problems.push_str(&text("stderr", &expected.stderr, &output.stderr));
    problems
}

fn text(what: &str, expected: &Matcher, got: &[u8]) -> String {
    let got = String::from_utf8_lossy(got);
    match expected {
        Matcher::Ignore(_) => String::new(),
        Matcher::Exact(text) if *text == got => String::new(),
        Matcher::Exact(text) => format!("  {what}:\n{}", lines(text, &got)),
        Matcher::Regex(pattern) if matches(pattern, &got) => String::new(),
        Matcher::Regex(pattern) => format!("  {what}: does not match\n    {pattern}\n{}", marked("+", &got)),
    }
}

fn matches(pattern: &str, text: &str) -> bool {
    let built = regex::RegexBuilder::new(pattern).multi_line(true).dot_matches_new_line(true).build();
    built.unwrap_or_else(|error| panic!("{error}")).is_match(text)
}

/// Expected and found lines, those that both have in the same place at the ends left unmarked.
fn lines(expected: &str, got: &str) -> String {
    let (want, have): (Vec<_>, Vec<_>) =
        (expected.split_inclusive('\n').collect(), got.split_inclusive('\n').collect());
    let same = want.iter().zip(&have).take_while(|(a, b)| a == b).count();
    let rest = want[same..].iter().rev().zip(have[same..].iter().rev());
    let end = rest.take_while(|(a, b)| a == b).count();
    [
        marked(" ", &want[..same].concat()),
        marked("-", &want[same..want.len() - end].concat()),
        marked("+", &have[same..have.len() - end].concat()),
        marked(" ", &want[want.len() - end..].concat()),
    ]
    .concat()
}

fn marked(mark: &str, text: &str) -> String {
    let mut marked = String::new();
    for line in text.split_inclusive('\n') {
        let shown = line.escape_debug().to_string().replace("\\'", "'").replace("\\\"", "\"");
        let shown = shown.strip_suffix("\\n").map_or(format!("{shown} (no newline)"), str::to_owned);
        let _ = writeln!(marked, "    {mark} {shown}");
    }
    marked
}

/// Differences of the end state.
pub fn after(expected: &After, path: &Path) -> String {
    let root = Root::open(path).expect("the root opens");
    let mut problems = String::new();
    for (link, target) in &expected.links {
        match root.read_link(link) {
            Ok(found) if found == Path::new(target) => {}
            Ok(found) => {
                let _ = writeln!(problems, "after: {link} points to {}, not {target}", found.display());
            }
            Err(error) => {
                let _ = writeln!(problems, "after: no link to {target}: {error}");
            }
        }
    }
    for gone in expected.absent.iter().filter(|path| root.exists(path)) {
        let _ = writeln!(problems, "after: {gone} is still there");
    }
    for (name, content) in &expected.files {
        problems.push_str(&file(&root, path, name, content));
    }
    for dir in &expected.closed_dirs {
        strangers(&root, Path::new(dir), expected, &mut problems);
    }
    problems
}

fn file(root: &Root, path: &Path, name: &str, expected: &Content) -> String {
    let (Content::Text { mode, .. } | Content::Regex { mode, .. }) = expected;
    let mut problems = match (root.read(name), expected) {
        (Err(error), _) => return format!("after: {error}\n"),
        (Ok(bytes), Content::Text { text: want, .. }) => {
            text(&format!("after, {name}"), &Matcher::Exact(want.clone()), &bytes)
        }
        (Ok(bytes), Content::Regex { regex, .. }) => {
            text(&format!("after, {name}"), &Matcher::Regex(regex.clone()), &bytes)
        }
    };
    if let Some(mode) = mode {
        let end = root.resolve(name).expect("a file that was read");
        let end = path.join(end.strip_prefix("/").expect("an absolute path"));
        let found = fs::metadata(&end).expect("a file that was read").permissions().mode() & 0o7777;
        if found != octal(mode) {
            let _ = writeln!(problems, "after: {name} has mode {found:04o}, not {mode}");
        }
    }
    problems
}

/// Notes every link below `dir` that is not among the expected ones.
fn strangers(root: &Root, dir: &Path, expected: &After, problems: &mut String) {
    if !root.meta(dir).is_ok_and(|meta| meta.kind == Kind::Dir) {
        return;
    }
    for entry in root.list(dir).expect("a closed directory") {
        let path: PathBuf = dir.join(&entry.name);
        match entry.kind {
            Kind::Dir => strangers(root, &path, expected, problems),
            Kind::Link if !path.to_str().is_some_and(|path| expected.links.contains_key(path)) => {
                let target = root.read_link(&path).unwrap_or_default();
                let _ =
                    writeln!(problems, "after: unexpected link {} -> {}", path.display(), target.display());
            }
            _ => {}
        }
    }
}
