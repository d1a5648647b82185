//! One life of a plugin: from its installation to its erasure.

use std::collections::BTreeMap;

use super::denials::{PastDenial, add};
use super::{ActiveIntent, Denied, Plugin, Subject, subject};
use crate::attribution::{Origin, is_builder};
use crate::intent::{DeferredVerb, Intent, RecordedIntent, Scope, ServiceWant, UnitWant, Verdict, Withheld};
use crate::journal::Event;
use crate::unit::name;
use crate::unit::preset::OWN_PREFIX;

/// What a plugin has asked for since it was installed.
#[derive(Debug, Default)]
pub(super) struct InstallPeriod {
    /// The package that asked last.
    pub nevra: Option<String>,
    /// The last event of this life.
    pub last: u64,
    /// Whether a scriptlet has run that only runs when the last package of this name is erased.
    ending: bool,
    /// Whether a request was made in this image, or carried over from another one.
    own: bool,
    replayed: bool,
    wants: BTreeMap<Subject, (usize, ActiveIntent)>,
    /// What policy put off or denied, unless a later request for it was let through.
    held: BTreeMap<Subject, (usize, Denied)>,
    /// What its tool refused, unless a later request for it was carried out.
    failed: BTreeMap<Subject, (usize, ActiveIntent)>,
    /// Whether an opposite is a decision of its own, and not just the end of what it is against.
    decides: bool,
    /// All that policy denied, whether or not it was asked for again.
    denied: Vec<(Intent, PastDenial)>,
    order: usize,
}

impl InstallPeriod {
    /// The period of a name for which nothing is recorded yet. What the builder reverts stays a
    /// decision against it.
    pub(super) fn of(name: &str) -> InstallPeriod {
        InstallPeriod {
            decides: is_builder(name),
            ..InstallPeriod::default()
        }
    }

    /// Whether an event can only belong to a later life of the plugin.
    pub(super) fn is_over(&self, origin: &Origin) -> bool {
        if self.ending {
            return !is_erasure(origin);
        }
        begins_life(origin) && self.nevra.is_some() && self.nevra != origin.nevra
    }

    /// Whether everything in this life comes from another image and `event`, of this one, begins
    /// the plugin's installation: what it asks for here replaces what it asked for there.
    pub(crate) fn is_superseded_by(&self, event: &Event) -> bool {
        let kind = event.origin.scriptlet.as_deref();
        let begins = matches!(kind, Some("%pretrans" | "%pre" | "%post" | "%posttrans"));
        self.is_only_replayed() && event.replayed.is_none() && begins && event.origin.arg == Some(1)
    }

    /// Whether nothing was requested in this image.
    pub(crate) fn is_only_replayed(&self) -> bool {
        self.replayed && !self.own
    }

    /// Whether something was.
    pub(super) fn is_own(&self) -> bool {
        self.own
    }

    /// Whether the plugin's erasure has been seen.
    pub(crate) fn is_ending(&self) -> bool {
        self.ending
    }

    /// Takes in an event. What names no zone of the firewall is in `default_zone`.
    pub(super) fn take(&mut self, event: &Event, default_zone: &str) {
        self.last = event.id;
        self.own |= event.replayed.is_none();
        self.replayed |= event.replayed.is_some();
        self.nevra.clone_from(&event.origin.nevra);
        self.ending |= is_erasure(&event.origin);
        for recorded in &event.intents {
            self.intent(event, recorded, default_zone);
        }
        for held in event.held.iter().filter(|held| held.verdict != Verdict::Ignore) {
            self.hold(event.id, held);
        }
    }

    fn hold(&mut self, event: u64, held: &Withheld) {
        self.order += 1;
        if held.verdict == Verdict::Deny {
            self.denied.push((held.intent.clone(), PastDenial::of(held, &[event])));
        }
        let subject = subject(&held.intent);
        let earlier = self.held.remove(&subject).map(|(_, denied)| denied);
        let mut events = match earlier {
            Some(earlier) if earlier.held.intent == held.intent => earlier.events,
            _ => Vec::new(),
        };
        events.push(event);
        events.dedup();
        let denied = Denied {
            held: held.clone(),
            events,
            declared: Vec::new(),
            late: false,
        };
        self.held.insert(subject, (self.order, denied));
    }

