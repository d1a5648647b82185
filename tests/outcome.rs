//! The outcome oracle: random histories of packages, metadata, presets and builder's calls on twins, one
//! image with the original tools, one under nodeshim. Compared is what comes
//! of it: the target to boot into, which units are enabled after the real `preset-all`, in which run levels init
//! scripts start, what is open in each zone by the nftables
//! and the firewalld backend, and in the default zone by that of iptables, and which units a first boot starts. `outcome/rules.rs` says what may differ.
//!
//! Of some, packets are sent and a machine is booted: `outcome/packets.rs`, `outcome/booted.rs`.
//!
//! `NODESHIM_OUTCOME_HISTORIES` says how many, `NODESHIM_SEED` from which seed on, `NODESHIM_BOOTED_HISTORIES` how
//! many are booted. What is found shrinks to the fewest steps that still differ, and prints as calls.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "outcome/booted.rs"]
mod booted;
#[path = "support/cable.rs"]
mod cable;
#[path = "support/call.rs"]
mod call;
#[path = "firewalld_support/mod.rs"]
mod firewalld_support;
#[path = "outcome/found.rs"]
mod found;
#[path = "outcome/history.rs"]
mod history;
#[path = "support/machine.rs"]
mod machine;
#[path = "outcome/original.rs"]
mod original;
#[path = "outcome/packets.rs"]
mod packets;
#[path = "outcome/rules.rs"]
mod rules;
mod support;
#[path = "outcome/twins.rs"]
mod twins;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use firewalld_support::{memory, number};
use found::found_before;
use history::{Call, INSTANCES, Step, TEMPLATE, VENDOR_SCRIPT, VENDOR_UNITS, history, is_possible};
use nodeshim::config::Backend;
use original::{Firewall, Original};
use rules::{LEVELS, Subject, Wanted, call_for, decided_by, installed};
use tempfile::TempDir;
use twins::{Effect, Shimmed, VENDOR_LEVELS, builder, own_presets, remove, scriptlet, unit_states, unpack};

/// The backends that nodeshim writes.
const BACKENDS: [Backend; 3] = [Backend::Nftables, Backend::Firewalld, Backend::Iptables];

/// Histories in a run of all tests.
const HISTORIES: u64 = 500;

#[test]
fn an_image_boots_as_it_was_last_asked_for() {
    let tools = ["/usr/bin/systemctl", "/usr/bin/firewall-offline-cmd"];
    if tools.iter().any(|tool| !Path::new(tool).exists()) {
        return support::skip::skip("the original systemctl or firewall-offline-cmd is not installed");
    }
    let mut firewall = Firewall::start();
    for (backend, steps) in found_before() {
        let wrong = compare(&mut firewall, &steps, backend);
        assert_eq!(wrong, None, "{steps:#?}");
    }
    let first = number("NODESHIM_SEED", 1);
    let found: Vec<String> = (first..first + number("NODESHIM_OUTCOME_HISTORIES", HISTORIES))
        .filter_map(|seed| {
            let steps = history(seed);
            let backend = BACKENDS[(seed % 3) as usize];
            let wrong = compare(&mut firewall, &steps, backend)?;
            let (steps, wrong) = shrink(&mut firewall, steps, backend, wrong);
            let steps: Vec<String> = steps.iter().map(|step| format!("  {step}")).collect();
            Some(format!("NODESHIM_SEED={seed} ({})\n{}\n{wrong}", backend.word(), steps.join("\n")))
        })
        .take(5)
        .collect();
    assert!(found.is_empty(), "{}", found.join("\n\n"));
}

/// Two images that have lived through the same history.
struct Twins {
    shimmed: Shimmed,
    /// The root of the one with the original tools.
    original: PathBuf,
    wanted: Wanted,
    _place: TempDir,
}

impl Twins {
    /// Takes all steps, and looks at the original.
    fn live(firewall: &mut Firewall, steps: &[Step], backend: Backend) -> (Twins, Effect) {
        let place = tempfile::tempdir_in(memory()).expect("a directory");
        for twin in ["original", "nodeshim"] {
            std::fs::create_dir(place.path().join(twin)).expect("a directory");
        }
        let mut original = Original::new(place.path().join("original"), firewall);
        let shimmed = Shimmed::new(place.path().join("nodeshim"), backend);
        let base = unit_states(&original.root);
        let base = base.into_iter().map(|(unit, state)| (("unit", unit), state == "enabled"));
        let levels = VENDOR_LEVELS.map(|level| ((LEVELS[level], VENDOR_SCRIPT), true));
        let mut wanted = Wanted::new(base.chain(levels).collect());
        for (index, step) in steps.iter().enumerate() {
            take(step, &mut original, &shimmed, &mut wanted, &installed(&steps[..=index]));
        }
        let expected = original.effect();
        let twins = Twins {
            shimmed,
            original: original.root,
            wanted,
            _place: place,
        };
        (twins, expected)
    }
}

