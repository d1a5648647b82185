//! What a boot does with requests that could not be carried out in the image. Only this module
//! decides it, with the message about it; applying, settling, first boots and lint use it.

use serde::Serialize;

use crate::intent::{DeferredVerb, Intent, Scope, UnitWant, Verdict};
use crate::policy::{Decision, RuleSource};

/// A job for the service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Job {
    /// Start it.
    Start,
    /// Stop it.
    Stop,
    /// Restart it.
    Restart,
    /// Let it read its configuration again, or restart it where it cannot.
    ReloadOrRestart,
    /// Start it, and stop all that it does not pull in.
    Isolate,
}

/// What a boot does with a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Disposition {
    /// The service manager gets a job.
    Job(Job),
    /// The units that its pattern matches are looked for on the node, and each is judged by itself.
    Match,
    /// Policy put it off until now: it counts like any other intent.
    Counts,
    /// Nothing is done.
    Nothing(Reason),
}

/// Why a boot does nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    /// It was asked of a user's service manager.
    NoUserManager,
    /// It would isolate a target, which takes a rule.
    NotAllowed,
    /// Policy put it off, and it takes the tool that it was asked of.
    NeedsItsTool,
    /// A signal for processes that a boot does not have.
    NothingToSignal,
    /// It concerns units that were running.
    OnlyRunning,
}

impl Reason {
    /// The reason in words.
    pub(crate) fn sentence(self) -> &'static str {
        match self {
            Reason::NoUserManager => "there is no user's service manager at a boot",
            Reason::NotAllowed => "would stop everything else, and no rule of the image allows it",
            Reason::NeedsItsTool => {
                "policy deferred it, and a boot cannot do it: it is left to the administrator"
            }
            Reason::NothingToSignal => "nothing to signal at boot",
            Reason::OnlyRunning => "concerns only what was running",
        }
    }

    /// Whether something is lost that was asked for: what concerns only running processes is as it
    /// should be after a boot.
    pub(crate) fn is_loss(self) -> bool {
        !matches!(self, Reason::NothingToSignal | Reason::OnlyRunning)
    }
}

/// Whether a request means the units that have such names. Of the other verbs none takes several.
pub(super) fn is_pattern(verb: DeferredVerb, unit: &str) -> bool {
    unit.contains(['*', '?', '[']) && !matches!(verb, DeferredVerb::Isolate | DeferredVerb::Kill)
}

/// What a boot does with an intent that waits for it. `decision` is what policy says of the intent.
pub(crate) fn disposition(intent: &Intent, decision: &dyn Fn() -> Decision) -> Disposition {
    match intent {
        Intent::Defer { scope, .. } if *scope != Scope::System => Disposition::Nothing(Reason::NoUserManager),
        Intent::Defer {
            verb: DeferredVerb::Isolate,
            ..
        } if !is_allowed(&decision()) => Disposition::Nothing(Reason::NotAllowed),
        Intent::Defer { verb, unit, .. } if is_pattern(*verb, unit) => Disposition::Match,
        Intent::Defer { verb, .. } => of_verb(*verb),
        intent if is_for_boot(intent) => Disposition::Counts,
        _ => Disposition::Nothing(Reason::NeedsItsTool),
    }
}

/// What would stop everything else on the node takes a rule of the image that allows it: that none
/// forbids it is not enough.
fn is_allowed(decision: &Decision) -> bool {
    let of_image = decision.rule.as_ref().is_some_and(|rule| rule.source != RuleSource::Run);
    decision.verdict == Verdict::Allow && of_image
}

/// What a boot does for a verb and one unit, before anything is known of the unit.
pub(super) fn of_verb(verb: DeferredVerb) -> Disposition {
    match verb {
        DeferredVerb::Start | DeferredVerb::Restart | DeferredVerb::ReloadOrRestart => {
            Disposition::Job(Job::Start)
        }
        DeferredVerb::Isolate => Disposition::Job(Job::Isolate),
        DeferredVerb::Kill => Disposition::Nothing(Reason::NothingToSignal),
        DeferredVerb::Stop
        | DeferredVerb::TryRestart
        | DeferredVerb::Reload
        | DeferredVerb::TryReloadOrRestart => Disposition::Nothing(Reason::OnlyRunning),
    }
}

/// Whether a boot can bring about what was put off: the firewall and the states of units go through
/// the plan and the service manager. All else would take the tool that it was asked of.
pub(crate) fn is_for_boot(intent: &Intent) -> bool {
    match intent {
        Intent::Allow { .. } => true,
        Intent::Unit { want, scope, .. } => {
            *scope == Scope::System
                && !matches!(
                    want,
                    UnitWant::Link | UnitWant::Revert | UnitWant::Edit | UnitWant::PresetIgnore
                )
        }
        _ => false,
    }
}
