//! What `nodeshim --help` prints: the verbs by task, and examples.

use clap::{Command, CommandFactory};

use nodeshim::plan::{Width, wrapped};

use super::Cli;

/// As wide as clap makes the help of options.
const WIDTH: Width = Width(Some(80));

/// The verbs by task, in the order of the work.
const TASKS: [(&str, &[&str]); 5] = [
    (
        "Build an image",
        &[
            "run", "arm", "disarm", "settle", "plan", "install", "remove", "preview", "image", "key",
        ],
    ),
    (
        "Look at an image",
        &[
            "plugins", "list", "show", "ports", "units", "log", "why", "check", "report", "diff", "export",
        ],
    ),
    ("Change what was decided", &["policy", "revert", "firewall", "replay", "repair"]),
    ("Run on a node", &["apply", "serve"]),
    ("Write plugins", &["lint", "completions"]),
];

const EXAMPLES: &str = "\
Examples:
  nodeshim --root IMAGE run -- dnf --installroot IMAGE install agent
  nodeshim --root IMAGE install agent.rpm
  nodeshim --root IMAGE ports
  nodeshim --root IMAGE why 8080/tcp
  nodeshim lint agent.rpm

nodeshim(8) describes each verb, its options and its exit codes.";

/// The command line, with the verbs by task in its help.
pub fn command() -> Command {
    let command = Cli::command();
    let mut text = String::from("{about-with-newline}\n{usage-heading} {usage}\n");
    for (task, verbs) in TASKS {
        text.push_str(&format!("\n{task}:\n"));
        for verb in verbs {
            let about = command.find_subcommand(verb).and_then(Command::get_about);
            let about = about.map(ToString::to_string).unwrap_or_default();
            // The first clause is enough here; the rest is in the verb's own help.
            let about = about.split([';', ':']).next().unwrap_or_default();
            text.push_str(&wrapped(WIDTH, &format!("  {verb:<13}"), 15, about));
        }
    }
    text.push_str("\nOptions:\n{options}{after-help}");
    command.help_template(text).after_help(EXAMPLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_is_listed_under_one_task_and_lines_are_no_wider_than_80() {
        let command = command();
        let mut listed: Vec<&str> = TASKS.iter().flat_map(|(_, verbs)| verbs.iter().copied()).collect();
        let mut verbs: Vec<&str> = command.get_subcommands().map(Command::get_name).collect();
        listed.sort_unstable();
        verbs.sort_unstable();
        assert_eq!(listed, verbs);
        let text = command.clone().render_help().to_string();
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(text.contains("\nBuild an image:\n  run "), "{text}");
    }
}
