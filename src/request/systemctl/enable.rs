//! The verbs that change unit files by name: enable, disable, reenable, link, mask, unmask, revert.

use crate::config::Answers;
use crate::intent::{Intent, Scope, UnitWant};
use crate::request::Reply;
use crate::unit::batch::Batch;
use crate::unit::enable::Placement;
use crate::unit::generation::{Generation, Trait};
use crate::unit::log::Level;
use crate::unit::lookup::Lookup;
use crate::unit::name::{self, base_name};
use crate::unit::problem::{Events, Problem};
use crate::unit::state::{LinkTable, State};
use crate::unit::tree::Units;
use nix::errno::Errno;

use super::is_enabled::no_state;
use super::now;
use super::session::{Session, Tree};
use super::sysv::{self, Handled};

/// Carries one of the verbs out.
///
/// `verb_enable()` of systemctl-enable.c.
pub(super) fn execute(mut session: Session, verb: &str, arguments: &[String]) -> Reply {
    // revert removes what is in /run as well as in /etc, with --runtime or without (systemctl(1)).
    session.options.runtime &= verb != "revert";
    let operation = match session.generation.has(Trait::GlobsPassedToEnable) {
        true => "to enable".to_owned(),
        false => format!("to {verb}"),
    };
    let names = match session.names(arguments, &operation) {
        Ok(names) => names,
        Err(text) => return session.fail(text),
    };
    let tree = match session.tree() {
        Ok(tree) => tree,
        Err(problem) => return fail_early(session, verb, problem, &names),
    };
    let mut units = session.units(&tree);
    let place = match session.place(&units) {
        Ok(place) => place,
        Err(problem) => return fail_early(session, verb, problem, &names),
    };
    let names = match sysv::hand_over(&mut session, &units, verb, names) {
        Handled::Left(names) => names,
        Handled::Ended => return session.reply,
    };
    let names = match prepare(&mut session, verb, names) {
        Ok(names) => names,
        Err(reply) => return *reply,
    };
    let mut events = Events::default();
    let mut done = change(&session, &mut units, verb, &names, &place, &mut events);
    let disables = matches!(verb, "disable" | "reenable");
    if disables && session.generation.has(Trait::ReportedFailureCounts) {
        // Since 259 every failure that was reported on the way makes the call fail.
        done.failure = done.failure.or(events.first_failure());
        done.lacks_install &= done.failure.is_none();
    }
    session.print_events(&units, verb, &events, done.failure);
    if done.lacks_install && !session.options.quiet && !session.options.no_warn {
        let (level, text) = session.style.no_install();
        session.say(level, text);
    }
    let ends_here =
        done.failure.is_none() && verb == "disable" && !warn_of_global(&mut session, &tree, &names);
    record(&mut session, verb, &names, &events);
    if done.failure.is_some() {
        session.refuse_unchanged();
    }
    session.close(&tree);
    if ends_here {
        return session.reply.fail(1);
    }
    session.reply.exit = u8::from(done.failure.is_some_and(|problem| counts(&session, verb, problem)));
    now::execute(&mut session, verb, &names);
    session.reply
}

/// The result of a change.
#[derive(Default)]
struct Done {
    failure: Option<Problem>,
    /// No unit had anything in `[Install]`, and that matters.
    lacks_install: bool,
}

fn change(
    session: &Session,
    units: &mut Units,
    verb: &str,
    names: &[String],
    place: &Placement,
    events: &mut Events,
) -> Done {
    let outcome = match verb {
        "enable" => units.enable(names, place, events).map(|links| links > 0),
        "disable" => units.disable(names, &place.dir, events),
        "reenable" => reenable(session, units, names, place, events).map(|links| links > 0),
        "link" => units.link_files(names, place, events).map(|_| true),
        "mask" => units.mask(names, place, events).map(|_| true),
        "unmask" => units.unmask(names, &place.dir, events).map(|_| true),
        _ => units.revert(names, events).map(|_| true),
    };
    Done {
        failure: outcome.err(),
        lacks_install: outcome == Ok(false),
    }
}

