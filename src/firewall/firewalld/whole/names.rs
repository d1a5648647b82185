//! Names of objects: which characters and lengths they can have, and what they must differ from
//! (`check_name` of `core/io`).

use super::Whole;
use crate::firewall::firewalld::code::{Checked, Code};
use crate::firewall::firewalld::generation::Feature;
use crate::firewall::firewalld::kind::Kind;

impl Whole<'_, '_> {
    /// Checks that an object can have this name.
    ///
    /// # Errors
    /// `INVALID_NAME`, `NAME_CONFLICT`
    pub(crate) fn new_name(&self, kind: Kind, name: &str) -> Checked<()> {
        self.characters(kind, name)?;
        self.name(kind, name)
    }

    /// Checks the characters of a name.
    ///
    /// # Errors
    /// `INVALID_NAME`
    pub(crate) fn characters(&self, kind: Kind, name: &str) -> Checked<()> {
        let others = match kind {
            Kind::Zone | Kind::Policy => "_-/",
            Kind::Ipset => "_-:.",
            Kind::Helper => "_-.",
            Kind::Service | Kind::Icmptype => "_-",
        };
        if name.is_empty() {
            return Err(Code::InvalidName.about("name can't be empty"));
        }
        match name.chars().find(|c| !c.is_alphanumeric() && !others.contains(*c)) {
            Some(c) => Err(Code::InvalidName.about(format!("'{c}' is not allowed in '{name}'"))),
            None => Ok(()),
        }
    }

    /// Checks what only zones and policies have: slashes, a length, and each other.
    ///
    /// # Errors
    /// `INVALID_NAME`, `NAME_CONFLICT`
    pub fn name(&self, kind: Kind, name: &str) -> Checked<()> {
        let (what, other, most) = match (kind, self.has(Feature::LongNames)) {
            (Kind::Zone, true) => ("Zone", Kind::Policy, 96),
            (Kind::Zone, false) => ("Zone", Kind::Policy, 17),
            (Kind::Policy, true) => ("Policy", Kind::Zone, 128),
            (Kind::Policy, false) => ("Policy", Kind::Zone, 18),
            _ => return Ok(()),
        };
        self.slashes(what, name)?;
        self.length(what, name, most)?;
        self.no_conflict(what, name, other)
    }

    fn slashes(&self, what: &str, name: &str) -> Checked<()> {
        let (trouble, old) = if name.starts_with('/') {
            ("can't start with '/'", format!("'{name}' can't start with '/'"))
        } else if name.ends_with('/') {
            ("can't end with '/'", format!("'{name}' can't end with '/'"))
        } else if name.matches('/').count() > 1 {
            ("has more than one '/'", format!("more than one '/' in '{name}'"))
        } else {
            return Ok(());
        };
        Err(Code::InvalidName.about(match self.has(Feature::FaultsNameTheirPlace) {
            true => format!("{what} '{name}': name {trouble}"),
            false => old,
        }))
    }

    fn length(&self, what: &str, name: &str, most: usize) -> Checked<()> {
        let length = name.split('/').next().unwrap_or(name).chars().count();
        if length <= most {
            return Ok(());
        }
        Err(Code::InvalidName.about(match (self.has(Feature::FaultsNameTheirPlace), what) {
            (true, _) => format!("{what} '{name}': name has {length} chars, max is {most}"),
            // Whether it is put together from several files.
            (false, "Zone") => format!("Zone of '{name}' has {length} chars, max is {most} False"),
            (false, _) => format!("{what} of '{name}' has {length} chars, max is {most}"),
        }))
    }

    fn no_conflict(&self, what: &str, name: &str, other: Kind) -> Checked<()> {
        if !self.tree.exists(other, name) {
            return Ok(());
        }
        Err(Code::NameConflict.about(match (self.has(Feature::FaultsNameTheirPlace), other) {
            (true, _) => format!("{what} '{name}': Can't have the same name as a {}.", other.word()),
            (false, Kind::Policy) => "Zones can't have the same name as a policy.".to_owned(),
            (false, _) => "Policies can't have the same name as a zone.".to_owned(),
        }))
    }
}
