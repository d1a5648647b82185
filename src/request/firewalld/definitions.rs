//! Making, deleting and finding objects: `--new-...`, `--delete-...`, `--load-...-defaults`,
//! `--path-...`, `--info-...`, and the lists of names.

use crate::intent::DefinitionChange;
use std::path::Path;

use super::deletion::{rest_with, rest_with_defaults, rest_without, without};
use super::files::{load_policy, load_zone, overwrite, text_of, unknown, write};
use super::listing;
use super::session::{Exit, Session, Step};
use crate::argv::firewalld::Side;
use crate::config::Answers;
use crate::firewall::firewalld::helper::{check_family, check_module};
use crate::firewall::firewalld::{
    Checked, Code, Feature, Helper, Icmptype, Ipset, Kind, Policy, Service, Zone, read_xml,
};

/// Options that make, delete or find an object.
pub(super) fn config_options(session: &mut Session) -> Step {
    for kind in Kind::ALL {
        let word = kind.word();
        let value = |session: &Session, option: String| session.given.value(&option).map(str::to_owned);
        if let Some(name) = value(session, format!("--new-{word}")) {
            return make(session, kind, &name);
        }
        if let Some(file) = value(session, format!("--new-{word}-from-file")) {
            return import(session, kind, &file);
        }
        if let Some(name) = value(session, format!("--delete-{word}")) {
            return delete(session, kind, &name);
        }
        if let Some(name) = value(session, format!("--load-{word}-defaults")) {
            return load_defaults(session, kind, &name);
        }
        if let Some(name) = value(session, format!("--path-{word}")) {
            return path(session, kind, &name);
        }
    }
    Ok(())
}

fn make(session: &mut Session, kind: Kind, name: &str) -> Step {
    let made = new_object(session, kind);
    let text = match made {
        Ok(text) => text,
        Err(exit) => {
            session.definition(kind.object(), name, DefinitionChange::New, false);
            return Err(exit);
        }
    };
    create(session, kind, name, &text)
}

fn create(session: &mut Session, kind: Kind, name: &str, text: &str) -> Step {
    let checked = conflict(session, kind, name);
    let checked = checked.and_then(|()| session.whole().new_name(kind, name));
    let checked = checked.and_then(|()| rest_with(session, kind, name));
    session.definition(kind.object(), name, DefinitionChange::New, checked.is_ok());
    session.checked(checked)?;
    write(session, kind, name, text)?;
    session.success()
}

fn conflict(session: &Session, kind: Kind, name: &str) -> Checked<()> {
    if !session.tree.is_taken(kind, name) {
        return Ok(());
    }
    let word = match kind {
        Kind::Policy => "policy_object",
        _ => kind.word(),
    };
    Err(Code::NameConflict.about(format!("new_{word}(): '{name}'")))
}

/// The file of an object that has nothing in it yet.
fn new_object(session: &mut Session, kind: Kind) -> Step<String> {
    Ok(match kind {
        Kind::Zone => Zone::default().to_xml(&session.grammar),
        Kind::Service => Service::default().to_xml(),
        Kind::Policy => Policy::default().to_xml(&session.grammar),
        Kind::Icmptype => Icmptype::default().to_xml(),
        Kind::Ipset => new_ipset(session)?.to_xml(),
        Kind::Helper => new_helper(session)?.to_xml(),
    })
}

fn new_ipset(session: &mut Session) -> Step<Ipset> {
    let Some(kind) = session.given.value("--type").map(str::to_owned) else {
        return session.misuse("No type specified.");
    };
    let family = session.given.value("--family").map(str::to_owned);
    if kind == "hash:mac" && family.is_some() {
        return session.misuse("--family is not compatible with the hash:mac type");
    }
    let mut ipset = Ipset {
        kind,
        ..Ipset::default()
    };
    for option in session.given.values("--option").to_vec() {
        let added = add_option(&mut ipset, &option);
        session.checked(added)?;
    }
    let takes_family = session.side == Side::Online || session.has(Feature::OfflineIpsetFamily);
    if let Some(family) = family.filter(|_| takes_family) {
        let added = add_option(&mut ipset, &format!("family={family}"));
        session.checked(added)?;
    }
    let checked = ipset.check(&session.grammar);
    session.checked(checked)?;
    Ok(ipset)
}

