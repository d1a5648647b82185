//! What every verb needs: the call, its options, and a reply that is being filled.

use std::collections::BTreeSet;

use crate::argv::systemctl::Options;
use crate::config::Answers;
use crate::intent::{Intent, RecordedIntent, Scope};
use crate::request::{Call, Reply, Unprinted};
use crate::root::Root;
use crate::unit::enable::Placement;
use crate::unit::generation::Generation;
use crate::unit::log::Level;
use crate::unit::paths::{Environment, SearchPath};
use crate::unit::problem::{Events, Problem};
use crate::unit::specifier::Specifiers;
use crate::unit::tree::Units;
use nix::errno::Errno;

use super::colours::Colours;
use super::messages::Style;

/// One call, underway.
pub(super) struct Session<'c> {
    /// The call.
    pub call: &'c Call<'c>,
    /// As which systemd to answer.
    pub generation: Generation,
    /// The options.
    pub options: Options,
    /// The output and intents so far.
    pub reply: Reply,
    /// How messages are worded.
    pub style: Style,
    /// How output is coloured.
    pub colours: Colours,
    /// An init script answered for a unit.
    pub has_script: bool,
    /// An init script was found to be enabled.
    pub script_enabled: bool,
    /// Lines of a greater level are dropped.
    most: u8,
    /// The intents noted, each with whether anything changed.
    intented: BTreeSet<(Intent, bool)>,
}

/// The tree that a request is about.
pub(super) enum Tree<'c> {
    /// The image.
    Whole(&'c Root),
    /// A directory in it, named by `--root`.
    Below(Root, String),
}

impl Tree<'_> {
    /// Its root.
    pub(super) fn root(&self) -> &Root {
        match self {
            Tree::Whole(root) => root,
            Tree::Below(root, _) => root,
        }
    }

    /// What messages put before paths.
    pub(super) fn prefix(&self) -> &str {
        match self {
            Tree::Whole(_) => "",
            Tree::Below(_, prefix) => prefix,
        }
    }
}

impl<'c> Session<'c> {
    /// Starts on a call.
    pub(super) fn new(call: &'c Call<'c>, generation: Generation, options: Options) -> Self {
        let given = call.env.get("SYSTEMD_LOG_LEVEL");
        let level = given.map(log_level);
        let mut session = Session {
            call,
            generation,
            options,
            reply: Reply::new(),
            has_script: false,
            script_enabled: false,
            style: Style::new(generation, call.env),
            colours: Colours::of(call, generation),
            most: level.flatten().unwrap_or(Level::Info as u8),
            intented: BTreeSet::new(),
        };
        if let (Some(given), Some(None)) = (given, level) {
            session.say(Level::Warning, unknown_level(given, generation));
        }
        session
    }

    /// How answers may differ from the original's.
    pub(super) fn answers(&self) -> Answers {
        self.call.config.shims.answers
    }

    /// Prints a line to standard error, if its level is asked for.
    pub(super) fn say(&mut self, level: Level, text: impl AsRef<str>) {
        if level as u8 <= self.most {
            let line = self.colours.message(level, text.as_ref());
            self.reply.output.err_line(line);
        }
    }

    /// The message, followed by the reason, if standard output cannot be written to.
    pub(super) fn unprinted(&self, text: &str) -> Unprinted {
        let (on, off) = self.colours.around(Level::Error);
        Unprinted {
            before: format!("{on}{text}: "),
            after: off,
            is_said: Level::Error as u8 <= self.most,
        }
    }

    /// Prints an error; the request ends with exit code 1.
    pub(super) fn fail(mut self, text: impl AsRef<str>) -> Reply {
        self.say(Level::Error, text);
        self.reply.fail(1)
    }

