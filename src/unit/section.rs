//! The `[Install]` section of one unit: what its settings add up to over file and drop-ins.

use nix::errno::Errno;

use crate::unit::file::{self, Item};
use crate::unit::file_earlier;
use crate::unit::generation::{Generation, Trait};
use crate::unit::index::absolute;
use crate::unit::log::{Level, Log};
use crate::unit::name;
use crate::unit::paths::parent;
use crate::unit::problem::Problem;
use crate::unit::words;

/// `[Install]`, the sum of all files that were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Install {
    /// `Alias=`, specifiers not expanded.
    pub aliases: Vec<String>,
    /// `WantedBy=`, specifiers not expanded.
    pub wanted_by: Vec<String>,
    /// `RequiredBy=`, specifiers not expanded.
    pub required_by: Vec<String>,
    /// `UpheldBy=`, specifiers not expanded.
    pub upheld_by: Vec<String>,
    /// `Also=`, expanded.
    pub also: Vec<String>,
    /// `DefaultInstance=`, expanded.
    pub default_instance: Option<String>,
}

/// What the settings are read with.
pub struct Reader<'a> {
    /// The unit's name; an instance may be reading its template's file.
    pub unit: &'a str,
    /// The file, as messages name it.
    pub shown: &'a str,
    /// Expands the specifiers in the second text for the unit that the first one names.
    pub expand: &'a dyn Fn(&str, &str) -> Result<String, Problem>,
    /// Whose settings are known.
    pub generation: Generation,
    /// Where warnings go.
    pub log: &'a Log,
    /// Reads a file that `.include` names, if it is there.
    pub include: &'a Include<'a>,
}

/// Reads a file by its path; none if there is no such file.
pub type Include<'a> = dyn Fn(&str) -> Result<Option<Vec<u8>>, Problem> + 'a;

/// So many files may include each other; 239 knows no limit, and dies of a circle.
const DEEPEST_INCLUDE: usize = 32;

impl Install {
    /// Whether enabling the unit makes a link in a directory of this name, such as `multi-user.target.wants`; specifiers
    /// are not expanded.
    pub(crate) fn names_dir(&self, dir: &str) -> bool {
        let Some((target, kind)) = dir.rsplit_once('.') else {
            return false;
        };
        let list = match kind {
            "wants" => &self.wanted_by,
            "requires" => &self.required_by,
            "upholds" => &self.upheld_by,
            _ => return false,
        };
        list.iter().any(|other| other == target)
    }

    /// Whether enabling the unit makes any link.
    pub(crate) fn has_rules(&self) -> bool {
        let lists = [&self.aliases, &self.wanted_by, &self.required_by, &self.upheld_by];
        lists.into_iter().any(|list| !list.is_empty())
    }

    /// The name of a template with its `DefaultInstance=`, if it has one.
    pub(crate) fn default_name(&self, unit: &str) -> Option<String> {
        let instance = self.default_instance.as_deref().filter(|_| name::is_template(unit))?;
        name::with_instance(unit, instance)
    }

    /// The name that specifiers in the settings of a unit are expanded for: for a template that of
    /// its default instance.
    pub fn meant_name(&self, unit: &str) -> String {
        self.default_name(unit).unwrap_or_else(|| unit.to_owned())
    }

    /// Adds a file's settings.
    pub fn read(&mut self, content: &[u8], reader: &Reader) -> Result<(), Problem> {
        self.read_within(content, reader, DEEPEST_INCLUDE)
    }

    fn read_within(&mut self, content: &[u8], reader: &Reader, depth: usize) -> Result<(), Problem> {
        let earlier = reader.generation.has(Trait::EarlierSyntax);
        let items = if earlier {
            file_earlier::parse(content)
        } else {
            file::parse(content)
        };
        for item in items {
            match item {
                Item::Include { line, path } => {
                    reader.warn(line, file_earlier::INCLUDE_WARNING);
                    self.include(&path, reader, depth)?;
                }
                Item::TooLong => return Err(Problem::Os(Errno::ENOBUFS)),
                Item::Warning { line, text } => reader.warn(line, &text),
                Item::EmptyHeader { line } if reader.generation.has(Trait::EmptyHeaderIsBroken) => {
                    let text = format!("{}:{line}: Section header invalid '[]'", reader.shown);
                    reader.log.push(Level::Error, text);
                    return Err(Problem::Os(Errno::EBADMSG));
                }
                Item::EmptyHeader { line } => reader.warn(line, "Unknown section ''. Ignoring."),
                Item::Broken { line, text, errno } => {
                    let level = if errno == Errno::EBADMSG {
                        Level::Error
                    } else {
                        Level::Warning
                    };
                    reader.log.push(level, format!("{}:{line}: {text}", reader.shown));
                    return Err(Problem::Os(errno));
                }
                Item::Assignment { line, key, value } => self.assign(line, &key, &value, reader)?,
            }
        }
        Ok(())
    }