/// What differs at the end of a history, if anything does.
fn compare(firewall: &mut Firewall, steps: &[Step], backend: Backend) -> Option<String> {
    let (twins, expected) = Twins::live(firewall, steps, backend);
    let expected = expected.seen_by(backend);
    let starts = twins.wanted.starts();
    let started = twins.shimmed.starts();
    let links = unit_states(&twins.shimmed.root);
    let found = twins.shimmed.effect_after_presets();
    let mut wrong = Vec::new();
    if expected.units != links {
        wrong.push(format!("original {:?}\nnodeshim without presets {links:?}", expected.units));
    }
    if expected != found {
        wrong.push(format!("original {expected:?}\nnodeshim {found:?}"));
    }
    let is_there = |unit: &&str| expected.units.contains_key(*unit);
    let started: Vec<&str> = started.iter().map(String::as_str).filter(is_there).collect();
    if !started.iter().copied().eq(starts.iter().copied().filter(is_there)) {
        wrong.push(format!("to be started {starts:?}\nnodeshim starts {started:?}"));
    }
    (!wrong.is_empty()).then(|| wrong.join("\n"))
}

/// Takes one step on both twins.
fn take(
    step: &Step,
    original: &mut Original,
    shimmed: &Shimmed,
    wanted: &mut Wanted,
    there: &BTreeMap<&'static str, usize>,
) {
    let roots = [original.root.clone(), shimmed.root.clone()];
    match step {
        Step::Install {
            package,
            post,
            declared,
        } => {
            roots.iter().for_each(|root| unpack(root, package, declared));
            let origin = scriptlet(package, 1, "%post", 1);
            post.iter().for_each(|call| of_package(call, package, &origin, original, shimmed, wanted));
            wanted.declare(package, declared);
        }
        Step::Upgrade {
            package,
            post,
            postun,
        } => {
            let version = there[package];
            let steps = [(post, "%post", version, 2), (postun, "%postun", version - 1, 1)];
            for (calls, kind, version, arg) in steps {
                let origin = scriptlet(package, version, kind, arg);
                calls
                    .iter()
                    .for_each(|call| of_package(call, package, &origin, original, shimmed, wanted));
            }
        }
        Step::Erase {
            package,
            preun,
            postun,
        } => {
            for (calls, kind) in [(preun, "%preun"), (postun, "%postun")] {
                let origin = scriptlet(package, 1, kind, 0);
                for call in calls {
                    original.call(call);
                    shimmed.call(call, &origin);
                }
                roots.iter().for_each(|root| remove(root, package));
            }
            wanted.erase(package, &[preun.as_slice(), postun].concat());
        }
        Step::Builder(calls) => {
            for call in calls {
                let masked = masked_instances(&original.root);
                let before = states_before_preset(call, &original.root);
                let ignored = is_ignored(call, &original.root);
                let decided = decided(call, original);
                let done = original.call(call) && !ignored;
                shimmed.call(call, &builder());
                if done {
                    wanted.of_builder(call, &decided, &preset_states(call, &original.root, &masked));
                    for (unit, on) in repeated(call, &original.root, before) {
                        wanted.repeat(None, unit, on);
                    }
                    let masked_now = masked_instances(&original.root);
                    wanted
                        .unmask(masked.difference(&masked_now).copied().filter(|_| *call == Call::PresetAll));
                }
            }
        }
    }
    for (subject, on) in wanted.rule() {
        original.set_level(subject, on, wanted.has_link(subject));
        if let Some(call) = call_for(subject, on) {
            original.call(&call);
        }
    }
    if let Some(target) = wanted.rule_target() {
        original.set_target(target);
    }
    shimmed.settle(there);
    original.copy_presets(shimmed);
}

fn of_package(
    call: &Call,
    package: &'static str,
    origin: &nodeshim::attribution::Origin,
    original: &mut Original,
    shimmed: &Shimmed,
    wanted: &mut Wanted,
) {
    if wanted.overrules(call) {
        return shimmed.call(call, origin);
    }
    let ignored = is_ignored(call, &original.root);
    let before = states_before_preset(call, &original.root);
    let decided = decided(call, original);
    let done = original.call(call) && !ignored;
    shimmed.call(call, origin);
    if done {
        let preset = preset_states(call, &original.root, &BTreeSet::new()).into_values().next();
        wanted.of_package(package, call, &decided, preset);
        for (unit, on) in repeated(call, &original.root, before) {
            wanted.repeat(Some(package), unit, on);
        }
    }
}

/// What a call decides if it is carried out.
fn decided(call: &Call, original: &Original) -> Vec<(Subject, bool)> {
    let Call::Levels { script, .. } = call else {
        return decided_by(call);
    };
    let levels = original.decides(call).into_iter();
    levels.map(|(level, on)| ((LEVELS[level], *script), on)).collect()
}

/// Instances of templates that are masked, which have a file by that.
fn masked_instances(root: &Path) -> BTreeSet<&'static str> {
    INSTANCES.into_iter().filter(|unit| is_masked(root, unit)).collect()
}