    /// Opens the tree that the request is about.
    pub(super) fn tree(&self) -> Result<Tree<'c>, Problem> {
        let Some(dir) = &self.options.root else {
            return Ok(Tree::Whole(self.call.root));
        };
        if self.options.scope == Scope::User {
            return Err(Problem::Os(Errno::EINVAL));
        }
        let root = self.call.root.enter(dir).map_err(|error| Problem::from(&error))?;
        Ok(Tree::Below(root, dir.clone()))
    }

    /// The unit files of the manager that the request is about.
    pub(super) fn units<'t>(&self, tree: &'t Tree) -> Units<'t>
    where
        'c: 't,
    {
        self.units_of(tree, self.options.scope)
    }

    /// The unit files of a scope's manager.
    pub(crate) fn units_of<'t>(&self, tree: &'t Tree, scope: Scope) -> Units<'t>
    where
        'c: 't,
    {
        let variable = |name: &str| self.call.env.get(name).map(str::to_owned);
        let environment = Environment {
            home: variable("HOME"),
            config_home: variable("XDG_CONFIG_HOME"),
            config_dirs: variable("XDG_CONFIG_DIRS"),
            data_home: variable("XDG_DATA_HOME"),
            data_dirs: variable("XDG_DATA_DIRS"),
            runtime_dir: variable("XDG_RUNTIME_DIR"),
            unit_path: variable("SYSTEMD_UNIT_PATH"),
            directory: self.absolute(""),
        };
        let path = SearchPath::new(tree.root(), scope, &environment, self.generation);
        let mut units = Units::new(tree.root(), path, self.generation, tree.prefix());
        units.whole = self.call.root;
        units.specifiers = Specifiers::within(tree.root(), self.call.root);
        units.specifiers.scope = scope;
        units.specifiers.generation = self.generation;
        // open_os_release() looks at it since 249.
        let knows_variable = self.generation.number() >= 249;
        units.specifiers.os_release_path = variable("SYSTEMD_OS_RELEASE").filter(|_| knows_variable);
        units.forgiving = self.answers() == Answers::Image;
        units.is_named = self.options.has_root;
        units
    }

    /// Where links go, by `--runtime`.
    pub(super) fn place(&self, units: &Units) -> Result<Placement, Problem> {
        let dir = if self.options.runtime {
            units.path.runtime.clone()
        } else {
            Some(units.path.persistent.clone())
        };
        Ok(Placement {
            dir: dir.ok_or(Problem::Os(Errno::ENXIO))?,
            force: self.options.force,
            lenient: false,
        })
    }

    /// Prints what was noticed while units were looked at, and warns an administrator of links
    /// that name the machine which builds the image.
    pub(crate) fn print_log(&mut self, units: &Units) {
        for line in units.log.take() {
            self.say(line.level, line.text);
        }
        let warnings = units.specifiers.take_host_dependent().into_iter();
        self.reply
            .warnings
            .extend(warnings.map(|what| format!("{what} names the machine that builds the image")));
    }

    /// Prints what a request did; where it failed without a word, says so.
    pub(crate) fn print_events(
        &mut self,
        units: &Units,
        verb: &str,
        events: &Events,
        failure: Option<Problem>,
    ) {
        self.print_log(units);
        let mut has_error = false;
        for event in events.iter() {
            let message = self.style.event(event, verb);
            has_error |= message.is_error;
            if message.is_error || !self.options.quiet {
                self.say(message.level, message.text);
            }
        }
        if let Some(problem) = failure.filter(|_| !has_error) {
            self.say_failed(verb, problem);
        }
    }

    /// Says that a request as a whole failed.
    pub(crate) fn say_failed(&mut self, verb: &str, problem: Problem) {
        let text = self.style.failed(verb, problem);
        self.say(Level::Error, text);
    }

    /// Keeps the changes of a tree below the image.
    pub(super) fn close(&self, tree: &Tree) {
        if let Tree::Below(root, prefix) = tree {
            self.call.root.adopt(prefix, root);
        }
    }

    /// Marks intents that changed nothing as refused; the exit code may be 0 all the same.
    pub(crate) fn refuse_unchanged(&mut self) {
        let unchanged = self.reply.intents.iter_mut().filter(|recorded| !recorded.changed);
        unchanged.for_each(|recorded| recorded.refused = true);
    }

    /// Notes an intent, of this boot or for good.
    pub(super) fn intent(&mut self, intent: Intent, changed: bool) {
        if self.intented.insert((intent.clone(), changed)) {
            self.reply.intents.push(RecordedIntent {
                intent,
                changed,
                runtime: self.options.runtime,
                refused: false,
            });
        }
    }
}

/// The message about another value; observed with 252, 257 and 259.
fn unknown_level(given: &str, generation: Generation) -> String {
    let start = format!("Failed to parse log level '{given}'");
    match generation.number() {
        ..=254 => format!("{start}. Ignoring."),
        255..=258 => format!("{start}, ignoring."),
        _ => format!("{start}, ignoring: Invalid argument"),
    }
}

/// The numeric level of `SYSTEMD_LOG_LEVEL`, if it is understood.
fn log_level(value: &str) -> Option<u8> {
    const WORDS: [&str; 8] = [
        "emerg", "alert", "crit", "err", "warning", "notice", "info", "debug",
    ];
    let by_word = WORDS.iter().position(|word| *word == value).and_then(|level| u8::try_from(level).ok());
    by_word.or_else(|| value.parse().ok().filter(|level| *level < 8))
}

#[cfg(test)]
mod tests {
    use super::log_level;

    #[test]
    fn levels_are_words_or_numbers() {
        assert_eq!(log_level("err"), Some(3));
        assert_eq!(log_level("4"), Some(4));
        assert_eq!(log_level("loud"), None);
    }
}
