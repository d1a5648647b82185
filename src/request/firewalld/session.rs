//! One call while it is carried out: what was asked, where it works, what it answers.

use crate::argv::firewalld::{Given, Side};
use crate::error::Error;
use crate::firewall::firewalld::{Checked, Code, Conf, Fault, Names, Tree};
use crate::intent::{Intent, Wish};
use crate::request::{Call, Reply};

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
    pub names: Names<'a>,
    pub reply: Reply,
    /// Nothing is written: only the intents are wanted.
    pub dry: bool,
    /// The change is for the running firewall only.
    pub runtime: bool,
}

impl Session<'_> {
    fn quiet(&self) -> bool {
        self.given.has("--quiet")
    }

    /// A line on standard output.
    pub fn print(&mut self, line: impl AsRef<[u8]>) {
        if !self.quiet() {
            self.reply.output.out_line(line);
        }
    }

    /// A line on standard error.
    pub fn complain(&mut self, line: impl AsRef<[u8]>) {
        if !self.quiet() {
            self.reply.output.err_line(line);
        }
    }

    /// `success`, and the end.
    pub fn success<T>(&mut self) -> Step<T> {
        self.print("success");
        Err(Exit(0))
    }

    /// A line of output, and the end.
    pub fn answer<T>(&mut self, line: impl AsRef<[u8]>) -> Step<T> {
        self.print(line);
        Err(Exit(0))
    }

    /// `yes` or `no`, and the end.
    pub fn yes_or_no<T>(&mut self, yes: bool) -> Step<T> {
        self.print(if yes { "yes" } else { "no" });
        Err(Exit(u8::from(!yes)))
    }

    /// Ends with a message and a status.
    pub fn fail<T>(&mut self, message: impl AsRef<[u8]>, exit: u8) -> Step<T> {
        self.complain(message);
        Err(Exit(exit))
    }

    /// Ends with a usage error that only shows when the request is carried out.
    pub fn misuse<T>(&mut self, message: &str) -> Step<T> {
        let text = format!("{}{message}", self.side.usage_line());
        self.fail(text, 2)
    }

    /// Ends with what the configuration refuses: firewall-cmd says `Error: ` before it.
    pub fn refuse<T>(&mut self, fault: &Fault) -> Step<T> {
        match self.side {
            Side::Offline => self.fail(fault.to_string(), fault.code.exit()),
            Side::Online => self.fail(format!("Error: {fault}"), fault.code.exit()),
        }
    }

    /// The value, or the end.
    pub fn checked<T>(&mut self, checked: Checked<T>) -> Step<T> {
        checked.or_else(|fault| self.refuse(&fault))
    }

    /// The value, or the end with the failure of a file.
    pub fn done<T>(&mut self, result: crate::error::Result<T>) -> Step<T> {
        result.or_else(|error: Error| {
            self.reply.warnings.push(error.to_string());
            self.refuse(&Code::UnknownError.about(error.to_string()))
        })
    }

    pub fn conf(&mut self) -> Step<Conf> {
        let conf = Conf::load(&self.tree);
        self.done(conf)
    }

    /// Notes a wish of this call.
    pub fn wish(&mut self, wish: Wish, changed: bool) {
        let changed = changed && !self.dry;
        let intent = if self.runtime {
            Intent::runtime(wish, changed)
        } else {
            Intent::new(wish, changed)
        };
        self.reply.intents.push(intent);
    }

    /// Notes that a definition was made, edited or deleted.
    pub fn definition(&mut self, object: &str, name: &str, change: &str, changed: bool) {
        let wish = Wish::Definition {
            object: object.to_owned(),
            name: name.to_owned(),
            change: change.to_owned(),
        };
        self.wish(wish, changed);
    }

    /// Nothing of what was noted so far came about: the whole call was refused.
    pub fn nothing_changed(&mut self) {
        for intent in &mut self.reply.intents {
            intent.changed = false;
        }
    }

    /// Works through the values of an option. Warnings for what was so already; an error ends the
    /// call if it is the only value, or if all values are bad.
    pub fn sequence(
        &mut self,
        values: &[String],
        mut each: impl FnMut(&mut Self, &str) -> Checked<()>,
    ) -> Step {
        let mut bad: Vec<Code> = Vec::new();
        for value in values {
            let Err(fault) = each(self, value) else {
                continue;
            };
            if is_no_error(fault.code) {
                self.complain(format!("Warning: {fault}"));
            } else if values.len() == 1 {
                return self.fail(format!("Error: {fault}"), fault.code.exit());
            } else {
                self.complain(format!("Warning: {fault}"));
                bad.push(fault.code);
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

    /// Answers whether each of the values is there: `yes` or `no` for one, a line each for several,
    /// with the value in quotes or not.
    pub fn query<T>(
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
            session.print(if quoted {
                format!("'{value}': {answer}")
            } else {
                format!("{value}: {answer}")
            });
            Ok(())
        };
        self.sequence(values, ask)?;
        Err(Exit(0))
    }
}

/// What was so already is worth a warning and nothing more.
fn is_no_error(code: Code) -> bool {
    matches!(code, Code::AlreadyEnabled | Code::NotEnabled | Code::ZoneAlreadySet | Code::AlreadySet)
}
