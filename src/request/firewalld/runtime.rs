//! Changes for the running firewall alone. An image has none, so they are recorded and nothing is
//! written; only for comparison with the original a copy of what would be running is kept next to the
//! journal, so that later queries see it and `--runtime-to-permanent` finds it.

use super::files::{runtime_tree, write, write_file};
use super::session::{Session, Step};
use super::whitelist::whitelist;
use crate::firewall::firewalld::{Feature, Kind, lockdown};
use crate::intent::{Intent, NoteSeverity};

/// `--reload`: the running firewall is as the files say.
pub(super) fn forget_runtime(session: &mut Session) -> Step {
    let Some(tree) = runtime_tree(session.call).filter(|_| !session.dry) else {
        return Ok(());
    };
    for kind in [Kind::Zone, Kind::Policy] {
        for name in tree.local_names(kind).unwrap_or_default() {
            let removed = tree.root.remove(tree.local(kind, &name));
            session.done(removed)?;
        }
    }
    Ok(())
}

/// `--runtime-to-permanent`: what runs becomes what the files say.
pub(super) fn runtime_to_permanent(session: &mut Session) -> Step {
    session.intent(
        Intent::Note {
            severity: NoteSeverity::Low,
            text: "changes to the running firewall are to be kept".to_owned(),
        },
        false,
    );
    let Some(tree) = runtime_tree(session.call).filter(|_| !session.dry) else {
        return session.success();
    };
    for kind in [Kind::Zone, Kind::Policy] {
        for name in tree.local_names(kind).unwrap_or_default() {
            let text = tree.read(kind, &name);
            if let Some(text) = session.done(text)? {
                write(session, kind, &name, &text)?;
            }
        }
    }
    if !session.has(Feature::Lockdown) {
        return session.success();
    }
    let whitelist = whitelist(session)?;
    write_file(session, lockdown::FILE, &whitelist.to_xml())?;
    session.success()
}
