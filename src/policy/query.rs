//! What policy is asked.

use crate::firewall::ports::PortRange;
use crate::intent::Intent;
use crate::policy::packets::Packets;
use crate::tool::Tool;

/// What names in intents stand for. It is asked only where a rule depends on it.
pub trait Lookup {
    /// The packets that a service of the firewall lets in.
    fn service(&self, name: &str) -> Vec<Packets>;
    /// The packets that a rich rule is about.
    fn rich_rule(&self, rule: &str) -> Vec<Packets>;
    /// Whether a zone accepts everything that it does not reject.
    fn accepts_all(&self, zone: &str) -> bool;
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
