//! Carrying a call out as far as policy lets it: each word's intents get their verdict before there is
//! any effect, and the call is made without the words that are held back.
//!
//! A word whose intents get several verdicts gets the strictest; but what only waits for the boot
//! (`--now`) is held back by itself. Where the words cannot be taken apart, the strictest verdict
//! counts for the whole call.

use std::ffi::OsString;

use crate::firewall::definitions::Definitions;
use crate::firewall::firewalld::rich::{Element, Rule};
use crate::firewall::firewalld::{self, default_zone};
use crate::firewall::ports::PortRange;
use crate::intent::{FirewallItem, Intent, Verdict};
use crate::policy::{Ask, Exit, Lookup, Rules, Ruling, Source};
use crate::request::parts::{Part, parts};
use crate::request::{Call, Reply, execute};
use crate::root::Root;
use crate::tool::Tool;

/// The policy for a call.
#[derive(Debug, Clone, Copy)]
pub struct Governor<'a> {
    /// The image's rules.
    pub rules: &'a Rules,
    /// The calling package's name, if it is known.
    pub plugin: Option<&'a str>,
}

/// What names stand for in an image.
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
    fn service(&self, name: &str) -> Vec<(String, PortRange)> {
        let parts = self.definitions.service(name).unwrap_or_default();
        let ports = parts.into_iter().flat_map(|part| part.ports);
        ports
            .flat_map(|(protocol, ranges)| ranges.into_iter().map(move |range| (protocol.clone(), range)))
            .collect()
    }

    fn rich_rule(&self, rule: &str) -> Vec<(String, PortRange)> {
        let rule = Rule::parse(rule, &firewalld::Names::of(self.root));
        match rule.ok().and_then(|rule| rule.element) {
            Some(Element::Service { name }) => self.service(&name),
            Some(Element::Port { port, protocol } | Element::ForwardPort { port, protocol, .. }) => {
                let range = PortRange::parse(&port).or_else(|| self.port(&port, &protocol));
                range.map(|range| (protocol, range)).into_iter().collect()
            }
            _ => Vec::new(),
        }
    }

    fn port(&self, name: &str, protocol: &str) -> Option<PortRange> {
        self.definitions.named_port(name, protocol)
    }

    fn default_zone(&self) -> String {
        default_zone(self.root)
    }
}

/// Carries a call out under a policy. A call that is held back as a whole changes nothing.
pub fn govern(tool: Tool, call: &Call, governor: Governor) -> Reply {
    if governor.rules.is_empty() {
        return execute(tool, call);
    }
    let judge = Judge {
        governor,
        tool,
        names: Names::of(call.root),
    };
    let all = parts(tool, call);
    let (held, kept): (Vec<_>, Vec<_>) = all
        .iter()
        .map(|part| (part, judge.part(part)))
        .partition(|(_, ruling)| ruling.verdict != Verdict::Allow);
    let Some((_, strictest)) = held.iter().max_by_key(|(_, ruling)| ruling.verdict) else {
        let reply = execute(tool, call);
        return judge.afterwards(reply);
    };
    let kept: Vec<&Part> = kept.into_iter().map(|(part, _)| part).collect();
    let without = words_without(tool, call, &held, &kept);
    let mut reply = match &without {
        Some(args) => {
            let reply = execute(
                tool,
                &Call {
                    args,
                    ..call.redirect(call.argv0, args)
                },
            );
            judge.afterwards(reply)
        }
        None => Reply::new(),
    };
    match without {
        Some(_) => held.iter().for_each(|(part, ruling)| judge.hold(&mut reply, part, ruling)),
        None => all.iter().for_each(|part| judge.hold(&mut reply, part, strictest)),
    }
    refuse(&mut reply, tool, call, &held);
    reply
}

