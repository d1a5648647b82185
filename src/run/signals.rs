//! Ending a run at a signal once its command has ended: what is left to do is for the image alone, and
//! the next run does it; the shims are taken out before.

use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::iterator::{Handle, Signals};

use crate::error::{Error, Result};
use crate::intercept::{Armed, disarm};
use crate::root::Root;

/// Signals that would end nodeshim.
pub(super) fn all() -> Result<Signals> {
    Signals::new([SIGINT, SIGQUIT, SIGTERM, SIGHUP])
        .map_err(|error| Error::Unavailable(format!("signals cannot be waited for: {error}")))
}

/// As long as it lives a signal disarms the image and ends the process.
pub(super) struct EndAtSignal {
    handle: Handle,
    thread: Option<JoinHandle<()>>,
    /// Held while the shims are taken out: once is enough.
    pub disarming: Arc<Mutex<()>>,
}

impl EndAtSignal {
    /// Begins to wait for signals.
    pub(super) fn start(root: &Path, armed: &Armed) -> Result<EndAtSignal> {
        let mut signals = all()?;
        let disarming = Arc::new(Mutex::new(()));
        let (root, armed, own) = (root.to_owned(), armed.clone(), disarming.clone());
        let handle = signals.handle();
        let wait = move || {
            if let Some(number) = signals.forever().next() {
                end(&root, &armed, &own, number);
            }
        };
        Ok(EndAtSignal {
            handle,
            thread: Some(thread::spawn(wait)),
            disarming,
        })
    }
}

impl Drop for EndAtSignal {
    fn drop(&mut self) {
        self.handle.close();
        // It ends now, or has ended the process.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn end(root: &PathBuf, armed: &Armed, disarming: &Mutex<()>, number: i32) {
    let _held = disarming.lock();
    let disarmed = Root::open(root).and_then(|root| disarm(&root, Some(armed)));
    if let Err(error) = disarmed {
        eprintln!("nodeshim: the shims could not be taken out: {error}");
    }
    exit(128 + number);
}
