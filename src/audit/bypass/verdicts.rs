//! What policy says of direct changes. They are done by then: the verdict is recorded, and settling
//! reverts what is denied, as it does with any request that is denied later.

use crate::intent::{Intent, Verdict};
use crate::journal::Event;
use crate::policy::{PolicyQuery, Rules, Source, load};
use crate::request::Names;
use crate::root::Root;
use crate::tool::Tool;

/// The image's policy, with what names stand for in it.
pub(in crate::audit) struct Verdicts<'r> {
    rules: Rules,
    names: Names<'r>,
}

impl<'r> Verdicts<'r> {
    /// Reads the policy as it is now.
    pub(crate) fn of(root: &'r Root) -> Verdicts<'r> {
        Verdicts {
            rules: load(root).rules,
            names: Names::of(root),
        }
    }

    /// Gives an event the strictest verdict on its intents, and says which rules speak against it.
    pub(crate) fn judge(&self, event: &mut Event) {
        if self.rules.is_empty() {
            return;
        }
        let event_tool = event.tool;
        let Event {
            origin,
            intents,
            verdict,
            warnings,
            ..
        } = event;
        for recorded in intents {
            let decision = self.rules.decide(
                &PolicyQuery {
                    plugin: origin.package(),
                    tools: &[event_tool],
                    source: Source::Scriptlet,
                    intent: &recorded.intent,
                },
                &self.names,
            );
            if decision.verdict == Verdict::Allow {
                continue;
            }
            *verdict = decision.verdict.max(*verdict);
            let end = match (event_tool, &recorded.intent) {
                (_, Intent::Note { .. }) => "which cannot be reverted",
                (Tool::System, _) => "which is not declared for boot, and cannot be reverted",
                _ => "which settling takes back",
            };
            let how = match event_tool {
                Tool::System => "done",
                _ => "done directly,",
            };
            let warning = format!("{how} against policy ({}), {end}", decision.explanation());
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
    }
}
