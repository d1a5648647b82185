//! What packages, names, lost files and races try against nodeshim and the host, each with what has to
//! come of it: prevented, or noticed by the process outside of the image. `SECURITY.md` has the list;
//! every line of it names its test here.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod database;
mod forged;
mod handover;
mod hangs;
#[path = "../support/image.rs"]
mod image;
mod locked;
mod loss;
mod names;
mod origin;
mod outside;
mod payload;
mod policy;
mod secrets;
#[path = "../support/mod.rs"]
mod support;

use std::ffi::OsStr;
use std::process::{Command, Output};

use image::Image;

/// How long any single call may take; what is tried here once took minutes.
const LIMIT: &str = "60";

/// What a verb came to.
struct Answer {
    code: i32,
    text: String,
}

impl Answer {
    fn of(output: &Output) -> Answer {
        Answer {
            code: output.status.code().unwrap_or(-1),
            text: format!(
                "{}{}",
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }

    /// Panics with what was said unless the exit code is as expected.
    #[track_caller]
    fn ends(self, code: i32) -> Answer {
        assert_eq!(self.code, code, "{}", self.text);
        self
    }

    /// Panics unless all of the words were said.
    #[track_caller]
    fn says(self, words: &[&str]) -> Answer {
        let flat = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        for word in words {
            assert!(flat.contains(word), "{word:?} is not in:\n{}", self.text);
        }
        self
    }
}

/// Runs a command that must not hang.
#[track_caller]
fn answer(command: &Command) -> Answer {
    let mut limited = Command::new("timeout");
    limited
        .args(["--kill-after=5", LIMIT])
        .arg(command.get_program())
        .args(command.get_args());
    limited.env_clear();
    limited.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(directory) = command.get_current_dir() {
        limited.current_dir(directory);
    }
    let output = limited.stdin(std::process::Stdio::null()).output().expect("timeout starts");
    assert!(![Some(124), Some(137)].contains(&output.status.code()), "it hangs: {command:?}");
    Answer::of(&output)
}

/// `nodeshim VERB --root ROOT ARGS`.
#[track_caller]
fn call<S: AsRef<OsStr>>(image: &Image, verb: &str, args: impl IntoIterator<Item = S>) -> Answer {
    answer(&image.nodeshim(verb, args))
}

/// Installs package files under `nodeshim run`, whatever comes of it.
#[track_caller]
fn install(image: &Image, packages: &[&str]) -> Answer {
    let mut argv = image.rpm(&["--nosignature", "-U"]);
    argv.extend(packages.iter().map(|package| package.to_string()));
    answer(image.nodeshim("run", ["--"]).args(argv))
}
