//! A rule of a policy file.

use crate::firewall::ports::PortRange;
use crate::intent::Verdict;
use crate::policy::decision::{Exit, RuleId};
use crate::policy::query::Source;
use crate::tool::Tool;

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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Where it is from, and what it is called.
    pub id: RuleId,
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
    /// Globs of users and groups.
    pub account: Vec<String>,
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

impl Rule {
    /// A rule that covers everything and allows it.
    pub(super) fn new(id: RuleId) -> Rule {
        Rule {
            id,
            plugin: Vec::new(),
            tool: Vec::new(),
            kind: Vec::new(),
            want: Vec::new(),
            unit: Vec::new(),
            service: Vec::new(),
            port: Vec::new(),
            protocol: Vec::new(),
            zone: Vec::new(),
            interface: Vec::new(),
            definition: Vec::new(),
            account: Vec::new(),
            global: None,
            source: None,
            verdict: Verdict::Allow,
            exit: Exit::Tool,
            reason: String::new(),
        }
    }
}
