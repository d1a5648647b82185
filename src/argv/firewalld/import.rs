//! firewall-offline-cmd's import of lokkit's configuration file: the file's lines are words before
//! those of the command line.

use super::{Side, UsageError};
use crate::argv::dialect::Dialect;

/// The option that names a file to import.
const MIGRATE: &str = "--migrate-system-config-firewall";
/// The file that is imported by a call without options.
const OLD_CONFIG: &str = "/etc/sysconfig/system-config-firewall";

/// The words with those of the file to import before them, if one is to be imported.
pub(super) fn imported(mut words: Vec<String>, dialect: &dyn Dialect) -> Result<Vec<String>, UsageError> {
    let file = match file_to_import(&mut words, dialect)? {
        Some(file) => file,
        None if words.is_empty() => OLD_CONFIG.to_owned(),
        None => return Ok(words),
    };
    if words.iter().any(|word| matches!(word.as_str(), "-q" | "--quiet")) {
        return Err(UsageError::loud("-q/--quiet can't be used with this option(s)\n"));
    }
    let text = dialect.file(&file);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let imported: Vec<String> = lines.map(str::to_owned).collect();
    if imported.is_empty() {
        return Err(UsageError::loud(format!("Opening of '{file}' failed, exiting.\n")));
    }
    Ok(imported.into_iter().chain(words).collect())
}

/// Takes the option out of the words.
fn file_to_import(words: &mut Vec<String>, dialect: &dyn Dialect) -> Result<Option<String>, UsageError> {
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
    let side = Side::Offline;
    Err(UsageError::loud(format!(
        "{}{}: error: argument {MIGRATE}: expected one argument\n",
        side.usage_line(dialect.firewalld()),
        side.program()
    )))
}
