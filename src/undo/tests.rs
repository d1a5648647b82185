//! Tests of putting back, on a real directory: requests make real changes, and what is planned is
//! carried out.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use crate::attribution::{FoundBy, Origin};
use crate::intent::{Intent, RecordedIntent, Scope, UnitWant};
use crate::journal::Journal;
use crate::plan::{Plan, execute};
use crate::rpmdb::{Installed, Package};
use crate::state::{Facts, Revert, fold_without};

const UNITS: [&str; 2] = ["a.service", "b.service"];
const TARGETS: [&str; 3] = ["one.target", "two.target", "three.target"];
const DEFAULT: &str = "/etc/systemd/system/default.target";

/// An image, its journal and its settled state.
struct World {
    _directory: tempfile::TempDir,
    root: Root,
    events: Vec<Event>,
    /// All of them, whatever is left out.
    all: Vec<Event>,
    state: State,
    installed: BTreeSet<String>,
}

impl World {
    fn new() -> World {
        let directory = tempfile::tempdir().unwrap();
        let root = Root::open(directory.path()).unwrap();
        root.create_dirs("/etc/systemd/system/multi-user.target.wants", 0o755).unwrap();
        root.create_dirs("/usr/lib/systemd/system", 0o755).unwrap();
        for unit in UNITS.iter().chain(&TARGETS) {
            root.write(file(unit), b"[Unit]\n", None).unwrap();
        }
        root.forget_changes();
        World {
            _directory: directory,
            root,
            events: Vec::new(),
            all: Vec::new(),
            state: State::default(),
            installed: BTreeSet::new(),
        }
    }

    /// What is at every path below `/etc`.
    fn tree(&self) -> BTreeMap<String, PathState> {
        let mut tree = BTreeMap::new();
        let mut left = vec!["/etc".to_owned()];
        while let Some(directory) = left.pop() {
            for entry in self.root.list(&directory).unwrap() {
                let path = format!("{directory}/{}", entry.name.to_string_lossy());
                if entry.kind == Kind::Dir {
                    left.push(path.clone());
                }
                tree.insert(path.clone(), self.there(&path));
            }
        }
        tree
    }

    fn there(&self, path: &str) -> PathState {
        match self.root.meta(path).map(|meta| meta.kind) {
            Ok(Kind::Link) => PathState::Link(Escaped::new(self.root.read_link(path).unwrap())),
            Ok(Kind::File) => PathState::File(Some(digest(&self.root.read(path).unwrap()))),
            Ok(_) => PathState::File(None),
            Err(_) => PathState::Nothing,
        }
    }

    /// Records a request of a package with the changes that were made since the last one.
    fn request(&mut self, package: &str, intent: Intent) -> u64 {
        let changes = self.root.take_changes();
        let origin = Origin {
            found_by: FoundBy::RpmPlugin,
            nevra: Some(format!("{package}-1-1.noarch")),
            scriptlet: Some("%posttrans".into()),
            arg: Some(1),
            ..Origin::default()
        };
        let intents = vec![RecordedIntent::new(intent, !changes.is_empty())];
        self.installed.insert(package.to_owned());
        self.append(Tool::Systemctl, origin, intents, changes)
    }

    fn append(
        &mut self,
        tool: Tool,
        origin: Origin,
        intents: Vec<RecordedIntent>,
        changes: Vec<Change>,
    ) -> u64 {
        let id = self.all.len() as u64 + 1;
        let event = Event {
            id,
            intents,
            changes,
            ..Event::new("2024-01-01T00:00:00Z".into(), tool, origin)
        };
        self.events.push(event.clone());
        self.all.push(event);
        id
    }

    /// Leaves out what makes no difference any more, as closing the journal does.
    fn close(&mut self) {
        let mut journal = Journal {
            events: std::mem::take(&mut self.events),
            ..Journal::default()
        };
        leave_out(&mut journal, &mut self.state, self.all.len() as u64);
        self.events = journal.events;
    }

    fn enable(&mut self, package: &str, unit: &str, enable: bool) -> u64 {
        let link = link(unit);
        match (enable, self.root.exists(&link) || self.root.read_link(&link).is_ok()) {
            (true, false) => self.root.symlink(file(unit), &link).unwrap(),
            (false, true) => self.root.remove(&link).unwrap(),
            _ => {}
        }
        let want = if enable {
            UnitWant::Enable
        } else {
            UnitWant::Disable
        };
        self.request(package, wanted(unit, want))
    }

