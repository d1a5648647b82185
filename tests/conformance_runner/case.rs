//! The cases as they lie in `tests/conformance/TOOL/GROUP.json`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde::Deserialize;

/// The generations of systemctl that cases are run as.
const SYSTEMCTL: [&str; 9] = ["el8", "247", "252", "el9", "254", "257", "el10", "259", "262"];
/// The generation of systemctl that the expectations in `steps` were recorded with.
const SYSTEMCTL_BASE: &str = "252";
/// The generations of firewalld that cases with overlays are run as.
const FIREWALLD: [&str; 3] = ["0.9", "1.3", "2.5"];
/// The generation of firewalld that the expectations in `steps` were recorded with.
const FIREWALLD_BASE: &str = "1.3";

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

#[derive(Deserialize, Clone)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    #[serde(default)]
    pub dirs: Vec<String>,
    #[serde(default)]
    pub files: BTreeMap<String, File>,
    #[serde(default)]
    pub links: BTreeMap<String, String>,
}

#[derive(Deserialize, Clone)]
#[serde(untagged)]
pub enum File {
    Text(String),
    WithMode {
        text: String,
        #[serde(default)]
        mode: Option<String>,
        /// Marks in the text, each with what stands for it how many times.
        #[serde(default)]
        repeat: BTreeMap<String, (String, usize)>,
    },
}

impl File {
    pub fn text(&self) -> Cow<'_, str> {
        match self {
            File::Text(text) => Cow::Borrowed(text),
            File::WithMode { text, repeat, .. } => {
                repeat.iter().fold(Cow::Borrowed(text.as_str()), |text, (mark, (what, times))| {
                    Cow::Owned(text.replace(mark, &what.repeat(*times)))
                })
            }
        }
    }

    pub fn mode(&self) -> u32 {
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

/// What another generation answered, laid over what was recorded.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub struct Version {
    exit: Option<Vec<i32>>,
    stdout: Option<Vec<Answer>>,
    stderr: Option<Vec<Answer>>,
    links: Option<BTreeMap<String, String>>,
    #[serde(default)]
    setup: SetupOverlay,
    #[serde(default)]
    after: AfterOverlay,
    /// Why the case says nothing about this generation.
    skip: Option<String>,
}

/// A text, which must be exactly that, or a matcher.
#[derive(Deserialize, Clone)]
#[serde(untagged)]
enum Answer {
    Text(String),
    Matcher(Matcher),
}

/// Other files; none takes a file away.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct SetupOverlay {
    #[serde(default)]
    files: BTreeMap<String, Option<File>>,
}

/// A path named here leaves the other of the two lists.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct AfterOverlay {
    #[serde(default)]
    files: BTreeMap<String, Content>,
    #[serde(default)]
    absent: Vec<String>,
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

    /// The generations that the case is run as; none where its tool has one answer for all, or the
    /// recorded answers bind for one generation only.
    pub fn generations(&self) -> Vec<Option<&'static str>> {
        let all: &[&str] = match self.tool.as_str() {
            "systemctl" => &SYSTEMCTL,
            "firewall-cmd" | "firewall-offline-cmd" if !self.by_version.is_empty() => &FIREWALLD,
            _ => return vec![None],
        };
        let binds = |generation: &&&str| self.overlay(generation).is_none_or(|other| other.skip.is_none());
        all.iter().filter(binds).copied().map(Some).collect()
    }

    /// What is laid over the case for a generation; el10 answers as 257 where it has nothing of its own.
    pub fn overlay(&self, generation: &str) -> Option<&Version> {
        let release = match generation {
            "el10" => "257",
            other => other,
        };
        self.by_version.get(generation).or_else(|| self.by_version.get(release))
    }

    /// The image's `/etc/nodeshim/nodeshim.toml`.
    pub fn configuration(&self, generation: Option<&str>) -> String {
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
        let of = |tool: &str, base: &'static str| match generation {
            Some(generation) if self.tool.starts_with(tool) => generation.to_owned(),
            _ => base.to_owned(),
        };
        // Versions are numbers there, distributions words.
        let systemctl = of("systemctl", SYSTEMCTL_BASE);
        let systemctl =
            systemctl.parse::<u16>().map_or_else(|_| format!("\"{systemctl}\""), |n| n.to_string());
        let firewalld = of("firewall", FIREWALLD_BASE);
        format!(
            "[shims]\nanswers = \"strict\"\nsystemctl-generation = {systemctl}\n\
             firewalld-generation = \"{firewalld}\"\nfirewall-cmd = \"{firewall_cmd}\"\nservice = \"run\"\n\
             [firewall]\nbackend = \"{backend}\"\n"
        )
    }

    /// The files to lay out.
    pub fn files<'a>(&'a self, other: Option<&'a Version>) -> BTreeMap<&'a str, &'a File> {
        let mut files: BTreeMap<&'a str, &'a File> =
            self.setup.files.iter().map(|(name, file)| (name.as_str(), file)).collect();
        for (name, file) in other.iter().flat_map(|other| &other.setup.files) {
            match file {
                Some(file) => files.insert(name, file),
                None => files.remove(name.as_str()),
            };
        }
        files
    }

    /// The end state. Another generation's links replace the recorded ones; what they need to
    /// be there is then not expected to be absent.
    pub fn expected_after(&self, other: Option<&Version>) -> Cow<'_, After> {
        let Some(other) = other else {
            return Cow::Borrowed(&self.after);
        };
        let mut after = self.after.clone();
        if let Some(links) = &other.links {
            after.absent.retain(|path| !links.keys().any(|link| Path::new(link).starts_with(path)));
            after.links.clone_from(links);
        }
        after.absent.retain(|path| !other.after.files.contains_key(path));
        after.files.retain(|path, _| !other.after.absent.contains(path));
        after.absent.extend_from_slice(&other.after.absent);
        after.files.extend(other.after.files.clone());
        Cow::Owned(after)
    }
}

impl Step {
    /// What the step must answer; `index` is its place in the case.
    pub fn expected(&self, other: Option<&Version>, index: usize) -> Expected {
        let answer = |answers: Option<&Vec<Answer>>, base: &Matcher| match answers.map(|all| &all[index]) {
            None => base.clone(),
            Some(Answer::Text(text)) => Matcher::Exact(text.clone()),
            Some(Answer::Matcher(matcher)) => matcher.clone(),
        };
        Expected {
            exit: other.and_then(|other| other.exit.as_ref()).map_or(self.exit, |exit| exit[index]),
            stdout: answer(other.and_then(|other| other.stdout.as_ref()), &self.stdout),
            stderr: answer(other.and_then(|other| other.stderr.as_ref()), &self.stderr),
        }
    }
}
