//! Run levels 0 to 6 as a set.

use std::fmt;

/// How many run levels there are.
pub const COUNT: usize = 7;

/// A set of run levels.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Levels(u8);

impl Levels {
    /// No level.
    pub const NONE: Levels = Levels(0);
    /// Every level.
    pub const ALL: Levels = Levels(0x7f);
    /// What `on` and `off` mean when no level is named: 2, 3, 4 and 5.
    pub(crate) const MULTI_USER: Levels = Levels(0b0011_1100);
    /// More levels than there are: a set that no set of real levels contains, and that contains
    /// every one.
    pub(crate) const BEYOND_ALL: Levels = Levels(0xff);

    /// Reads digits 0 to 6 in any order, repeats allowed. `None` for anything else or nothing.
    pub fn parse(digits: &str) -> Option<Levels> {
        if digits.is_empty() {
            return None;
        }
        digits.bytes().try_fold(Levels::NONE, |levels, digit| match digit {
            b'0'..=b'6' => Some(levels.with(usize::from(digit - b'0'))),
            _ => None,
        })
    }

    /// The set with `level` added; a level that does not exist adds nothing.
    pub fn with(self, level: usize) -> Levels {
        if level < COUNT {
            Levels(self.0 | 1 << level)
        } else {
            self
        }
    }

    /// The set with `level` taken out.
    pub fn without(self, level: usize) -> Levels {
        if level < COUNT {
            Levels(self.0 & !(1 << level))
        } else {
            self
        }
    }

    /// Whether `level` is in the set.
    pub fn contains(self, level: usize) -> bool {
        level < COUNT && self.0 & 1 << level != 0
    }

    /// Everything that is in either set.
    pub(crate) fn union(self, other: Levels) -> Levels {
        Levels(self.0 | other.0)
    }

    /// Whether `other` has every level of this set.
    pub fn is_subset(self, other: Levels) -> bool {
        self.0 & !other.0 == 0
    }

    /// Whether no level is in the set.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The levels in ascending order.
    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..COUNT).filter(move |level| self.contains(*level))
    }
}

impl fmt::Display for Levels {
    /// Digits in ascending order, nothing between them.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.iter().try_for_each(|level| write!(f, "{level}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn run_levels_parse_in_any_order_and_refuse_other_characters() {
        assert_eq!(Levels::parse("5335").unwrap().to_string(), "35");
        assert_eq!(Levels::parse("2345"), Some(Levels::MULTI_USER));
        for bad in ["", "7", "3S", "2-5", "3,5", " 3"] {
            assert_eq!(Levels::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn levels_beyond_all_contain_all_run_levels() {
        assert!(Levels::ALL.is_subset(Levels::BEYOND_ALL));
        assert!(!Levels::BEYOND_ALL.is_subset(Levels::ALL));
        assert_eq!(Levels::BEYOND_ALL.to_string(), "0123456");
    }
}
