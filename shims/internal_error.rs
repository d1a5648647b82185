//! A fault of the shim itself: one line, an event, an exit code; never a signal in a scriptlet.

use std::ffi::OsString;
use std::io::{self, Write};
use std::panic::{PanicHookInfo, set_hook as set_panic_hook};
use std::process::exit;
use std::sync::atomic::{AtomicBool, Ordering};

use nodeshim::attribution;
use nodeshim::error::Result;
use nodeshim::journal::{Appender, Event, timestamp};
use nodeshim::request::Env;
use nodeshim::root::Root;
use nodeshim::tool::Tool;

const EXIT: u8 = 1;

/// Whether this process holds the journal's lock.
static LOCKED: AtomicBool = AtomicBool::new(false);

/// Notes that the journal is locked by this process from now on.
pub fn journal_is_locked() {
    LOCKED.store(true, Ordering::Relaxed);
}

/// Ends the process in order where it would otherwise be aborted.
pub fn set_hook(argv: &[OsString]) {
    let argv = argv.to_vec();
    set_panic_hook(Box::new(move |panic| {
        let line = describe(panic);
        let _ = writeln!(io::stderr(), "nodeshim: {line}");
        if let Err(error) = record(&argv, &line) {
            let _ = writeln!(io::stderr(), "nodeshim: it could not be recorded: {error}");
        }
        exit(i32::from(EXIT));
    }));
}

fn describe(panic: &PanicHookInfo) -> String {
    let place = panic.location().map_or(String::new(), |place| format!(" at {place}"));
    let reason = panic.payload_as_str().unwrap_or("no reason given");
    format!("internal error{place}: {reason}; the request may be carried out in part")
}

fn record(argv: &[OsString], line: &str) -> Result<()> {
    let Some(tool) = argv.first().and_then(|name| Tool::from_argv0(name)) else {
        return Ok(());
    };
    let root = Root::open("/")?;
    let env: Env = std::env::vars_os().collect();
    let mut journal = if LOCKED.load(Ordering::Relaxed) {
        Appender::open_locked(&root)?
    } else {
        Appender::open(&root)?
    };
    let time = timestamp(env.get("SOURCE_DATE_EPOCH"));
    let origin = attribution::find(&root, &|name| env.get(name));
    journal.append(&mut Event {
        argv: Event::escape_arguments(argv),
        exit: EXIT,
        warnings: vec![line.to_owned()],
        ..Event::new(time, tool, origin)
    })
}
