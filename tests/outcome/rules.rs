//! In what an image under nodeshim may differ from one under the original tools. Each rule says what is
//! to be done to the original's image after a step so that it is as it should be under nodeshim:
//!
//! * Withdrawal and refcount: what a package asked for goes with it, unless another package that is there
//!   asked for the same, or the image had it before. A package that closes what it had opened takes only
//!   its own request back. Who disables a template decides against the masks of its instances, own or not: the
//!   original takes them away.
//! * Precedence: what the builder decided applies, whatever a package asks for later. Presets that
//!   the builder applies are no decision against what is asked for later, and take back what was decided before:
//!   with a template that they disable its instances, and the masks of those.
//! * Metadata: what is declared holds while its package is there, unless somebody asked for the opposite;
//!   what the presets said to its own package is no such request.
//! * Presets: those that settling writes count like the image's own.
//! * One port, whatever tool names it: who closes it in the default zone closes what lokkit opened, which has no
//!   way of its own to close anything.
//! * Run levels: each level of a script is decided by itself; that a script is in no level and that it is
//!   stopped there is the same to a boot. What a package that goes had made of a level is undone, link and all: a
//!   later `chkconfig --add` finds the level as it was before. What the builder added no package takes out of
//!   all levels, also where the builder's call found it there already; and what the builder took out of them has
//!   no links after a package's call either, so that the builder may add it, who decides nothing else by that.
//!
//! Deferred starts change no file; [`Wanted::starts`] says which units have to be started at a boot.

use std::collections::{BTreeMap, BTreeSet};

use super::history::{Call, INSTANCES, Step, TEMPLATE, VENDOR_SCRIPT};

/// What a decision is about: a unit, its mask, or an entry of a zone.
pub type Subject = (&'static str, &'static str);

/// Whether a script is started in a run level.
pub const LEVELS: [&str; 7] = ["0", "1", "2", "3", "4", "5", "6"];
const MASK: &str = "mask";
const START: &str = "start";
const BUILDER: &str = "builder";

/// A call that brings a decision about; of run levels, whose links are set themselves, there is none.
pub fn call_for(subject: Subject, on: bool) -> Option<Call> {
    Some(match subject {
        (MASK, unit) => Call::Unit {
            verb: if on { "mask" } else { "unmask" },
            unit,
        },
        ("unit", unit) => Call::Unit {
            verb: if on { "enable" } else { "disable" },
            unit,
        },
        (level, _) if LEVELS.contains(&level) => return None,
        (place, value) => {
            let (zone, kind) = place.split_once(' ').expect("a zone and a kind");
            Call::Firewall {
                zone,
                add: on,
                kind,
                value,
            }
        }
    })
}

/// What a call decides: nothing for refused calls, and for what only concerns what is running. Who disables
/// a template disables all its instances and takes their masks away. What chkconfig decides depends on the links that are there.
pub fn decided_by(call: &Call) -> Vec<(Subject, bool)> {
    match call {
        Call::Unit {
            verb: "disable",
            unit: TEMPLATE,
        } => INSTANCES
            .iter()
            .flat_map(|unit| [(("unit", *unit), false), ((MASK, *unit), false)])
            .collect(),
        call => decides(call).into_iter().collect(),
    }
}

fn decides(call: &Call) -> Option<(Subject, bool)> {
    Some(match call {
        Call::Unit { verb, unit } => match *verb {
            "enable" => (("unit", unit), true),
            "disable" => (("unit", unit), false),
            "mask" => ((MASK, unit), true),
            "unmask" => ((MASK, unit), false),
            _ => return None,
        },
        Call::PresetAll | Call::DefaultTarget { .. } | Call::Levels { .. } => return None,
        Call::Lokkit {
            option: "--port",
            value,
        } => (("public port", value), true),
        Call::Lokkit { .. } => return None,
        Call::Firewall {
            zone,
            add,
            kind,
            value,
        } => {
            let place = match (*zone, *kind) {
                ("public", "port") => "public port",
                ("public", _) => "public service",
                (_, "port") => "internal port",
                _ => "internal service",
            };
            ((place, value), *add)
        }
    })
}

