//! The unit files of one manager in one image: finding a unit's file on the search path and
//! loading it with its drop-ins.

use nix::errno::Errno;

use crate::error::if_exists;
use crate::root::{CachedDirs, Kind, Root};
use crate::unit::alias::check_alias_link;
use crate::unit::conf_files;
use crate::unit::generation::{Generation, Trait};
use crate::unit::index::{End, Index, absolute};
use crate::unit::log::{Level, Log};
use crate::unit::lookup::{Lookup, Mode, Unit};
use crate::unit::name::{self, base_name};
use crate::unit::paths::{SearchPath, join, parent, simplify};
use crate::unit::problem::Problem;
use crate::unit::section::Reader;
use crate::unit::specifier::Specifiers;

/// The target of a mask.
pub(crate) const DEV_NULL: &str = "/dev/null";

/// Everything that a request looks units up with.
pub(crate) struct Units<'r> {
    /// The tree that units lie in.
    pub root: &'r Root,
    /// The tree that the caller has as its root.
    pub whole: &'r Root,
    /// Where they are looked for.
    pub path: SearchPath,
    /// As which systemd to behave.
    pub generation: Generation,
    /// Listings and links.
    pub index: Index<'r>,
    /// Values for specifiers.
    pub specifiers: Specifiers<'r>,
    /// What is printed meanwhile.
    pub log: Log,
    /// One unit that nothing can be made of does not stop a request about all units.
    pub forgiving: bool,
    /// Only report which links would be removed.
    pub dry_run: bool,
    /// The prefix of paths in messages: the directory of `--root`.
    pub prefix: String,
    /// The tree was named by `--root`, if only as `/`.
    pub is_named: bool,
    _dirs: CachedDirs<'r>,
    dirs: Vec<String>,
}

impl<'r> Units<'r> {
    /// The units below `root`.
    pub(crate) fn new(root: &'r Root, path: SearchPath, generation: Generation, prefix: &str) -> Self {
        // First, so that what is opened to see whether it is there stays open.
        let kept_open = root.cache_dirs();
        let dirs = path.dirs.iter().filter(|dir| root.is_dir(dir)).cloned().collect();
        Units {
            root,
            whole: root,
            path,
            generation,
            index: Index::new(root),
            specifiers: Specifiers::new(root),
            log: Log::default(),
            forgiving: false,
            dry_run: false,
            prefix: prefix.to_owned(),
            is_named: !prefix.is_empty(),
            _dirs: kept_open,
            dirs,
        }
    }

    /// A unit's file as messages name it, or its name where none was found.
    pub(crate) fn shown(&self, unit: &Unit) -> String {
        match &unit.path {
            Some(path) => format!("{}{path}", self.prefix),
            None => unit.name.clone(),
        }
    }

    /// The directories of the search path that are there, highest first.
    pub(crate) fn dirs(&self) -> &[String] {
        &self.dirs
    }

    /// Where a path leads when it is followed from the caller's root, as some versions do even with `--root`: absolute
    /// links lead out of the tree then.
    pub(super) fn chase_as_caller(&self, path: &str) -> Result<End, Problem> {
        match self.prefix.is_empty() {
            true => self.index.chase(path),
            // What was found there before may be gone.
            false => Index::new(self.whole).chase(&format!("{}{path}", self.prefix)),
        }
    }

    /// Takes note of a directory of the search path that was made.
    pub(crate) fn note_dir(&mut self, dir: &str) {
        let wanted = |candidate: &&String| candidate.as_str() == dir || self.dirs.contains(candidate);
        self.dirs = self.path.dirs.iter().filter(wanted).cloned().collect();
        self.index.forget(dir);
    }

    /// Finds and loads a unit by its path, or by its name on the search path; an instance may
    /// come from its template.
    ///
    /// `unit_file_search()` of systemd's shared/install.c.
    pub(crate) fn search(&self, unit: &mut Unit, lookup: Lookup) -> Result<(), Problem> {
        if let Some(path) = unit.path.clone() {
            return self.load(unit, &path, lookup);
        }
        let template = name::template_of(&unit.name);
        let found = match self.search_file(unit, &unit.name.clone(), lookup)? {
            true => true,
            false => match &template {
                Some(template) => self.search_file(unit, template, lookup)?,
                None => false,
            },
        };
        if !found {
            return Err(Problem::Missing);
        }
        if unit.mode == Some(Mode::Masked) || !lookup.load {
            return Ok(());
        }
        self.load_drop_ins(unit, template.as_deref())
    }