/// Whether a call leaves everything as it is: disable does, where the unit is masked.
fn is_ignored(call: &Call, root: &Path) -> bool {
    let Call::Unit {
        verb: "disable",
        unit,
    } = call
    else {
        return false;
    };
    is_masked(root, unit)
}

fn is_masked(root: &Path, unit: &str) -> bool {
    let link = root.join("etc/systemd/system").join(unit);
    std::fs::read_link(link).is_ok_and(|target| target == Path::new("/dev/null"))
}

/// What became of the units that a call applied presets to: of instances all where the image's presets disable
/// their template, else those that were `masked`. What presets of nodeshim's own say was asked for before.
fn preset_states(call: &Call, root: &Path, masked: &BTreeSet<&'static str>) -> BTreeMap<&'static str, bool> {
    let own = own_presets(root);
    let is_template_of_image = !own.contains(TEMPLATE);
    let of: &dyn Fn(&str) -> bool = match call {
        Call::PresetAll => &|unit: &str| !unit.contains('@') || is_template_of_image || masked.contains(unit),
        Call::Unit { verb: "preset", unit } => &move |of: &str| of == *unit,
        _ => return BTreeMap::new(),
    };
    let states = unit_states(root).into_iter().filter(|(unit, _)| of(unit) && !own.contains(*unit));
    // A masked unit is not enabled; it is off where the presets disable it.
    let states = states.filter(|(unit, state)| !state.starts_with("masked") || *unit != VENDOR_UNITS[0]);
    states.map(|(unit, state)| (unit, state == "enabled")).collect()
}

/// The states of units before presets are applied to one.
fn states_before_preset(call: &Call, root: &Path) -> BTreeMap<&'static str, String> {
    match call {
        Call::Unit { verb: "preset", .. } => unit_states(root),
        _ => BTreeMap::new(),
    }
}

/// What presets of nodeshim's own made of a unit that was otherwise before.
fn repeated(
    call: &Call,
    root: &Path,
    before: BTreeMap<&'static str, String>,
) -> BTreeMap<&'static str, bool> {
    let own = own_presets(root);
    let Call::Unit { verb: "preset", unit } = call else {
        return BTreeMap::new();
    };
    let after = unit_states(root).into_iter().filter(|(of, _)| of == unit && own.contains(*of));
    let changed = after.filter(|(of, state)| before.get(of) != Some(state));
    changed.map(|(of, state)| (of, state == "enabled")).collect()
}

/// Leaves steps, then calls, out as long as the twins still differ.
fn shrink(firewall: &mut Firewall, steps: Vec<Step>, backend: Backend, wrong: String) -> (Vec<Step>, String) {
    let (mut steps, mut wrong) = (steps, wrong);
    loop {
        let smaller = smaller(&steps).into_iter().filter(|steps| is_possible(steps));
        let found = smaller
            .map(|steps| (compare(firewall, &steps, backend), steps))
            .find_map(|(wrong, steps)| Some((steps, wrong?)));
        match found {
            Some(found) => (steps, wrong) = found,
            None => return (steps, wrong),
        }
    }
}

/// The histories with one step less, or one call less.
fn smaller(steps: &[Step]) -> Vec<Vec<Step>> {
    let mut all = Vec::new();
    for index in 0..steps.len() {
        let mut without = steps.to_vec();
        without.remove(index);
        all.push(without);
    }
    for (index, step) in steps.iter().enumerate() {
        for one in calls_less(step) {
            let mut less = steps.to_vec();
            less[index] = one;
            all.push(less);
        }
    }
    all
}

fn calls_less(step: &Step) -> Vec<Step> {
    let less = |calls: &[Call]| {
        let without = |index| {
            let mut calls = calls.to_vec();
            calls.remove(index);
            calls
        };
        (0..calls.len()).map(without).collect::<Vec<Vec<Call>>>()
    };
    match step {
        Step::Install {
            package,
            post,
            declared,
        } => {
            let fewer = less(post).into_iter().map(|post| Step::Install {
                package,
                post,
                declared: declared.clone(),
            });
            let undeclared = (!declared.is_empty()).then(|| Step::Install {
                package,
                post: post.clone(),
                declared: Vec::new(),
            });
            fewer.chain(undeclared).collect()
        }
        Step::Upgrade {
            package,
            post,
            postun,
        } => {
            let upgrade = |post: Vec<Call>, postun: Vec<Call>| Step::Upgrade {
                package,
                post,
                postun,
            };
            let fewer = less(post).into_iter().map(|post| upgrade(post, postun.clone()));
            fewer
                .chain(less(postun).into_iter().map(|postun| upgrade(post.clone(), postun)))
                .collect()
        }
        Step::Erase {
            package,
            preun,
            postun,
        } => {
            let erase = |preun: Vec<Call>, postun: Vec<Call>| Step::Erase {
                package,
                preun,
                postun,
            };
            let fewer = less(preun).into_iter().map(|preun| erase(preun, postun.clone()));
            fewer.chain(less(postun).into_iter().map(|postun| erase(preun.clone(), postun))).collect()
        }
        Step::Builder(calls) => less(calls).into_iter().map(Step::Builder).collect(),
    }
}