/// `KEY[=VALUE]`; parse_ipset_option() of command.py. The last value counts.
fn add_option(ipset: &mut Ipset, option: &str) -> Checked<()> {
    let (name, value) = option.split_once('=').unwrap_or((option, ""));
    if value.contains('=') {
        return Err(Code::InvalidOption.about(format!("invalid ipset option '{option}'")));
    }
    if ipset.option(name) == Some(value) {
        let shown = if value.is_empty() {
            name.to_owned()
        } else {
            format!("'{name}={value}'")
        };
        return Err(Code::AlreadyEnabled.about(shown));
    }
    match ipset.options.iter_mut().find(|(known, _)| known == name) {
        Some((_, old)) => value.clone_into(old),
        None => ipset.options.push((name.to_owned(), value.to_owned())),
    }
    Ok(())
}

fn new_helper(session: &mut Session) -> Step<Helper> {
    let Some(module) = session.given.value("--module").map(str::to_owned) else {
        return session.misuse("No module specified.");
    };
    let family = session.given.value("--family").unwrap_or_default().to_owned();
    let checked = check_module(&module).and_then(|()| check_family(&family));
    session.checked(checked)?;
    Ok(Helper {
        module,
        family,
        ..Helper::default()
    })
}

/// Makes an object from a file anywhere in the image.
fn import(session: &mut Session, kind: Kind, file: &str) -> Step {
    let word = kind.word();
    let base = Path::new(file).file_name().map(|name| name.to_string_lossy().into_owned());
    let base = base.unwrap_or_default();
    let name = session.given.value("--name").map(str::to_owned);
    let Some(stem) = base.strip_suffix(".xml").map(str::to_owned) else {
        let exit = if session.side == Side::Offline {
            Code::InvalidName.exit()
        } else {
            2
        };
        let shown = if kind == Kind::Icmptype {
            base
        } else {
            format!("'{base}'")
        };
        let message =
            format!("Failed to load {word} file '{file}': INVALID_NAME: {shown} is missing .xml suffix");
        return session.fail(message, exit);
    };
    let name = name.unwrap_or(stem);
    let text = match read_xml(session.call.root, session.call.path(file)) {
        Ok(text) => text,
        Err(error) => {
            session.definition(kind.object(), &name, DefinitionChange::New, false);
            let reason = error.errno().map_or(String::new(), |errno| match session.side {
                Side::Offline => errno.desc().to_owned(),
                Side::Online => format!("[Errno {}] {}", errno as i32, errno.desc()),
            });
            return session.fail(format!("Failed to load {word} file: {reason}: '{file}'"), 2);
        }
    };
    match rewritten(session, kind, &text) {
        Ok(text) => create(session, kind, &name, &text),
        Err(fault) => {
            session.definition(kind.object(), &name, DefinitionChange::New, false);
            let exit = if session.side == Side::Offline {
                fault.code.exit()
            } else {
                2
            };
            session.fail(format!("Failed to load {word} file '{file}': {fault}"), exit)
        }
    }
}

/// An object's text as firewalld spells it.
fn rewritten(session: &Session, kind: Kind, text: &str) -> Checked<String> {
    Ok(match kind {
        Kind::Zone => Zone::parse(text, &session.grammar)?.to_xml(&session.grammar),
        Kind::Service => Service::parse(text, &session.grammar)?.to_xml(),
        Kind::Policy => Policy::parse(text, &session.grammar)?.to_xml(&session.grammar),
        Kind::Ipset => Ipset::parse(text, &session.grammar)?.to_xml(),
        Kind::Icmptype => Icmptype::parse(text)?.to_xml(),
        Kind::Helper => Helper::parse(text, &session.grammar)?.to_xml(),
    })
}

fn delete(session: &mut Session, kind: Kind, name: &str) -> Step {
    let edits = deletable(session, kind, name).and_then(|()| without(session, kind, name));
    let rest = edits.as_ref().map_or(Ok(()), |_| rest_without(session, kind, name));
    // The original finds only afterwards that the rest cannot do without the object: then nothing loads
    // any more, which is copied for comparison with it alone.
    let is_undone = rest.is_err() && session.call.config.shims.answers != Answers::Strict;
    session.definition(kind.object(), name, DefinitionChange::Delete, edits.is_ok() && rest.is_ok());
    let edits = session.checked(edits)?;
    if !session.dry && !is_undone {
        let removed = session.tree.remove(kind, name);
        session.done(removed)?;
    }
    session.checked(rest)?;
    for (kind, name, text) in edits {
        match kind {
            Kind::Service => overwrite(session, kind, &name, &text)?,
            _ => write(session, kind, &name, &text)?,
        }
    }
    session.success()
}

fn deletable(session: &Session, kind: Kind, name: &str) -> Checked<()> {
    if session.tree.is_shipped(kind, name) {
        let word = if kind == Kind::Icmptype {
            "icmp type"
        } else {
            kind.word()
        };
        return Err(kind.builtin().about(format!("'{name}' is built-in {word}")));
    }
    if session.tree.is_local(kind, name) {
        Ok(())
    } else {
        Err(unknown(session, kind, name))
    }
}

