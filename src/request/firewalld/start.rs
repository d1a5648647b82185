//! What happens before anything is done: firewall-offline-cmd reads the whole configuration, and
//! logs what it finds; and `--check-config`.

use super::session::{Exit, Session, Step, UNREADABLE};
use crate::config::Answers;
use crate::firewall::firewalld::whole::{Load, check_files, check_log, load};
use crate::firewall::firewalld::{Code, Fault, Feature};

/// Exit status of `--check-config` for an error that has no code.
const NO_CODE: u8 = 2;

/// Reads everything, as start() of core/fw.py does, which firewall-offline-cmd calls first.
///
/// By default only `firewalld.conf` is read here, and other files when they are needed: a broken
/// file of one package does not fail the scriptlets of all others. Settling names it.
pub(super) fn start(session: &mut Session) -> Step {
    let conf = session.conf()?;
    let mut log = conf.complaints(&session.tree, &session.grammar);
    let checks = session.given.has("--check-config");
    let strict = session.call.config.shims.answers == Answers::Strict;
    let load = if strict || checks {
        load(session.whole())
    } else {
        Load::default()
    };
    log.extend(load.log.iter().cloned());
    if !checks {
        session.tree.pass_over(load.passed_over);
    }
    match load.fault {
        Some(fault) => {
            log.extend(session.has(Feature::FallbackLogged).then(|| UNREADABLE.to_owned()));
            say(session, &log);
            match checks {
                true => configuration_error(session, &fault),
                false => session.fail(format!("Error: {fault}"), fault.code.exit()),
            }
        }
        None => {
            log.extend(conf.zone_complaint(&session.tree));
            say(session, &log);
            if checks { check_config(session) } else { Ok(()) }
        }
    }
}

fn say(session: &mut Session, log: &[String]) {
    for line in log {
        session.reply.output.err_line(line);
    }
}

/// `firewall-offline-cmd --check-config`: silent if all is well, but for what it logs: it reads
/// the configuration a second time.
fn check_config(session: &mut Session) -> Step {
    let mut log = session.conf()?.complaints(&session.tree, &session.grammar);
    let checked = if session.has(Feature::WholeChecked) {
        log.extend(check_log(session.whole()));
        session.whole().everything()
    } else {
        // `firewalld.conf` comes last.
        let of_conf = std::mem::take(&mut log);
        let checked = check_files(session.whole(), &mut log);
        log.extend(checked.is_ok().then_some(of_conf).into_iter().flatten());
        checked
    };
    say(session, &log);
    match checked {
        Ok(()) => Err(Exit(0)),
        Err(fault) => configuration_error(session, &fault),
    }
}

fn configuration_error(session: &mut Session, fault: &Fault) -> Step {
    let exit = match fault.code {
        Code::UnknownError => NO_CODE,
        code => code.exit(),
    };
    session.fail(format!("Configuration error: {fault}"), exit)
}
