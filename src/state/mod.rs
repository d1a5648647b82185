//! The state: what every plugin wants now, folded from the journal and the rpm database, and kept
//! in `/usr/lib/sysimage/nodeshim/state.toml`. The same inputs give the same bytes.

mod declare;
mod denials;
mod enforce;
mod fold;
mod lifetime;
mod loss;
mod missing;
mod precedence;
mod repetition;
mod standing;
mod subject;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, if_exists};
use crate::escape::Escaped;
use crate::intent::{FirewallItem, Intent, Withheld};
use crate::journal;
use crate::layout;
use crate::root::Root;

pub use declare::{Contradiction, Declaration, declare};
pub use denials::PastDenial;
pub(crate) use denials::recall;
pub use enforce::{RefusedIntent, enforce};
pub(crate) use fold::fold_without;
pub use fold::{Facts, Fold, Revert, fold};
pub(crate) use lifetime::is_erasure;
pub use loss::fingerprint;
pub(crate) use missing::drop_missing;
pub use precedence::Overruled;
pub(crate) use precedence::{DEFAULT_LEVELS, decide};
pub(crate) use repetition::repetitions;
pub use standing::EffectiveState;
pub use subject::{Subject, subject};

/// The state file.
pub const PATH: &str = layout::STATE;
/// The newest format that this build reads, and the one that it writes.
pub(crate) const FORMAT: u64 = 1;
/// What all plugins want.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct State {
    /// [`FORMAT`].
    pub format: u64,
    /// The last event that went into it, 0 if there was none.
    pub last_event: u64,
    /// What tells the journal's first event from any other, lower case hex; empty if there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub first_request: String,
    /// The same of the last one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub last_request: String,
    /// Requests that settling has repeated, as earlier versions wrote it: by event alone. Each
    /// counts for all that its request asked for.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub retried: BTreeSet<u64>,
    /// What settling has carried out that was asked for elsewhere or too early. It is not carried
    /// out again, so that an administrator's later change is kept.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub repeated: BTreeSet<Repeated>,
    /// Plugins that were erased or installed again, each with its last event that is not in effect
    /// any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub forgotten: BTreeMap<String, u64>,
    /// Events that an administrator reverted: they are not in effect.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub reverted: BTreeSet<u64>,
    /// Plugins whose declarations an administrator reverted, with the installation that declared
    /// them: the declarations of a later installation count.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub retracted: BTreeMap<String, String>,
    /// What settling has put into files that it shares with others.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub placed: BTreeSet<ZoneEntry>,
    /// The unit states that metadata declares and settling has carried out. They are not carried
    /// out again, so that an administrator's later change is kept.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub declared: BTreeSet<DeclaredUnit>,
    /// The SHA-256 of all that files declared, which tells whether they still declare it; empty if
    /// they declared nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub declarations: String,
    /// Files that settling shares with others, by path, as they were before settling changed them
    /// first; empty if there was no file. They are restored when no plugin needs them any more.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub originals: BTreeMap<String, String>,
    /// nodeshim has given the image its default-drop firewall: it stays when the last plugin goes.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub own_firewall: bool,
    /// Units of the image that settling has enabled, since they load the firewall and the image lacks `nft`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub loaders: BTreeSet<String>,
    /// Directories that settling has made; they go when nothing is left in them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub directories: BTreeSet<String>,
    /// The plugins by package name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", rename = "plugin")]
    pub plugins: BTreeMap<String, Plugin>,
}

impl Default for State {
    fn default() -> Self {
        State {
            format: FORMAT,
            last_event: 0,
            first_request: String::new(),
            last_request: String::new(),
            retried: BTreeSet::new(),
            repeated: BTreeSet::new(),
            forgotten: BTreeMap::new(),
            reverted: BTreeSet::new(),
            retracted: BTreeMap::new(),
            placed: BTreeSet::new(),
            originals: BTreeMap::new(),
            declared: BTreeSet::new(),
            declarations: String::new(),
            own_firewall: false,
            loaders: BTreeSet::new(),
            directories: BTreeSet::new(),
            plugins: BTreeMap::new(),
        }
    }
}