    fn search_file(&self, unit: &mut Unit, file: &str, lookup: Lookup) -> Result<bool, Problem> {
        self.check_templating(unit)?;
        for dir in &self.dirs {
            if lookup.native_only && self.path.is_generated(&join(dir, file)) {
                continue;
            }
            let found = self.index.kind_in(dir, file).and_then(|kind| kind.ok_or(Problem::Missing));
            let loaded = found.and_then(|kind| {
                let path = join(dir, file);
                self.load_kind(unit, &path, kind, lookup).map(|()| path)
            });
            match loaded {
                Ok(path) => {
                    unit.path = Some(path);
                    return Ok(true);
                }
                Err(Problem::Missing | Problem::Os(Errno::ENOTDIR | Errno::EACCES)) => {}
                Err(problem) => return Err(problem),
            }
        }
        Ok(false)
    }

    /// Complains where a unit's type knows no templates; the first place that was looked at is to
    /// blame.
    fn check_templating(&self, unit: &Unit) -> Result<(), Problem> {
        let unit_type = name::type_of(&unit.name).unwrap_or_default();
        if name::kind(&unit.name) == Some(name::Kind::Plain) || name::may_be_template(unit_type) {
            return Ok(());
        }
        let first = self.path.dirs.first().map_or("", String::as_str);
        let path = unit.path.clone().unwrap_or_else(|| join(first, &unit.name));
        let text = match self.generation.number() {
            ..240 => format!("Unit type {unit_type} cannot be templated."),
            _ => format!("{}{path}: unit type {unit_type} cannot be templated, ignoring.", self.prefix),
        };
        self.log.push(Level::Error, text);
        Err(Problem::Os(Errno::EINVAL))
    }

    /// Looks at one file: what it is, and with [`Lookup::load`] what its `[Install]` says.
    pub(crate) fn load(&self, unit: &mut Unit, path: &str, lookup: Lookup) -> Result<(), Problem> {
        if unit.path.is_some() {
            self.check_templating(unit)?;
        }
        let kind = self.index.kind(path)?.ok_or(Problem::Missing)?;
        self.load_kind(unit, path, kind, lookup)
    }

    fn load_kind(&self, unit: &mut Unit, path: &str, kind: Kind, lookup: Lookup) -> Result<(), Problem> {
        match kind {
            Kind::File => self.load_file(unit, path, lookup),
            Kind::CharDevice => {
                unit.mode = Some(Mode::Masked);
                Ok(())
            }
            Kind::Link if self.generation.has(Trait::EarlierInstall) => self.load_link_earlier(unit, path),
            Kind::Link => self.load_link(unit, path),
            Kind::Dir => Err(Problem::Os(Errno::EISDIR)),
            Kind::Other if lookup.load => Err(Problem::Os(Errno::EBADFD)),
            Kind::Other => Err(Problem::Os(Errno::ENOTTY)),
        }
    }

    /// `unit_file_load()` of systemd's shared/install.c.
    fn load_file(&self, unit: &mut Unit, path: &str, lookup: Lookup) -> Result<(), Problem> {
        let io = |error| Problem::from(&error);
        let empty = if lookup.load {
            let content = self.root.read(path).map_err(io)?;
            self.read_install(unit, path, &content)?;
            content.is_empty()
        } else {
            self.index.is_empty_file(path)?
        };
        unit.mode = Some(if empty { Mode::Masked } else { Mode::Regular });
        Ok(())
    }

    fn read_install(&self, unit: &mut Unit, path: &str, content: &[u8]) -> Result<(), Problem> {
        let name = unit.name.clone();
        let reader = Reader {
            unit: &name,
            shown: &format!("{}{path}", self.prefix),
            expand: &|unit, text| self.specifiers.expand(unit, text),
            generation: self.generation,
            log: &self.log,
            include: &|path| {
                let inside = path.strip_prefix(self.prefix.as_str()).unwrap_or(path);
                if_exists(self.root.read(inside)).map_err(|error| Problem::from(&error))
            },
        };
        unit.install.read(content, &reader)
    }