    fn set_default(&mut self, package: &str, target: &str) -> u64 {
        if self.there(DEFAULT) != PathState::Link(Escaped::new(file(target))) {
            self.root.replace_with_symlink(file(target), DEFAULT).unwrap();
        }
        self.request(package, Intent::DefaultTarget { unit: target.into() })
    }

    /// Settles as far as putting back goes, and returns what was left.
    fn settle(&mut self, revert: &Revert) -> Vec<Note> {
        let package = |name: &String| Package {
            name: name.clone(),
            epoch: None,
            version: "1".into(),
            release: "1".into(),
            arch: "noarch".into(),
        };
        let installed: Installed = self.installed.iter().map(package).collect();
        let facts = Facts {
            installed: &installed,
            before: &self.state,
            default_zone: "public",
        };
        if revert.events.iter().any(|id| self.events.iter().all(|event| event.id != *id)) {
            self.events.clone_from(&self.all);
        }
        let fold = fold_without(&self.events, &facts, revert);
        let restored = restore(&self.root, &self.events, (&self.state, &fold), "public").unwrap();
        self.state = fold.settled();
        self.root.forget_changes();
        let plan = Plan {
            changes: restored.changes.into_iter().chain(restored.after_files).collect(),
            notes: Vec::new(),
        };
        execute(&self.root, &plan).unwrap();
        let changes = self.root.take_changes();
        self.append(Tool::Nodeshim, Origin::default(), Vec::new(), changes);
        restored.notes
    }

    fn revert(&mut self, package: &str) -> Vec<Note> {
        let plugins = BTreeSet::from([package.to_owned()]);
        self.settle(&Revert {
            plugins,
            ..Revert::default()
        })
    }
}

fn wanted(unit: &str, want: UnitWant) -> Intent {
    Intent::Unit {
        unit: unit.into(),
        want,
        scope: Scope::System,
        rule: None,
    }
}

fn file(unit: &str) -> String {
    format!("/usr/lib/systemd/system/{unit}")
}

fn link(unit: &str) -> String {
    format!("/etc/systemd/system/multi-user.target.wants/{unit}")
}

#[test]
fn a_file_that_was_made_goes_only_while_it_holds_what_was_written() {
    let path = "/etc/systemd/system/a.service.d/override.conf";
    for changed_since in [false, true] {
        let mut world = World::new();
        let before = world.tree();
        world.root.create_dirs("/etc/systemd/system/a.service.d", 0o755).unwrap();
        world.root.write(path, b"[Unit]\n", None).unwrap();
        let intent = Intent::Unit {
            unit: "a.service".into(),
            want: UnitWant::Edit,
            scope: Scope::System,
            rule: None,
        };
        world.request("p", intent);
        world.settle(&Revert::default());
        if changed_since {
            world.root.write(path, b"[Unit]\n# by hand\n", None).unwrap();
        }
        let left = world.revert("p");
        assert_eq!(left.len(), usize::from(changed_since), "{left:?}");
        match changed_since {
            true => assert!(left[0].text.contains("somebody else"), "{left:?}"),
            false => assert_eq!(world.tree(), before),
        }
        assert_eq!(world.root.exists(path), changed_since);
    }
}

#[test]
fn a_file_that_was_made_and_renamed_goes_from_where_it_went() {
    let path = "/etc/systemd/system/a.conf";
    let old = format!("{path}.old");
    let target = |unit: &str| Intent::DefaultTarget { unit: unit.into() };
    let mut world = World::new();
    let before = world.tree();
    world.root.write(path, b"one\n", None).unwrap();
    world.request("p", target("one.target"));
    world.root.write(&old, b"none\n", None).unwrap();
    world.request("p", target("two.target"));
    world.root.rename(path, &old).unwrap();
    world.request("p", target("three.target"));
    world.settle(&Revert::default());
    assert!(world.root.exists(&old));
    assert_eq!(world.revert("p"), []);
    assert_eq!(world.tree(), before);
}

#[test]
fn a_file_without_a_digest_is_left_alone() {
    let mut world = World::new();
    let path = "/etc/systemd/system/a.service";
    world.root.write(path, b"[Unit]\n", None).unwrap();
    world.request(
        "p",
        Intent::DefaultTarget {
            unit: "a.service".into(),
        },
    );
    world.events[0].changes[0].digest = None;
    world.settle(&Revert::default());
    assert_eq!(world.revert("p").len(), 1);
    assert!(world.root.exists(path));
}

