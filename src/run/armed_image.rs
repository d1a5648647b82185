//! An image while it is armed for a run: however the run ends, also by an error or a panic, the shims are
//! taken out, once.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use crate::error::Result;
use crate::intercept::{Armed, Disarmed, disarm};
use crate::root::Root;

/// Takes the shims out when it is dropped, unless that is done.
#[derive(Debug)]
pub(super) struct ArmedImage {
    /// Where the image is.
    pub root: PathBuf,
    armed: Armed,
    is_disarmed: Mutex<bool>,
}

impl ArmedImage {
    pub(super) fn new(root: &Root, armed: Armed) -> ArmedImage {
        ArmedImage {
            root: root.path().to_owned(),
            armed,
            is_disarmed: Mutex::new(false),
        }
    }

    /// Takes the shims out; nothing is done if they are out.
    ///
    /// # Errors
    /// As of [`disarm`].
    pub(super) fn disarm(&self) -> Result<Option<Disarmed>> {
        let mut is_disarmed = self.is_disarmed.lock().unwrap_or_else(PoisonError::into_inner);
        if *is_disarmed {
            return Ok(None);
        }
        let disarmed = disarm(&Root::open(&self.root)?, Some(&self.armed))?;
        *is_disarmed = true;
        Ok(disarmed)
    }
}

impl Drop for ArmedImage {
    fn drop(&mut self) {
        // The first attempt has reported why it failed.
        let _ = self.disarm();
    }
}
