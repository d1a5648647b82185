//! What can be wrong with a unit that is asked for, and the record of what a request did.

use std::collections::{HashMap, HashSet};

use nix::errno::Errno;

use crate::error::Error;

/// Why a unit, a value or a link cannot be handled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Problem {
    /// There is no such unit.
    Missing,
    /// The name is an alias of a unit that is not there.
    Severed,
    /// The name leads over a link that an administrator made, or into a loop.
    LinkedFile,
    /// The unit is masked.
    Masked,
    /// The unit is made at run time.
    Generated,
    /// Something else is in the place of a link.
    Exists,
    /// The alias does not fit the unit.
    BadAlias,
    /// Not a unit name.
    BadName,
    /// A template without an instance in a unit that is none.
    NotTemplate,
    /// A specifier that does not exist here.
    BadSpecifier,
    /// A specifier that this image has no value for.
    Unresolved,
    /// A file below the search path, but not directly in it.
    InHierarchy,
    /// What the kernel said.
    Os(Errno),
}

impl Problem {
    /// The error number of the problem in plain messages.
    pub fn errno(self) -> Errno {
        match self {
            Problem::Missing => Errno::ENOENT,
            Problem::Severed => Errno::ENOLINK,
            Problem::LinkedFile => Errno::ELOOP,
            Problem::Masked => Errno::ERFKILL,
            Problem::Generated => Errno::EADDRNOTAVAIL,
            Problem::Exists => Errno::EEXIST,
            Problem::BadAlias => Errno::EXDEV,
            Problem::BadName => Errno::EUCLEAN,
            Problem::NotTemplate => Errno::EIDRM,
            Problem::BadSpecifier => Errno::EBADSLT,
            Problem::Unresolved => Errno::EUNATCH,
            Problem::InHierarchy => Errno::ETXTBSY,
            Problem::Os(errno) => errno,
        }
    }

    /// The C library's text for it.
    pub fn text(self) -> &'static str {
        match self.errno() {
            Errno::ELOOP => "Too many levels of symbolic links",
            Errno::EXDEV => "Invalid cross-device link",
            Errno::ENOTTY => "Inappropriate ioctl for device",
            Errno::EBADMSG => "Bad message",
            Errno::EBADFD => "File descriptor in bad state",
            Errno::EBADF => "Bad file descriptor",
            Errno::EINVAL => "Invalid argument",
            Errno::ENOPKG => "Package not installed",
            Errno::ENOMEDIUM => "No medium found",
            Errno::UnknownErrno => "Unknown error",
            other => other.desc(),
        }
    }

    /// Whether it is one of a unit's own problems, which leave other units alone.
    pub(crate) fn is_of_unit(self) -> bool {
        matches!(
            self,
            Problem::Missing
                | Problem::LinkedFile
                | Problem::Masked
                | Problem::Generated
                | Problem::Exists
                | Problem::BadName
                | Problem::NotTemplate
        )
    }
}

impl From<Errno> for Problem {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::ENOENT => Problem::Missing,
            Errno::ENOLINK => Problem::Severed,
            Errno::ELOOP => Problem::LinkedFile,
            Errno::EEXIST => Problem::Exists,
            Errno::EXDEV => Problem::BadAlias,
            other => Problem::Os(other),
        }
    }
}

impl From<&Error> for Problem {
    fn from(error: &Error) -> Self {
        Problem::from(error.errno().unwrap_or(Errno::EIO))
    }
}

/// One thing that a request did, or could not do, in the order in which it happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A link was made.
    Linked {
        /// Where.
        path: String,
        /// What it points to.
        target: String,
    },
    /// A link or file was removed.
    Removed {
        /// Which.
        path: String,
    },
    /// A masked unit was passed over.
    IsMasked {
        /// Its file.
        path: String,
    },
    /// A mask cannot be removed, because a generator makes it.
    MaskedByGenerator {
        /// The unit's name.
        unit: String,
    },
    /// An alias of a missing unit was passed over.
    IsDangling {
        /// Its file or name.
        path: String,
    },
    /// A unit was linked into one that is not there.
    TargetMissing {
        /// What is not there.
        target: String,
        /// The file of the unit that was linked.
        source: String,
    },
    /// A unit named by `Also=` could not be handled and was passed over.
    AuxiliaryFailed {
        /// Its name.
        unit: String,
    },
    /// Something could not be done.
    Failed {
        /// Why.
        problem: Problem,
        /// The unit, value or file that it is about.
        subject: String,
        /// What it collides with, where something does.
        other: Option<String>,
    },
}

/// What a request did, with the argument that each entry is owed to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Events {
    list: Vec<(usize, Event)>,
    names: HashMap<usize, String>,
    /// The arguments that files changed for.
    changed: HashSet<usize>,
}

impl Events {
    /// Records something on behalf of the argument with this index.
    pub fn push(&mut self, owner: usize, event: Event) {
        if event.is_change() {
            self.changed.insert(owner);
        }
        self.list.push((owner, event));
    }

    /// Records a failure, and gives its problem back.
    pub fn fail(&mut self, owner: usize, problem: Problem, subject: &str, other: Option<&str>) -> Problem {
        let event = Event::Failed {
            problem,
            subject: subject.to_owned(),
            other: other.map(str::to_owned),
        };
        self.push(owner, event);
        problem
    }

    /// Takes note of the unit that an argument turned out to stand for.
    pub(crate) fn set_name(&mut self, owner: usize, unit: &str) {
        self.names.insert(owner, unit.to_owned());
    }

    /// The unit that an argument names, once it was found.
    pub(crate) fn name_of(&self, owner: usize) -> Option<&str> {
        self.names.get(&owner).map(String::as_str)
    }

    /// Everything, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Event> {
        self.list.iter().map(|(_, event)| event)
    }

    /// Whether anything was recorded.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether files changed on behalf of an argument.
    pub(crate) fn changed_for(&self, owner: usize) -> bool {
        self.changed.contains(&owner)
    }

    /// Whether something was left as it is on behalf of an argument, as it is masked.
    pub fn is_masked(&self, owner: usize) -> bool {
        self.list
            .iter()
            .any(|(of, event)| *of == owner && matches!(event, Event::IsMasked { .. }))
    }

    /// The first thing that could not be done.
    pub(crate) fn first_failure(&self) -> Option<Problem> {
        self.list.iter().find_map(|(_, event)| match event {
            Event::Failed { problem, .. } => Some(*problem),
            _ => None,
        })
    }

    /// Whether files changed at all.
    pub(crate) fn any_change(&self) -> bool {
        !self.changed.is_empty()
    }
}

impl Event {
    /// The same with its paths spelt in another way.
    pub(crate) fn with_paths(&self, spell: impl Fn(&str) -> String) -> Event {
        let mut event = self.clone();
        let paths = event.texts().into_iter().filter(|text| text.contains('/'));
        paths.for_each(|text| *text = spell(text));
        event
    }

    fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Event::Linked { path, target } => vec![path, target],
            Event::Removed { path } | Event::IsMasked { path } | Event::IsDangling { path } => vec![path],
            Event::TargetMissing { target, source } => vec![target, source],
            Event::MaskedByGenerator { unit } | Event::AuxiliaryFailed { unit } => vec![unit],
            Event::Failed { subject, other, .. } => {
                let mut texts = vec![subject];
                texts.extend(other);
                texts
            }
        }
    }

    fn is_change(&self) -> bool {
        matches!(self, Event::Linked { .. } | Event::Removed { .. })
    }
}
