//! Presets: which units a distribution or an administrator wants enabled; see systemd.preset(5).

use std::collections::HashMap;

use nix::errno::Errno;

use crate::intent::Scope;
use crate::root::Root;
use crate::unit::conf_files;
use crate::unit::file::LONGEST_LINE;
use crate::unit::generation::{Generation, Trait};
use crate::unit::glob;
use crate::unit::log::Log;
use crate::unit::name;
use crate::unit::problem::Problem;

/// What the names of preset files begin with that settling writes: before the distribution's 85 to 99,
/// after an administrator's lower numbers.
pub(crate) const OWN_PREFIX: &str = "80-nodeshim-";

/// Highest first; the last component is that of the system manager.
const PARENTS: [&str; 4] = [
    "/etc/systemd",
    "/run/systemd",
    "/usr/local/lib/systemd",
    "/usr/lib/systemd",
];

/// What a rule says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PresetAnswer {
    /// Enable.
    Enable,
    /// Disable.
    Disable,
    /// Leave alone.
    Ignore,
}

/// Which rules are followed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PresetMode {
    /// All.
    #[default]
    Full,
    /// Only those that enable.
    EnableOnly,
    /// Only those that disable.
    DisableOnly,
}

#[derive(Debug)]
struct Rule {
    verdict: PresetAnswer,
    pattern: String,
    instances: Vec<String>,
    /// `PATH:LINE`
    source: String,
}

/// All rules of an image, in the order in which they count.
#[derive(Debug, Default)]
pub struct Presets {
    rules: Vec<Rule>,
    /// The first rule for each pattern that is a plain name, so that many names need not be
    /// compared with many rules.
    exact: HashMap<String, usize>,
    globs: Vec<usize>,
}

/// The answer for one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// What to do.
    pub verdict: PresetAnswer,
    /// The instances that a template is to be enabled as; empty means the name asked for.
    pub instances: Vec<String>,
    /// The rule, `PATH:LINE`, or `default` where none matches.
    pub source: String,
}

impl Presets {
    /// Reads an image's presets; lines that are no rules are warned of.
    ///
    /// `read_presets()` of systemd's shared/install.c.
    ///
    /// # Errors
    /// [`Problem`] where a line is too long to be read.
    pub fn load(
        root: &Root,
        scope: Scope,
        generation: Generation,
        prefix: &str,
        log: &Log,
    ) -> Result<Presets, Problem> {
        Presets::load_some(root, scope, generation, (prefix, log), &|_| true)
    }

    /// Reads those of an image's preset files whose names `counts` picks. Paths are reported with a
    /// prefix before them.
    ///
    /// # Errors
    /// [`Problem`] where a line is too long to be read.
    pub(crate) fn load_some(
        root: &Root,
        scope: Scope,
        generation: Generation,
        (prefix, log): (&str, &Log),
        counts: &dyn Fn(&str) -> bool,
    ) -> Result<Presets, Problem> {
        let last = if scope == Scope::System {
            "system-preset"
        } else {
            "user-preset"
        };
        let dirs = PARENTS.map(|parent| format!("{parent}/{last}"));
        let mut presets = Presets::default();
        for path in conf_files::list(root, &dirs, ".preset") {
            if !counts(name::base_name(&path)) {
                continue;
            }
            if let Ok(text) = root.read_text(&path) {
                let has_long_line = text.lines().any(|line| line.len() >= LONGEST_LINE);
                if has_long_line && !generation.has(Trait::EarlierSyntax) {
                    return Err(Problem::Os(Errno::ENOBUFS));
                }
                presets.parse(&text, &format!("{prefix}{path}"), generation, log);
            }
        }
        Ok(presets)
    }

    /// Adds the rules of one file.
    pub fn parse(&mut self, text: &str, path: &str, generation: Generation, log: &Log) {
        let pieces: Vec<&str> = match generation.has(Trait::EarlierSyntax) {
            true => text.split_inclusive('\n').flat_map(read_in_pieces).collect(),
            false => text.lines().collect(),
        };
        for (number, raw) in pieces.into_iter().enumerate() {
            let raw = raw.trim_ascii_end();
            let line = raw.trim_ascii_start();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            let source = format!("{path}:{}", number + 1);
            match parse_rule(line, generation) {
                Some((verdict, pattern, instances)) => self.add(Rule {
                    verdict,
                    pattern,
                    instances,
                    source,
                }),
                None => {
                    let shown = if generation.has(Trait::StripsPresetLines) {
                        line
                    } else {
                        raw
                    };
                    log.warning(format!("{source}: Couldn't parse line '{shown}'. Ignoring."));
                }
            }
        }
    }

    fn add(&mut self, rule: Rule) {
        let index = self.rules.len();
        if rule.pattern.contains(['*', '?', '[']) {
            self.globs.push(index);
        } else if rule.instances.is_empty() {
            self.exact.entry(rule.pattern.clone()).or_insert(index);
        } else {
            self.globs.push(index);
        }
        self.rules.push(rule);
    }

