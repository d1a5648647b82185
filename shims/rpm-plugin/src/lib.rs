//! An rpm plugin that tells the shims who is calling: before each scriptlet it puts package,
//! scriptlet and first argument into rpm's environment, which the scriptlet inherits, and it puts
//! a shim back where the transaction has replaced one.
//!
//! rpm finds the table `nodeshim_hooks` by its name. The plugin has no undefined librpm symbol:
//! under dnf the library is loaded privately, and a missing symbol would end the process in the
//! middle of a transaction. What it would like to ask of librpm it looks up at run time and does
//! without if it is not there.
//!
//! `unsafe` is needed because rpm calls C functions with C strings, and because changing the
//! environment is only sound as long as no other thread reads it: rpm runs transactions and their
//! scriptlets in one thread, and forks from it.

#![allow(non_upper_case_globals)]

mod audit;
mod containment;
mod descriptors;
mod librpm;
mod mounts;
mod scriptlet;

use std::ffi::{CStr, c_char, c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};

use nodeshim::attribution::plugin_protocol::Message;
use nodeshim::attribution::{
    ARGUMENT_VARIABLE, CONFIG_VARIABLE, CONTAIN_VARIABLE, HOME_VARIABLE, SCRIPTLET_VARIABLE,
};

/// `RPMRC_OK`; a plugin that answers anything else stops the transaction.
const OK: c_int = 0;

/// `RPMSCRIPTLET_FORK`, in the kind of scriptlet that the hooks get.
const SCRIPTLET_FORK: c_int = 1;

type Init = extern "C" fn(plugin: *mut c_void, ts: *mut c_void) -> c_int;
type TransactionPre = extern "C" fn(plugin: *mut c_void, ts: *mut c_void) -> c_int;
type ElementPre = extern "C" fn(plugin: *mut c_void, te: *mut c_void) -> c_int;
type ScriptletPre = extern "C" fn(plugin: *mut c_void, name: *const c_char, kind: c_int) -> c_int;
type ScriptletFork = extern "C" fn(plugin: *mut c_void, path: *const c_char, kind: c_int) -> c_int;
type ScriptletPost =
    extern "C" fn(plugin: *mut c_void, name: *const c_char, kind: c_int, result: c_int) -> c_int;

/// rpm's table of hooks, in rpm's order. Releases of rpm differ in how many follow the twelfth; the
/// table ends with as many empty places as any of them reads.
#[repr(C)]
pub struct Hooks {
    init: Option<Init>,
    cleanup: Option<extern "C" fn()>,
    tsm_pre: Option<TransactionPre>,
    tsm_post: Option<extern "C" fn()>,
    psm_pre: Option<ElementPre>,
    psm_post: Option<extern "C" fn()>,
    scriptlet_pre: Option<ScriptletPre>,
    scriptlet_fork_post: Option<ScriptletFork>,
    scriptlet_post: Option<ScriptletPost>,
    files_and_later: [Option<extern "C" fn()>; 8],
}

/// The table that rpm looks for.
#[unsafe(no_mangle)]
pub static nodeshim_hooks: Hooks = Hooks {
    init: Some(init),
    cleanup: None,
    tsm_pre: Some(tsm_pre),
    tsm_post: None,
    psm_pre: Some(psm_pre),
    psm_post: None,
    scriptlet_pre: Some(scriptlet_pre),
    scriptlet_fork_post: Some(scriptlet_fork_post),
    scriptlet_post: Some(scriptlet_post),
    files_and_later: [None; 8],
};

/// Runs a hook; a panic must not unwind into rpm.
fn guarded(hook: impl FnOnce()) -> c_int {
    let _ = catch_unwind(AssertUnwindSafe(hook));
    OK
}

/// rpm has read the macro file that the private home led to: scriptlets get the caller's home.
extern "C" fn init(_plugin: *mut c_void, _ts: *mut c_void) -> c_int {
    guarded(|| {
        for (kept, name) in [(HOME_VARIABLE, "HOME"), (CONFIG_VARIABLE, "XDG_CONFIG_HOME")] {
            if let Some(value) = std::env::var_os(kept) {
                // SAFETY: rpm has one thread, see the crate's documentation.
                unsafe {
                    std::env::set_var(name, value);
                    std::env::remove_var(kept);
                }
            }
        }
        if std::env::var_os(CONTAIN_VARIABLE).is_some() {
            containment::prepare();
        }
        audit::connect();
    })
}

extern "C" fn tsm_pre(_plugin: *mut c_void, ts: *mut c_void) -> c_int {
    guarded(|| scriptlet::begin(ts))
}

extern "C" fn psm_pre(_plugin: *mut c_void, te: *mut c_void) -> c_int {
    guarded(|| scriptlet::element(te))
}

extern "C" fn scriptlet_pre(_plugin: *mut c_void, name: *const c_char, kind: c_int) -> c_int {
    guarded(|| {
        if name.is_null() {
            return;
        }
        // SAFETY: rpm passes a string that it keeps until the hook returns.
        let name = unsafe { CStr::from_ptr(name) }.to_string_lossy().into_owned();
        let argument = scriptlet::argument(&name);
        // SAFETY: rpm has one thread, see the crate's documentation.
        unsafe {
            std::env::set_var(SCRIPTLET_VARIABLE, &name);
            match argument {
                Some(argument) => std::env::set_var(ARGUMENT_VARIABLE, argument.to_string()),
                None => std::env::remove_var(ARGUMENT_VARIABLE),
            }
        }
        scriptlet::put_shims_back();
        descriptors::keep_from_scriptlets();
        audit::say(&Message::Pre { name, argument });
        if kind & SCRIPTLET_FORK == 0 {
            containment::enter();
        } else {
            mounts::refresh();
        }
    })
}

/// Runs in the process that is about to become the scriptlet. rpm calls it for other processes of
/// its own as well, which are of another kind.
extern "C" fn scriptlet_fork_post(_plugin: *mut c_void, _path: *const c_char, kind: c_int) -> c_int {
    guarded(|| {
        if kind & SCRIPTLET_FORK != 0 {
            if audit::is_heard() {
                audit::say(&Message::Forked {
                    script: scriptlet::script(),
                });
            }
            containment::contain();
        }
    })
}

extern "C" fn scriptlet_post(
    _plugin: *mut c_void,
    _name: *const c_char,
    kind: c_int,
    result: c_int,
) -> c_int {
    guarded(|| {
        if kind & SCRIPTLET_FORK == 0 {
            containment::leave();
        }
        audit::say(&Message::Post { failed: result != OK });
        // SAFETY: rpm has one thread, see the crate's documentation.
        unsafe {
            std::env::remove_var(SCRIPTLET_VARIABLE);
            std::env::remove_var(ARGUMENT_VARIABLE);
        }
    })
}