/// Says what is denied, and sets the exit code if what was carried out did not fail.
fn refuse(reply: &mut Reply, tool: Tool, call: &Call, held: &[(&Part, Ruling)]) {
    for (part, ruling) in held.iter().filter(|(_, ruling)| ruling.verdict == Verdict::Deny) {
        let what = part.word.as_deref().map_or(String::new(), |word| format!(" {word}:"));
        let reason = match ruling.reason.as_str() {
            "" => ruling.rule.as_str(),
            reason => reason,
        };
        reply.output.err_line(format!("{}:{what} denied by policy: {reason}", call.argv0));
        if reply.exit == 0 {
            reply.exit = match ruling.exit {
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

struct Judge<'a> {
    governor: Governor<'a>,
    tool: Tool,
    names: Names<'a>,
}

impl Judge<'_> {
    fn intent(&self, intent: &Intent) -> Ruling {
        let ask = Ask {
            plugin: self.governor.plugin,
            tools: &[self.tool],
            source: Source::Scriptlet,
            intent,
        };
        self.governor.rules.judge(&ask, &self.names)
    }

    fn part(&self, part: &Part) -> Ruling {
        let effects = part.intents.iter().filter(|intent| !only_waits(intent));
        let strictest = |rulings: Vec<Ruling>| rulings.into_iter().max_by_key(|ruling| ruling.verdict);
        strictest(effects.map(|intent| self.intent(intent)).collect())
            .or_else(|| strictest(part.intents.iter().map(|intent| self.intent(intent)).collect()))
            .unwrap_or_default()
    }

    /// Records a part as held back.
    fn hold(&self, reply: &mut Reply, part: &Part, ruling: &Ruling) {
        reply
            .held
            .extend(part.intents.iter().map(|intent| ruling.hold(&self.as_executed(intent))));
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

    /// Looks at the intents that a call turned out to carry. What has no effect in the image yet is
    /// held back even now; the rest is for settling, which takes it back.
    fn afterwards(&self, mut reply: Reply) -> Reply {
        for recorded in std::mem::take(&mut reply.intents) {
            let ruling = self.intent(&recorded.intent);
            if ruling.verdict == Verdict::Allow {
                reply.intents.push(recorded);
            } else if only_waits(&recorded.intent) || !recorded.changed {
                reply.held.push(ruling.hold(&recorded.intent));
            } else {
                reply
                    .warnings
                    .push(format!("policy holds this back, which showed too late: {}", ruling.rule));
                reply.intents.push(recorded);
            }
        }
        reply
    }
}

/// Whether a intent has no effect in an image.
fn only_waits(intent: &Intent) -> bool {
    matches!(intent, Intent::Defer { .. } | Intent::Note { .. })
}

/// The call's words without those that are held back, if something is left and exactly that is what
/// the remaining words ask for.
fn words_without(tool: Tool, call: &Call, held: &[(&Part, Ruling)], kept: &[&Part]) -> Option<Vec<OsString>> {
    if kept.is_empty() {
        return None;
    }
    let mut args = call.args.to_vec();
    for (part, _) in held {
        remove_word(&mut args, part.word.as_deref()?)?;
    }
    let left = parts(tool, &call.redirect(call.argv0, &args));
    left.iter().eq(kept.iter().copied()).then_some(args)
}

/// Takes out a word: as it stands, with the option before it, or as the value in its option's word.
fn remove_word(args: &mut Vec<OsString>, word: &str) -> Option<()> {
    let is_option = |arg: &OsString| arg.as_encoded_bytes().starts_with(b"-");
    let stands_alone = |arg: &OsString| arg.to_string_lossy() == word;
    if let Some(at) = args.iter().position(stands_alone) {
        args.remove(at);
        let takes_value = at > 0 && !is_option_word(word) && takes_a_value(&args[at - 1]);
        if takes_value {
            args.remove(at - 1);
        }
        return Some(());
    }
    let holds = |arg: &OsString| {
        let text = arg.to_string_lossy();
        is_option(arg)
            && (text.split_once('=').is_some_and(|(_, value)| value == word) || text.get(2..) == Some(word))
    };
    let at = args.iter().position(holds)?;
    args.remove(at);
    Some(())
}

fn is_option_word(word: &str) -> bool {
    word.starts_with('-')
}

/// Options in front of a list's entry: the firewall tools' that add, and lokkit's.
fn takes_a_value(arg: &OsString) -> bool {
    let text = arg.to_string_lossy();
    let short = matches!(text.as_ref(), "-s" | "-p" | "-t" | "-m");
    const LONG: [&str; 13] = [
        "--add-",
        "--remove-",
        "--change-",
        "--service",
        "--port",
        "--trust",
        "--masq",
        "--custom-rules",
        "--forward-port",
        "--block-icmp",
        "--addmodule",
        "--removemodule",
        "--selinux",
    ];
    short || !text.contains('=') && LONG.iter().any(|option| text.starts_with(option))
}
