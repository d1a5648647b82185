//! What a scriptlet changed of the system besides units and the firewall, as events of the journal: accounts,
//! alternatives, SELinux's policy, settings of the kernel; and the programs that it ran for such.

use std::collections::BTreeMap;

use super::file::{How, Run};
use super::found::{DirectChange, Found};
use super::named::{NamedProgram, named, where_and_by};
use crate::escape::Escaped;
use crate::intent::{Intent, NoteSeverity, RecordedIntent};
use crate::journal::Event;
use crate::root::Root;
use crate::shell::{Command, line_of};
use crate::system::{Area, accounts, alternative, area, commands, programs, selinux, settings};
use crate::tool::Tool;

/// The events that one scriptlet's changes and its commands, where its text is known, come to.
pub(super) fn events(root: &Root, run: &Run, found: &[Found], script: &[Command]) -> Vec<Event> {
    let mut programs = named(root, run, script, programs::of_system);
    let mut areas: BTreeMap<Area, (Vec<&Found>, Vec<Intent>)> = BTreeMap::new();
    for one in found.iter().filter(|one| one.change.request.is_none() && one.change.is_of_content()) {
        let path = one.change.path.shown();
        let Some(area) = area(&path) else { continue };
        let (files, intents) = areas.entry(area).or_default();
        for new in asked_for(root, area, &path, &one.direct()) {
            if !intents.contains(&new) {
                intents.push(new);
            }
        }
        files.push(one);
    }
    areas.retain(|_, (_, intents)| !intents.is_empty());
    let mut events = Vec::new();
    for (area, (files, intents)) in areas {
        // The programs that did it need no event of their own, unless they ask for more than the files show.
        let (by, others) = programs
            .into_iter()
            .partition(|(_, program)| program.about == area.words() && asked_of(program).is_empty());
        programs = others;
        events.push(event(run, &files, intents, &by, script));
    }
    events.extend(programs.into_values().filter_map(|program| program_event(run, &program)));
    events
}

/// What a change asks for; nothing where what the file said is not known.
fn asked_for(root: &Root, area: Area, path: &str, direct: &DirectChange) -> Vec<Intent> {
    let change = direct.change;
    let words = |content: Option<&[u8]>| String::from_utf8_lossy(content.unwrap_or_default()).into_owned();
    let (before, after) = (words(direct.before), words(direct.after));
    let is_read = (change.before.is_some(), change.after.is_some())
        == (direct.before.is_some(), direct.after.is_some());
    match area {
        Area::Alternatives => {
            let target = change.after.as_ref().and_then(|side| side.target.as_ref()?.text());
            alternative(path, target.as_deref()).into_iter().collect()
        }
        Area::Selinux if !selinux::is_text(path) => {
            selinux::module(path, change.after.is_some()).into_iter().collect()
        }
        _ if !is_read => Vec::new(),
        Area::Selinux => selinux::between(path, &before, &after),
        Area::Kernel => settings::between(path, &before, &after),
        Area::Accounts if path == accounts::PASSWD => {
            let groups = root.read_text(accounts::GROUP).unwrap_or_default();
            accounts::users_between(&before, &after, &groups)
        }
        Area::Accounts => accounts::groups_between(&before, &after),
    }
}

fn event(
    run: &Run,
    files: &[&Found],
    intents: Vec<Intent>,
    by: &BTreeMap<String, NamedProgram>,
    script: &[Command],
) -> Event {
    let changes = || files.iter().map(|file| &file.change);
    let command_line = by.values().flat_map(|program| &program.commands).map(|command| command.line).min();
    let line = command_line.or_else(|| changes().find_map(|change| line_of(script, &change.path.shown())));
    Event {
        argv: changes().map(|change| change.path.clone()).collect(),
        message: where_and_by(line, changes()),
        intents: intents.into_iter().map(|intent| RecordedIntent::new(intent, true)).collect(),
        ..run.event(Tool::System)
    }
}

/// What the commands that run a program ask to hold at every boot, where all of them were run.
fn asked_of(program: &NamedProgram) -> Vec<Intent> {
    let asked = program
        .commands
        .iter()
        .filter(|_| program.ran_each)
        .filter_map(|command| command.program());
    asked.flat_map(|(_, arguments)| commands::intents(&program.name, arguments)).collect()
}

/// A program that left no file behind that says what it did. One that was not run asked for nothing.
fn program_event(run: &Run, program: &NamedProgram) -> Option<Event> {
    if !program.ran && run.how == How::Events {
        return None;
    }
    let mut intents = asked_of(program);
    if intents.is_empty() {
        intents.push(Intent::Note {
            severity: NoteSeverity::Low,
            text: program.words(run.how),
        });
    }
    Some(Event {
        argv: vec![Escaped::new(program.command())],
        message: program.lines_in_words(),
        intents: intents.into_iter().map(|intent| RecordedIntent::new(intent, program.ran)).collect(),
        ..run.event(Tool::System)
    })
}
