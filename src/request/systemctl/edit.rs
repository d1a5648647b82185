//! edit: with `--stdin` a drop-in or a whole unit file is written, named and checked as in
//! verb_edit() of systemctl-edit.c (257). Otherwise the verb is ignored, as the original ignores it
//! in a chroot.

use crate::config::Answers;
use crate::intent::{Intent, UnitWant};
use crate::request::Reply;
use crate::unit::paths::join;
use crate::unit::problem::Problem;
use crate::unit::tree::Units;

use super::runtime;
use super::session::Session;

const OVERRIDE: &str = "override.conf";

/// Carries the verb out.
pub(super) fn execute(mut session: Session, arguments: &[String]) -> Reply {
    if session.answers() == Answers::Strict || !session.options.stdin {
        runtime::execute(&mut session, "edit", arguments);
        return session.reply;
    }
    let names = match session.names(arguments, "to edit") {
        Ok(names) => names,
        Err(text) => return session.fail(text),
    };
    let content = match (session.call.stdin)() {
        Ok(content) => content,
        Err(error) => return session.fail(format!("Failed to read from stdin: {error}")),
    };
    let tree = match session.tree() {
        Ok(tree) => tree,
        Err(problem) => return session.fail(format!("Failed to edit: {}.", problem.text())),
    };
    let units = session.units(&tree);
    let mut failure = None;
    for name in &names {
        let written = write(&session, &units, name, &content);
        let intent = Intent::Unit {
            unit: name.clone(),
            want: UnitWant::Edit,
            scope: session.options.scope,
            rule: None,
        };
        session.intent(intent, written.is_ok());
        failure = failure.or(written.err());
    }
    match failure {
        None => session.reply,
        Some(text) => session.fail(text),
    }
}

fn write(session: &Session, units: &Units, unit: &str, content: &[u8]) -> Result<(), String> {
    let reason = |problem: Problem| format!("Failed to edit {unit}: {}", problem.text());
    if !session.options.force && units.exists(unit) == Ok(false) {
        return Err(format!("No files found for {unit}."));
    }
    if content.trim_ascii().is_empty() {
        return Err(format!("Editing {unit} canceled: temporary file is empty."));
    }
    let place = session.place(units).map_err(reason)?;
    let whole = session.options.full;
    let dir = units.path.absolute(&place.dir);
    let path = if whole {
        join(&dir, unit)
    } else {
        join(&dir, &format!("{unit}.d/{}", drop_in_name(session)?))
    };
    let io = |error: crate::error::Error| reason(Problem::from(&error));
    units.root.create_dirs(crate::unit::paths::parent(&path), 0o755).map_err(io)?;
    let mut content = content.to_vec();
    if !content.ends_with(b"\n") {
        content.push(b'\n');
    }
    units.root.write(&path, &content, Some(0o644)).map_err(io)
}

fn drop_in_name(session: &Session) -> Result<String, String> {
    let Some(name) = &session.options.drop_in else {
        return Ok(OVERRIDE.to_owned());
    };
    let name = if name.ends_with(".conf") {
        name.clone()
    } else {
        format!("{name}.conf")
    };
    if name.contains('/') || name.starts_with('.') {
        return Err(format!("Invalid drop-in file name '{name}'."));
    }
    Ok(name)
}
