//! Replays the recorded behaviour of the original tools (`tests/conformance/`, described there)
//! against the shims: one trial per case, for systemctl and firewalld one per generation.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "conformance_runner/case.rs"]
mod case;
#[path = "conformance_runner/check.rs"]
mod check;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use libtest_mimic::{Arguments, Failed, Trial};
use nodeshim::root::Root;

use case::Case;
use support::{arm, busybox, chrooted, project, put_shell};

/// What a trial needs besides its case: files on the file system that roots are laid out on, so
/// that they need not be copied.
struct Parts {
    directory: PathBuf,
    shell: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let cases = Case::load_all(&project().join("tests/conformance"));
    let mut gaps = known_gaps();
    let scratch = support::scratch();
    let parts = Arc::new(Parts::lay_out(scratch.path(), arguments.list));

    let mut trials = Vec::new();
    for case in cases.into_iter().map(Arc::new) {
        for generation in case.generations() {
            let at = generation.map(|g| format!("@{g}")).unwrap_or_default();
            let name = format!("{}/{}{at}", case.tool, case.name);
            let reason = gaps.find(&case.name, &at);
            let (case, parts) = (case.clone(), parts.clone());
            let is_gap = reason.is_some();
            let trial = Trial::test(name, move || verdict(run(&case, generation, &parts), reason));
            trials.push(if is_gap {
                trial.with_kind("known gap")
            } else {
                trial
            });
        }
    }
    let strangers = gaps.unused();
    trials.push(Trial::test("known-gaps-are-cases", move || {
        if strangers.is_empty() {
            Ok(())
        } else {
            Err(format!("not a case: {strangers:?}").into())
        }
    }));
    let conclusion = libtest_mimic::run(&arguments, trials);
    drop(scratch);
    if conclusion.has_failed() {
        ExitCode::from(101)
    } else {
        ExitCode::SUCCESS
    }
}

impl Parts {
    fn lay_out(directory: &Path, only_list: bool) -> Parts {
        let parts = Parts {
            directory: directory.to_owned(),
            shell: directory.join("sh"),
        };
        if !only_list {
            support::stage();
            fs::copy(busybox(), &parts.shell).expect("busybox can be copied");
        }
        parts
    }
}

/// `tests/known-gaps.toml`, and which of its lines named a case.
struct Gaps {
    reasons: BTreeMap<String, String>,
    used: BTreeSet<String>,
}

fn known_gaps() -> Gaps {
    let path = project().join("tests/known-gaps.toml");
    let text = fs::read_to_string(&path).expect("tests/known-gaps.toml");
    let reasons = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Gaps {
        reasons,
        used: BTreeSet::new(),
    }
}

impl Gaps {
    fn find(&mut self, name: &str, at: &str) -> Option<String> {
        let key = [format!("{name}{at}"), name.to_owned()]
            .into_iter()
            .find(|k| self.reasons.contains_key(k))?;
        let reason = self.reasons.get(&key).cloned();
        self.used.insert(key);
        reason
    }

    fn unused(&self) -> Vec<String> {
        self.reasons.keys().filter(|key| !self.used.contains(*key)).cloned().collect()
    }
}

fn verdict(problems: String, gap: Option<String>) -> Result<(), Failed> {
    match gap {
        None if problems.is_empty() => Ok(()),
        None => Err(problems.into()),
        Some(_) if !problems.is_empty() => Ok(()),
        Some(reason) => Err(format!("passes, but tests/known-gaps.toml lists it: {reason}").into()),
    }
}

/// Runs one case in a root of its own and returns what differed, nothing if nothing did.
fn run(case: &Case, generation: Option<&str>, parts: &Parts) -> String {
    let root = tempfile::Builder::new().prefix("root-").tempdir_in(&parts.directory).expect("a root");
    let other = generation.and_then(|generation| case.overlay(generation));
    lay_out(case, generation, root.path());
    if case.needs.iter().any(|need| need == "sh") {
        put_shell(root.path(), &parts.shell);
    }
    arm(root.path());
    let mut problems = String::new();
    for (index, step) in case.steps.iter().enumerate() {
        let expected = step.expected(other, index);
        let mut command = chrooted(root.path(), &step.argv);
        if step.env.contains_key("LANG") || step.env.contains_key("LC_CTYPE") {
            // It was recorded without the variable that beats these two.
            command.env_remove("LC_ALL");
        }
        let output = command.envs(&step.env).output().expect("chroot starts");
        let differences = check::step(&expected, &output);
        if !differences.is_empty() {
            let _ = write!(problems, "\nstep {}: {}\n{differences}", index + 1, step.argv.join(" "));
        }
    }
    problems.push_str(&check::after(&case.expected_after(other), root.path()));
    if !problems.is_empty() {
        problems.insert_str(0, &format!("{}\n({})\n", case.why, case.oracle));
    }
    problems
}

/// Lays the root out through [`Root`]: a case's links may be absolute.
fn lay_out(case: &Case, generation: Option<&str>, path: &Path) {
    let root = Root::open(path).expect("the root opens");
    let parent = |path: &str| Path::new(path).parent().unwrap_or(Path::new("")).to_owned();
    for dir in case.setup.dirs.iter().cloned().map(PathBuf::from).chain(["etc/nodeshim".into()]) {
        root.create_dirs(dir, 0o755).expect("a directory of the case");
    }
    for (name, file) in case.files(generation.and_then(|generation| case.overlay(generation))) {
        root.create_dirs(parent(name), 0o755).expect("a directory of the case");
        root.write(name, file.text().as_bytes(), Some(file.mode())).expect("a file of the case");
    }
    for (name, target) in &case.setup.links {
        root.create_dirs(parent(name), 0o755).expect("a directory of the case");
        root.symlink(target, name).expect("a link of the case");
    }
    let config = case.configuration(generation);
    root.write("etc/nodeshim/nodeshim.toml", config.as_bytes(), None)
        .expect("the configuration");
}
