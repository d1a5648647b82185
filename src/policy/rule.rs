//! A rule, and the rules of all files together.

use crate::firewall::ports::PortRange;
use crate::intent::{Intent, Verdict, Withheld};
use crate::policy::matching::{Ask, Lookup, Source, fits};
use crate::tool::Tool;

/// With which exit code a denied call ends.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Exit {
    /// The tool's own code for what it refuses.
    #[default]
    Tool,
    /// This one.
    Code(u8),
}

/// Which source counts where a plugin's metadata and its scriptlets contradict each other.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Prefer {
    /// What the scriptlets did: it is what the package does without us.
    #[default]
    Scriptlet,
    /// What the file declares.
    Metadata,
}

/// A rule. What a list leaves out is not looked at; of a list one entry has to match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rule {
    /// What it is called, or its number in its file: `#2`.
    pub name: String,
    /// The file, without its directory.
    pub file: String,
    /// Globs of package names.
    pub plugin: Vec<String>,
    /// Tools.
    pub tool: Vec<Tool>,
    /// Kinds of intents, as the journal names them.
    pub kind: Vec<String>,
    /// What is wanted of a unit or service.
    pub want: Vec<String>,
    /// Globs of unit names.
    pub unit: Vec<String>,
    /// Globs of names of the firewall's services.
    pub service: Vec<String>,
    /// Ports.
    pub port: Vec<PortRange>,
    /// Protocols.
    pub protocol: Vec<String>,
    /// Globs of zones.
    pub zone: Vec<String>,
    /// Globs of interfaces.
    pub interface: Vec<String>,
    /// Globs of firewalld's definitions, `OBJECT/NAME`.
    pub definition: Vec<String>,
    /// Only intents that concern the whole node, or only others.
    pub global: Option<bool>,
    /// Only intents from there.
    pub source: Option<Source>,
    /// What it says.
    pub verdict: Verdict,
    /// For a denial.
    pub exit: Exit,
    /// For people.
    pub reason: String,
}

/// What the label of a rule begins with that was one run's own.
pub const OF_A_RUN: &str = "run: ";

impl Rule {
    /// `FILE: NAME`
    pub fn label(&self) -> String {
        format!("{}: {}", self.file, self.name)
    }
}

/// All rules of an image, in the order in which they are looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// From the first file's first to the last file's last.
    pub rules: Vec<Rule>,
    /// What the last file that says so prefers.
    pub prefer: Prefer,
    /// Whether a file could not be read: then what concerns the whole node is denied.
    pub cautious: bool,
}

/// What the rules say of a intent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ruling {
    /// The verdict.
    pub verdict: Verdict,
    /// For a denial.
    pub exit: Exit,
    /// The rule that decided, as [`Rule::label`]; empty if none did.
    pub rule: String,
    /// Its reason.
    pub reason: String,
}

impl Ruling {
    /// The record of a intent that is held back.
    pub fn hold(&self, intent: &Intent) -> Withheld {
        Withheld {
            intent: intent.clone(),
            verdict: self.verdict,
            because: self.rule.clone(),
            reason: self.reason.clone(),
        }
    }
}

impl Rules {
    /// Whether there is anything to be asked.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && !self.cautious
    }

    /// What is said of a intent: by the last rule that matches.
    pub fn judge(&self, ask: &Ask, lookup: &dyn Lookup) -> Ruling {
        if let Some(rule) = self.rules.iter().rev().find(|rule| fits(rule, ask, lookup)) {
            return Ruling {
                verdict: rule.verdict,
                exit: rule.exit,
                rule: rule.label(),
                reason: rule.reason.clone(),
            };
        }
        match self.cautious && ask.intent.is_global() {
            true => Ruling {
                verdict: Verdict::Deny,
                rule: "unreadable policy".to_owned(),
                reason: "a policy file cannot be read".to_owned(),
                ..Ruling::default()
            },
            false => Ruling::default(),
        }
    }
}
