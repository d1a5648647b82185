//! `--now` in an image, where nothing can be started.

use crate::config::Answers;
use crate::intent::{DeferredVerb, Intent, Scope};
use crate::unit::generation::{Now, Trait};
use crate::unit::log::Level;
use crate::unit::name::base_name;

use super::session::Session;

/// Defers what `--now` asks for; the original's own answer is a failure in most generations.
pub(super) fn execute(session: &mut Session, verb: &str, names: &[String]) {
    if !session.options.now {
        return;
    }
    let deferred = match verb {
        "enable" => DeferredVerb::Start,
        "disable" | "mask" => DeferredVerb::Stop,
        "reenable" => DeferredVerb::TryRestart,
        _ => return refuse(session),
    };
    for name in names {
        let intent = Intent::Defer {
            verb: deferred,
            unit: base_name(name).to_owned(),
            scope: session.options.scope,
        };
        session.intent(intent, false);
    }
    if session.answers() == Answers::Strict && session.reply.exit == 0 {
        answer_strictly(session, verb);
    }
}

/// With other verbs it is an error in newer generations, once their work is done.
fn refuse(session: &mut Session) {
    let refused = session.answers() == Answers::Strict && session.generation.has(Trait::ChecksNow);
    if refused && session.reply.exit == 0 {
        let text = "--now can only be used with verb enable, disable, reenable, or mask.";
        session.say(Level::Error, text);
        session.reply.exit = 1;
    }
}

/// Why there is no message bus; bus_log_connect_error(), observed with 247 and 252.
fn no_bus(session: &mut Session) -> &'static str {
    if session.options.scope != Scope::System {
        // bus_set_address_user() goes by these, empty or not, and no image has the socket that they name.
        let variables = ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"];
        return if variables.iter().any(|name| session.call.env.get(name).is_some()) {
            "No such file or directory"
        } else if session.generation.has(Trait::EarlierInstall) {
            "$DBUS_SESSION_BUS_ADDRESS and $XDG_RUNTIME_DIR not defined (consider using \
             --machine=<user>@.host --user to connect to bus of other user)"
        } else {
            "No medium found"
        };
    }
    // By this directory sd_booted(3) tells whether systemd is running.
    if session.call.root.is_dir("/run/systemd/system") {
        return "No such file or directory";
    }
    let text = "System has not been booted with systemd as init system (PID 1). Can't operate.";
    session.say(Level::Error, text);
    "Host is down"
}

fn answer_strictly(session: &mut Session, verb: &str) {
    match session.generation.now() {
        Now::Bus if verb == "reenable" => {}
        Now::Bus => {
            let reason = no_bus(session);
            session.say(Level::Error, format!("Failed to connect to bus: {reason}"));
            session.reply.exit = 1;
        }
        Now::Refused => {
            let text = "--now cannot be used when systemd is not running or in conjunction with \
                        --root=/--global, refusing.";
            session.say(Level::Error, text);
            session.reply.exit = 1;
        }
        Now::Ignored if session.options.has_root => {
            session.say(Level::Error, "--now cannot be used with --root=.");
            session.reply.exit = 1;
        }
        Now::Ignored => {
            let started = match verb {
                "enable" => "start",
                "reenable" => "try-restart",
                _ => return,
            };
            let text = format!("Cannot {started} unit with --now when systemd is not running, ignoring.");
            session.say(Level::Warning, text);
        }
    }
}