/// An intent of a request that settling has brought about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Repeated {
    /// The event.
    pub event: u64,
    /// The intent, one of the event's.
    #[serde(flatten)]
    pub intent: Intent,
}

impl Repeated {
    /// What is remembered of an intent that was brought about: each of its requests.
    pub fn of(want: &ActiveIntent) -> impl Iterator<Item = Repeated> {
        want.events.iter().map(|event| Repeated {
            event: *event,
            intent: want.intent.clone(),
        })
    }
}

/// An entry that settling put into a zone of firewalld, and removes when no plugin wants it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ZoneEntry {
    /// The zone.
    pub zone: String,
    /// The entry.
    #[serde(flatten)]
    pub opening: FirewallItem,
}

/// A unit's state that metadata alone asked for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DeclaredUnit {
    /// Unit name with suffix.
    pub unit: String,
    /// Enabled, or else disabled.
    pub enable: bool,
}

/// One plugin.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plugin {
    /// The installed package, or the one that last asked for something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nevra: Option<String>,
    /// How many requests it has made, ever.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub requests: usize,
    /// The paths that its requests have changed.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub paths: BTreeSet<Escaped>,
    /// What it wants, in the order in which it asked last.
    #[serde(default, skip_serializing_if = "Vec::is_empty", rename = "want")]
    pub wants: Vec<ActiveIntent>,
    /// What it wants done once the image is booted, in the same order: what needs a running system, and what
    /// policy defers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deferred: Vec<ActiveIntent>,
    /// What policy denies it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied: Vec<Denied>,
    /// What somebody with more say, or somebody later, decided against.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overruled: Vec<Overruled>,
    /// What its tool refused, and nothing that it asked for later brought about: it has no effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<ActiveIntent>,
}

impl Plugin {
    /// Whether nothing that it asked for is worth keeping.
    pub fn is_empty(&self) -> bool {
        let lists = [&self.wants, &self.deferred, &self.failed];
        lists.iter().all(|list| list.is_empty()) && self.denied.is_empty() && self.overruled.is_empty()
    }
}

/// An intent that policy denies, when it was made or since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Denied {
    /// The intent, the verdict and the rule.
    #[serde(flatten)]
    pub held: Withheld,
    /// The requests for it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<u64>,
    /// The files that declare it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<String>,
    /// It had been let through when it was made, and was denied since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// An intent that is in effect, and the events behind it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ActiveIntent {
    /// What is wanted.
    #[serde(flatten)]
    pub intent: Intent,
    /// Asked for the running system only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub runtime: bool,
    /// The requests for it, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<u64>,
    /// The files that declare it without any request, sorted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub declared: Vec<String>,
    /// What policy denied of it before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub denied_before: Vec<PastDenial>,
}

impl ActiveIntent {
    /// An intent that these requests justify.
    pub fn new(intent: Intent, events: Vec<u64>) -> ActiveIntent {
        ActiveIntent {
            intent,
            runtime: false,
            events,
            declared: Vec::new(),
            denied_before: Vec::new(),
        }
    }
}

impl State {
    /// A state without plugins that remembers what this one does of settling and reverting.
    fn remembered(&self) -> State {
        State {
            retried: self.retried.clone(),
            repeated: self.repeated.clone(),
            forgotten: self.forgotten.clone(),
            reverted: self.reverted.clone(),
            placed: self.placed.clone(),
            originals: self.originals.clone(),
            own_firewall: self.own_firewall,
            loaders: self.loaders.clone(),
            directories: self.directories.clone(),
            declared: self.declared.clone(),
            ..State::default()
        }
    }

    /// Reads the state; an image without one has the empty state. A newer format is refused.
    ///
    /// # Errors
    /// A damaged or empty file, and one of a newer format.
    pub fn load(root: &Root) -> Result<State> {
        match root.read_own(PATH)? {
            None => Ok(State::default()),
            Some(text) if text.is_empty() => Err(Error::damaged(PATH, "is empty")),
            Some(text) => State::parse(&text),
        }
    }

