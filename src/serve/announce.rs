//! Announcing to listeners that plugins have changed: by a call of the service, which the bus starts
//! if necessary, so that the signal has the sender that listeners expect. Only on a booted node,
//! never out of an image or a container build, and nothing depends on it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{NAME, PATH};
use crate::error::{Result, if_exists};
use crate::live::{Bus, Target, is_running_system};
use crate::root::Root;
use crate::rpmdb::Installed;
use crate::state::{self, State};
use crate::trust::{Record, Trust};

/// How long the service may take, which the bus may have to start: as long as any call on a bus.
const ANSWER: Duration = Duration::from_secs(25);

const SERVICE: Target = Target {
    name: NAME,
    path: PATH,
    interface: NAME,
};

/// What the bus knows of plugins, as it was before a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changes {
    /// The text of the state: most of the time it is the same, and need not be understood.
    state: String,
    trust: BTreeMap<String, Trust>,
    /// The plugins that packages say they are, where packages may change.
    provided: Vec<(String, String)>,
    packages: bool,
}

impl Changes {
    /// Looks at a booted node before something is changed; none for anything else. `packages` says
    /// whether packages may come and go.
    pub fn watch(root: &Root, packages: bool) -> Option<Changes> {
        if !is_running_system(root) || root.is_of_init() != Some(true) {
            return None;
        }
        Changes::load(root, packages).ok()
    }

    fn load(root: &Root, packages: bool) -> Result<Changes> {
        let installed = if packages {
            Installed::load(root)?
        } else {
            Installed::default()
        };
        let provided = installed.provided().iter();
        Ok(Changes {
            state: if_exists(root.read_text(state::PATH))?.unwrap_or_default(),
            trust: Record::load(root)?.0,
            provided: provided.map(|provided| (provided.package.clone(), provided.nevra.clone())).collect(),
            packages,
        })
    }

    /// Signals which plugins have changed since, if any have. A signal that could not be sent is logged.
    pub fn announce(self, root: &Root) {
        let now = Changes::load(root, self.packages);
        let names = match now.and_then(|now| self.differing(&now)) {
            Ok(names) => names,
            Err(error) => return log::info!("what changed is not signalled on the bus: {error}"),
        };
        if names.is_empty() {
            return;
        }
        let refreshed = Bus::system(ANSWER).and_then(|bus| bus.call(&SERVICE, "Refresh", &(names,)));
        if let Err(error) = refreshed {
            log::info!("what changed was not signalled on the bus: {error}");
        }
    }

    fn differing(&self, now: &Changes) -> Result<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        if self.state != now.state {
            let plugins = |text: &str| State::parse(text).map(|state| state.plugins);
            names = differing_keys(&plugins(&self.state)?, &plugins(&now.state)?);
        }
        names.extend(differing_keys(&self.trust, &now.trust));
        let before: BTreeSet<_> = self.provided.iter().collect();
        let after: BTreeSet<_> = now.provided.iter().collect();
        names.extend(before.symmetric_difference(&after).map(|(name, _)| name.clone()));
        Ok(names)
    }
}

fn differing_keys<V: PartialEq>(
    before: &BTreeMap<String, V>,
    after: &BTreeMap<String, V>,
) -> BTreeSet<String> {
    let names = before.keys().chain(after.keys());
    names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Plugin;

    #[test]
    fn changed_signal_names_plugins_that_came_went_or_changed() {
        let plugin = |requests| Plugin {
            requests,
            ..Plugin::default()
        };
        let state = |plugins: &[(&str, usize)]| State {
            plugins: plugins.iter().map(|(name, requests)| (name.to_string(), plugin(*requests))).collect(),
            ..State::default()
        };
        let of = |plugins: &[(&str, usize)], provided: &[(&str, &str)]| Changes {
            state: state(plugins).to_text().unwrap(),
            provided: provided.iter().map(|(name, nevra)| (name.to_string(), nevra.to_string())).collect(),
            ..Changes::default()
        };
        let before = of(&[("same", 1), ("more", 1), ("gone", 1)], &[("p", "p-1"), ("q", "q-1")]);
        let after = of(&[("same", 1), ("more", 2), ("new", 1)], &[("p", "p-2"), ("q", "q-1")]);
        let names = before.differing(&after).unwrap();
        assert_eq!(names.iter().map(String::as_str).collect::<Vec<_>>(), ["gone", "more", "new", "p"]);
        assert!(before.differing(&before.clone()).unwrap().is_empty());
    }
}
