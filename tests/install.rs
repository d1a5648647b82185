//! Installing checked packages, the image's keyring, taking packages and what they asked for out
//! again: with real packages, keys and signatures, through the staged `nodeshim`.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "install/failures.rs"]
mod failures;
#[path = "support/image.rs"]
mod image;
#[path = "install/keys.rs"]
mod keys;
#[path = "install/revert.rs"]
mod revert;
#[path = "support/sign.rs"]
mod sign;
#[path = "install/signatures.rs"]
mod signatures;
mod support;

use std::ffi::OsStr;
use std::process::Output;

use image::Image;
use serde_json::Value;

/// What a verb came to.
pub struct Answer {
    /// The exit code.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Answer {
    fn of(output: Output) -> Answer {
        Answer {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Panics with what was said unless the exit code is as expected.
    #[track_caller]
    pub fn ends(self, code: i32) -> Answer {
        assert_eq!(self.code, code, "{}{}", self.out, self.err);
        self
    }

    /// Panics unless something was said that holds every one of the words.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Answer {
        let text = format!("{}{}", self.out, self.err);
        for word in words {
            assert!(text.contains(word), "{word:?} is not in:\n{text}");
        }
        self
    }

    /// What `--json` printed.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

/// `nodeshim VERB --root ROOT ARGS`.
pub fn call<S: AsRef<OsStr>>(image: &Image, verb: &str, args: impl IntoIterator<Item = S>) -> Answer {
    Answer::of(image.nodeshim(verb, args).output().expect("nodeshim starts"))
}
