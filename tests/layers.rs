//! The library's modules import only downwards, and never in a circle.
#![allow(clippy::disallowed_methods, reason = "reads source files")]

#[path = "layers/files.rs"]
mod files;
#[path = "layers/public.rs"]
mod public;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// From the ground up. A module may use those of its own line and of the lines above it.
const LAYERS: [&[&str]; 17] = [
    &[
        "error",
        "escape",
        "runlevels",
        "tool",
        "digest",
        "intent",
        "layout",
        "program",
        "shell",
        "system",
        "vdsm",
    ],
    &["root"],
    &["attribution", "tempdir", "namespace", "mounts", "os_release"],
    &["config"],
    &["unit", "sysv", "firewall", "rpmdb"],
    &["argv", "policy"],
    &["journal", "request"],
    &["trust"],
    &["state", "plan", "metadata", "audit"],
    &["backend", "undo"],
    &["export"],
    &["settle", "intercept", "inspect", "boot", "lint", "unrecorded"],
    &["report"],
    &["run", "live", "replay", "serve"],
    &["install", "repair"],
    &["preview", "image"],
    &["cli"],
];

/// Who uses whom, with one file that does.
type Uses = BTreeMap<(String, String), String>;

#[test]
fn modules_import_only_downwards() {
    let uses = uses_of_library();
    assert!(uses.len() > 10, "the parser found next to nothing: {uses:?}");
    let upwards: Vec<String> = uses
        .iter()
        .filter(|((module, used), _)| layer(module) < layer(used))
        .map(|((module, used), file)| format!("{file}: {module} must not use {used}"))
        .collect();
    assert!(upwards.is_empty(), "{}", upwards.join("\n"));
}

#[test]
fn no_modules_use_each_other_in_a_circle() {
    let uses = uses_of_library();
    let mut left: BTreeSet<&str> = uses.keys().flat_map(|(a, b)| [a.as_str(), b.as_str()]).collect();
    loop {
        let free: Vec<&str> = left
            .iter()
            .copied()
            .filter(|module| !uses.keys().any(|(from, to)| from == module && left.contains(to.as_str())))
            .collect();
        if free.is_empty() {
            break;
        }
        left.retain(|module| !free.contains(module));
    }
    assert!(left.is_empty(), "in a circle, or above one: {left:?}");
}

#[test]
fn no_files_use_each_other_in_a_circle() {
    let circles = files::circles(&files::Files::read().uses());
    assert!(circles.is_empty(), "files that use each other: {circles:#?}");
}

#[test]
fn every_module_has_a_layer() {
    let listed: BTreeSet<&str> = LAYERS.iter().flat_map(|layer| layer.iter().copied()).collect();
    let library = fs::read_to_string(support::project().join("src/lib.rs")).expect("src/lib.rs");
    for line in library.lines() {
        let declared = line.trim_start_matches("pub ").strip_prefix("mod ");
        if let Some(module) = declared.and_then(|module| module.strip_suffix(';')) {
            assert!(listed.contains(module), "give {module} a place in tests/layers.rs");
        }
    }
}

