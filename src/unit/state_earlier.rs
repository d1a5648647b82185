//! How links decided a unit's state before systemd 250: any link below a directory of the search path counts that has
//! the unit's name or leads to a file of that name.

use std::collections::HashMap;

use crate::root::Kind;
use crate::unit::generation::Trait;
use crate::unit::lookup::Unit;
use crate::unit::name::base_name;
use crate::unit::paths::join;
use crate::unit::tree::Units;

/// A link, by the last parts of its name and of its target.
#[derive(Debug)]
struct Link {
    name: String,
    target: String,
    /// It lies in the directory of the search path itself.
    is_direct: bool,
}

/// The links below one directory of the search path, at any depth.
#[derive(Debug, Default)]
pub(super) struct LinksBelow {
    links: Vec<Link>,
    by_name: HashMap<String, Vec<usize>>,
    by_target: HashMap<String, Vec<usize>>,
}

impl LinksBelow {
    /// Goes through a directory.
    pub(super) fn load(units: &Units, dir: &str) -> LinksBelow {
        let mut found = LinksBelow::default();
        found.add(units, dir, true);
        found
    }

    fn add(&mut self, units: &Units, dir: &str, is_direct: bool) {
        for (entry, target) in units.root.list_links(dir).unwrap_or_default() {
            let Ok(name) = entry.name.into_string() else {
                continue;
            };
            match (entry.kind, target) {
                (Kind::Dir, _) => self.add(units, &join(dir, &name), false),
                (Kind::Link, Some(target)) => {
                    let target = base_name(&target.to_string_lossy()).to_owned();
                    let index = self.links.len();
                    self.by_name.entry(name.clone()).or_default().push(index);
                    self.by_target.entry(target.clone()).or_default().push(index);
                    self.links.push(Link {
                        name,
                        target,
                        is_direct,
                    });
                }
                _ => {}
            }
        }
    }

    /// Whether a link makes the unit enabled, and else whether there is one of the unit's own name
    /// that leads to its file. Names count for nothing in a directory below that of the unit's file.
    ///
    /// `find_symlinks_fd()` of systemd's shared/install.c up to 249.
    pub(super) fn search(
        &self,
        units: &Units,
        unit: &Unit,
        known_names: bool,
        below_unit: bool,
    ) -> (bool, bool) {
        let ignores_names = below_unit && units.generation.has(Trait::IgnoresNamesBelow);
        let indices = |map: &HashMap<String, Vec<usize>>| map.get(&unit.name).cloned().unwrap_or_default();
        let named = if ignores_names {
            Vec::new()
        } else {
            indices(&self.by_name)
        };
        let mut own_link = false;
        for link in named.into_iter().chain(indices(&self.by_target)).map(|index| &self.links[index]) {
            let is_named = !ignores_names && link.name == unit.name;
            if is_named && link.target == unit.name && link.is_direct {
                own_link = true;
            } else if !known_names || unit.is_linked_as(&link.name) {
                return (true, false);
            }
        }
        (false, own_link)
    }
}