/// Disables by name and enables again. The second time a unit is taken by its file's path, as a link
/// to it may be gone by then: the original does so with `--root` only, and without it this is of use
/// for a unit that is linked from elsewhere.
fn reenable(
    session: &Session,
    units: &mut Units,
    given: &[String],
    place: &Placement,
    events: &mut Events,
) -> Result<usize, Problem> {
    let earlier = session.generation.has(Trait::EarlierInstall);
    let takes = |path: &str, name: &str, units: &Units| match session.options.root {
        Some(_) if session.answers() == Answers::Strict && !takes_path(session.generation, name) => false,
        Some(_) => true,
        None => session.answers() == Answers::Image && !units.path.contains(path) && is_file_of(path, name),
    };
    let mut again = Vec::new();
    for one in given {
        if !earlier {
            has_last_part(one)?;
        }
        // What is found out only here says nothing.
        let log = std::mem::take(&mut units.log);
        let file = real_file(units, one).filter(|path| takes(path, one, units));
        if takes_path(session.generation, one) {
            log.append(&units.log);
        }
        units.log = log;
        again.push(file.unwrap_or_else(|| one.clone()));
    }
    let names: Vec<String> = given.iter().map(|one| base_name(one).to_owned()).collect();
    match units.disable(&names, &place.dir, events) {
        // Said once more, and then a failure, by the second half.
        Ok(_) => {}
        Err(Problem::Missing) if units.forgiving || !session.generation.has(Trait::DisableStopsAtMissing) => {
        }
        Err(problem) => return Err(problem),
    }
    units.enable(&again, place, events)
}

/// Whether a unit that is enabled again under `--root` is taken by its file's path. normalize_linked_files() does
/// so since 250, but not for instances in newer builds; observed with 252.39, 254.26 and 252-76.el9.
fn takes_path(generation: Generation, name: &str) -> bool {
    let even_instances = matches!(generation.number(), 250..=254) && generation != Generation::EL9;
    !generation.has(Trait::EarlierInstall) && (even_instances || !name::is_instance(name))
}

/// Whether a file is that of a unit, or of the template that the unit is an instance of.
fn is_file_of(path: &str, unit: &str) -> bool {
    let file = base_name(path);
    file == unit || name::template_of(unit).as_deref() == Some(file)
}

/// Says which units stay enabled for all users after one user's links to them are gone. Returns false where the
/// state of one of them cannot be read: that ends the call; verb_enable(), observed with 257.13 and 262.1.
fn warn_of_global(session: &mut Session, tree: &Tree, names: &[String]) -> bool {
    let is_asked = session.options.scope == Scope::User && session.generation.has(Trait::GlobalNotice);
    if !is_asked || session.options.quiet || session.options.no_warn {
        return true;
    }
    let units = session.units_of(tree, Scope::Global);
    let table = LinkTable::default();
    let mut enabled = Vec::new();
    for name in names {
        let state = units.state(name, &table);
        session.print_log(&units);
        match state {
            Ok(State::Enabled | State::EnabledRuntime) => enabled.push(name.as_str()),
            Ok(_) | Err(Problem::Missing) => {}
            Err(problem) => {
                session.say(Level::Error, no_state(name, problem));
                return false;
            }
        }
    }
    if !enabled.is_empty() {
        let text = format!(
            "The following unit files have been enabled in global scope. This means\n\
             they will still be started automatically after a successful disablement\n\
             in user scope:\n{}",
            enabled.join(", ")
        );
        session.say(Level::Notice, text);
    }
    true
}

/// Refuses a path that ends in a slash and so names no file.
fn has_last_part(path: &str) -> Result<(), Problem> {
    if !path.ends_with('/') {
        return Ok(());
    }
    let is_root = path.bytes().all(|byte| byte == b'/');
    Err(Problem::Os(if is_root {
        Errno::EADDRNOTAVAIL
    } else {
        Errno::EISDIR
    }))
}

/// The file behind a unit's name.
fn real_file(units: &Units, name: &str) -> Option<String> {
    if name.contains('/') {
        return None;
    }
    let mut batch = Batch::default();
    let found = batch.discover(units, name, Lookup::LOAD_AND_FOLLOW, 0, &mut Events::default());
    found.ok().and_then(|index| batch.units[index].path.clone())
}

/// Whether link refuses the argument: it must be a path, and up to 249 with `--root` an absolute
/// one.
fn is_refused_by_link(session: &Session, name: &str) -> bool {
    let earlier = session.options.has_root && session.generation.has(Trait::EarlierInstall);
    !name.contains('/') || earlier && !name.starts_with('/')
}

