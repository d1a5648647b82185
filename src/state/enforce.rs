//! Policy at settling: intents that stand are judged again, as their plugin is known by now and the
//! rules may be others. Pure.

use super::{ActiveIntent, Denied, Fold};
use crate::intent::Verdict;
use crate::policy::Decision;

/// An intent that is refused though it was let through when it was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedIntent {
    /// The plugin.
    pub plugin: String,
    /// The intent and its requests.
    pub want: ActiveIntent,
    /// What is said of it.
    pub decision: Decision,
}

/// Moves what `judge` holds back out of the intents that stand: to what is denied, to what is put off
/// until the boot, or, for what is to be ignored, nowhere. Returns what was moved.
pub fn enforce(fold: &mut Fold, judge: &dyn Fn(&str, &ActiveIntent) -> Decision) -> Vec<RefusedIntent> {
    let mut refusals = Vec::new();
    for (name, plugin) in &mut fold.state.plugins {
        let wants = std::mem::take(&mut plugin.wants).into_iter().map(|want| (want, false));
        let deferred = std::mem::take(&mut plugin.deferred).into_iter().map(|want| (want, true));
        for (want, waits) in wants.chain(deferred) {
            let decision = judge(name, &want);
            match (decision.verdict, waits) {
                (Verdict::Allow, false) => plugin.wants.push(want),
                (Verdict::Allow | Verdict::Defer, true) => plugin.deferred.push(want),
                (verdict, _) => {
                    match verdict {
                        Verdict::Defer => plugin.deferred.push(want.clone()),
                        Verdict::Deny => plugin.denied.push(Denied {
                            held: decision.withhold(&want.intent),
                            events: want.events.clone(),
                            declared: want.declared.clone(),
                            late: !waits && !want.events.is_empty(),
                        }),
                        _ => {}
                    }
                    let plugin = name.clone();
                    refusals.push(RefusedIntent {
                        plugin,
                        want,
                        decision,
                    });
                }
            }
        }
    }
    fold.state.plugins.retain(|_, plugin| !plugin.is_empty());
    refusals
}