#[test]
fn architecture_lists_every_module_above_those_that_import_it() {
    let page = fs::read_to_string(support::project().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').nth(1).unwrap_or(""));
    let rows: Vec<Vec<&str>> = rows.map(|cell| cell.split('`').skip(1).step_by(2).collect()).collect();
    let row = |module: &str| rows.iter().position(|row| row.contains(&module));
    for ((module, used), file) in uses_of_library() {
        assert!(row(&module).is_some(), "ARCHITECTURE.md does not list {module}");
        assert!(row(&used) <= row(&module), "{file}: {module} is listed above {used}, which it imports");
    }
}

#[test]
fn architecture_walks_through_a_systemctl_call_by_names_that_exist() {
    let project = support::project();
    let page = fs::read_to_string(project.join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let walk = page.split("## One call, step by step").nth(1).and_then(|rest| rest.split("\n## ").next());
    let walk = walk.expect("the walk of a call");
    let steps = walk.lines().filter(|line| line.starts_with(|c: char| c.is_ascii_digit())).count();
    assert!((6..=12).contains(&steps), "{steps} steps");
    let mut code = String::new();
    for place in ["src", "shims"] {
        visit(&project.join(place), &mut |file| {
            code += &fs::read_to_string(file).expect("a source file");
        });
    }
    let declared = |name: &str| {
        ["fn ", "struct ", "enum ", "type "].iter().any(|kind| {
            code.match_indices(&format!("{kind}{name}")).any(|(at, found)| {
                !code[at + found.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
            })
        })
    };
    let is_module =
        |name: &str| ["", ".rs"].iter().any(|ending| project.join(format!("src/{name}{ending}")).exists());
    let mut checked = 0;
    for name in walk.split('`').skip(1).step_by(2) {
        let exists = match name.split("::").collect::<Vec<_>>()[..] {
            _ if name.contains([' ', '[', '(']) || name.ends_with(".service") || name.starts_with('%') => {
                continue;
            }
            _ if name.contains('/') => project.join(name).exists(),
            [module] if is_module(module) => true,
            // A method or a function, or a variant of an enum.
            [head, item] => {
                (is_module(head) || declared(head))
                    && (declared(item)
                        || code.contains(&format!("{name}("))
                        || is_module(&format!("{head}/{item}")))
            }
            _ => declared(name),
        };
        assert!(exists, "ARCHITECTURE.md names {name}, which is not there");
        checked += 1;
    }
    assert!(checked > 15, "only {checked} names were found in the walk");
}

#[test]
fn pub_functions_have_a_user_in_another_crate() {
    let names: Vec<_> = [
        "pub fn a(",
        "    pub const fn b<T>(",
        "pub const C: u8",
        "pub static D",
        "pub(crate) fn e(",
    ]
    .map(public::public_name)
    .into_iter()
    .flatten()
    .collect();
    assert_eq!(names, ["a", "b", "C", "D"]);
    let unused = public::unused();
    assert!(unused.is_empty(), "pub(crate) would do: {unused:#?}");
}

#[test]
fn imports_are_found_in_every_form() {
    let found = |text: &str| used_modules(text).into_iter().collect::<Vec<_>>();
    assert_eq!(found("use crate::root::{Root, Kind};"), ["root"]);
    assert_eq!(found("use crate::{error::{Error, Result}, root::Root, tool};"), ["error", "root", "tool"]);
    assert_eq!(found("let x = crate::escape::escape(y); // crate::plan"), ["escape"]);
    assert_eq!(found("/// See [`crate::settle`].\nuse crate::{\n    config,\n};"), ["config"]);
    assert_eq!(found("pub(crate) fn f() {}"), [""; 0]);
}

fn layer(module: &str) -> usize {
    LAYERS
        .iter()
        .position(|layer| layer.contains(&module))
        .unwrap_or_else(|| panic!("give {module} a place in tests/layers.rs"))
}

fn uses_of_library() -> Uses {
    let mut uses = Uses::new();
    let src = support::project().join("src");
    visit(&src, &mut |file| {
        let relative = file.strip_prefix(&src).expect("a file below src");
        let module = relative.iter().next().expect("a file name").to_string_lossy();
        let module = module.strip_suffix(".rs").unwrap_or(&module);
        // The program is a crate of its own, above the library.
        if ["lib", "main", "cli"].contains(&module) {
            return;
        }
        let text = fs::read_to_string(file).expect("a source file");
        for used in used_modules(&text).into_iter().filter(|used| used != module) {
            uses.insert((module.to_owned(), used), relative.display().to_string());
        }
    });
    uses
}

fn visit(directory: &Path, each: &mut dyn FnMut(&Path)) {
    for entry in fs::read_dir(directory).expect("a source directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            visit(&path, each);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            each(&path);
        }
    }
}

/// The first components of all `crate::` paths outside of comments.
fn used_modules(text: &str) -> BTreeSet<String> {
    let code: String = text.lines().map(|line| line.split("//").next().unwrap_or("")).collect();
    let mut modules = BTreeSet::new();
    for after in code.split("crate::").skip(1) {
        match after.strip_prefix('{') {
            None => modules.extend(identifier(after)),
            Some(group) => modules.extend(group_heads(group)),
        }
    }
    modules
}

fn identifier(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    (end > 0).then(|| text[..end].to_owned())
}

/// The first words of the members of a `{...}` group, nested groups left out.
fn group_heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut member) = (0, String::new());
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => heads.extend(identifier(std::mem::take(&mut member).trim())),
            _ if depth == 0 => member.push(c),
            _ => {}
        }
    }
    heads.extend(identifier(member.trim()));
    heads
}