/// What everybody wants as of now.
#[derive(Default)]
pub struct Wanted {
    /// What the image had before anything was asked for, of units alone.
    base: BTreeMap<Subject, bool>,
    /// By package: direction and time of the last call.
    packages: BTreeMap<&'static str, BTreeMap<Subject, (bool, usize)>>,
    /// Whose last call about a unit was to apply presets.
    preset: BTreeSet<(&'static str, Subject)>,
    declared: BTreeMap<&'static str, BTreeSet<Subject>>,
    /// Direction and time of the builder's last decision.
    builder: BTreeMap<Subject, (bool, usize)>,
    /// Scripts that the builder added.
    added: BTreeSet<&'static str>,
    /// Run levels that the builder's last word took the link out of.
    deleted: BTreeSet<Subject>,
    /// Packages that asked to start a unit, with the time.
    started: BTreeMap<(&'static str, &'static str), usize>,
    /// Counts calls.
    time: usize,
    /// Subjects that the rules decide after this step.
    ruled: BTreeSet<Subject>,
    /// Who disabled an instance by its template alone.
    by_template: BTreeSet<(&'static str, Subject)>,
    /// Targets to boot into: by whom, which and when.
    targets: BTreeMap<&'static str, (&'static str, usize)>,
    /// Whether the rules decide about the target after this step.
    target_is_ruled: bool,
}

impl Wanted {
    pub fn new(base: BTreeMap<Subject, bool>) -> Wanted {
        Wanted {
            base,
            ..Wanted::default()
        }
    }

    /// A package's metadata comes with it.
    pub fn declare(&mut self, package: &'static str, declared: &[Call]) {
        let subjects: BTreeSet<Subject> =
            declared.iter().filter_map(decides).map(|(subject, _)| subject).collect();
        self.ruled.extend(&subjects);
        self.declared.insert(package, subjects);
    }

    /// A package's call that the original carried out. `preset` is what the unit's state became by it.
    pub fn of_package(
        &mut self,
        package: &'static str,
        call: &Call,
        decided: &[(Subject, bool)],
        preset: Option<bool>,
    ) {
        self.time += 1;
        if let Call::Unit { verb: START, unit } = call {
            self.started.insert((package, unit), self.time);
        }
        if let Call::DefaultTarget { target } = call {
            self.target_is_ruled |= self.targets.contains_key(BUILDER);
            self.targets.insert(package, (target, self.time));
        }
        for (subject, on) in decided {
            self.preset.remove(&(package, *subject));
            self.decided(package, *subject, *on, is_of_template(call));
            self.note_switch(package, *subject, *on, call);
        }
        if let Some((subject, on)) = preset_of(call, preset) {
            self.preset.insert((package, subject));
            self.decided(package, subject, on, false);
        }
    }

    /// Notes how a unit was disabled; what was to be started of it before is not any more.
    fn note_switch(&mut self, who: &'static str, subject: Subject, on: bool, call: &Call) {
        match is_of_template(call) {
            true => _ = self.by_template.insert((who, subject)),
            false => _ = self.by_template.remove(&(who, subject)),
        }
        if subject.0 == "unit" && !on {
            self.started.remove(&(who, subject.1));
        }
    }

    /// Presets of nodeshim's own changed a unit back: they repeat what was asked for before, and who applied
    /// them takes back what he has asked for since.
    pub fn repeat(&mut self, who: Option<&'static str>, unit: &'static str, on: bool) {
        let (subject, time) = (("unit", unit), self.time);
        let own = match who {
            Some(package) => self.packages.entry(package).or_default(),
            None => &mut self.builder,
        };
        if own.get(&subject).is_none_or(|(asked, _)| *asked == on) {
            return;
        }
        match self.by_template.remove(&(who.unwrap_or(BUILDER), subject)) {
            true => _ = own.insert(subject, (on, time)),
            false => _ = own.remove(&subject),
        }
    }

