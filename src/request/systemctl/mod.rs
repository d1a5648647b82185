//! Carrying out systemctl requests.

use crate::request::{Call, Reply};

/// Carries a call out.
pub fn carry_out(call: &Call) -> Reply {
    Reply::error(format!("{}: not there yet", call.argv0), 1)
}