    fn include(&mut self, path: &str, reader: &Reader, depth: usize) -> Result<(), Problem> {
        let depth = depth.checked_sub(1).ok_or(Problem::LinkedFile)?;
        let shown = absolute(path, parent(reader.shown));
        let Some(content) = (reader.include)(&shown)? else {
            return Ok(());
        };
        let reader = Reader {
            shown: &shown,
            ..*reader
        };
        self.read_within(&content, &reader, depth)
    }

    /// The settings that `unit_file_load()` of systemd's shared/install.c reads; `config_parse_alias()` for the
    /// first.
    fn assign(&mut self, line: usize, key: &str, value: &str, reader: &Reader) -> Result<(), Problem> {
        match key {
            "Alias" => match name::type_of(reader.unit) {
                Some(unit_type) if !name::may_have_aliases(unit_type) => {
                    reader.warn(line, &format!("Alias= is not allowed for {unit_type} units, ignoring."));
                }
                _ => add_words(&mut self.aliases, line, (key, value), reader),
            },
            "WantedBy" => add_words(&mut self.wanted_by, line, (key, value), reader),
            "RequiredBy" => add_words(&mut self.required_by, line, (key, value), reader),
            "UpheldBy" if reader.generation.has(Trait::UpheldBy) => {
                add_words(&mut self.upheld_by, line, (key, value), reader);
            }
            "Also" => return self.add_also(line, value, reader),
            "DefaultInstance" => return self.set_default_instance(line, value, reader),
            _ if key.starts_with("X-") => {}
            _ if reader.generation.has(Trait::EarlierSyntax) => {}
            _ if reader.generation.has(Trait::UnknownKeyName) => {
                reader.warn(line, &format!("Unknown key name '{key}' in section 'Install', ignoring."));
            }
            _ => reader.warn(line, &format!("Unknown key '{key}' in section [Install], ignoring.")),
        }
        Ok(())
    }

    /// `config_parse_also()` of systemd's shared/install.c.
    fn add_also(&mut self, line: usize, value: &str, reader: &Reader) -> Result<(), Problem> {
        for word in words::split_plainly(value) {
            let unit = (reader.expand)(&self.meant_name(reader.unit), &word).inspect_err(|problem| {
                let reason = slot_text(*problem);
                reader.warn(line, &format!("Failed to resolve unit name in Also=\"{word}\": {reason}"));
            })?;
            if !name::is_valid(&unit) {
                return Err(Problem::Os(Errno::EINVAL));
            }
            self.also.push(unit);
        }
        Ok(())
    }

    /// `config_parse_default_instance()` of systemd's shared/install.c.
    fn set_default_instance(&mut self, line: usize, value: &str, reader: &Reader) -> Result<(), Problem> {
        match name::kind(reader.unit) {
            Some(name::Kind::Instance) => return Ok(()),
            Some(name::Kind::Template) => {}
            _ => {
                reader.warn(line, "DefaultInstance= only makes sense for template units, ignoring.");
                return Ok(());
            }
        }
        let instance = (reader.expand)(&self.meant_name(reader.unit), value).inspect_err(|problem| {
            let reason = slot_text(*problem);
            let text = format!("Failed to resolve instance name in DefaultInstance=\"{value}\": {reason}");
            reader.warn(line, &text);
        })?;
        if !instance.is_empty() && !name::is_valid_instance(&instance) {
            reader.warn(line, &format!("Invalid DefaultInstance= value \"{instance}\"."));
            return Err(Problem::Os(Errno::EINVAL));
        }
        self.default_instance = Some(instance).filter(|instance| !instance.is_empty());
        Ok(())
    }
}