    fn intent(&mut self, event: &Event, recorded: &RecordedIntent, default_zone: &str) {
        let subject = subject(&recorded.intent);
        if event.refused(recorded) {
            return self.refuse(event, subject, recorded);
        }
        if is_for_what_runs(&recorded.intent) {
            return;
        }
        if is_by_own_preset(&recorded.intent) {
            // It says nothing new of units, and takes the masks of instances away all the same.
            if let Some(template) = disabled_template(&recorded.intent) {
                let is_mask = |subject: &Subject| matches!(subject, Subject::Mask(..));
                self.wants.retain(|of, (_, want)| !is_mask(of) || !is_on_instance(&want.intent, template));
            }
            if recorded.changed
                && let Some(intent) = self.against_own(&recorded.intent)
            {
                self.intent(event, &RecordedIntent::new(intent, true), default_zone);
            }
            return;
        }
        self.end_others(&recorded.intent);
        self.held.remove(&subject);
        self.failed.remove(&subject);
        // lokkit has no way of its own to close what it opened, in no zone by name.
        let closed = lokkits(&recorded.intent, default_zone).and_then(|of| self.wants.remove(&of));
        if closed.is_some() && !self.decides && !self.wants.contains_key(&subject) {
            return;
        }
        let earlier = self.wants.get_mut(&subject);
        if let Some((_, earlier)) = earlier.as_ref()
            && undoes(&earlier.intent, &recorded.intent)
            && !self.decides
        {
            self.wants.remove(&subject);
            return;
        }
        self.order += 1;
        match earlier {
            Some((order, want)) if same_direction(&want.intent, &recorded.intent) => {
                *order = self.order;
                want.runtime &= recorded.runtime;
                want.intent = recorded.intent.clone();
                if want.events.last() != Some(&event.id) {
                    want.events.push(event.id);
                }
            }
            _ => {
                let want = ActiveIntent {
                    runtime: recorded.runtime,
                    ..ActiveIntent::new(recorded.intent.clone(), vec![event.id])
                };
                self.wants.insert(subject, (self.order, want));
            }
        }
    }

    /// What presets that settling wrote repeat counts as before: who applies them takes back what he has asked for
    /// against that since. Of an instance whose template he disabled this needs a decision of its own.
    fn against_own(&mut self, preset: &Intent) -> Option<Intent> {
        let Intent::Unit {
            unit, want, scope, ..
        } = preset
        else {
            return None;
        };
        let enables = *want == UnitWant::PresetEnable;
        let own = Subject::Enablement(unit.clone(), *scope);
        let asked = |wants: &BTreeMap<Subject, (usize, ActiveIntent)>, of: &Subject| {
            wants.get(of).and_then(|(_, want)| is_enabling(&want.intent))
        };
        if let Some(asked) = asked(&self.wants, &own) {
            if asked != enables {
                self.wants.remove(&own);
            }
            return None;
        }
        let template = Subject::Enablement(name::template_of(unit)?, *scope);
        let is_off = asked(&self.wants, &template) == Some(false);
        (enables && is_off).then(|| Intent::Unit {
            unit: unit.clone(),
            want: UnitWant::Enable,
            scope: *scope,
            rule: None,
        })
    }