/// Turns paths into names where the verb takes none, and refuses names where it takes paths.
///
/// `normalize_names()` and `normalize_filenames()` of systemctl-enable.c (252), `normalize_link_paths()` (257).
fn prepare(session: &mut Session, verb: &str, given: Vec<String>) -> Result<Vec<String>, Box<Reply>> {
    match verb {
        "disable"
            if session.generation.has(Trait::NormalizesPaths) && given.iter().any(|name| name == "/") =>
        {
            session
                .say(Level::Error, "Failed to extract file name from '/': Cannot assign requested address");
            Err(Box::new(std::mem::take(&mut session.reply).fail(1)))
        }
        "disable" if given.iter().any(|name| name.contains('/')) => {
            let text = "Warning: Can't execute disable on the unit file path. Proceeding with the unit name.";
            session.say(Level::Warning, text);
            let trims = session.generation.has(Trait::NormalizesPaths);
            let bare = |name: &String| match trims {
                true => base_name(name.trim_end_matches('/')).to_owned(),
                false => base_name(name).to_owned(),
            };
            Ok(given.iter().map(bare).collect())
        }
        "link" => match given.iter().find(|name| is_refused_by_link(session, name)) {
            Some(name) if session.options.has_root => {
                let equals = match session.generation.has(Trait::QuotedMessages) {
                    true => "=",
                    false => "",
                };
                let text = format!("Non-absolute paths are not allowed when --root{equals} is used: {name}");
                session.say(Level::Error, text);
                Err(Box::new(std::mem::take(&mut session.reply).fail(1)))
            }
            Some(name) => {
                if session.generation.has(Trait::EarlierInstall) {
                    let text = format!("Link argument does contain at least one directory separator: {name}");
                    session.say(Level::Error, text);
                    return Err(Box::new(std::mem::take(&mut session.reply).fail(1)));
                }
                let file = if session.generation.has(Trait::QuotedMessages) {
                    format!("'./{name}'")
                } else {
                    format!("./{name}")
                };
                session.say(Level::Error, "Link argument must contain at least one directory separator.");
                let text =
                    format!("If you intended to link a file in the current directory, try {file} instead.");
                session.say(Level::Error, text);
                Err(Box::new(std::mem::take(&mut session.reply).fail(1)))
            }
            None => Ok(given.iter().map(|path| session.absolute(path)).collect()),
        },
        _ => Ok(given),
    }
}

/// The answer if the tree or the directory for links is missing.
fn fail_early(mut session: Session, verb: &str, problem: Problem, names: &[String]) -> Reply {
    let looks_up_first = matches!(verb, "enable" | "disable") && sysv::is_asked(&session);
    match &session.options.root {
        // lookup_paths_init() in the way of init scripts failed without a word up to 249.
        Some(_) if looks_up_first && session.generation.has(Trait::EarlierInstall) => {}
        Some(dir) if looks_up_first && problem == Problem::Missing => {
            let text = format!(
                "Failed to initialize unit search paths for root directory {dir}: {}",
                problem.text()
            );
            session.say(Level::Error, text);
        }
        None if verb == "reenable" => {
            let earlier = names.iter().find_map(|name| has_last_part(name).err());
            session.say_failed(verb, earlier.unwrap_or(problem));
        }
        _ => match prepare(&mut session, verb, names.to_vec()) {
            Ok(_) => session.say_failed(verb, problem),
            Err(reply) => return *reply,
        },
    }
    record(&mut session, verb, names, &Events::default());
    session.reply.fail(1)
}

/// Whether a problem fails the call. Disabling a unit that is not there does, for the newest
/// systemd; but its links are gone, and so no reason to fail a scriptlet.
fn counts(session: &Session, verb: &str, problem: Problem) -> bool {
    session.answers() == Answers::Strict || verb != "disable" || problem != Problem::Missing
}

fn record(session: &mut Session, verb: &str, names: &[String], events: &Events) {
    let want = match verb {
        "enable" | "reenable" => UnitWant::Enable,
        "disable" => UnitWant::Disable,
        "mask" => UnitWant::Mask,
        "unmask" => UnitWant::Unmask,
        "link" => UnitWant::Link,
        _ => UnitWant::Revert,
    };
    for (owner, name) in names.iter().enumerate() {
        // disable leaves a masked unit as it is, and the unit is enabled again once it is unmasked
        // (observed with 252.39): nothing was brought about, then or later.
        if want == UnitWant::Disable && events.is_masked(owner) && !events.changed_for(owner) {
            continue;
        }
        let intent = Intent::Unit {
            unit: events.name_of(owner).unwrap_or(base_name(name)).to_owned(),
            want,
            scope: session.options.scope,
            rule: None,
        };
        session.intent(intent, events.changed_for(owner));
    }
}