    fn decided(&mut self, package: &'static str, subject: Subject, on: bool, of_template: bool) {
        if self.declared.get(package).is_some_and(|own| own.contains(&subject)) {
            self.ruled.insert(subject);
        }
        let own = self.packages.entry(package).or_default();
        let is_switch = subject.0 == "unit" || LEVELS.contains(&subject.0) || of_template;
        let takes_own_back = !is_switch && !on && own.get(&subject).is_some_and(|(was_on, _)| *was_on);
        match takes_own_back {
            true => _ = own.remove(&subject),
            false => _ = own.insert(subject, (on, self.time)),
        }
        let closes = subject.0.starts_with("public") && !on;
        if takes_own_back || closes || self.builder.contains_key(&subject) {
            self.ruled.insert(subject);
        }
    }

    /// Whether a package's call comes to nothing, as the builder has decided against all of it.
    pub fn overrules(&self, call: &Call) -> bool {
        matches!(call, Call::Levels { verb: "del", script, .. } if self.added.contains(script))
    }

    /// A builder's call that the original carried out.
    pub fn of_builder(
        &mut self,
        call: &Call,
        decided: &[(Subject, bool)],
        states: &BTreeMap<&'static str, bool>,
    ) {
        self.time += 1;
        if let Call::Unit { verb: START, unit } = call {
            self.started.insert((BUILDER, unit), self.time);
        }
        if let Call::Levels { verb, script, .. } = call {
            match *verb {
                "add" => _ = self.added.insert(script),
                "del" => _ = self.added.remove(script),
                _ => {}
            }
        }
        for (subject, on) in decided {
            let was_deleted = match call {
                Call::Levels { verb: "del", .. } => !self.deleted.insert(*subject),
                _ => self.deleted.remove(subject),
            };
            self.note_switch(BUILDER, *subject, *on, call);
            // What chkconfig adds is in the levels that the script names itself.
            let is_added = matches!(call, Call::Levels { verb: "add", .. });
            if is_added && was_deleted {
                self.builder.remove(subject);
            }
            match is_added {
                true => _ = self.packages.entry("presets").or_default().insert(*subject, (*on, self.time)),
                false => _ = self.builder.insert(*subject, (*on, self.time)),
            }
            if subject.0.starts_with("public") {
                self.ruled.insert(*subject);
            }
        }
        if let Call::DefaultTarget { target } = call {
            self.targets.insert(BUILDER, (target, self.time));
        }
        // Presets take the builder's decision back, and are the last word about a unit until the next.
        for (unit, on) in states {
            let subject = ("unit", *unit);
            self.builder.remove(&subject);
            self.packages.entry("presets").or_default().insert(subject, (*on, self.time));
        }
    }

    /// Presets of the builder took the masks of these away: also a decision is over that was the builder's.
    pub fn unmask(&mut self, units: impl Iterator<Item = &'static str>) {
        for unit in units {
            self.builder.remove(&(MASK, unit));
            self.packages.entry("presets").or_default().insert((MASK, unit), (false, self.time));
        }
    }

    /// A package is gone, which called these tools at its end.
    pub fn erase(&mut self, package: &'static str, last: &[Call]) {
        // What it tidies up goes, unless somebody else wants it.
        let tidied = last.iter().flat_map(decided_by).map(|(subject, _)| subject);
        self.ruled.extend(tidied.filter(|(place, _)| *place != "unit"));
        self.target_is_ruled |= self.targets.remove(package).is_some();
        let own = self.packages.remove(package).unwrap_or_default();
        self.ruled.extend(own.into_keys());
        self.ruled.extend(self.declared.remove(package).unwrap_or_default());
        self.started.retain(|(of, _), _| *of != package);
    }

