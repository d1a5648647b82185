//! The state of a unit's file in an image, without asking any systemctl.

use std::collections::BTreeMap;
use std::ffi::OsStr;

use crate::request::is_on_in;
use crate::root::{Kind, Root};
use crate::sysv::layout::Layout;
use crate::unit::generation::Generation;
use crate::unit::name;
use crate::unit::paths::SearchPath;
use crate::unit::problem::Problem;
use crate::unit::state::{LinkTable, State};
use crate::unit::tree::Units;

/// The run level in which a service counts as enabled, as in systemd-sysv-install.
const SYSV_LEVEL: usize = 5;

/// The unit files of an image as they are now. Directories are read once, however many units are asked for.
pub(crate) struct UnitFiles<'r> {
    units: Units<'r>,
    links: LinkTable,
}

impl<'r> UnitFiles<'r> {
    pub(crate) fn new(root: &'r Root) -> Self {
        let generation = Generation::detect(root);
        UnitFiles {
            units: Units::new(root, SearchPath::system(root, generation), generation, ""),
            links: LinkTable::default(),
        }
    }

    /// The state of a unit's file, as `GetUnitFileState` of org.freedesktop.systemd1(5) gives it; none if there is
    /// no such file.
    pub(crate) fn state(&self, unit: &str) -> Option<State> {
        self.units.state(unit, &self.links).ok()
    }
}

/// The state of a unit's file or, if there is only an init script, of that; none if there is
/// neither.
pub(crate) fn unit_state(root: &Root, unit: &str) -> Option<State> {
    let files = UnitFiles::new(root);
    match files.units.state(unit, &files.links) {
        Err(Problem::Missing) => script_state(root, unit.strip_suffix(".service")?),
        state => state.ok(),
    }
}

/// The states of all unit files, and of the init scripts without a unit file, by unit name.
pub(crate) fn unit_states(root: &Root) -> BTreeMap<String, State> {
    let UnitFiles { units, links } = UnitFiles::new(root);
    let mut states = BTreeMap::new();
    for dir in units.dirs() {
        for (unit, kind) in units.index.load(dir).iter().flat_map(|entries| entries.iter()) {
            if matches!(kind, Kind::File | Kind::Link) && name::is_listed(unit) && !states.contains_key(unit)
            {
                states.insert(unit.clone(), units.state(unit, &links).unwrap_or(State::Bad));
            }
        }
    }
    let layout = Layout::find(root, true);
    let scripts = root.list(layout.init()).unwrap_or_default();
    for service in scripts.iter().filter_map(|entry| entry.name.to_str()) {
        let unit = format!("{service}.service");
        if let (false, Some(state)) = (states.contains_key(&unit), script_state(root, service)) {
            states.insert(unit, state);
        }
    }
    states
}

fn script_state(root: &Root, service: &str) -> Option<State> {
    let layout = Layout::find(root, true);
    let service = OsStr::new(service);
    root.is_file(layout.script(service)).then_some(())?;
    Some(match is_on_in(&layout, service, SYSV_LEVEL) {
        true => State::Enabled,
        false => State::Disabled,
    })
}