/// An empty value clears the list.
///
/// `config_parse_strv()` of systemd's shared/conf-parser.c.
fn add_words(list: &mut Vec<String>, line: usize, (key, value): (&str, &str), reader: &Reader) {
    if value.is_empty() {
        list.clear();
        return;
    }
    let (words, unfinished) = words::split(value);
    list.extend(words);
    if unfinished {
        let text = match reader.generation.has(Trait::NamesUnfinishedKey) {
            true => format!("Failed to parse {key}={value}, ignoring: Invalid argument"),
            false => format!("Invalid syntax, ignoring: {value}"),
        };
        reader.warn(line, &text);
    }
}

fn slot_text(problem: Problem) -> &'static str {
    match problem {
        Problem::BadSpecifier => "Invalid slot",
        Problem::Unresolved => "Protocol driver not attached",
        other => other.text(),
    }
}

impl Reader<'_> {
    fn warn(&self, line: usize, text: &str) {
        self.log.warning(format!("{}:{line}: {text}", self.shown));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(unit: &str, files: &[&str], generation: u16) -> (Install, Vec<String>, Result<(), Problem>) {
        let log = Log::default();
        let expand = |_: &str, text: &str| match text.contains("%z") {
            true => Err(Problem::BadSpecifier),
            false => Ok(text.replace("%p", "P")),
        };
        let reader = Reader {
            unit,
            shown: "/f",
            expand: &expand,
            generation: Generation::release(generation),
            log: &log,
            include: &|_| Ok(None),
        };
        let mut install = Install::default();
        let result = files.iter().try_for_each(|text| install.read(text.as_bytes(), &reader));
        (install, log.take().into_iter().map(|line| line.text).collect(), result)
    }

    #[test]
    fn lists_add_up_and_an_empty_value_clears() {
        let (install, warnings, _) = read(
            "a.service",
            &[
                "[Install]\nWantedBy=a.target \"b.target\"\nAlso=x.socket %p.path\n[Install]\nAlias=n.service\n",
                "[Install]\nWantedBy=\nWantedBy=c.target\n",
            ],
            252,
        );
        assert_eq!(install.wanted_by, ["c.target"]);
        assert_eq!(install.aliases, ["n.service"]);
        assert_eq!(install.also, ["x.socket", "P.path"]);
        assert_eq!(warnings, Vec::<String>::new());
    }

    #[test]
    fn settings_that_do_not_fit_are_warned_of() {
        let text = "[Install]\nAlias=b.mount\nUpheldBy=u.target\nX-Own=1\nwantedby=x\nDefaultInstance=i\nWantedBy=a \"b\n";
        let (install, warnings, _) = read("a.mount", &[text], 252);
        assert_eq!(install.aliases, Vec::<String>::new());
        assert_eq!(
            warnings,
            [
                "/f:2: Alias= is not allowed for mount units, ignoring.",
                "/f:3: Unknown key 'UpheldBy' in section [Install], ignoring.",
                "/f:5: Unknown key 'wantedby' in section [Install], ignoring.",
                "/f:6: DefaultInstance= only makes sense for template units, ignoring.",
                "/f:7: Invalid syntax, ignoring: a \"b",
            ]
        );
        assert_eq!(read("a.service", &[text], 254).0.upheld_by, ["u.target"]);
    }

    #[test]
    fn a_default_instance_is_a_templates_own() {
        let text = "[Install]\nDefaultInstance=%p1\n";
        assert_eq!(read("a@.service", &[text], 252).0.default_instance.as_deref(), Some("P1"));
        assert_eq!(read("a@x.service", &[text], 252).0.default_instance, None);
        let (_, warnings, result) = read("a@.service", &["[Install]\nDefaultInstance=a/b\n"], 252);
        assert_eq!(warnings, ["/f:2: Invalid DefaultInstance= value \"a/b\"."]);
        assert_eq!(result, Err(Problem::Os(Errno::EINVAL)));
        assert_eq!(read("a@.service", &["[Install]\nAlso=%z\n"], 252).2, Err(Problem::BadSpecifier));
    }
}
