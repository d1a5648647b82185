//! A shim on a system that runs: the original does the work. Where the node is set to record too,
//! the request is recorded, too, with what it would have done; nothing but the original changes a file.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;

use nodeshim::attribution;
use nodeshim::config::{Booted, Config};
use nodeshim::error::{Error, Result};
use nodeshim::intent::Intent;
use nodeshim::journal::{Appender, Event, timestamp};
use nodeshim::policy;
use nodeshim::request::{Call, Env, PolicyContext, Reply, Request, enforce};
use nodeshim::root::Root;
use nodeshim::tool::Tool;

use crate::handover::{become_original, command};

/// Becomes the original, or runs it and records the request.
pub fn answer(root: &Root, tool: Tool, argv: &[OsString]) -> Result<Reply> {
    // A configuration that cannot be read is no reason to stand in a running system's way.
    match Config::load(root) {
        Ok((config, _)) if config.shims.booted == Booted::Record => record(root, &config, tool, argv),
        _ => Err(Error::Unavailable(become_original(root, argv).to_string())),
    }
}

fn record(root: &Root, config: &Config, tool: Tool, argv: &[OsString]) -> Result<Reply> {
    let env: Env = std::env::vars_os().collect();
    let observed = Root::open("/")?.observing();
    let argv0 = argv[0].to_string_lossy();
    let call = Call::new(&observed, config, &env, &argv0);
    let origin = attribution::find(root, &|name| env.get(name));
    let policy = policy::load(root);
    let context = PolicyContext {
        rules: &policy.rules,
        plugin: origin.package(),
    };
    // Before the original runs: afterwards nothing would seem to change. The original also does
    // what policy denies, which is not counted as an intent.
    let request = Request::parse(tool, &argv0, &argv[1..], &call);
    let mut noted = request.map_or_else(Reply::new, |request| enforce(&call, request, context));
    let failed = |error: std::io::Error| Error::Unavailable(error.to_string());
    let status = command(root, argv).map_err(failed)?.status().map_err(failed)?;
    let signal = status.signal().map(|signal| 128 + signal);
    let exit = status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    // What could only be deferred in an image was done at once.
    for recorded in &mut noted.intents {
        recorded.runtime |= matches!(recorded.intent, Intent::Defer { .. });
        recorded.changed &= exit == 0;
    }
    let mut event = Event {
        id: 0,
        time: timestamp(env.get("SOURCE_DATE_EPOCH")),
        tool,
        argv: Event::escape_arguments(argv),
        exit,
        verdict: noted.held.iter().map(|held| held.verdict).max().unwrap_or_default(),
        message: String::new(),
        warnings: Vec::new(),
        origin,
        replayed: None,
        intents: noted.intents,
        held: noted.held,
        changes: if exit == 0 {
            observed.take_changes()
        } else {
            Vec::new()
        },
    };
    // The original has answered: a record that cannot be written is no failure of its.
    if let Err(error) = Appender::open(root).and_then(|mut journal| journal.append(&mut event)) {
        complain(&error);
    }
    Ok(Reply {
        exit,
        ..Reply::default()
    })
}

fn complain(error: &Error) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "nodeshim: not recorded: {error}");
}
