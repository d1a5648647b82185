//! One call while it is carried out: what was asked, where it works, what it answers.

use crate::argv::firewalld::{Given, Side};
use crate::error::Error;
use crate::firewall::firewalld::generation::leaves_out_empty_lines;
use crate::firewall::firewalld::{Checked, Code, Conf, Fault, Feature, Generation, Grammar, Tree, Whole};
use crate::intent::{DefinitionChange, FirewallObject, Intent, NoteSeverity, RecordedIntent};
use crate::request::{Call, Output, Reply};

/// What firewalld logs where a local file cannot be read.
pub(super) const UNREADABLE: &str =
    "ERROR: Failed to load user configuration. Falling back to full stock configuration.";

/// The call is over, with this exit status; all messages are printed.
#[derive(Debug)]
pub(super) struct Exit(pub u8);

/// What the steps of a call return.
pub(super) type Step<T = ()> = Result<T, Exit>;

pub(super) struct Session<'a> {
    pub call: &'a Call<'a>,
    pub side: Side,
    pub given: Given,
    pub tree: Tree<'a>,
    pub grammar: Grammar<'a>,
    pub reply: Reply,
    /// Nothing is written: only the intents are wanted.
    pub dry: bool,
    /// The change is for the running firewall only.
    pub runtime: bool,
}

impl<'a> Session<'a> {
    /// The configuration as its files are.
    pub(super) fn whole(&self) -> Whole<'_, 'a> {
        Whole::of(&self.tree, &self.grammar)
    }

    /// Whether the generation of firewalld has something.
    pub(super) fn has(&self, feature: Feature) -> bool {
        self.grammar.has(feature)
    }
}

