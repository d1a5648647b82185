//! Carrying out firewall-offline-cmd requests, with the import of lokkit's configuration file.

use crate::argv::firewalld::Side;
use crate::request::{Call, Reply, firewalld};

/// The option that names a file to import.
const MIGRATE: &str = "--migrate-system-config-firewall";
/// The file that is imported by a call without options.
const OLD_CONFIG: &str = "/etc/sysconfig/system-config-firewall";

/// Carries a call out.
pub fn execute(call: &Call) -> Reply {
    let words = match migrated(call, firewalld::words(call)) {
        Ok(words) => words,
        Err(reply) => return *reply,
    };
    let quiet = words.iter().any(|word| matches!(word.as_str(), "-q" | "--quiet"));
    match firewalld::read(Side::Offline, &words) {
        Ok(given) => firewalld::execute(Side::Offline, call, given, false),
        Err(error) => firewalld::usage_error(&error, quiet),
    }
}

/// The words of the file to import before those of the command line, if one is to be imported.
fn migrated(call: &Call, mut words: Vec<String>) -> Result<Vec<String>, Box<Reply>> {
    let file = match file_to_import(&mut words)? {
        Some(file) => file,
        None if words.is_empty() => OLD_CONFIG.to_owned(),
        None => return Ok(words),
    };
    if words.iter().any(|word| matches!(word.as_str(), "-q" | "--quiet")) {
        return Err(Box::new(Reply::error("-q/--quiet can't be used with this option(s)", 2)));
    }
    let text = call.root.read_text(call.path(&file)).unwrap_or_default();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let imported: Vec<String> = lines.map(str::to_owned).collect();
    if imported.is_empty() {
        return Err(Box::new(Reply::error(format!("Opening of '{file}' failed, exiting."), 2)));
    }
    Ok(imported.into_iter().chain(words).collect())
}

/// Takes the option out of the words.
fn file_to_import(words: &mut Vec<String>) -> Result<Option<String>, Box<Reply>> {
    let is_option = |word: &String| word.split('=').next() == Some(MIGRATE);
    let Some(at) = words.iter().position(is_option) else {
        return Ok(None);
    };
    let word = words.remove(at);
    if let Some((_, file)) = word.split_once('=') {
        return Ok(Some(file.to_owned()));
    }
    if words.get(at).is_some_and(|file| !file.starts_with('-')) {
        return Ok(Some(words.remove(at)));
    }
    let mut reply = Reply::new();
    reply.output.err(Side::Offline.usage_line());
    reply
        .output
        .err_line(format!("{}: error: argument {MIGRATE}: expected one argument", Side::Offline.program()));
    Err(Box::new(reply.fail(2)))
}
