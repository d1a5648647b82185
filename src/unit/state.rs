//! Whether a unit is enabled, as `is-enabled` and `list-unit-files` say it.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use nix::errno::Errno;

use crate::root::Kind;
use crate::unit::batch::Batch;
use crate::unit::generation::Trait;
use crate::unit::lookup::{Lookup, Mode, Unit};
use crate::unit::name::{self, base_name};
use crate::unit::paths::{join, parent};
use crate::unit::problem::{Events, Problem};
use crate::unit::state_earlier::LinksBelow;
use crate::unit::tree::Units;

/// A unit file's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Links as `[Install]` lists them, or any that pulls it in.
    Enabled,
    /// The same, until reboot.
    EnabledRuntime,
    /// Only a link to the file outside the search path.
    Linked,
    /// The same, until reboot.
    LinkedRuntime,
    /// Another name of a unit.
    Alias,
    /// Cannot be started.
    Masked,
    /// The same, until reboot.
    MaskedRuntime,
    /// Cannot be enabled.
    Static,
    /// Has `[Install]`, has no links.
    Disabled,
    /// In use under another name, or enabled through `Also=`.
    Indirect,
    /// Made by a generator.
    Generated,
    /// Made at run time.
    Transient,
    /// The unit file is invalid (systemctl(1), `is-enabled`).
    Bad,
}

impl State {
    /// The state of a word of systemd; none for a word that says there is no file.
    pub fn parse(word: &str) -> Option<State> {
        use State::{
            Alias, Bad, Disabled, Enabled, EnabledRuntime, Generated, Indirect, Linked, LinkedRuntime,
            Masked, MaskedRuntime, Static, Transient,
        };
        let all = [
            Enabled,
            EnabledRuntime,
            Linked,
            LinkedRuntime,
            Alias,
            Masked,
            MaskedRuntime,
            Static,
            Disabled,
            Indirect,
            Generated,
            Transient,
            Bad,
        ];
        all.into_iter().find(|state| state.word() == word)
    }

    /// Whether it cannot be started at all.
    pub fn is_masked(self) -> bool {
        matches!(self, State::Masked | State::MaskedRuntime)
    }

    /// Whether links pull it in, for good or for this boot.
    pub(crate) fn is_enabled(self) -> bool {
        matches!(self, State::Enabled | State::EnabledRuntime)
    }

    /// Whether enabling and disabling change nothing: no `[Install]` section, another unit's name, or
    /// made at run time.
    pub(crate) fn is_fixed(self) -> bool {
        matches!(self, State::Static | State::Alias | State::Indirect | State::Generated | State::Transient)
    }

    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            State::Enabled => "enabled",
            State::EnabledRuntime => "enabled-runtime",
            State::Linked => "linked",
            State::LinkedRuntime => "linked-runtime",
            State::Alias => "alias",
            State::Masked => "masked",
            State::MaskedRuntime => "masked-runtime",
            State::Static => "static",
            State::Disabled => "disabled",
            State::Indirect => "indirect",
            State::Generated => "generated",
            State::Transient => "transient",
            State::Bad => "bad",
        }
    }

    /// Whether `is-enabled` succeeds for it.
    pub(crate) fn counts_as_enabled(self) -> bool {
        matches!(
            self,
            State::Enabled
                | State::EnabledRuntime
                | State::Static
                | State::Alias
                | State::Indirect
                | State::Generated
        )
    }

    /// Whether presets apply to it.
    pub(crate) fn has_preset(self) -> bool {
        !matches!(self, State::Static | State::Alias | State::Generated | State::Transient)
    }
}

/// For so many units `.wants` directories are asked for one name; for more they are read.
const PROBES: usize = 4;

/// The links of one directory of the search path.
#[derive(Debug, Default)]
struct Links {
    /// The paths of `.wants` and its like.
    pulling: Vec<String>,
    /// The names of the links in those, when they were read.
    pulled_in: OnceCell<BTreeSet<String>>,
    /// Whether a name is among them, before that.
    probed: RefCell<HashMap<String, bool>>,
    /// Links in the directory itself: name and base name of the target.
    named: HashMap<String, String>,
    by_target: HashMap<String, Vec<String>>,
}

/// The links of all directories, read when they are first asked for.
#[derive(Debug, Default)]
pub(crate) struct LinkTable {
    links: RefCell<HashMap<String, Rc<Links>>>,
    below: RefCell<HashMap<String, Rc<LinksBelow>>>,
}

