//! Init scripts among the arguments of enable, disable and is-enabled: passed to the code of the
//! `systemd-sysv-install` shim, without starting a process.

use std::ffi::OsString;

use crate::argv::chkconfig::{Misuse, State, SysvInstall};
use crate::argv::systemctl::boolean;
use crate::config::Answers;
use crate::intent::Scope;
use crate::request::{self, Request};
use crate::unit::batch::Batch;
use crate::unit::generation::Trait;
use crate::unit::log::Level;
use crate::unit::lookup::Lookup;
use crate::unit::problem::{Events, Problem};
use crate::unit::tree::Units;

use super::session::Session;

const PROGRAM: &str = "/lib/systemd/systemd-sysv-install";
const SCRIPT_DIRS: [&str; 2] = ["/etc/rc.d/init.d", "/etc/init.d"];

/// What is left to do.
pub(super) enum Handled {
    /// These units; for is-enabled those whose answer was not given yet.
    Left(Vec<String>),
    /// Nothing: the reply is complete.
    Ended,
}

/// Whether init scripts are looked for at all.
pub(super) fn is_asked(session: &Session) -> bool {
    let skips = session.call.env.get("SYSTEMCTL_SKIP_SYSV").and_then(boolean) == Some(true);
    let knows = session.generation.has(Trait::Sysv) || session.answers() == Answers::Image;
    knows && !skips && session.options.scope == Scope::System
}

/// Hands every argument that is an init script over; those that are no native unit as well are
/// dropped. For is-enabled, `session.reply.exit` is 0 if the last script is enabled.
///
/// `enable_sysv_units()` of systemctl-sysv-compat.c.
pub(super) fn hand_over(session: &mut Session, units: &Units, verb: &str, names: Vec<String>) -> Handled {
    if !is_asked(session) || !matches!(verb, "enable" | "disable" | "is-enabled") {
        return Handled::Left(names);
    }
    let mut left = Vec::new();
    for name in names {
        let Some(service) = name.strip_suffix(".service").filter(|service| !is_path(session, service)) else {
            left.push(name);
            continue;
        };
        // A path from where the caller is was a name like any other up to 249, and no valid one.
        let is_native = match exists_natively(units, &name) {
            Ok(is_native) => is_native,
            Err(problem) => {
                session.print_log(units);
                let look_up = match session.generation.number() {
                    ..240 => "lookup",
                    _ => "look up",
                };
                session.say(Level::Error, format!("Failed to {look_up} unit file state: {}", problem.text()));
                session.reply.exit = 1;
                return Handled::Ended;
            }
        };
        session.print_log(units);
        let has_script =
            SCRIPT_DIRS.iter().any(|dir| units.root.meta_followed(format!("{dir}/{service}")).is_ok());
        if !has_script || is_native && verb == "is-enabled" {
            left.push(name);
            continue;
        }
        let succeeded = redirect(session, verb, service, is_native);
        if verb == "is-enabled" {
            answer(session, succeeded);
        } else if !succeeded {
            session.reply.exit = 1;
            return Handled::Ended;
        }
        if is_native {
            left.push(name);
        }
    }
    if left.is_empty() && verb != "is-enabled" {
        return Handled::Ended;
    }
    Handled::Left(left)
}

fn is_path(session: &Session, service: &str) -> bool {
    match session.generation.has(Trait::EarlierInstall) {
        true => service.starts_with('/'),
        false => service.contains('/'),
    }
}

fn answer(session: &mut Session, enabled: bool) {
    if !session.options.quiet {
        session.reply.output.out_line(if enabled { "enabled" } else { "disabled" });
    }
    session.has_script = true;
    session.script_enabled |= enabled;
}

/// Whether there is a unit file that no generator made.
///
/// `unit_file_exists()` with search paths that exclude generated units; `enable_sysv_units()` takes ELOOP,
/// ERFKILL and EADDRNOTAVAIL for a unit that exists.
fn exists_natively(units: &Units, unit: &str) -> Result<bool, Problem> {
    let mut batch = Batch::default();
    match batch.discover(units, unit, Lookup::NATIVE, 0, &mut Events::default()) {
        Ok(_) => Ok(true),
        Err(Problem::Missing) => Ok(false),
        Err(Problem::LinkedFile | Problem::Masked | Problem::Generated) => Ok(true),
        Err(problem) => Err(problem),
    }
}

/// Where the program lies: below `/usr`, unless the image keeps `/lib` apart.
fn program(session: &Session) -> String {
    let merged = session.call.root.read_link("/lib").is_ok();
    let prefix = if merged || !session.generation.has(Trait::SplitUsr) {
        "/usr"
    } else {
        ""
    };
    format!("{prefix}{PROGRAM}")
}

/// Calls the code of the `systemd-sysv-install` shim and returns whether it succeeded. If there are
/// both a script and a native unit, only the intent of the unit is recorded.
fn redirect(session: &mut Session, verb: &str, service: &str, is_native: bool) -> bool {
    let program = program(session);
    let mut words = vec![verb.to_owned(), service.to_owned()];
    if let Some(root) = &session.options.root {
        words.insert(0, format!("--root={root}"));
    }
    if !session.options.quiet {
        let text = if is_native {
            format!("Synchronizing state of {service}.service with SysV service script with {program}.")
        } else {
            format!("{service}.service is not a native service, redirecting to systemd-sysv-install.")
        };
        session.say(Level::Info, text);
        session.say(Level::Info, format!("Executing: {program} {}", words.join(" ")));
    }
    let service = OsString::from(service);
    let parsed = match verb {
        // `--root` in front is one word too many for it.
        _ if session.options.root.is_some() => Err(Misuse::Usage),
        "enable" => Ok(SysvInstall::Set(service, State::On)),
        "disable" => Ok(SysvInstall::Set(service, State::Off)),
        _ => Ok(SysvInstall::IsEnabled(service)),
    };
    // How far that program gets without run level directories is the distribution's business.
    let mut config = session.call.config.clone();
    config.shims.answers = Answers::Image;
    let reply = request::redirect(&session.call.to(&program, &config), Request::SysvInstall(parsed));
    session.reply.output.append(reply.output);
    session.reply.warnings.extend(reply.warnings);
    if !is_native {
        session.reply.intents.extend(reply.intents);
    }
    reply.exit == 0
}
