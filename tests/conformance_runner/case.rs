//! The cases as they lie in `tests/conformance/TOOL/GROUP.json`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The generations of systemctl that cases are run as.
pub const GENERATIONS: [Option<u16>; 4] = [Some(252), Some(254), Some(257), Some(262)];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub name: String,
    pub tool: String,
    pub oracle: String,
    pub why: String,
    pub setup: Setup,
    pub steps: Vec<Step>,
    pub after: After,
    #[serde(default)]
    pub by_version: BTreeMap<String, Version>,
    #[serde(default)]
    pub mode: Option<String>,
    #[serde(default)]
    pub needs: Vec<String>,
    #[serde(default, rename = "note")]
    pub _note: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    #[serde(default)]
    pub dirs: Vec<String>,
    #[serde(default)]
    pub files: BTreeMap<String, File>,
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(untagged)]
pub enum File {
    Text(String),
    WithMode {
        text: String,
        #[serde(default)]
        mode: Option<String>,
    },
}

/// What is known of a file: what the setup writes.
pub trait FileSpec {
    fn text(&self) -> &str;
    fn mode(&self) -> u32;
}

impl FileSpec for File {
    fn text(&self) -> &str {
        match self {
            File::Text(text) | File::WithMode { text, .. } => text,
        }
    }

    fn mode(&self) -> u32 {
        match self {
            File::WithMode { mode: Some(mode), .. } => octal(mode),
            _ => 0o644,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub argv: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    exit: i32,
    stdout: Matcher,
    stderr: Matcher,
}

#[derive(Deserialize, Clone)]
#[serde(rename_all = "lowercase")]
pub enum Matcher {
    Exact(String),
    Regex(String),
    Ignore(#[allow(dead_code, reason = "always true")] bool),
}

/// What a step must answer.
pub struct Expected {
    pub exit: i32,
    pub stdout: Matcher,
    pub stderr: Matcher,
}

#[derive(Deserialize, Clone, Default)]
#[serde(deny_unknown_fields)]
pub struct After {
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    #[serde(default)]
    pub absent: Vec<String>,
    #[serde(default)]
    pub files: BTreeMap<String, Content>,
    #[serde(default)]
    pub closed_dirs: Vec<String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub enum Content {
    Text {
        text: String,
        #[serde(default)]
        mode: Option<String>,
    },
    Regex {
        regex: String,
        #[serde(default)]
        mode: Option<String>,
    },
}

/// What another generation of systemctl answered, step by step.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    exit: Vec<i32>,
    stdout: Vec<String>,
    stderr: Vec<String>,
    links: Option<BTreeMap<String, String>>,
}

pub fn octal(mode: &str) -> u32 {
    u32::from_str_radix(mode, 8).unwrap_or_else(|_| panic!("mode {mode} is not octal"))
}

impl Case {
    /// All cases below a directory, in the order of their files.
    pub fn load_all(directory: &Path) -> Vec<Case> {
        let mut files: Vec<_> = fs::read_dir(directory)
            .expect("tests/conformance")
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.is_dir())
            .flat_map(|tool| fs::read_dir(tool).expect("a tool's cases"))
            .map(|entry| entry.expect("an entry").path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "json"))
            .collect();
        files.sort();
        files.iter().flat_map(|file| Case::load(file)).collect()
    }

    fn load(file: &Path) -> Vec<Case> {
        let text = fs::read_to_string(file).expect("a case file");
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// The image's `/etc/nodeshim/nodeshim.toml`.
    pub fn configuration(&self, generation: Option<u16>) -> String {
        let firewall_cmd = match self.mode.as_deref() {
            None | Some("daemon-running" | "any") => "virtual",
            Some("no-bus") => "no-bus",
            Some("bus-no-daemon") => "no-daemon",
            Some(other) => panic!("{}: mode {other} is not known", self.name),
        };
        let backend = if self.tool == "lokkit" {
            "iptables"
        } else {
            "firewalld"
        };
        let generation = generation.unwrap_or(252);
        format!(
            "[shims]\nanswers = \"strict\"\nsystemctl-generation = {generation}\n\
             firewall-cmd = \"{firewall_cmd}\"\nservice = \"run\"\n[firewall]\nbackend = \"{backend}\"\n"
        )
    }

    /// The end state. Another generation's links replace the recorded ones; what they need to
    /// be there is then not expected to be absent.
    pub fn expected_after(&self, other: Option<&Version>) -> Cow<'_, After> {
        let Some(links) = other.and_then(|other| other.links.as_ref()) else {
            return Cow::Borrowed(&self.after);
        };
        let mut after = self.after.clone();
        after.absent.retain(|path| !links.keys().any(|link| Path::new(link).starts_with(path)));
        after.links.clone_from(links);
        Cow::Owned(after)
    }
}

impl Step {
    /// What the step must answer; `index` is its place in the case.
    pub fn expected(&self, other: Option<&Version>, index: usize) -> Expected {
        match other {
            None => Expected {
                exit: self.exit,
                stdout: self.stdout.clone(),
                stderr: self.stderr.clone(),
            },
            Some(other) => Expected {
                exit: other.exit[index],
                stdout: Matcher::Exact(other.stdout[index].clone()),
                stderr: Matcher::Exact(other.stderr[index].clone()),
            },
        }
    }
}