#[test]
fn a_mask_over_a_link_gives_way_to_it_and_a_dangling_one_is_not_put_back() {
    for is_there in [true, false] {
        let mut world = World::new();
        world.root.symlink(file("b.service"), "/etc/systemd/system/alias.service").unwrap();
        world.root.forget_changes();
        world.root.replace_with_symlink("/dev/null", "/etc/systemd/system/alias.service").unwrap();
        let intent = Intent::Unit {
            unit: "alias.service".into(),
            want: UnitWant::Mask,
            scope: Scope::System,
            rule: None,
        };
        world.request("p", intent);
        world.settle(&Revert::default());
        if !is_there {
            world.root.remove(file("b.service")).unwrap();
        }
        assert_eq!(world.revert("p"), []);
        let expected = match is_there {
            true => PathState::Link(Escaped::new(file("b.service"))),
            false => PathState::Nothing,
        };
        assert_eq!(world.there("/etc/systemd/system/alias.service"), expected);
    }
}

/// One call for two units: who else wants one of them does not keep the other.
#[test]
fn of_a_call_for_two_units_the_one_with_a_backslash_is_disabled_alone() {
    let escaped = r"mnt-p\x2dv.mount";
    let mut world = World::new();
    world.root.write(file(escaped), b"[Mount]\n", None).unwrap();
    world.root.forget_changes();
    for unit in ["a.service", escaped] {
        world.root.symlink(file(unit), link(unit)).unwrap();
    }
    world.request("p", wanted("a.service", UnitWant::Enable));
    let also = RecordedIntent::new(wanted(escaped, UnitWant::Enable), true);
    world.events.last_mut().unwrap().intents.push(also);
    world.enable("q", "a.service", true);
    world.settle(&Revert::default());
    assert_eq!(world.revert("p"), []);
    assert_eq!(world.there(&link(escaped)), PathState::Nothing);
    assert_ne!(world.there(&link("a.service")), PathState::Nothing);
}

#[test]
fn a_request_taken_back_out_of_the_middle_leaves_the_last_one() {
    let mut world = World::new();
    world.root.symlink(file("three.target"), DEFAULT).unwrap();
    world.root.forget_changes();
    let first = world.set_default("p", "one.target");
    let second = world.set_default("q", "two.target");
    world.settle(&Revert::default());
    let events = |id| Revert {
        events: BTreeSet::from([id]),
        ..Revert::default()
    };
    world.settle(&events(first));
    assert_eq!(world.there(DEFAULT), PathState::Link(Escaped::new(file("two.target"))));
    world.settle(&events(second));
    assert_eq!(world.there(DEFAULT), PathState::Link(Escaped::new(file("three.target"))));
}

/// One step of a story.
#[derive(Debug, Clone)]
enum Step {
    Enable(usize, usize, bool),
    Default(usize, usize),
    Revert(usize),
    Erase(usize),
    Event(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..3usize, 0..UNITS.len(), any::<bool>()).prop_map(|(p, u, on)| Step::Enable(p, u, on)),
        2 => (0..3usize, 0..TARGETS.len()).prop_map(|(p, t)| Step::Default(p, t)),
        1 => (0..3usize).prop_map(Step::Revert),
        1 => (0..3usize).prop_map(Step::Erase),
        1 => (0..12usize).prop_map(Step::Event),
    ]
}

impl Step {
    /// Takes the step in a world.
    fn take(&self, world: &mut World) {
        match self {
            Step::Enable(package, unit, on) => {
                world.enable(&package.to_string(), UNITS[*unit], *on);
                world.settle(&Revert::default());
            }
            Step::Default(package, target) => {
                world.set_default(&package.to_string(), TARGETS[*target]);
                world.settle(&Revert::default());
            }
            Step::Revert(package) => {
                world.revert(&package.to_string());
            }
            Step::Erase(package) => {
                world.installed.remove(&package.to_string());
                world.settle(&Revert::default());
            }
            Step::Event(number) => {
                let events = world.all.get(*number).map(|event| event.id).into_iter().collect();
                world.settle(&Revert {
                    events,
                    ..Revert::default()
                });
            }
        }
    }
}

/// What the steps make of it: who wants what, by plain bookkeeping.
#[derive(Default)]
struct Wanted(Vec<(u64, usize, String, String)>);

