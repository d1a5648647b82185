//! Carrying a request out as far as policy lets it: every clause gets its verdict before there is any
//! effect, and the request is carried out without those that are held back.
//!
//! If the intents of a clause get several verdicts, the strictest counts for the clause; but what only
//! waits for the boot (`--now`) gets a verdict of its own. If a clause cannot be left out, the strictest
//! verdict counts for the whole request.

use crate::argv::Request;
use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::rich::{Element, RichAction, Rule};
use crate::firewall::firewalld::{self, default_zone, store};
use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, Intent, Verdict};
use crate::policy::{Decision, Exit, Lookup, Packets, PolicyQuery, Rules, Source};
use crate::request::{Call, Clause, Reply, execute};
use crate::root::Root;
use crate::tool::Tool;

/// What policy needs to know besides the request.
#[derive(Debug, Clone, Copy)]
pub struct PolicyContext<'a> {
    /// The image's rules.
    pub rules: &'a Rules,
    /// The calling package's name, if it is known.
    pub plugin: Option<&'a str>,
}

/// The meaning of names in an image.
#[derive(Debug)]
pub struct Names<'r> {
    root: &'r Root,
    definitions: Definitions<'r>,
}

impl<'r> Names<'r> {
    /// Looks names up in `root`; files are read at the first question.
    pub fn of(root: &'r Root) -> Self {
        Names {
            root,
            definitions: Definitions::new(root),
        }
    }
}

impl Lookup for Names<'_> {
    fn service(&self, name: &str) -> Vec<Packets> {
        let parts = self.definitions.service(name).unwrap_or_default();
        let mut packets = Vec::new();
        for part in parts {
            for (protocol, ranges) in part.ports {
                packets.extend(ranges.into_iter().map(|range| Packets::to(&protocol, range)));
            }
            packets.extend(part.protocols.into_iter().map(Packets::of));
            packets.extend(part.source_ports.into_keys().map(Packets::of));
        }
        packets
    }

    fn rich_rule(&self, rule: &str) -> Vec<Packets> {
        let Ok(rule) = Rule::parse(rule, &firewalld::Grammar::of(self.root)) else {
            return Vec::new();
        };
        let range = |port: &str, protocol: &str| PortRange::parse(port).or_else(|| self.port(port, protocol));
        match rule.element {
            Some(Element::Service { name }) => self.service(&name),
            Some(Element::Port { port, protocol }) => {
                range(&port, &protocol).map(|range| Packets::to(protocol, range)).into_iter().collect()
            }
            Some(Element::ForwardPort {
                port,
                protocol,
                to_port,
                ..
            }) => {
                let ranges = [port, to_port].into_iter().filter_map(|port| range(&port, &protocol));
                ranges.map(|range| Packets::to(&protocol, range)).collect()
            }
            Some(Element::Protocol { value }) => vec![Packets::of(value)],
            Some(Element::SourcePort { protocol, .. }) => vec![Packets::of(protocol)],
            Some(_) => Vec::new(),
            None if rule.action.is_some_and(|action| action.verdict == RichAction::Accept) => {
                vec![Packets::any()]
            }
            None => Vec::new(),
        }
    }

    fn accepts_all(&self, zone: &str) -> bool {
        let zone = store::load_zone(self.root, zone);
        zone.ok().flatten().is_some_and(|zone| zone.target() == "ACCEPT")
    }

    fn port(&self, name: &str, protocol: &str) -> Option<PortRange> {
        self.definitions.named_port(name, protocol)
    }

    fn default_zone(&self) -> String {
        default_zone(self.root)
    }
}

/// Carries a request out under a policy. One that is held back as a whole changes nothing.
pub fn enforce(call: &Call, request: Request, policy: PolicyContext) -> Reply {
    if policy.rules.is_empty() {
        return execute(call, request);
    }
    let enforcer = Enforcer {
        policy,
        tool: request.tool(),
        names: Names::of(call.root),
    };
    let clauses = request.clauses(call.root);
    let (held, kept): (Vec<_>, Vec<_>) = clauses
        .iter()
        .map(|clause| (clause, enforcer.clause(clause)))
        .partition(|(_, decision)| decision.verdict != Verdict::Allow);
    let Some((_, strictest)) = held.iter().max_by_key(|(_, decision)| decision.verdict) else {
        return enforcer.afterwards(execute(call, request));
    };
    let mut reply = match request.without(&clauses_of(&held), &clauses_of(&kept), call.root) {
        Some(rest) => {
            let mut reply = enforcer.afterwards(execute(call, rest));
            held.iter().for_each(|(clause, decision)| enforcer.hold(&mut reply, clause, decision));
            reply
        }
        None => {
            let mut reply = Reply::new();
            clauses.iter().for_each(|clause| enforcer.hold(&mut reply, clause, strictest));
            reply
        }
    };
    refuse(&mut reply, enforcer.tool, call, &held);
    reply
}

