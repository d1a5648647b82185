//! What was read of a scriptlet in any language.

use crate::shell::Command;

/// What a scriptlet runs, as far as it can be read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Its commands, in order.
    pub commands: Vec<Command>,
    /// What shows only when it runs, as it is written, and its line.
    pub unclear: Vec<(usize, String)>,
}