    /// The target to boot into, if the rules decide about it after this step; none stands for the one that
    /// the image ships.
    pub fn rule_target(&mut self) -> Option<Option<&'static str>> {
        let last = || self.targets.values().max_by_key(|(_, time)| *time);
        let counts = self.targets.get(BUILDER).or_else(last).map(|(target, _)| *target);
        std::mem::take(&mut self.target_is_ruled).then_some(counts)
    }

    /// What the rules say of subjects that this step touched.
    pub fn rule(&mut self) -> Vec<(Subject, bool)> {
        let ruled = std::mem::take(&mut self.ruled);
        ruled.into_iter().map(|subject| (subject, self.expected(subject))).collect()
    }

    /// Whether a run level has a link of a script whose levels the rules decide: those that the image ships, and
    /// those that somebody who is there asked for or against, unless the builder took the script out of it.
    pub fn has_link(&self, subject: Subject) -> bool {
        let mut asked = self.packages.values().chain([&self.builder]);
        let is_decided = subject.1 == VENDOR_SCRIPT || asked.any(|own| own.contains_key(&subject));
        is_decided && !self.deleted.contains(&subject)
    }

    /// What counts of what packages asked for. What the presets said to a package does not count against what it
    /// declares itself.
    fn asked(&self, subject: Subject) -> impl Iterator<Item = &(bool, usize)> {
        let yields = move |package: &'static str| {
            let declares = self.declared.get(package).is_some_and(|own| own.contains(&subject));
            declares && self.preset.contains(&(package, subject))
        };
        let others = self.packages.iter().filter(move |(package, _)| !yields(package));
        others.filter_map(move |(_, own)| own.get(&subject))
    }

    fn expected(&self, subject: Subject) -> bool {
        let asked = self.asked(subject).max_by_key(|(_, time)| *time);
        let declared = self.declared.values().any(|own| own.contains(&subject));
        let base = self.base.get(&subject).copied().unwrap_or(false);
        self.builder.get(&subject).or(asked).map_or(declared || base, |(on, _)| *on)
    }

    /// The units that some package asked to start and nobody switched off since, and that are not masked.
    pub fn starts(&self) -> BTreeSet<&'static str> {
        let later_off = |package: &str, unit: &'static str, time: usize| {
            let subject = ("unit", unit);
            let is_off = match self.builder.get(&subject) {
                Some((on, when)) => !on && (package != BUILDER || *when > time),
                None => {
                    let last = self.asked(subject).max_by_key(|(_, when)| *when);
                    package != BUILDER && last.is_some_and(|(on, when)| !on && *when > time)
                }
            };
            is_off || self.expected((MASK, unit))
        };
        let wanted = self.started.iter().filter(|((package, unit), time)| !later_off(package, unit, **time));
        wanted.map(|((_, unit), _)| *unit).collect()
    }
}

/// Whether a call disables a template and with it all its instances.
fn is_of_template(call: &Call) -> bool {
    let disable = Call::Unit {
        verb: "disable",
        unit: TEMPLATE,
    };
    *call == disable
}

fn preset_of(call: &Call, preset: Option<bool>) -> Option<(Subject, bool)> {
    match call {
        Call::Unit { verb: "preset", unit } => Some((("unit", unit), preset?)),
        _ => None,
    }
}

/// The packages that are there after these steps.
pub fn installed(steps: &[Step]) -> BTreeMap<&'static str, usize> {
    let mut installed = BTreeMap::new();
    for step in steps {
        match step {
            Step::Install { package, .. } => _ = installed.insert(*package, 1),
            Step::Upgrade { package, .. } => *installed.entry(*package).or_insert(0) += 1,
            Step::Erase { package, .. } => _ = installed.remove(package),
            Step::Builder(_) => {}
        }
    }
    installed
}
