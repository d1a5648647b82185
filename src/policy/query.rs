//! What policy is asked.

use crate::firewall::ports::PortRange;
use crate::intent::Intent;
use crate::tool::Tool;

/// Ports with their protocol.
pub type Ports = Vec<(String, PortRange)>;

/// What names in intents stand for. It is asked only where a rule depends on it.
pub trait Lookup {
    /// The destination ports of a service of the firewall.
    fn service(&self, name: &str) -> Ports;
    /// The destination ports that a rich rule is about.
    fn rich_rule(&self, rule: &str) -> Ports;
    /// A port by its name.
    fn port(&self, name: &str, protocol: &str) -> Option<PortRange>;
    /// The zone of what names none.
    fn default_zone(&self) -> String;
}

/// Where an intent comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A request.
    Scriptlet,
    /// A file of metadata.
    Metadata,
}

/// An intent, and who has it.
#[derive(Debug, Clone, Copy)]
pub struct PolicyQuery<'a> {
    /// The package's name, if it is known.
    pub plugin: Option<&'a str>,
    /// The tools that were called for it.
    pub tools: &'a [Tool],
    /// Where it comes from.
    pub source: Source,
    /// The intent.
    pub intent: &'a Intent,
}