    /// Takes the file's text apart; an empty one is the empty state. A newer format is refused.
    ///
    /// # Errors
    /// Damaged text, and a newer format.
    pub fn parse(text: &str) -> Result<State> {
        if text.is_empty() {
            return Ok(State::default());
        }
        #[derive(Deserialize)]
        struct Version {
            format: u64,
        }
        // Read once where it is as it should be: a state can be long.
        let parsed: std::result::Result<State, toml::de::Error> = toml::from_str(text);
        let format = match &parsed {
            Ok(state) => Some(state.format),
            Err(_) => toml::from_str(text).ok().map(|Version { format }| format),
        };
        if let Some(found) = format.filter(|format| *format > FORMAT) {
            return Err(Error::NewerFormat {
                path: PATH.into(),
                found,
                supported: FORMAT,
            });
        }
        parsed.map_err(|error| Error::damaged(PATH, error.message()))
    }

    /// The file's text.
    pub(crate) fn to_text(&self) -> Result<String> {
        toml::to_string(self).map_err(|error| Error::malformed(PATH, error.to_string()))
    }

    /// Writes the state if it differs from what is there; says whether it did.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self, root: &Root) -> Result<bool> {
        let text = self.to_text()?;
        if if_exists(root.read(PATH))?.is_some_and(|old| old == text.as_bytes()) {
            return Ok(false);
        }
        root.create_dirs(journal::DIRECTORY, 0o755)?;
        root.write_synced(PATH, text.as_bytes(), Some(0o600)).map_err(Error::of_own_file)?;
        Ok(true)
    }

    /// Whether settling has brought an intent about since it was asked for.
    pub(crate) fn is_repeated(&self, want: &ActiveIntent) -> bool {
        want.events.iter().any(|event| self.retried.contains(event))
            || Repeated::of(want).any(|one| self.repeated.contains(&one))
    }

    /// Every want with its plugin's name.
    pub fn wants(&self) -> impl Iterator<Item = (&str, &ActiveIntent)> {
        self.plugins
            .iter()
            .flat_map(|(name, plugin)| plugin.wants.iter().map(move |want| (name.as_str(), want)))
    }

    /// The subjects that any plugin wants, withdrawals not counted.
    pub fn wanted(&self) -> BTreeSet<Subject> {
        self.wants()
            .filter(|(_, want)| !matches!(want.intent, Intent::Withdraw { .. }))
            .map(|(_, want)| subject(&want.intent))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::intent::{FirewallItem, UnitWant};

    #[test]
    fn a_state_comes_back_and_a_newer_one_is_refused() {
        let opening = FirewallItem::Port {
            port: "80".into(),
            protocol: "tcp".into(),
        };
        let want = |intent| ActiveIntent {
            intent,
            runtime: false,
            events: vec![1, 3],
            declared: Vec::new(),
            denied_before: vec![PastDenial {
                because: "10-site.toml: #1".into(),
                events: vec![1],
                ..PastDenial::default()
            }],
        };
        let unit = Intent::Unit {
            unit: "a.service".into(),
            want: UnitWant::Enable,
            scope: Default::default(),
            rule: None,
        };
        let plugin = Plugin {
            nevra: Some("a-1-1.noarch".into()),
            wants: vec![want(Intent::Allow { opening, zone: None }), want(unit)],
            requests: 2,
            paths: BTreeSet::from([Escaped::new("/etc/a\n")]),
            ..Plugin::default()
        };
        let state = State {
            last_event: 3,
            forgotten: BTreeMap::from([("gone\"]\n[x".to_owned(), 2)]),
            plugins: BTreeMap::from([("a".to_owned(), plugin)]),
            ..State::default()
        };
        let text = state.to_text().unwrap();
        assert_eq!(State::parse(&text).unwrap(), state);
        let newer = State::parse("format = 2\n").unwrap_err();
        assert!(matches!(newer, Error::NewerFormat { found: 2, .. }), "{newer}");
    }
}