fn clauses_of<'c>(judged: &[(&'c Clause, Decision)]) -> Vec<&'c Clause> {
    judged.iter().map(|(clause, _)| *clause).collect()
}

/// Says what is denied, and sets the exit code if what was carried out did not fail.
fn refuse(reply: &mut Reply, tool: Tool, call: &Call, held: &[(&Clause, Decision)]) {
    for (clause, decision) in held.iter().filter(|(_, decision)| decision.verdict == Verdict::Deny) {
        let what = clause.word.as_deref().map_or(String::new(), |word| format!(" {word}:"));
        let reason = Some(decision.reason.clone()).filter(|reason| !reason.is_empty());
        let reason = reason.unwrap_or_else(|| decision.because());
        reply.output.err_line(format!("{}:{what} denied by policy: {reason}", call.argv0));
        if reply.exit == 0 {
            reply.exit = match decision.exit {
                Exit::Code(code) => code,
                Exit::Tool => own_code(tool),
            };
        }
    }
}

/// With what a tool ends that is refused something: firewalld has a code of its own for it.
fn own_code(tool: Tool) -> u8 {
    match tool {
        Tool::FirewallCmd | Tool::FirewallOfflineCmd => firewalld::Code::NotAuthorized.exit(),
        _ => 1,
    }
}

/// Asks policy about the clauses and intents of one request.
struct Enforcer<'a> {
    policy: PolicyContext<'a>,
    tool: Tool,
    names: Names<'a>,
}

impl Enforcer<'_> {
    fn intent(&self, intent: &Intent) -> Decision {
        let query = PolicyQuery {
            plugin: self.policy.plugin,
            tools: &[self.tool],
            source: Source::Scriptlet,
            intent,
        };
        self.policy.rules.decide(&query, &self.names)
    }

    fn clause(&self, clause: &Clause) -> Decision {
        let effects = clause.intents.iter().filter(|intent| !only_waits(intent));
        let strictest =
            |decisions: Vec<Decision>| decisions.into_iter().max_by_key(|decision| decision.verdict);
        strictest(effects.map(|intent| self.intent(intent)).collect())
            .or_else(|| strictest(clause.intents.iter().map(|intent| self.intent(intent)).collect()))
            .unwrap_or_default()
    }

    /// Records a clause as held back.
    fn hold(&self, reply: &mut Reply, clause: &Clause, decision: &Decision) {
        reply
            .held
            .extend(clause.intents.iter().map(|intent| decision.withhold(&self.as_executed(intent))));
    }

    /// With the zone that firewalld's tools find for what names none: so it is recorded where it is
    /// carried out, and both are the same intent.
    fn as_executed(&self, intent: &Intent) -> Intent {
        let mut intent = intent.clone();
        if matches!(self.tool, Tool::FirewallCmd | Tool::FirewallOfflineCmd)
            && let Intent::Allow { opening, zone } | Intent::Withdraw { opening, zone } = &mut intent
            && !matches!(opening, FirewallItem::CustomRules { .. })
        {
            zone.get_or_insert_with(|| self.names.default_zone());
        }
        intent
    }

    /// Judges the intents that a call turned out to have. What has no effect in the image yet is
    /// still held back; settling reverts the rest.
    fn afterwards(&self, mut reply: Reply) -> Reply {
        for recorded in std::mem::take(&mut reply.intents) {
            let decision = self.intent(&recorded.intent);
            if decision.verdict == Verdict::Allow {
                reply.intents.push(recorded);
            } else if only_waits(&recorded.intent) || !recorded.changed {
                reply.held.push(decision.withhold(&recorded.intent));
            } else {
                reply.warnings.push(format!(
                    "against policy, which was known only when it was done: {}",
                    decision.because()
                ));
                reply.intents.push(recorded);
            }
        }
        reply
    }
}

/// Whether an intent has no effect in an image.
fn only_waits(intent: &Intent) -> bool {
    matches!(intent, Intent::Defer { .. } | Intent::Note { .. })
}