fn load_defaults(session: &mut Session, kind: Kind, name: &str) -> Step {
    let checked = match (session.tree.is_local(kind, name), session.tree.is_shipped(kind, name)) {
        (true, true) => Ok(()),
        (false, false) => Err(unknown(session, kind, name)),
        (true, false) if session.side == Side::Online => {
            Err(Code::NoDefaults.about(format!("'{name}' not a built-in {}", kind.word())))
        }
        _ => Err(Code::NoDefaults.about(name)),
    };
    let checked = checked.and_then(|()| rest_with_defaults(session, kind, name));
    session.definition(kind.object(), name, DefinitionChange::Delete, checked.is_ok());
    session.checked(checked)?;
    if !session.dry {
        let removed = session.tree.remove(kind, name);
        session.done(removed)?;
    }
    session.success()
}

fn path(session: &mut Session, kind: Kind, name: &str) -> Step {
    match session.tree.find(kind, name) {
        Some(path) => session.answer(path.to_string_lossy().as_bytes()),
        None => {
            let fault = unknown(session, kind, name);
            session.refuse(&fault)
        }
    }
}

/// Options that print names or whole objects.
pub(super) fn info_options(session: &mut Session) -> Step {
    for (option, kind) in [
        ("--get-zones", Kind::Zone),
        ("--get-services", Kind::Service),
        ("--get-icmptypes", Kind::Icmptype),
        ("--get-policies", Kind::Policy),
        ("--get-ipsets", Kind::Ipset),
        ("--get-helpers", Kind::Helper),
    ] {
        if session.given.has(option) {
            let names = session.tree.names(kind);
            let names = session.done(names)?;
            return session.answer(names.into_iter().collect::<Vec<_>>().join(" "));
        }
    }
    for (option, kind) in [
        ("--list-all-zones", Kind::Zone),
        ("--list-all-policies", Kind::Policy),
    ] {
        if session.given.has(option) {
            return list_all(session, kind);
        }
    }
    for kind in Kind::ALL {
        if let Some(name) = session.given.value(&format!("--info-{}", kind.word())).map(str::to_owned) {
            let text = info(session, kind, &name)?;
            session.reply.output.out(text);
            return Err(Exit(0));
        }
    }
    zone_of(session, "--get-zone-of-interface", |zone| &zone.interfaces)?;
    zone_of(session, "--get-zone-of-source", |zone| &zone.sources)
}

fn list_all(session: &mut Session, kind: Kind) -> Step {
    let names = session.tree.names(kind);
    for name in session.done(names)? {
        let text = info(session, kind, &name)?;
        session.reply.output.out(text);
        session.print_answer("");
    }
    Err(Exit(0))
}

fn info(session: &mut Session, kind: Kind, name: &str) -> Step<String> {
    match kind {
        Kind::Zone => {
            let zone = load_zone(session, name)?;
            return listing::zone(session, name, &zone);
        }
        Kind::Policy => {
            let policy = load_policy(session, name)?;
            return listing::policy(session, name, &policy);
        }
        _ => {}
    }
    let text = text_of(session, kind, name)?;
    let shown = match kind {
        Kind::Service => Service::parse(&text, &session.grammar).map(|found| listing::service(name, &found)),
        Kind::Ipset => Ipset::parse(&text, &session.grammar).map(|found| listing::ipset(name, &found)),
        Kind::Icmptype => Icmptype::parse(&text).map(|found| listing::icmptype(name, &found)),
        _ => Helper::parse(&text, &session.grammar).map(|found| listing::helper(name, &found)),
    };
    session.read_from_file(shown)
}

/// Which zone an interface or source is bound to.
fn zone_of(session: &mut Session, option: &str, list: impl Fn(&Zone) -> &Vec<String>) -> Step {
    let wanted = session.given.values(option).to_vec();
    if wanted.is_empty() {
        return Ok(());
    }
    let zones = session.whole().other_zones("");
    let zones = session.checked(zones)?;
    let bound = |name: &String| {
        zones.iter().find(|(_, zone)| list(zone).contains(name)).map(|(zone, _)| zone.clone())
    };
    if let [name] = &wanted[..] {
        return match bound(name) {
            Some(zone) => session.answer(zone),
            None => session.fail("no zone", 2),
        };
    }
    for name in &wanted {
        let zone = bound(name).unwrap_or_else(|| "no zone".to_owned());
        session.complain(format!("{name}: {zone}"));
    }
    session.success()
}
