//! A scriptlet's first argument, and putting shims back at the paths of the tools.
//!
//! rpm passes to a scriptlet how many instances of its package there will be when the element that
//! it belongs to is done. The database holds a new package from before its `%post` to the end, and
//! an old one until after its `%postun`.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, Ordering};

use nodeshim::attribution::{package_name, parse_scriptlet_name};
use nodeshim::intercept::{Armed, KeptShim, SHIM_PATH, reassert};
use nodeshim::root::{Meta, Root};

use crate::librpm;

static TRANSACTION: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());
/// What the scriptlets of each package that is being installed get, by NEVRA.
static INSTALLING: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());

/// Notes the transaction that begins.
pub fn begin(ts: *mut c_void) {
    TRANSACTION.store(ts, Ordering::Relaxed);
    if let Ok(mut installing) = INSTALLING.lock() {
        installing.clear();
    }
}

/// Notes an element before its first scriptlet.
pub fn element(te: *mut c_void) {
    let Some((nevra, name)) = librpm::added(te) else {
        return;
    };
    if let (Some(count), Ok(mut installing)) = (instances(&name), INSTALLING.lock()) {
        installing.entry(nevra).or_insert(count + 1);
    }
}

/// The first argument of the scriptlet that rpm names so; `None` where it is not known for sure.
pub fn argument(scriptlet: &str) -> Option<u32> {
    let (kind, nevra) = parse_scriptlet_name(scriptlet)?;
    match kind.as_str() {
        "%pretrans" => Some(instances(package_name(&nevra)?)? + 1),
        "%pre" | "%post" | "%posttrans" => INSTALLING.lock().ok()?.get(&nevra).copied(),
        "%preun" | "%postun" => instances(package_name(&nevra)?)?.checked_sub(1),
        _ => None,
    }
}

fn instances(name: &str) -> Option<u32> {
    librpm::installed(TRANSACTION.load(Ordering::Relaxed), name)
}

/// The digest of the script file that rpm has just written, its body kept in the image; none for a
/// program without one. rpm is in the image's root here.
pub fn script() -> Option<String> {
    let root = Root::open("/").ok()?;
    nodeshim::attribution::running_script(&root)
}

/// What is remembered of the image from before the first scriptlet: a scriptlet may write whatever it
/// likes into the image's own records.
struct Remembered {
    armed: Armed,
    shim: KeptShim,
    /// The shim's file when it was last seen to be right.
    seen: Option<Meta>,
}

static REMEMBERED: Mutex<Option<Remembered>> = Mutex::new(None);

/// Puts the shims back where the transaction has replaced or erased one, or somebody wrote into it. rpm
/// is in the image's root here, chrooted into it or started there.
pub fn put_shims_back() {
    let put_back = || -> nodeshim::error::Result<()> {
        let root = Root::open("/")?;
        let Ok(mut remembered) = REMEMBERED.lock() else {
            return Ok(());
        };
        if remembered.is_none() {
            *remembered = remember(&root)?;
        }
        let Some(Remembered { armed, shim, seen }) = remembered.as_mut() else {
            return Ok(());
        };
        let is_whole = seen.is_some() && root.meta(SHIM_PATH).ok() == *seen;
        reassert(&root, armed, shim, is_whole)?;
        *seen = root.meta(SHIM_PATH).ok();
        Ok(())
    };
    if let Err(error) = put_back() {
        eprintln!("nodeshim: a shim could not be put back: {error}");
    }
}

/// `None` in an image that is not armed.
fn remember(root: &Root) -> nodeshim::error::Result<Option<Remembered>> {
    let Some(armed) = Armed::load(root)? else {
        return Ok(None);
    };
    let shim = KeptShim::of_image(root)?;
    Ok(Some(Remembered {
        armed,
        shim,
        seen: None,
    }))
}
