//! How a unit is looked up, and what is known of it then: `InstallInfo`, `InstallMode` and
//! `SearchFlags` of systemd's shared/install.c and install.h (252).

use crate::unit::section::Install;

/// What a unit's file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A file.
    Regular,
    /// A link out of the search path.
    Linked,
    /// A link to another unit.
    Alias,
    /// Empty, or a link to something empty.
    Masked,
}

/// A unit, as far as it was looked at.
#[derive(Debug, Clone, Default)]
pub(crate) struct Unit {
    /// Its name.
    pub name: String,
    /// Its file, in the end that behind all links.
    pub path: Option<String>,
    /// Where the link that was read last leads.
    pub target: Option<String>,
    /// What the file is; `None` before it was looked at.
    pub mode: Option<Mode>,
    /// Its `[Install]` section.
    pub install: Install,
    /// Only named by another unit's `Also=`.
    pub auxiliary: bool,
    /// The argument that brought it in.
    pub owner: usize,
}

impl Unit {
    /// Whether enabling it makes a link of this name.
    pub(crate) fn is_linked_as(&self, link: &str) -> bool {
        link == self.name
            || self.install.aliases.iter().any(|alias| alias == link)
            || self.install.default_name(&self.name).as_deref() == Some(link)
    }

    /// Its file, or its name where none was found.
    pub(crate) fn shown(&self) -> &str {
        self.path.as_deref().unwrap_or(&self.name)
    }
}

/// How units are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Lookup {
    /// Read `[Install]` sections too.
    pub load: bool,
    /// Follow links that an administrator made.
    pub follow_config: bool,
    /// Skip what generators made.
    pub native_only: bool,
}

impl Lookup {
    /// Only whether and where.
    pub(crate) const PLAIN: Lookup = Lookup {
        load: false,
        follow_config: false,
        native_only: false,
    };
    /// Whether and where, if no generator made it.
    pub(crate) const NATIVE: Lookup = Lookup {
        native_only: true,
        ..Lookup::PLAIN
    };
    /// With `[Install]`, not over an administrator's links.
    pub(crate) const LOAD: Lookup = Lookup {
        load: true,
        ..Lookup::PLAIN
    };
    /// Over an administrator's links.
    pub(crate) const FOLLOW: Lookup = Lookup {
        follow_config: true,
        ..Lookup::PLAIN
    };
    /// With `[Install]`, over an administrator's links.
    pub(crate) const LOAD_AND_FOLLOW: Lookup = Lookup {
        load: true,
        ..Lookup::FOLLOW
    };
}
