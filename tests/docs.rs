//! The manual pages and the README name what is there.
#![allow(clippy::disallowed_methods, reason = "reads the project's own files")]

#[path = "support/image.rs"]
mod image;
#[path = "support/sign.rs"]
mod sign;
mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

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

/// groff closes a quote at the end of the line: a second macro for quotes nests in the first.
#[test]
fn no_line_of_the_manual_pages_nests_quotes() {
    let quoting = regex::Regex::new(r"\b(Ql|Qq|Dq|Sq)\b").unwrap();
    let mut lines = 0;
    for entry in fs::read_dir(support::project().join("packaging/man")).expect("the manual pages") {
        let name = entry.expect("an entry").file_name().into_string().expect("a name");
        for line in page(&name).lines().filter(|line| line.starts_with('.')) {
            let quotes = quoting.find_iter(line).count();
            assert!(quotes <= 1, "{name}: {line}");
            lines += quotes;
        }
    }
    assert!(lines > 100, "{lines}");
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

/// All Rust sources of the project below a directory, by their path in it.
fn sources(directory: &Path, found: &mut Vec<(String, String)>) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name =
                path.strip_prefix(support::project()).expect("below the project").display().to_string();
            found.push((name, fs::read_to_string(&path).expect("a source")));
        }
    }
}

