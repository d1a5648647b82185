//! What cannot hold because its unit or script is not in the image. Pure.

use super::Fold;
use crate::attribution::is_package;
use crate::intent::{Intent, UnitWant};

/// Drops the requests of packages for units and scripts that are not in the image, according to
/// `is_there`: when an upgrade of a package drops an init script, the requests for it are dropped,
/// too. What files declare waits for its unit, and decisions of the builder stay in effect.
pub(crate) fn drop_missing(fold: &mut Fold, is_there: &dyn Fn(&Intent) -> bool) {
    for (_, plugin) in fold.state.plugins.iter_mut().filter(|(name, _)| is_package(name)) {
        for list in [&mut plugin.wants, &mut plugin.deferred] {
            list.retain(|want| {
                !want.declared.is_empty() || !needs_object(&want.intent) || is_there(&want.intent)
            });
        }
    }
    fold.state.plugins.retain(|_, plugin| !plugin.is_empty());
}

/// Whether an intent means nothing without the unit or script that it names.
fn needs_object(intent: &Intent) -> bool {
    match intent {
        Intent::Unit { want, .. } => !matches!(want, UnitWant::Mask | UnitWant::Unmask),
        Intent::Dependency { .. } | Intent::Service { .. } | Intent::Defer { .. } => true,
        _ => false,
    }
}
