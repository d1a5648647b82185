//! What every plugin wants as of now.

use std::collections::BTreeMap;

use super::{Fold, Plugin, State};
use crate::attribution::is_package;
use crate::rpmdb::Installed;

/// What is wanted now, and what is to be withdrawn.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EffectiveState {
    /// What plugins that are installed want.
    pub state: State,
    /// What plugins that are gone had wanted, until settling withdraws it.
    pub gone: BTreeMap<String, Plugin>,
}

impl EffectiveState {
    /// A settled state, with the packages that are installed by now.
    pub fn settled(mut state: State, installed: &Installed) -> EffectiveState {
        let is_here = |name: &str| !is_package(name) || !installed.is_known() || installed.has(name);
        let mut gone = std::mem::take(&mut state.plugins);
        for (name, mut plugin) in gone.extract_if(.., |name, _| is_here(name)) {
            if let Some(nevra) = installed.nevra(&name) {
                plugin.nevra = Some(nevra);
            }
            state.plugins.insert(name, plugin);
        }
        EffectiveState { state, gone }
    }
}

impl From<&Fold> for EffectiveState {
    fn from(fold: &Fold) -> Self {
        EffectiveState {
            state: fold.state.clone(),
            gone: fold.gone.clone(),
        }
    }
}
