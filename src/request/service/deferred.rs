//! Actions that are not run in an image, but noted for its boot.

use std::ffi::OsStr;

use super::Job;
use crate::intent::{DeferredVerb, Intent, NoteSeverity, Scope};
use crate::request::Reply;
use crate::unit::mangle::unit_of;

/// What an init script answers for a service that does not run.
const NOT_RUNNING: u8 = 3;

/// Notes an action of an init script.
pub(super) fn action(job: &Job) -> Reply {
    let name = job.name.to_string_lossy();
    let action = job.action.and_then(OsStr::to_str);
    let mut reply = Reply::new();
    if action == Some("status") {
        return reply.fail(NOT_RUNNING);
    }
    match action.and_then(verb) {
        Some(verb) => reply.intent(
            Intent::Defer {
                verb,
                unit: unit_of(&name),
                scope: Scope::System,
            },
            false,
        ),
        None => {
            let action = job.action.unwrap_or_default().to_string_lossy();
            reply.intent(
                Intent::Note {
                    severity: NoteSeverity::Low,
                    text: format!("action \"{action}\" of the init script {name} was not run"),
                },
                false,
            );
        }
    }
    reply
}

/// What an action of an init script means for the service's unit.
pub(super) fn verb(action: &str) -> Option<DeferredVerb> {
    Some(match action {
        "start" => DeferredVerb::Start,
        "stop" | "condstop" | "try-stop" => DeferredVerb::Stop,
        "restart" => DeferredVerb::Restart,
        "condrestart" | "try-restart" | "condtryrestart" => DeferredVerb::TryRestart,
        "reload" => DeferredVerb::Reload,
        "reload-or-restart" => DeferredVerb::ReloadOrRestart,
        "force-reload" | "condreload" | "try-reload-or-restart" => DeferredVerb::TryReloadOrRestart,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::argv::service::Switches;

    fn recorded(word: &str) -> (u8, Vec<Intent>) {
        let reply = action(&Job {
            name: OsStr::new("foo"),
            action: Some(OsStr::new(word)),
            words: &[],
            switches: Switches::default(),
        });
        assert_eq!(reply.output, Default::default());
        (reply.exit, reply.intents.into_iter().map(|recorded| recorded.intent).collect())
    }

    #[test]
    fn actions_wait_for_the_boot_and_queries_do_not() {
        let restart = Intent::Defer {
            verb: DeferredVerb::TryRestart,
            unit: "foo.service".into(),
            scope: Scope::System,
        };
        assert_eq!(recorded("condrestart"), (0, vec![restart]));
        assert_eq!(recorded("status"), (3, vec![]));
        let (exit, intents) = recorded("initdb");
        assert_eq!(exit, 0);
        assert!(matches!(&intents[..], [Intent::Note { text, .. }] if text.contains("\"initdb\"")));
    }
}
