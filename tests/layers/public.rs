//! What the library shows to other crates.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::support;
use crate::visit;

/// Functions, constants and statics of the library that are `pub` though no program and no test has their name, as
/// `FILE: NAME`. rustc finds such types by itself (`unreachable_pub`), but takes every function of a
/// reachable type for used.
pub fn unused() -> Vec<String> {
    let project = support::project();
    let src = project.join("src");
    let mut names = BTreeSet::new();
    for place in ["shims", "tests", "src/cli", "src/main.rs"] {
        each_source(&project.join(place), &mut |_, code| names.extend(words(code).map(str::to_owned)));
    }
    let mut unused = Vec::new();
    each_source(&src, &mut |file, code| {
        let relative = file.strip_prefix(&src).expect("a file below src");
        if !relative.starts_with("cli") {
            let public = code.lines().filter_map(public_name);
            unused.extend(
                public
                    .filter(|name| !names.contains(*name))
                    .map(|name| format!("{}: {name}", relative.display())),
            );
        }
    });
    unused
}

/// The name of a function, constant or static that a line makes public.
pub fn public_name(line: &str) -> Option<&str> {
    let mut words = words(line.trim_start().strip_prefix("pub ")?);
    match words.next()? {
        "fn" | "static" => words.next(),
        "const" | "unsafe" => words.find(|word| *word != "fn"),
        _ => None,
    }
}

fn each_source(place: &Path, each: &mut dyn FnMut(&Path, &str)) {
    let mut read = |file: &Path| {
        let text = fs::read_to_string(file).expect("a source file");
        let code: Vec<&str> = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect();
        each(file, &code.join("\n"));
    };
    match place.is_dir() {
        true => visit(place, &mut read),
        false => read(place),
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    text.split(move |c| !is_part(c)).filter(|word| !word.is_empty())
}