#[test]
fn every_attack_of_the_security_list_names_a_test_that_is_there() {
    let text = fs::read_to_string(support::project().join("SECURITY.md")).expect("SECURITY.md");
    let (_, list) = text.split_once("## What was tried").expect("the list of attacks");
    let mut all = Vec::new();
    ["src", "tests"]
        .iter()
        .for_each(|directory| sources(&support::project().join(directory), &mut all));
    let named = regex::Regex::new("`([^`]+)`").unwrap();
    let rows: Vec<&str> = list
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| attack"))
        .collect();
    assert!(rows.len() >= 25, "{rows:?}");
    for row in rows {
        let tests = row.trim_end_matches(" |").rsplit_once(" | ").expect("two columns").1;
        let names: Vec<&str> =
            named.captures_iter(tests).map(|found| found.get(1).unwrap().as_str()).collect();
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let is_there = match name.contains('/') {
                true => all.iter().any(|(path, text)| path == name && text.contains("#[test]")),
                false => {
                    let test =
                        regex::Regex::new(&format!(r"#\[test\]\s*(#\[[^\n]*\s*)*fn {name}\(\)")).unwrap();
                    all.iter().any(|(_, text)| test.is_match(text))
                }
            };
            assert!(is_there, "{name} is no test: {row}");
        }
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

/// The commands of a section of the README, each with what is printed under it.
fn steps(section: &str) -> Vec<(String, String)> {
    let readme = fs::read_to_string(support::project().join("README.md")).expect("README.md");
    let (_, rest) = readme.split_once(&format!("## {section}\n")).expect("the section");
    let (section, _) = rest.split_once("\n## ").expect("its end");
    let mut steps: Vec<(String, String)> = Vec::new();
    for line in section.lines() {
        let step = line.strip_prefix("    ");
        match (step, step.and_then(|step| step.strip_prefix("$ ")), steps.last_mut()) {
            (_, Some(command), _) => steps.push((command.to_owned(), String::new())),
            // What is typed on a booted node is not run here.
            (Some(command), ..) if command.starts_with("# nodeshim ") => steps.push(Default::default()),
            (Some(printed), None, Some((_, all))) => all.push_str(&format!("{printed}\n")),
            _ => {}
        }
    }
    steps
}

/// Text without what differs from run to run: times, numbers of requests, key ids.
fn lasting(text: &str) -> String {
    let differs = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ|#\d+ *|key [0-9a-f]{16}";
    regex::Regex::new(differs).unwrap().replace_all(text, "SO").into_owned()
}

/// Panics unless what was said is what the README prints: `...` stands for lines that it leaves out, and a line
/// of nodeshim's own is on standard error.
#[track_caller]
fn assert_printed(command: &str, printed: &str, output: &Output) {
    let said = [&output.stdout, &output.stderr].map(|text| lasting(&String::from_utf8_lossy(text)));
    let (remarks, shown): (Vec<&str>, Vec<&str>) =
        printed.lines().partition(|line| line.starts_with("nodeshim: "));
    for remark in remarks {
        assert!(said[1].lines().any(|line| line == lasting(remark)), "{command}: {remark}: {output:?}");
    }
    let mut pattern = String::from("(?s)^");
    for line in shown {
        match line {
            "..." => pattern.push_str("(.*\n)?"),
            line => pattern.push_str(&format!("{}\n", regex::escape(&lasting(line)))),
        }
    }
    let pattern = regex::Regex::new(&format!("{pattern}$")).expect("a pattern");
    assert!(pattern.is_match(&said[0]), "{command}:\n{printed}\nis not what was said:\n{}", said[0]);
}

/// A command in a directory, as a reader of the README types it.
fn typed(command: &str, directory: &Path) -> Output {
    let path = format!("{}:/usr/sbin:/usr/bin:/sbin:/bin", support::stage().join("usr/bin").display());
    let mut shell = Command::new("bash");
    shell.args(["-c", command]).current_dir(directory).env_clear();
    shell.env("PATH", path).env("HOME", "/root").output().expect("bash starts")
}

/// A directory with what commands of the README need of the source tree.
fn source_tree() -> tempfile::TempDir {
    let directory = support::scratch();
    for name in ["packaging", "tests"] {
        std::os::unix::fs::symlink(support::project().join(name), directory.path().join(name)).unwrap();
    }
    directory
}

#[test]
fn the_first_steps_of_the_readme_print_what_it_says() {
    let directory = source_tree();
    let steps = steps("First steps");
    assert!(steps.len() >= 8, "{steps:?}");
    // The build is there already.
    for (command, printed) in steps.iter().filter(|(command, _)| !command.contains("target/stage")) {
        let output = typed(command, directory.path());
        assert_printed(command, printed, &output);
        assert!(output.status.success(), "{command}: {output:?}");
    }
}

#[test]
fn what_the_readme_shows_is_what_commands_print() {
    let directory = source_tree();
    let place = directory.path();
    let specs = ["agent", "console-a", "console-b", "exporter", "gateway"]
        .map(|name| format!("packaging/demo.d/specs/node-{name}.spec"));
    fs::create_dir(place.join("srv")).expect("a directory");
    let prepare = format!(
        "tests/lib/mkroot srv/image && tests/lib/mkroot srv/next && tests/lib/build-rpms . {}",
        specs.join(" ")
    );
    assert!(typed(&prepare, place).status.success());
    let mut steps = steps("What it looks like");
    steps.retain(|(command, _)| !command.is_empty());
    assert!(steps.len() >= 14, "{steps:?}");
    // The test of the D-Bus object has a bus.
    for (command, printed) in steps.iter().filter(|(command, _)| !command.starts_with("busctl")) {
        if command.contains("node-signed.rpm") {
            fs::copy(sign::signed().join("other.rpm"), place.join("node-signed.rpm")).expect("a package");
        }
        let output = typed(&command.replace("/srv/", &format!("{}/srv/", place.display())), place);
        assert_printed(command, printed, &output);
        // These are shown because of what they refuse, or find not to apply.
        let expected = match command.split(' ').nth(1) {
            Some("install") => 12,
            Some("replay") => 1,
            _ => 0,
        };
        assert_eq!(output.status.code(), Some(expected), "{command}: {output:?}");
    }
}

/// The workflow of a file, as a YAML parser that is not ours reads it.
fn workflow(path: &Path) -> serde_json::Value {
    let script = "import json, sys, yaml\nprint(json.dumps(yaml.safe_load(open(sys.argv[1])), default=str))";
    let read = support::succeed(Command::new("/usr/bin/python3").args(["-c", script]).arg(path)).stdout;
    serde_json::from_slice(&read).expect("JSON")
}

#[test]
fn workflows_pin_actions_and_may_only_read_and_start_what_is_there() {
    let pinned = regex::Regex::new("^[a-z-]+/[a-z-]+@[0-9a-f]{40}$").unwrap();
    let ours = regex::Regex::new(r"(?:^|\s)((?:packaging|tests)/[a-z/-]+)").unwrap();
    let mut seen = (0, 0);
    for entry in fs::read_dir(support::project().join(".github/workflows")).expect("the workflows") {
        let path = entry.expect("an entry").path();
        let workflow = workflow(&path);
        assert_eq!(workflow["permissions"], serde_json::json!({"contents": "read"}), "{}", path.display());
        for (name, job) in workflow["jobs"].as_object().expect("jobs") {
            assert!(job["runs-on"].is_string(), "{name}");
            for step in job["steps"].as_array().expect("steps") {
                if let Some(action) = step["uses"].as_str() {
                    assert!(pinned.is_match(action), "{name}: {action}");
                    let checks_out = action.starts_with("actions/checkout@");
                    assert!(!checks_out || step["with"]["persist-credentials"] == false, "{name}: {step}");
                    seen.0 += 1;
                }
                for found in ours.captures_iter(step["run"].as_str().unwrap_or_default()) {
                    assert!(support::project().join(&found[1]).exists(), "{name}: {}", &found[1]);
                    seen.1 += 1;
                }
            }
        }
    }
    assert!(seen.0 >= 7 && seen.1 >= 4, "{seen:?}");
}
