//! Arguments of unit file verbs as unit names and paths.

use crate::unit::escape::path_unit;
use crate::unit::generation::Trait;
use crate::unit::log::Level;
use crate::unit::mangle::mangle;
use crate::unit::paths::join;

use super::session::Session;

impl Session<'_> {
    /// Completes unit names and makes paths absolute; a failure is the line to print.
    ///
    /// `mangle_names()` of systemctl-util.c.
    pub(super) fn names(&mut self, arguments: &[String], operation: &str) -> Result<Vec<String>, String> {
        arguments.iter().map(|argument| self.name_or_path(argument, operation)).collect()
    }

    /// The same for a target: a path is the name of a device or mount unit.
    pub(super) fn target(&mut self, argument: &str, operation: &str) -> Result<String, String> {
        match path_unit(argument) {
            Some(unit) => Ok(unit),
            None => self.mangled(argument, operation, ".target"),
        }
    }

    /// The same for one argument.
    pub(crate) fn name_or_path(&mut self, argument: &str, operation: &str) -> Result<String, String> {
        if argument.contains('/') {
            // Up to 249 only link takes paths from where the caller is.
            return Ok(match self.generation.has(Trait::EarlierInstall) {
                true => argument.to_owned(),
                false => self.absolute(argument),
            });
        }
        self.mangled(argument, operation, ".service")
    }

    fn mangled(&mut self, argument: &str, operation: &str, suffix: &str) -> Result<String, String> {
        let earlier = self.generation.has(Trait::EarlierInstall);
        let mangled =
            mangle(argument, operation, suffix, false, self.generation).ok_or_else(|| match earlier {
                true => "Failed to mangle unit name: Invalid argument".to_owned(),
                false => format!("Failed to mangle unit name or path '{argument}': Invalid argument"),
            })?;
        if !self.options.quiet {
            for hint in mangled.hints {
                self.say(Level::Notice, hint);
            }
        }
        Ok(mangled.name)
    }

    /// A path seen from the caller's directory, which scriptlets have at `/`; otherwise as it is,
    /// as some verbs name it so in what they say.
    pub(super) fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') {
            return path.to_owned();
        }
        let here = self.call.path("").to_string_lossy().into_owned();
        join(if here.starts_with('/') { &here } else { "/" }, path)
    }
}
