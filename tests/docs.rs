//! The manual pages and the README name what is there.
#![allow(clippy::disallowed_methods, reason = "reads the project's own files")]

mod support;

use std::fs;
use std::process::Command;

use nodeshim::tool::Tool;

fn page(name: &str) -> String {
    fs::read_to_string(support::project().join("packaging/man").join(name)).expect("a manual page")
}

/// The verbs that `nodeshim --help` lists.
fn verbs() -> Vec<String> {
    let output = support::succeed(Command::new(support::nodeshim()).arg("--help")).stdout;
    let text = String::from_utf8(output).expect("text");
    let (_, rest) = text.split_once("Build an image:\n").expect("the verbs by task");
    let (list, _) = rest.split_once("Options:\n").expect("an end of the list");
    let names = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    names.filter_map(|line| line.split_whitespace().next()).map(Into::into).collect()
}

#[test]
fn every_verb_has_its_place_in_the_manual() {
    let manual = page("nodeshim.8");
    let verbs = verbs();
    assert!(verbs.len() >= 28, "{verbs:?}");
    for verb in verbs {
        let named = manual
            .lines()
            .any(|line| line.starts_with(".It Cm ") && line.split([' ', ',']).any(|word| word == verb));
        assert!(named, "nodeshim.8 does not describe {verb}");
    }
}

#[test]
fn every_rule_of_lint_has_its_place_in_the_manual() {
    let manual = page("nodeshim-lint.7");
    let described = manual.lines().filter_map(|line| line.strip_prefix(".It Cm "));
    let mut described: Vec<&str> = described.collect();
    described.sort_unstable();
    let mut rules = nodeshim::lint::RULES;
    rules.sort_unstable();
    assert_eq!(described, rules);
}

#[test]
fn every_tool_has_its_place_in_the_manual() {
    let manual = page("nodeshim-shims.7");
    let internal = [Tool::SystemdSysvInstall];
    for tool in Tool::ALL.into_iter().filter(|tool| !internal.contains(tool)) {
        assert!(manual.contains(tool.name()), "nodeshim-shims.7 does not name {}", tool.name());
    }
}

#[test]
fn every_configuration_key_has_its_place_in_the_manual() {
    let manual = page("nodeshim.toml.5");
    for key in nodeshim::config::KNOWN {
        let (section, name) = key.split_once('.').expect("section.key");
        assert!(manual.contains(&format!(".Ss [{section}]")), "{section}");
        assert!(manual.contains(&format!(".It Cm {name} =")), "{name}");
    }
}

#[test]
fn the_two_commands_of_the_readme_are_there() {
    use std::os::unix::fs::PermissionsExt;
    let readme = fs::read_to_string(support::project().join("README.md")).expect("README.md");
    for command in ["packaging/demo", "tests/run", "packaging/stage"] {
        assert!(readme.contains(command), "{command}");
        let meta = fs::metadata(support::project().join(command)).expect("a command");
        assert!(meta.permissions().mode() & 0o111 == 0o111, "{command}");
    }
}
