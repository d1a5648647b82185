//! Which systemd, as the configuration names it.

use std::fmt;

/// A systemd: a release, and whose build of it where that makes a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Generation {
    number: u16,
    is_el: bool,
}

impl Generation {
    /// The oldest that can be asked for.
    pub(crate) const OLDEST: Generation = Generation::release(239);
    /// The newest that is known.
    pub const NEWEST: Generation = Generation::release(262);
    /// That of Enterprise Linux 8: 239 with backports.
    pub const EL8: Generation = Generation::of_el(239);
    /// That of Enterprise Linux 9: 252 with backports.
    pub(crate) const EL9: Generation = Generation::of_el(252);
    /// That of Enterprise Linux 10: 257 with backports.
    pub(crate) const EL10: Generation = Generation::of_el(257);

    /// A release as it was published.
    pub const fn release(number: u16) -> Generation {
        Generation { number, is_el: false }
    }

    const fn of_el(number: u16) -> Generation {
        Generation { number, is_el: true }
    }

    /// The build of the Enterprise Linux of this version, if it is a known one.
    pub(crate) fn of_enterprise_linux(version: u16) -> Option<Generation> {
        match version {
            8 => Some(Generation::EL8),
            9 => Some(Generation::EL9),
            10 => Some(Generation::EL10),
            _ => None,
        }
    }

    /// The release's number.
    pub fn number(self) -> u16 {
        self.number
    }

    /// Reads a word of the configuration: `el8`, `el9` or `el10`.
    pub fn parse(word: &str) -> Option<Generation> {
        Generation::of_enterprise_linux(word.strip_prefix("el")?.parse().ok()?)
    }

    /// Reads a number of the configuration.
    pub(crate) fn by_number(number: i64) -> Option<Generation> {
        let known = Generation::OLDEST.number..=Generation::NEWEST.number;
        u16::try_from(number)
            .ok()
            .filter(|number| known.contains(number))
            .map(Generation::release)
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match *self {
            Generation::EL8 => f.write_str("el8"),
            Generation::EL9 => f.write_str("el9"),
            Generation::EL10 => f.write_str("el10"),
            Generation { number, .. } => write!(f, "{number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn generations_are_numbers_and_words() {
        for word in ["el8", "el9", "el10"] {
            assert_eq!(
                Generation::parse(word).map(|generation| generation.to_string()).as_deref(),
                Some(word)
            );
        }
        assert_eq!(Generation::parse("el7"), None);
        assert_eq!(Generation::parse("252"), None);
        assert_eq!(Generation::by_number(252), Some(Generation::release(252)));
        assert_eq!(Generation::by_number(238), None);
        assert_eq!(Generation::by_number(263), None);
        assert_ne!(Generation::EL9, Generation::release(252));
    }
}