    /// What links were to systemd before 250: masks, or one step to a unit whose name has to be of one kind.
    fn load_link_earlier(&self, unit: &mut Unit, path: &str) -> Result<(), Problem> {
        let text = self.index.read_link(path)?;
        let is_mask = if self.generation.has(Trait::FollowsLinks) {
            // What cannot be followed to its end is followed step by step.
            self.is_empty(path).unwrap_or(false)
        } else {
            simplify(&text) == DEV_NULL
        };
        if is_mask {
            unit.mode = Some(Mode::Masked);
            return Ok(());
        }
        let behind = base_name(&text);
        let fits = match (name::kind(&unit.name), name::kind(behind)) {
            (Some(name::Kind::Instance), Some(kind)) => kind != name::Kind::Plain,
            (one, other) => one.is_some() && one == other,
        };
        if !fits || name::type_of(&unit.name) != name::type_of(behind) {
            return Err(Problem::Os(Errno::EINVAL));
        }
        unit.target = Some(absolute(&text, parent(path)));
        unit.mode = Some(Mode::Alias);
        Ok(())
    }

    /// `unit_file_load_or_readlink()` of systemd's shared/install.c.
    fn load_link(&self, unit: &mut Unit, path: &str) -> Result<(), Problem> {
        let text = self.index.read_link(path)?;
        let full = absolute(&text, parent(path));
        let target = self.index.chase_parent(&full).inspect_err(|problem| {
            let (prefix, reason) = (&self.prefix, problem.text());
            let text =
                format!("Failed to resolve symlink {prefix}{path} pointing to {prefix}{full}: {reason}");
            self.log.warning(text);
        })?;
        let inside = self.path.tail(&target).is_some();
        if inside {
            check_alias_link(path, &target).map_err(|(problem, reason)| {
                if let Some(reason) = reason {
                    self.log.push(Level::Notice, reason);
                }
                problem
            })?;
        }
        // In another tree it goes by the wrong way to ask for more than the target's name.
        let is_masked = match self.prefix.as_str() {
            "" => self.is_empty(&target)?,
            _ => target == DEV_NULL,
        };
        unit.mode = Some(if is_masked {
            Mode::Masked
        } else if inside {
            Mode::Alias
        } else {
            Mode::Linked
        });
        unit.target = Some(target);
        Ok(())
    }

    /// Whether a path leads to an empty file or a device, as a mask does. `/dev/null` need not be
    /// there.
    pub(crate) fn is_empty(&self, path: &str) -> Result<bool, Problem> {
        let end = self.index.chase(path)?;
        if end.path == DEV_NULL {
            return Ok(true);
        }
        let meta = if_exists(self.root.meta(&end.path)).map_err(|error| Problem::from(&error))?;
        Ok(meta.is_some_and(|meta| match meta.kind {
            Kind::File => meta.size == 0,
            Kind::CharDevice => true,
            _ => false,
        }))
    }

    fn load_drop_ins(&self, unit: &mut Unit, template: Option<&str>) -> Result<(), Problem> {
        let mut dirs = Vec::new();
        for owner in [Some(unit.name.as_str()), template].into_iter().flatten() {
            let name = format!("{owner}.d");
            for dir in &self.dirs {
                match self.index.kind_in(dir, &name) {
                    Ok(None) => {}
                    Ok(Some(_)) => dirs.push(join(dir, &name)),
                    // A unit's name can be as long as a file's, and then there are no drop-ins.
                    Err(Problem::Os(Errno::ENAMETOOLONG)) => {}
                    Err(problem) => return Err(problem),
                }
            }
        }
        for path in conf_files::list(self.root, &dirs, ".conf") {
            // A mask; the device need not be there.
            if self.index.chase(&path)?.path == DEV_NULL {
                continue;
            }
            let content = self.root.read(&path).map_err(|error| Problem::from(&error))?;
            self.read_install(unit, &path, &content)?;
        }
        Ok(())
    }
}