impl Session<'_> {
    fn quiet(&self) -> bool {
        self.given.has("--quiet")
    }

    /// A line on standard output.
    pub(super) fn print(&mut self, line: impl AsRef<[u8]>) {
        if !self.quiet() {
            self.reply.output.out_line(line);
        }
    }

    /// A line on standard error.
    pub(super) fn complain(&mut self, line: impl AsRef<[u8]>) {
        if !self.quiet() {
            self.reply.output.err_line(line);
        }
    }

    /// A line of an answer, where there is anything to say.
    pub(super) fn print_answer(&mut self, line: impl AsRef<[u8]>) {
        let generation = self.grammar.generation();
        if !line.as_ref().is_empty() || !leaves_out_empty_lines(self.call.root, generation) {
            self.print(line);
        }
    }

    /// `success`, and the end.
    pub(super) fn success<T>(&mut self) -> Step<T> {
        self.print("success");
        Err(Exit(0))
    }

    /// A line of output, and the end.
    pub(super) fn answer<T>(&mut self, line: impl AsRef<[u8]>) -> Step<T> {
        self.print_answer(line);
        Err(Exit(0))
    }

    /// `yes` or `no`, and the end.
    pub(crate) fn yes_or_no<T>(&mut self, yes: bool) -> Step<T> {
        self.print(if yes { "yes" } else { "no" });
        Err(Exit(u8::from(!yes)))
    }

    /// Ends with a message and a status.
    pub(super) fn fail<T>(&mut self, message: impl AsRef<[u8]>, exit: u8) -> Step<T> {
        self.complain(message);
        Err(Exit(exit))
    }

    /// Ends with a usage error that only shows when the request is carried out.
    pub(crate) fn misuse<T>(&mut self, message: &str) -> Step<T> {
        let Generation(major, minor) = self.grammar.generation();
        let text = format!("{}{message}", self.side.usage_line((major, minor)));
        self.fail(text, 2)
    }

    /// Ends with what the configuration refuses: firewall-cmd says `Error: ` before it, as does
    /// firewall-offline-cmd where it cannot read the configuration.
    pub(super) fn refuse<T>(&mut self, fault: &Fault) -> Step<T> {
        match self.side {
            Side::Offline if fault.in_file => {
                // It would have read everything before it said anything.
                self.reply.output = Output::default();
                if self.has(Feature::FallbackLogged) {
                    self.reply.output.err_line(UNREADABLE);
                }
                self.fail(format!("Error: {fault}"), fault.code.exit())
            }
            Side::Offline => self.fail(fault.to_string(), fault.code.exit()),
            Side::Online => self.fail(format!("Error: {fault}"), fault.code.exit()),
        }
    }

    /// The value, or the end.
    pub(super) fn checked<T>(&mut self, checked: Checked<T>) -> Step<T> {
        checked.or_else(|fault| self.refuse(&fault))
    }

    /// What was read from a file of the configuration, or the end.
    pub(crate) fn read_from_file<T>(&mut self, parsed: Checked<T>) -> Step<T> {
        self.checked(parsed.map_err(Fault::in_file))
    }

    /// The value, or the end with the failure of a file.
    pub(super) fn done<T>(&mut self, result: crate::error::Result<T>) -> Step<T> {
        result.or_else(|error: Error| {
            self.reply.warnings.push(error.to_string());
            self.refuse(&Code::UnknownError.about(error.to_string()))
        })
    }

    pub(super) fn conf(&mut self) -> Step<Conf> {
        let conf = Conf::load(&self.tree);
        self.done(conf)
    }

    /// Notes an intent of this call.
    pub(super) fn intent(&mut self, intent: Intent, changed: bool) {
        let changed = changed && !self.dry;
        let intent = match self.timed().filter(|_| matches!(intent, Intent::Allow { .. })) {
            Some(note) => note,
            None => intent,
        };
        if matches!(intent, Intent::Note { .. })
            && self.reply.intents.iter().any(|known| known.intent == intent)
        {
            return;
        }
        let recorded = if self.runtime {
            RecordedIntent::runtime(intent, changed)
        } else {
            RecordedIntent::new(intent, changed)
        };
        self.reply.intents.push(recorded);
    }

    /// What is asked for a time only ends with it: no intent that lasts.
    fn timed(&self) -> Option<Intent> {
        let timeout = self.given.value("--timeout").filter(|timeout| *timeout != "0")?;
        let added = self.given.options().filter(|(name, _)| name.starts_with("--add-"));
        let added: Vec<String> = added
            .flat_map(|(name, values)| match values {
                [] => vec![name.to_owned()],
                values => values.iter().map(|value| format!("{name}={value}")).collect(),
            })
            .collect();
        Some(Intent::Note {
            severity: NoteSeverity::Low,
            text: format!("for {timeout} only: {}", added.join(" ")),
        })
    }

    /// Notes that a definition was made, edited or deleted.
    pub(super) fn definition(
        &mut self,
        object: FirewallObject,
        name: &str,
        change: DefinitionChange,
        changed: bool,
    ) {
        let intent = Intent::Definition {
            object,
            name: name.to_owned(),
            change,
        };
        self.intent(intent, changed);
    }

    /// The firewall refused what was noted last.
    pub(crate) fn last_was_refused(&mut self) {
        if let Some(recorded) = self.reply.intents.last_mut() {
            recorded.refused = true;
        }
    }

    /// Nothing of what was noted so far came about: the whole call was refused.
    pub(crate) fn nothing_came_about(&mut self) {
        for recorded in &mut self.reply.intents {
            (recorded.changed, recorded.refused) = (false, true);
        }
    }

    /// Works through the values of an option. Warnings for what was so already; an error ends the
    /// call if it is the only value, or if all values are bad; `__cmd_sequence()` of command.py.
    pub(super) fn sequence(
        &mut self,
        values: &[String],
        mut each: impl FnMut(&mut Self, &str) -> Checked<()>,
    ) -> Step {
        self.read_sequence(values, |_, value| Ok(value.to_owned()), |session, value| each(session, &value))
    }

    /// The same for values that are all read before the first is worked on.
    pub(crate) fn read_sequence<T>(
        &mut self,
        values: &[String],
        mut read: impl FnMut(&mut Self, &str) -> Checked<T>,
        mut each: impl FnMut(&mut Self, T) -> Checked<()>,
    ) -> Step {
        let mut bad: Vec<Code> = Vec::new();
        let mut read_values = Vec::with_capacity(values.len());
        for value in values {
            match read(self, value) {
                Ok(value) => read_values.push(value),
                Err(fault) => self.mishap(&fault, values.len(), &mut bad)?,
            }
        }
        for value in read_values {
            if let Err(fault) = each(self, value) {
                self.mishap(&fault, values.len(), &mut bad)?;
            }
        }
        match bad.first() {
            Some(first) if bad.len() == values.len() => {
                let same = bad.iter().all(|code| code == first);
                Err(Exit(if same {
                    first.exit()
                } else {
                    Code::UnknownError.exit()
                }))
            }
            _ => Ok(()),
        }
    }

    fn mishap(&mut self, fault: &Fault, values: usize, bad: &mut Vec<Code>) -> Step {
        if !is_no_error(fault.code) {
            if values == 1 {
                return self.fail(format!("Error: {fault}"), fault.code.exit());
            }
            bad.push(fault.code);
        }
        self.complain(format!("Warning: {fault}"));
        Ok(())
    }

    /// Answers whether each of the values is there: `yes` or `no` for one, a line each for several,
    /// with the value in quotes or not; `__query_sequence()` of command.py.
    pub(super) fn query<T>(
        &mut self,
        values: &[String],
        quoted: bool,
        each: impl Fn(&Self, &str) -> Checked<bool>,
    ) -> Step<T> {
        if let [value] = values {
            return match each(self, value) {
                Ok(yes) => self.yes_or_no(yes),
                Err(fault) => self.fail(format!("Error: {fault}"), fault.code.exit()),
            };
        }
        let ask = |session: &mut Self, value: &str| {
            let answer = if each(session, value)? { "yes" } else { "no" };
            session.say_answer(value, quoted, answer);
            Ok(())
        };
        // All questions are answered, even if one fails.
        let _ = self.sequence(values, ask);
        Err(Exit(0))
    }

    fn say_answer(&mut self, value: &str, quoted: bool, answer: &str) {
        let shown = match value.starts_with("rule") {
            true => value.to_owned(),
            false => label(value),
        };
        self.print(match quoted {
            true => format!("'{shown}': {answer}"),
            false => format!("{shown}: {answer}"),
        });
    }

    /// Answers as [`Session::query`] does; what cannot be read earns a warning, and is not there.
    pub(crate) fn query_leniently<T>(
        &mut self,
        values: &[String],
        each: impl Fn(&Self, &str) -> Checked<bool>,
    ) -> Step<T> {
        if values.len() == 1 {
            return self.query(values, true, each);
        }
        for value in values {
            let found = each(self, value);
            self.say_answer(value, true, if matches!(found, Ok(true)) { "yes" } else { "no" });
            if let Err(fault) = found {
                self.complain(format!("Warning: {fault}"));
            }
        }
        Err(Exit(0))
    }
}

/// How a value that was taken apart is shown again: a forwarded port with all four parts.
fn label(value: &str) -> String {
    if !value.contains("port=") {
        return value.to_owned();
    }
    // An address may have colons of its own.
    let parts = value.split(":toaddr=").collect::<Vec<_>>();
    let part = |name: &str| {
        let (text, address) = match parts[..] {
            [text, address] if name == "toaddr" => (text, Some(address)),
            _ => (parts[0], None),
        };
        let mut parts = text.split(':').filter_map(|part| part.split_once('='));
        let found = parts.find(|(found, _)| *found == name).map(|(_, value)| value);
        address.or(found).filter(|value| !value.is_empty()).unwrap_or("None")
    };
    let (port, protocol) = (part("port"), part("proto"));
    format!("port={port}:proto={protocol}:toport={}:toaddr={}", part("toport"), part("toaddr"))
}

/// Errors that are only warnings: the setting is there already, or is not there.
pub(super) fn is_no_error(code: Code) -> bool {
    matches!(code, Code::AlreadyEnabled | Code::NotEnabled | Code::ZoneAlreadySet | Code::AlreadySet)
}
