//! The state of a unit's file in an image, without asking any systemctl.

use std::ffi::OsStr;

use crate::request::is_on_in;
use crate::root::Root;
use crate::sysv::layout::Layout;
use crate::unit::generation::Generation;
use crate::unit::paths::SearchPath;
use crate::unit::problem::Problem;
use crate::unit::state::{LinkTable, State};
use crate::unit::tree::Units;

/// The run level that stands for "enabled", as systemd-sysv-install has it.
const SYSV_LEVEL: usize = 5;

/// The state of a unit's file or, where an init script stands for the unit, of that; none if there
/// is neither.
pub fn unit_state(root: &Root, unit: &str) -> Option<State> {
    let generation = Generation::detect(root);
    let units = Units::new(root, SearchPath::system(root, generation), generation, "");
    match units.state(unit, &LinkTable::default()) {
        Err(Problem::Missing) => script_state(root, unit.strip_suffix(".service")?),
        state => state.ok(),
    }
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