/// What was found of a unit's links over the search path.
#[derive(Debug, Default)]
struct Found {
    config: bool,
    runtime: bool,
    elsewhere: bool,
    own_config: bool,
    own_runtime: bool,
}

impl Units<'_> {
    /// The state of a unit's file.
    ///
    /// `unit_file_lookup_state()` of systemd's shared/install.c.
    pub(crate) fn state(&self, unit: &str, table: &LinkTable) -> Result<State, Problem> {
        if !name::is_valid(unit) {
            return Err(Problem::Os(Errno::EINVAL));
        }
        let mut batch = Batch::default();
        let index = batch.discover(self, unit, Lookup::LOAD_AND_FOLLOW, 0, &mut Events::default())?;
        let behind = &batch.units[index];
        let path = behind.shown();
        if behind.mode == Some(Mode::Masked) {
            let runtime = self.path.is_runtime_dir(parent(path));
            return Ok(if runtime {
                State::MaskedRuntime
            } else {
                State::Masked
            });
        }
        let is_alias = unit != base_name(path) && !name::is_instance(&behind.name);
        if is_alias && self.generation.has(Trait::AliasState) {
            return Ok(State::Alias);
        }
        if self.path.is_generated(path) {
            return Ok(State::Generated);
        }
        if self.path.is_transient(path) {
            return Ok(State::Transient);
        }
        if let Some(state) = self.state_by_links(behind, table, true) {
            return Ok(state);
        }
        Ok(match self.state_by_links(behind, table, false) {
            Some(_) => State::Indirect,
            None if behind.install.has_rules() => State::Disabled,
            None if !behind.install.also.is_empty() => State::Indirect,
            None => State::Static,
        })
    }

    /// The state that links give; with `known_names` only links that enabling makes count.
    ///
    /// `find_symlinks_in_scope()` of systemd's shared/install.c.
    fn state_by_links(&self, unit: &Unit, table: &LinkTable, known_names: bool) -> Option<State> {
        let is_instance = name::is_instance(&unit.name);
        let mut found = Found::default();
        let mut below_unit = false;
        for dir in self.dirs() {
            let matters = is_instance
                || *dir == self.path.persistent
                || self.path.is_runtime_dir(dir)
                || self.is_global_config(dir);
            if matters {
                let (enabled, own_link) = table.search(self, dir, unit, known_names, below_unit);
                self.look(dir, enabled, own_link, &mut found);
            }
            below_unit |= unit.shown().strip_prefix(dir.as_str()).is_some_and(|rest| rest.starts_with('/'));
        }
        match found {
            Found { config: true, .. } => Some(State::Enabled),
            Found { runtime: true, .. } => Some(State::EnabledRuntime),
            Found { elsewhere: true, .. } if is_instance => Some(State::Static),
            Found { own_config: true, .. } => Some(State::Linked),
            Found {
                own_runtime: true, ..
            } => Some(State::LinkedRuntime),
            _ => None,
        }
    }

    fn is_global_config(&self, dir: &str) -> bool {
        self.path.scope == crate::intent::Scope::User
            && matches!(dir, "/etc/systemd/user" | "/etc/xdg/systemd/user")
    }

    fn look(&self, dir: &str, enabled: bool, own_link: bool, found: &mut Found) {
        let is_config = *dir == self.path.persistent || self.is_global_config(dir);
        let is_runtime = self.path.is_runtime_dir(dir);
        if enabled {
            found.config |= is_config;
            found.runtime |= !is_config && is_runtime;
            found.elsewhere |= !is_config && !is_runtime;
        } else if own_link {
            found.own_config |= *dir == self.path.persistent;
            found.own_runtime |= is_runtime;
        }
    }
}

impl LinkTable {
    /// Whether a link in a directory makes the unit enabled, and else whether there is one of the unit's own
    /// name that leads to its file.
    fn search(
        &self,
        units: &Units,
        dir: &str,
        unit: &Unit,
        known_names: bool,
        below_unit: bool,
    ) -> (bool, bool) {
        if units.generation.has(Trait::EarlierInstall) {
            let links = of_dir(&self.below, dir, || LinksBelow::load(units, dir));
            links.search(units, unit, known_names, below_unit)
        } else {
            let links = of_dir(&self.links, dir, || Links::load(units, dir));
            links.search(units, unit, known_names, below_unit)
        }
    }
}

