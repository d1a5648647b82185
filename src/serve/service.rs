//! The service: takes its name on the bus, answers calls, and exits when it is idle.

use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use zbus::{Connection, block_on};

use super::caller::{Activity, bus as connect};
use super::known::NodeSnapshot;
use super::object::Plugins;
use super::{NAME, PATH};
use crate::error::{Error, Result};
use crate::root::Root;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Options {
    /// The bus's address; none means the system bus.
    pub bus: Option<String>,
    /// How long the service may be idle before it exits; zero means for ever.
    pub idle: Duration,
}

/// Serves until it was idle for as long as `options` say, or until a signal ends it. Returns how many
/// calls were answered.
///
/// # Errors
///
/// If the bus cannot be reached, or the name is taken.
pub fn serve(root: &Root, options: &Options) -> Result<usize> {
    let (doing, heard) = channel();
    stop_on_signals(doing.clone())?;
    let object = Plugins {
        known: NodeSnapshot::new(root),
        bus: options.bus.clone(),
        doing,
    };
    let builder = connect(options.bus.as_deref())
        .serve_at(PATH, object)
        .name(NAME)
        .allow_name_replacements(false)
        .replace_existing_names(false);
    let connection = block_on(builder.build()).map_err(|error| failed(&error))?;
    let calls = wait(&heard, options.idle);
    block_on(end(&connection));
    Ok(calls)
}

fn failed(error: &zbus::Error) -> Error {
    match error {
        zbus::Error::NameTaken => Error::Refused(format!("{NAME} is served already")),
        other => Error::Bus(format!("the bus: {other}")),
    }
}

/// What ends other programs has this one end in order.
fn stop_on_signals(doing: Sender<Activity>) -> Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT]).map_err(|error| Error::no_signals(&error))?;
    thread::spawn(move || {
        for _ in signals.forever() {
            // If the receiver is gone, the service is about to exit.
            let _ = doing.send(Activity::Stop);
        }
    });
    Ok(())
}

/// Waits until the service is idle; returns how many calls came until then.
fn wait(heard: &Receiver<Activity>, idle: Duration) -> usize {
    let mut calls = 0;
    loop {
        let next = match idle.is_zero() {
            true => heard.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => heard.recv_timeout(idle),
        };
        if next != Ok(Activity::Called) {
            return calls;
        }
        calls += 1;
    }
}

/// Gives up the name, so that the next call starts the service again, and answers what was called
/// before: a message to oneself comes behind all of it.
async fn end(connection: &Connection) {
    if let Err(error) = connection.release_name(NAME).await {
        // A bus that is gone has no more questions.
        log::debug!("giving up the name: {error}");
        return;
    }
    let own = connection.unique_name().map(|name| name.as_str());
    let ping = connection.call_method(own, PATH, Some("org.freedesktop.DBus.Peer"), "Ping", &());
    if let Err(error) = ping.await {
        log::debug!("the last message: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_until_nobody_asks_or_a_signal_comes() {
        let (doing, heard) = channel();
        for activity in [
            Activity::Called,
            Activity::Called,
            Activity::Stop,
            Activity::Called,
        ] {
            doing.send(activity).expect("somebody listens");
        }
        assert_eq!(wait(&heard, Duration::ZERO), 2);
        assert_eq!(wait(&heard, Duration::from_millis(1)), 1);
    }
}
