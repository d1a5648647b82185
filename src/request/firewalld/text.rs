//! Short names and descriptions, which every object has.

use super::session::{Session, Step};
use crate::firewall::firewalld::Head;

/// Carries out `--set-short`, `--get-short` and their like; true if the head was changed.
pub(super) fn edit_text(session: &mut Session, head: &mut Head) -> Step<bool> {
    if session.given.has("--get-short") {
        let short = head.short.clone();
        return session.answer(short);
    }
    if session.given.has("--get-description") {
        let description = head.description.clone();
        return session.answer(description);
    }
    if let Some(short) = session.given.value("--set-short") {
        head.short = short.to_owned();
        return Ok(true);
    }
    if let Some(description) = session.given.value("--set-description") {
        head.description = description.to_owned();
        return Ok(true);
    }
    Ok(false)
}
