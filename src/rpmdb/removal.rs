//! What would break if a package were removed.

use super::{Program, database, quiet};
use crate::error::Result;
use crate::root::Root;

/// What rpm says of the removal of `name-version-release.arch`, which it only tries: nothing, or a
/// line of words and one for each thing that is needed. Changes nothing.
pub(crate) fn trial_removal(root: &Root, package: &str) -> Result<Vec<String>> {
    if database(root)?.is_none() {
        return Ok(Vec::new());
    }
    let said = Program::new(root, "rpm")?.args(quiet()).args(["-e", "--test", "--"]).arg(package).run()?;
    Ok(said.messages)
}