impl Wanted {
    /// The ways in which living requests of all packages want a subject.
    fn ways(&self, subject: &str) -> BTreeSet<&str> {
        let mut last: BTreeMap<usize, &str> = BTreeMap::new();
        for (_, package, of, way) in &self.0 {
            if of == subject {
                last.insert(*package, way);
            }
        }
        last.into_values().collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_journal_without_what_no_longer_counts_is_settled_as_the_whole_one(
        steps in prop::collection::vec((step(), any::<bool>()), 1..24),
        enabled in any::<bool>(),
    ) {
        let (mut whole, mut reduced) = (World::new(), World::new());
        for world in [&mut whole, &mut reduced] {
            if enabled {
                world.root.symlink(file(UNITS[0]), link(UNITS[0])).unwrap();
            }
            world.root.forget_changes();
        }
        for (step, close) in &steps {
            step.take(&mut whole);
            step.take(&mut reduced);
            prop_assert_eq!(whole.tree(), reduced.tree(), "after {:?}", step);
            if *close {
                reduced.close();
            }
            let wants = |world: &World| -> Vec<(String, Intent)> {
                world.state.wants().map(|(name, want)| (name.to_owned(), want.intent.clone())).collect()
            };
            prop_assert_eq!(wants(&whole), wants(&reduced));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn refcount_and_revert_hold_in_any_order(
        steps in prop::collection::vec(step(), 1..14),
        enabled in any::<bool>(),
        default in prop::option::of(0..TARGETS.len()),
    ) {
        let mut world = World::new();
        if enabled {
            world.root.symlink(file(UNITS[0]), link(UNITS[0])).unwrap();
        }
        if let Some(target) = default {
            world.root.symlink(file(TARGETS[target]), DEFAULT).unwrap();
        }
        world.root.forget_changes();
        let before = world.tree();
        let mut wanted = Wanted::default();
        let last = [Step::Revert(0), Step::Erase(1), Step::Revert(2)];
        for step in steps.iter().chain(&last) {
            match step {
                Step::Enable(package, unit, on) => {
                    let (unit, way) = (UNITS[*unit], if *on { "on" } else { "off" });
                    let id = world.enable(&package.to_string(), unit, *on);
                    wanted.0.push((id, *package, unit.into(), way.into()));
                    world.settle(&Revert::default());
                }
                Step::Default(package, target) => {
                    let id = world.set_default(&package.to_string(), TARGETS[*target]);
                    wanted.0.push((id, *package, DEFAULT.into(), TARGETS[*target].into()));
                    world.settle(&Revert::default());
                }
                Step::Revert(package) => {
                    wanted.0.retain(|(_, of, ..)| of != package);
                    prop_assert_eq!(world.revert(&package.to_string()), []);
                }
                Step::Erase(package) => {
                    wanted.0.retain(|(_, of, ..)| of != package);
                    world.installed.remove(&package.to_string());
                    prop_assert_eq!(world.settle(&Revert::default()), []);
                }
                Step::Event(number) => {
                    let Some((id, ..)) = wanted.0.get(*number).cloned() else { continue };
                    wanted.0.retain(|(of, ..)| *of != id);
                    let events = BTreeSet::from([id]);
                    prop_assert_eq!(world.settle(&Revert { events, ..Revert::default() }), []);
                }
            }
            for unit in UNITS {
                let there = world.there(&link(unit)) != PathState::Nothing;
                let was = before.contains_key(&link(unit));
                match wanted.ways(unit).into_iter().collect::<Vec<_>>()[..] {
                    [] => prop_assert_eq!(there, was, "nobody wants {} after {:?}", unit, step),
                    [way] => prop_assert_eq!(there, way == "on", "{} after {:?}", unit, step),
                    _ => {}
                }
            }
            let ways = wanted.ways(DEFAULT);
            match world.there(DEFAULT) {
                PathState::Link(target) if !ways.is_empty() => {
                    prop_assert!(ways.iter().any(|way| target == file(way).as_str()), "{} after {:?}", target.shown(), step);
                }
                there => {
                    prop_assert!(ways.is_empty(), "no default target after {:?}", step);
                    prop_assert_eq!(&there, before.get(DEFAULT).unwrap_or(&PathState::Nothing));
                }
            }
        }
        prop_assert_eq!(world.tree(), before);
    }
}