/// What is known of a directory, found out the first time.
fn of_dir<T>(table: &RefCell<HashMap<String, Rc<T>>>, dir: &str, load: impl FnOnce() -> T) -> Rc<T> {
    let known = table.borrow().get(dir).cloned();
    known.unwrap_or_else(|| {
        let links = Rc::new(load());
        table.borrow_mut().insert(dir.to_owned(), links.clone());
        links
    })
}

impl Links {
    fn load(units: &Units, dir: &str) -> Links {
        let mut links = Links::default();
        for (entry, target) in units.root.list_links(dir).unwrap_or_default() {
            let Ok(name) = entry.name.into_string() else {
                continue;
            };
            match (entry.kind, target) {
                (Kind::Dir, _) if pulls_in(&name, units) => links.pulling.push(join(dir, &name)),
                (Kind::Link, Some(target)) => {
                    let target = base_name(&target.to_string_lossy()).to_owned();
                    links.by_target.entry(target.clone()).or_default().push(name.clone());
                    links.named.insert(name, target);
                }
                _ => {}
            }
        }
        links
    }

    /// Whether a link makes the unit enabled, and else whether there is one of the unit's own name
    /// that leads to its file.
    ///
    /// `find_symlinks()` and `find_symlinks_in_directory()` of systemd's shared/install.c, since 250.
    fn search(&self, units: &Units, unit: &Unit, known_names: bool, below_unit: bool) -> (bool, bool) {
        if self.is_pulled_in(units, unit, known_names) {
            return (true, false);
        }
        let file = unit.name.as_str();
        let by_target = self.by_target.get(file).into_iter().flatten().map(String::as_str);
        let by_name = self.named.get_key_value(&unit.name).filter(|_| !below_unit);
        let by_name = by_name
            .into_iter()
            .map(|(name, _)| name.as_str())
            .filter(|name| self.named[*name] != file);
        let mut own_link = false;
        for link in by_target.chain(by_name) {
            if link == unit.name && self.named[link] == file && !below_unit {
                own_link = true;
            } else if !known_names || unit.is_linked_as(link) {
                return (true, false);
            }
        }
        (false, own_link)
    }

    /// The names of all links that pull units in.
    fn read_pulled_in(&self, units: &Units) -> &BTreeSet<String> {
        self.pulled_in.get_or_init(|| {
            let entries = self.pulling.iter().flat_map(|dir| units.root.list(dir).unwrap_or_default());
            let links = entries.filter(|entry| entry.kind == Kind::Link);
            links.filter_map(|entry| entry.name.into_string().ok()).collect()
        })
    }

    /// Whether a link of this name pulls `unit` in.
    fn has_pulled_in(&self, units: &Units, unit: &Unit, name: &str) -> bool {
        if let Some(known) = self.probed.borrow().get(name) {
            return *known;
        }
        if self.pulled_in.get().is_some() || self.probed.borrow().len() >= PROBES {
            return self.read_pulled_in(units).contains(name);
        }
        // Where it is by its own [Install] is looked first.
        let (first, rest): (Vec<_>, Vec<_>) =
            self.pulling.iter().partition(|dir| unit.install.names_dir(base_name(dir)));
        let found = first.into_iter().chain(rest).any(|dir| units.root.is_link(join(dir, name)));
        self.probed.borrow_mut().insert(name.to_owned(), found);
        found
    }

    fn is_pulled_in(&self, units: &Units, unit: &Unit, known_names: bool) -> bool {
        if self.has_pulled_in(units, unit, &unit.name) {
            return true;
        }
        if !name::is_template(&unit.name) {
            return false;
        }
        if known_names {
            let listed = unit.install.aliases.iter().cloned().chain(unit.install.default_name(&unit.name));
            let instances = listed.filter(|name| name::template_of(name).as_ref() == Some(&unit.name));
            return instances.into_iter().any(|full| self.has_pulled_in(units, unit, &full));
        }
        let start = unit.name.split_inclusive('@').next().unwrap_or_default();
        let all = self.read_pulled_in(units);
        let instances = all.range(start.to_owned()..).take_while(|link| link.starts_with(start));
        instances
            .into_iter()
            .any(|link| name::template_of(link).as_deref() == Some(unit.name.as_str()))
    }
}

fn pulls_in(dir: &str, units: &Units) -> bool {
    let kind = dir.rsplit_once('.').map(|(_, kind)| kind);
    matches!(kind, Some("wants" | "requires"))
        || kind == Some("upholds") && units.generation.has(Trait::UpheldBy)
}