    /// Takes out what an intent ends besides what is about the same.
    fn end_others(&mut self, intent: &Intent) {
        if matches!(intent, Intent::FirewallReset { .. }) {
            self.wants.retain(|subject, _| !matches!(subject, Subject::FirewallItem(..)));
        }
        if let Some(service) = removed_service(intent) {
            // chkconfig takes the links of all run levels away.
            let first = Subject::Levels(service.to_owned(), None);
            let of_service = self.wants.range(first..).map(|(subject, _)| subject.clone());
            let levels: Vec<Subject> = of_service
                .take_while(|subject| matches!(subject, Subject::Levels(of, _) if of == service))
                .collect();
            levels.iter().for_each(|subject| _ = self.wants.remove(subject));
        }
        if let Some(template) = disabled_template(intent) {
            // systemctl takes the links and masks of all instances away with those of their template.
            self.wants.retain(|_, (_, want)| !is_on_instance(&want.intent, template));
        }
        if let Some((unit, scope)) = disabled(intent) {
            // No later word about links brings back what was to be started before.
            let is_of = |of: &str| of == unit || name::template_of(of).as_deref() == Some(unit);
            self.wants.retain(
                |of, _| !matches!(of, Subject::Deferred(of, of_scope, None) if *of_scope == scope && is_of(of)),
            );
        }
    }

    fn refuse(&mut self, event: &Event, subject: Subject, recorded: &RecordedIntent) {
        self.order += 1;
        let earlier = self.failed.remove(&subject).map(|(_, want)| want);
        let mut want = earlier
            .filter(|want| want.intent == recorded.intent)
            .unwrap_or_else(|| ActiveIntent::new(recorded.intent.clone(), Vec::new()));
        want.events.push(event.id);
        want.events.dedup();
        self.failed.insert(subject, (self.order, want));
    }

    /// What is in effect at its end.
    pub(crate) fn into_plugin(self) -> Plugin {
        let mut wants: Vec<(usize, ActiveIntent)> = self.wants.into_values().collect();
        wants.sort_by_key(|(order, _)| *order);
        let wants = wants.into_iter().map(|(_, want)| want);
        let (mut deferred, wants): (Vec<_>, Vec<_>) =
            wants.partition(|want| matches!(want.intent, Intent::Defer { .. }));
        let mut held: Vec<(usize, Denied)> = self.held.into_values().collect();
        held.sort_by_key(|(order, _)| *order);
        let (postponed, denied): (Vec<_>, Vec<_>) = held
            .into_iter()
            .map(|(_, denied)| denied)
            .partition(|denied| denied.held.verdict == Verdict::Defer);
        deferred.extend(postponed.into_iter().map(|denied| ActiveIntent {
            declared: denied.declared,
            ..ActiveIntent::new(denied.held.intent, denied.events)
        }));
        let mut failed: Vec<(usize, ActiveIntent)> = self.failed.into_values().collect();
        failed.sort_by_key(|(order, _)| *order);
        let mut wants: Vec<ActiveIntent> = wants;
        for want in wants.iter_mut().chain(&mut deferred) {
            let same = self.denied.iter().filter(|(intent, _)| *intent == want.intent);
            same.for_each(|(_, past)| add(&mut want.denied_before, past));
        }
        Plugin {
            nevra: self.nevra,
            wants,
            deferred,
            denied,
            failed: failed.into_iter().map(|(_, want)| want).collect(),
            ..Plugin::default()
        }
    }
}

/// Whether a scriptlet asked that runs when the first package of its name is installed.
pub(super) fn begins_life(origin: &Origin) -> bool {
    matches!(origin.scriptlet.as_deref(), Some("%pre" | "%post")) && origin.arg == Some(1)
}

/// Whether a scriptlet asked that only runs when the last package of its name is erased: `$1` is 0
/// only then.
pub(crate) fn is_erasure(origin: &Origin) -> bool {
    let kind = origin.scriptlet.as_deref();
    let of_erasure = matches!(kind, Some("%preun" | "%postun" | "%preuntrans" | "%postuntrans"));
    of_erasure && origin.arg == Some(0)
}

/// Whether presets that settling wrote decided: they only repeat what somebody asked for.
fn is_by_own_preset(intent: &Intent) -> bool {
    let Intent::Unit { rule: Some(rule), .. } = intent else {
        return false;
    };
    rule.rsplit('/').next().is_some_and(|line| line.starts_with(OWN_PREFIX))
}