    /// The first rule that matches; enable where none does. Lists of instances count only where
    /// the question is what to do, `for_listing` leaves them out.
    ///
    /// `query_presets()` of systemd's shared/install.c. A list of unit files gives it no list for instances.
    pub fn query(&self, unit: &str, for_listing: bool) -> Answer {
        let exact = self.exact.get(unit).copied();
        let candidates = self.globs.iter().copied();
        let mut best: Option<(usize, Vec<String>)> = exact.map(|index| (index, Vec::new()));
        for index in candidates.take_while(|index| exact.is_none_or(|exact| *index < exact)) {
            if let Some(instances) = self.rules[index].matches(unit, for_listing) {
                best = Some((index, instances));
                break;
            }
        }
        match best {
            None => Answer {
                verdict: PresetAnswer::Enable,
                instances: Vec::new(),
                source: "default".to_owned(),
            },
            Some((index, instances)) => Answer {
                verdict: self.rules[index].verdict,
                instances,
                source: self.rules[index].source.clone(),
            },
        }
    }
}

impl Rule {
    /// Whether the rule is for this unit, with the instances that a template gets.
    ///
    /// `pattern_match_multiple_instances()` of systemd's shared/install.c, else fnmatch(3).
    fn matches(&self, unit: &str, for_listing: bool) -> Option<Vec<String>> {
        if !for_listing && !self.instances.is_empty() {
            if unit == self.pattern {
                let full = self.instances.iter().filter_map(|instance| name::with_instance(unit, instance));
                return Some(full.collect());
            }
            let listed = name::instance_of(unit).is_some_and(|i| self.instances.iter().any(|own| own == i));
            if listed && name::template_of(unit).as_deref() == Some(self.pattern.as_str()) {
                return Some(Vec::new());
            }
        }
        glob::matches(&self.pattern, unit).then(Vec::new)
    }
}

/// 239 reads lines into a buffer of two kibibytes; what does not fit is the next line.
fn read_in_pieces(line: &str) -> Vec<&str> {
    const MOST: usize = 2047;
    let mut pieces = Vec::new();
    let mut rest = line;
    while !rest.is_empty() {
        let end = rest.floor_char_boundary(MOST.min(rest.len()));
        let (piece, left) = rest.split_at(end);
        pieces.push(piece);
        rest = left;
    }
    pieces
}

fn parse_rule(line: &str, generation: Generation) -> Option<(PresetAnswer, String, Vec<String>)> {
    // A keyword alone is a rule as well; it matches nothing.
    let (word, rest) = line.split_once(|c: char| c.is_ascii_whitespace()).unwrap_or((line, ""));
    let pattern = rest.trim_ascii_start();
    match word {
        "enable" => {
            let mut words = pattern.split_ascii_whitespace();
            let pattern = words.next().unwrap_or_default().to_owned();
            let instances: Vec<String> = words.map(str::to_owned).collect();
            let fits = instances.is_empty() || name::is_template(&pattern);
            fits.then_some((PresetAnswer::Enable, pattern, instances))
        }
        "disable" => Some((PresetAnswer::Disable, pattern.to_owned(), Vec::new())),
        "ignore" if generation.has(Trait::PresetIgnore) => {
            Some((PresetAnswer::Ignore, pattern.to_owned(), Vec::new()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn presets(text: &str, generation: u16) -> (Presets, Vec<String>) {
        let log = Log::default();
        let mut presets = Presets::default();
        presets.parse(text, "/p", Generation::release(generation), &log);
        (presets, log.take().into_iter().map(|line| line.text).collect())
    }

    #[test]
    fn the_first_match_wins_and_no_match_enables() {
        let text = "# c\nenable a.service\ndisable a*\ndisable b.service # why\n";
        let (presets, _) = presets(text, 252);
        let verdict = |unit| presets.query(unit, false).verdict;
        assert_eq!(verdict("a.service"), PresetAnswer::Enable);
        assert_eq!(verdict("ab.service"), PresetAnswer::Disable);
        assert_eq!(verdict("b.service"), PresetAnswer::Enable);
        assert_eq!(presets.query("ab.service", false).source, "/p:3");
        assert_eq!(presets.query("b.service", false).source, "default");
    }

    #[test]
    fn instances_are_listed_on_one_line() {
        let (presets, _) = presets("enable w@.service one two\ndisable *\n", 252);
        let template = presets.query("w@.service", false);
        assert_eq!(template.instances, ["w@one.service", "w@two.service"]);
        assert_eq!(presets.query("w@two.service", false).verdict, PresetAnswer::Enable);
        assert_eq!(presets.query("w@three.service", false).verdict, PresetAnswer::Disable);
        assert_eq!(presets.query("w@two.service", true).verdict, PresetAnswer::Disable);
        assert_eq!(presets.query("w@.service", true).verdict, PresetAnswer::Enable);
    }

    #[test]
    fn what_is_no_rule_is_warned_of() {
        let text = " Enable a \nenable a.service x\nignore a.service\n\ndisable\n";
        let expected = [
            "/p:1: Couldn't parse line ' Enable a'. Ignoring.",
            "/p:2: Couldn't parse line 'enable a.service x'. Ignoring.",
            "/p:3: Couldn't parse line 'ignore a.service'. Ignoring.",
        ];
        assert_eq!(presets(text, 252).1, expected);
        let (newer, warnings) = presets(text, 254);
        assert_eq!(warnings.len(), 2);
        assert_eq!(newer.query("a.service", false).verdict, PresetAnswer::Ignore);
    }
}
