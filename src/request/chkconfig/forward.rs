//! Forwarding a request to systemctl where a unit replaces the service; forwardSystemd() of chkconfig 1.33. It
//! passes a verb and a unit, so levels are lost.

use std::ffi::OsStr;

use crate::argv::chkconfig::{Request, ServiceType, State, Verb};
use crate::argv::systemctl;
use crate::request::{self, Call, Reply};
use crate::sysv::native;

/// Set in the environment, even to nothing, it keeps requests here.
const SKIP: &str = "SYSTEMCTL_SKIP_REDIRECT";

/// Systemctl's answer, if the request is for it.
pub(super) fn to_systemctl(call: &Call, asked: &Request) -> Option<Reply> {
    let (verb, name) = forwarded(&asked.verb)?;
    let stays = asked.no_redirect
        || asked.only == Some(ServiceType::Xinetd)
        || call.env.raw(SKIP).is_some()
        || !native::is_init(call.root);
    if stays {
        return None;
    }
    let unit = native::unit(call.root, name)?;
    let mut reply = Reply::new();
    reply.output.err_line(format!("Note: Forwarding request to 'systemctl {verb} {unit}'."));
    let answer = request::redirect(call, request::Request::Systemctl(systemctl::plain(verb, [unit])));
    reply.output.append(answer.output);
    Some(Reply {
        output: reply.output,
        ..answer
    })
}

/// Systemctl's verb for a request, and the service. Nothing but on, off and a query of the
/// current level is ever handed over.
fn forwarded(verb: &Verb) -> Option<(&'static str, &OsStr)> {
    match verb {
        Verb::Set {
            name,
            state: State::On,
            ..
        } => Some(("enable", name)),
        Verb::Set {
            name,
            state: State::Off,
            ..
        } => Some(("disable", name)),
        Verb::Query { name, level: None } => Some(("is-enabled", name)),
        _ => None,
    }
}
