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

/// The text of a guide.
fn guide(name: &str) -> String {
    fs::read_to_string(support::project().join("packaging/doc").join(name)).expect("a guide")
}

#[test]
fn the_example_of_metadata_is_accepted_and_has_every_key_of_the_schema() {
    let text = guide("plugin-authors.md");
    let (_, rest) = text.split_once("```toml\n").expect("the example");
    let (example, _) = rest.split_once("```").expect("its end");
    let parsed = nodeshim::metadata::parse(example);
    assert!(parsed.is_ok(), "{parsed:?}");
    let schema =
        fs::read_to_string(support::project().join("packaging/plugin.schema.json")).expect("the schema");
    let schema: serde_json::Value = serde_json::from_str(&schema).expect("JSON");
    let table: toml::Table = example.parse().expect("TOML");
    let value = serde_json::to_value(table).expect("JSON");
    assert_has_every_key(&schema, &value, "");
}

fn assert_has_every_key(schema: &serde_json::Value, value: &serde_json::Value, at: &str) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let there = &value[key];
        assert!(!there.is_null(), "the example has no {at}{key}");
        assert_has_every_key(inner, there, &format!("{at}{key}."));
        assert_has_every_key(&inner["items"], &there[0], &format!("{at}{key}[]."));
    }
}

#[test]
fn every_file_that_nodeshim_keeps_is_described() {
    let text = guide("formats.md");
    let layout = fs::read_to_string(support::project().join("src/layout.rs")).expect("the layout");
    let names: Vec<&str> = layout
        .split('"')
        .filter_map(|part| part.strip_prefix("/usr/lib/sysimage/nodeshim/"))
        .collect();
    assert!(names.len() >= 15, "{names:?}");
    for name in names {
        assert!(text.contains(&format!("`{name}`")), "formats.md does not describe {name}");
    }
}

#[test]
fn guides_name_verbs_that_are_there_and_links_that_lead_somewhere() {
    let verbs = verbs();
    let directory = support::project().join("packaging/doc");
    let mut texts =
        vec![("README.md".to_owned(), fs::read_to_string(support::project().join("README.md")).unwrap())];
    for entry in fs::read_dir(&directory).expect("the guides") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        if name.ends_with(".md") {
            texts.push((format!("packaging/doc/{name}"), guide(&name)));
        }
    }
    assert!(texts.len() >= 7, "{}", texts.len());
    for (name, text) in &texts {
        for line in text
            .lines()
            .filter_map(|line| line.trim_start().trim_start_matches("$ ").strip_prefix("nodeshim "))
        {
            let verb = line.split_whitespace().next().unwrap_or_default();
            let is_call = line.contains(' ') && verb.chars().all(|c| c.is_ascii_lowercase());
            assert!(
                !is_call
                    || verbs.iter().any(|known| known == verb)
                    || !text.contains(&format!("    nodeshim {line}")),
                "{name}: {line}"
            );
        }
        let place = support::project().join(name);
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let is_file = !link.contains("://") && !link.starts_with('#');
            assert!(!is_file || place.parent().unwrap().join(link).exists(), "{name}: {link}");
        }
    }
}

/// The commands of README's first steps, each with what is printed under it.
fn first_steps() -> Vec<(String, String)> {
    let readme = fs::read_to_string(support::project().join("README.md")).expect("README.md");
    let (_, rest) = readme.split_once("## First steps\n").expect("the section");
    let (section, _) = rest.split_once("\n## ").expect("its end");
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in section.lines().filter_map(|line| line.strip_prefix("    ")) {
        match (line.strip_prefix("$ "), steps.last_mut()) {
            (Some(command), _) => steps.push((command.to_owned(), String::new())),
            (None, Some((_, printed))) => printed.push_str(&format!("{line}\n")),
            (None, None) => {}
        }
    }
    steps
}

#[test]
fn the_first_steps_of_the_readme_print_what_it_says() {
    let directory = support::scratch();
    for name in ["packaging", "tests"] {
        std::os::unix::fs::symlink(support::project().join(name), directory.path().join(name)).unwrap();
    }
    let time = regex::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|#\d+ *").unwrap();
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", support::stage().join("usr/bin").display());
    let steps = first_steps();
    assert!(steps.len() >= 8, "{steps:?}");
    // The build is there already.
    for (command, printed) in steps.iter().filter(|(command, _)| !command.contains("target/stage")) {
        let mut shell = Command::new("bash");
        shell.args(["-c", command]).current_dir(directory.path()).env_clear();
        let output = shell.env("PATH", &path).env("HOME", "/root").output().expect("bash starts");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(
            time.replace_all(&said, "TIME"),
            time.replace_all(printed, "TIME"),
            "{command}: {output:?}"
        );
        assert!(output.status.success(), "{command}: {output:?}");
    }
}