/// Whether an intent concerns only what is running: a boot starts everything, so nothing is left to be
/// done.
fn is_for_what_runs(intent: &Intent) -> bool {
    let Intent::Defer { verb, .. } = intent else {
        return false;
    };
    match verb {
        DeferredVerb::TryRestart
        | DeferredVerb::Reload
        | DeferredVerb::TryReloadOrRestart
        | DeferredVerb::Kill => true,
        DeferredVerb::Start
        | DeferredVerb::Stop
        | DeferredVerb::Restart
        | DeferredVerb::ReloadOrRestart
        | DeferredVerb::Isolate => false,
    }
}

/// Whether `later` leaves nothing of `earlier`, not even an intent of its own.
fn undoes(earlier: &Intent, later: &Intent) -> bool {
    match (earlier, later) {
        (Intent::Allow { .. }, Intent::Withdraw { .. }) => true,
        (Intent::Definition { change: a, .. }, Intent::Definition { change: b, .. }) => {
            !a.deletes() && b.deletes()
        }
        (Intent::Unit { want: a, .. }, Intent::Unit { want: b, .. }) => {
            *a == UnitWant::Mask && *b == UnitWant::Unmask
        }
        _ => false,
    }
}

/// Whether two intents on one subject want the same, so that both justify the outcome.
pub(super) fn same_direction(earlier: &Intent, later: &Intent) -> bool {
    let stops = |verb: &DeferredVerb| *verb == DeferredVerb::Stop;
    match (earlier, later) {
        (Intent::Unit { want: a, .. }, Intent::Unit { want: b, .. }) => a == b,
        (Intent::Service { want: a, .. }, Intent::Service { want: b, .. }) => a == b,
        (Intent::Defer { verb: a, .. }, Intent::Defer { verb: b, .. }) => stops(a) == stops(b),
        (Intent::Allow { .. }, Intent::Allow { .. }) | (Intent::Withdraw { .. }, Intent::Withdraw { .. }) => {
            true
        }
        // Who makes an object and edits it wants it twice.
        (Intent::Definition { change: a, .. }, Intent::Definition { change: b, .. }) => {
            a.deletes() == b.deletes()
        }
        _ => earlier == later,
    }
}

/// What lokkit opened, where an intent closes that in the default zone.
fn lokkits(intent: &Intent, default_zone: &str) -> Option<Subject> {
    match intent {
        Intent::Withdraw { opening, zone } if zone.as_deref() == Some(default_zone) => {
            let opening = opening.clone();
            Some(subject(&Intent::Allow { opening, zone: None }))
        }
        _ => None,
    }
}

/// The service that an intent takes out of all run levels.
fn removed_service(intent: &Intent) -> Option<&str> {
    match intent {
        Intent::Service {
            service,
            want: ServiceWant::Remove,
            ..
        } => Some(service),
        _ => None,
    }
}

/// Whether an intent enables a unit or disables it; none if it does neither.
fn is_enabling(intent: &Intent) -> Option<bool> {
    match intent {
        Intent::Unit { want, .. } => match want {
            UnitWant::Enable | UnitWant::PresetEnable => Some(true),
            UnitWant::Disable | UnitWant::PresetDisable => Some(false),
            _ => None,
        },
        _ => None,
    }
}

/// The unit that an intent disables, presets aside.
fn disabled(intent: &Intent) -> Option<(&str, Scope)> {
    match intent {
        Intent::Unit {
            unit,
            want: UnitWant::Disable,
            scope,
            ..
        } => Some((unit, *scope)),
        _ => None,
    }
}

/// The template that an intent disables.
pub(super) fn disabled_template(intent: &Intent) -> Option<(&str, Scope)> {
    match intent {
        Intent::Unit {
            unit,
            want: UnitWant::Disable | UnitWant::PresetDisable,
            scope,
            ..
        } if name::is_template(unit) => Some((unit, *scope)),
        _ => None,
    }
}

/// Whether an intent enables or masks an instance of a template.
fn is_on_instance(intent: &Intent, (template, of): (&str, Scope)) -> bool {
    match intent {
        Intent::Unit {
            unit,
            want: UnitWant::Enable | UnitWant::PresetEnable | UnitWant::Mask,
            scope,
            ..
        } => *scope == of && name::template_of(unit).as_deref() == Some(template),
        _ => false,
    }
}
