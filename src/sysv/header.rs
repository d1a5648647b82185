//! The comment block of an init script or override file: chkconfig's own line and the keys of the
//! Linux Standard Base, read as parseServiceInfo() of chkconfig 1.33 (leveldb.c) reads them. Pure, linear in the length of the text.

use crate::runlevels::Levels;

/// The priority of a script that has an LSB block and no `chkconfig:` line; frobOneDependencies() sets it.
const LSB_PRIORITY: u8 = 50;
/// So many characters of the level field are read (`%15s` of its sscanf()); what is left over counts as the
/// next field.
const LEVELS_WIDTH: usize = 15;

/// What the comments of one file say; `None` and empty where they say nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Header {
    /// Levels to start in.
    pub levels: Option<Levels>,
    /// Start and stop priority of the first good `chkconfig:` line, 0 to 99.
    pub priorities: Option<(u8, u8)>,
    /// Whether an LSB block begins anywhere.
    pub lsb: bool,
    /// Whether a `chkconfig:` line could not be read.
    pub broken: bool,
    /// Other names of the service.
    pub provides: Vec<String>,
    required_start: Vec<String>,
    required_stop: Vec<String>,
    should_start: Vec<String>,
    should_stop: Vec<String>,
}

/// What a usable script asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defaults {
    /// Levels to start in.
    pub levels: Levels,
    /// Start priority, 0 to 99.
    pub start: u8,
    /// Stop priority, 0 to 99.
    pub stop: u8,
    /// Whether the priorities were written down, and are not merely the usual ones.
    pub explicit: bool,
    /// Whether the script takes part in dependency ordering.
    pub lsb: bool,
    /// Other names of the service.
    pub provides: Vec<String>,
    /// To be started after these.
    pub start_after: Vec<String>,
    /// To be stopped before these.
    pub stop_before: Vec<String>,
    /// Those of the names that are required, not only hoped for.
    pub required: Vec<String>,
}

impl Header {
    /// Reads the comments of a whole file. A line counts if `#` is its first character after
    /// blanks, anywhere in the file.
    pub fn parse(text: &str) -> Header {
        let mut header = Header::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
            if let Some(comment) = line.trim_ascii_start().strip_prefix('#') {
                header.comment(comment, rest);
            }
            rest = after;
        }
        header
    }

    /// Takes in one comment; `rest` is the text from the beginning of its line.
    fn comment(&mut self, comment: &str, rest: &str) {
        if comment.starts_with("## BEGIN INIT INFO") {
            self.lsb = true;
            return;
        }
        let comment = comment.trim_ascii_start();
        let Some((key, value)) = comment.split_once(':') else {
            return;
        };
        match key {
            // Blanks of sscanf() include the end of the line, so that the fields may continue on the next one.
            "chkconfig" => {
                let start = rest.find(':').map_or(rest.len(), |colon| colon + 1);
                self.chkconfig(rest.get(start..).unwrap_or(""));
            }
            "Default-Start" => {
                for level in numbers(value) {
                    self.levels = Some(self.levels.unwrap_or_default().with(level));
                }
            }
            "Default-Stop" => {
                for level in numbers(value) {
                    self.levels = Some(self.levels.unwrap_or_default().without(level));
                }
            }
            "Provides" => self.provides = words(value),
            "Required-Start" => self.required_start = words(value),
            "Required-Stop" => self.required_stop = words(value),
            "Should-Start" => self.should_start = words(value),
            "Should-Stop" => self.should_stop = words(value),
            _ => {}
        }
    }

    fn chkconfig(&mut self, fields: &str) {
        match chkconfig_fields(fields) {
            None => self.broken = true,
            Some((levels, start, stop)) => {
                self.levels.get_or_insert(levels);
                self.priorities.get_or_insert((start, stop));
            }
        }
    }

    /// The header with everything that `over` says in place of what this one says. Names are
    /// provided by `over` alone, since parseServiceInfo() lets every file provide at least its own name;
    /// readServiceInfo().
    pub(crate) fn overlaid(self, over: Header) -> Header {
        let pick = |over: Vec<String>, own: Vec<String>| if over.is_empty() { own } else { over };
        Header {
            levels: over.levels.or(self.levels),
            priorities: over.priorities.or(self.priorities),
            lsb: over.lsb || self.lsb,
            broken: self.broken,
            provides: over.provides,
            required_start: pick(over.required_start, self.required_start),
            required_stop: pick(over.required_stop, self.required_stop),
            should_start: pick(over.should_start, self.should_start),
            should_stop: pick(over.should_stop, self.should_stop),
        }
    }

    /// What the script asks for, if its header is usable: levels are known, and so are the
    /// priorities or it has an LSB block, and no line is broken. Else chkconfig says that the service does
    /// not support it.
    pub fn defaults(self) -> Option<Defaults> {
        let levels = self.levels.filter(|_| !self.broken)?;
        let (start, stop) = self.priorities.or_else(|| self.lsb.then_some((LSB_PRIORITY, LSB_PRIORITY)))?;
        Some(Defaults {
            levels,
            start,
            stop,
            explicit: self.priorities.is_some(),
            lsb: self.lsb,
            provides: self.provides,
            required: [self.required_start.as_slice(), &self.required_stop].concat(),
            start_after: [self.required_start, self.should_start].concat(),
            stop_before: [self.required_stop, self.should_stop].concat(),
        })
    }
}

fn words(value: &str) -> Vec<String> {
    value.split_ascii_whitespace().map(str::to_owned).collect()
}

/// The numbers up to the first word that is none.
fn numbers(value: &str) -> impl Iterator<Item = usize> {
    value.split_ascii_whitespace().map_while(|word| word.parse().ok())
}

/// Levels, start and stop priority from the text after `chkconfig:`.
fn chkconfig_fields(text: &str) -> Option<(Levels, u8, u8)> {
    let text = text.trim_ascii_start();
    let width = text.bytes().take(LEVELS_WIDTH).take_while(|byte| !byte.is_ascii_whitespace()).count();
    let levels = match text.get(..width)? {
        "-" => Levels::NONE,
        digits => Levels::parse(digits)?,
    };
    let (start, text) = priority(text.get(width..)?)?;
    let (stop, text) = priority(text)?;
    // sscanf() wants one more character, which has to be a blank: a file that ends here is broken.
    text.starts_with(|c: char| c.is_ascii_whitespace()).then_some((levels, start, stop))
}

/// A decimal number of at most 99 and what follows it.
fn priority(text: &str) -> Option<(u8, &str)> {
    let text = text.trim_ascii_start();
    let text = text.strip_prefix('+').unwrap_or(text);
    let end = text.bytes().take_while(u8::is_ascii_digit).count();
    let (digits, rest) = text.split_at(end);
    digits.parse().ok().filter(|number| *number <= 99).map(|number| (number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Option<(String, u8, u8)> {
        let defaults = Header::parse(text).defaults()?;
        Some((defaults.levels.to_string(), defaults.start, defaults.stop))
    }

    #[test]
    fn the_chkconfig_line() {
        let good = |levels: &str, start, stop| Some((levels.to_owned(), start, stop));
        for (text, expected) in [
            ("# chkconfig: 35 60 40\n", good("35", 60, 40)),
            ("#chkconfig:35 60 40\n", good("35", 60, 40)),
            (" \t# chkconfig:\t35\t60\t40\n", good("35", 60, 40)),
            ("# chkconfig: - 08 9\r\n", good("", 8, 9)),
            ("# chkconfig: 35 60 40 # why\n", good("35", 60, 40)),
            ("# chkconfig: 35 60\n40\n", good("35", 60, 40)),
            ("exit 0\n# chkconfig: 35 60 40\n", good("35", 60, 40)),
            ("# chkconfig: 33333333333333360 40\n", good("3", 60, 40)),
            ("# chkconfig: 35 60 40\n# chkconfig: 2 1 2\n", good("35", 60, 40)),
            ("# chkconfig: 35 60 40\n# chkconfig: none\n", None),
            ("# chkconfig: 35 60 40", None),
            ("# chkconfig: 35 60 40;\n", None),
            ("# chkconfig: 3,5 60 40\n", None),
            ("# chkconfig: 3- 60 40\n", None),
            ("# chkconfig: 357 60 40\n", None),
            ("# chkconfig: 35 100 40\n", None),
            ("# chkconfig: 35 60 -1\n", None),
            ("# chkconfig: 35 99999999999 1\n", None),
            ("# chkconfig:\n", None),
            ("# chkconfig : 35 60 40\n", None),
            ("# Chkconfig: 35 60 40\n", None),
            ("## chkconfig: 35 60 40\n", None),
            ("chkconfig: 35 60 40\n", None),
            ("", None),
        ] {
            assert_eq!(asked(text), expected, "{text:?}");
        }
    }

    #[test]
    fn levels_are_built_up_in_file_order() {
        let block = "### BEGIN INIT INFO\n# Default-Start: 3 5\n# Default-Stop: 0 1 2 6\n### END INIT INFO\n";
        let line = "# chkconfig: 24 60 40\n";
        assert_eq!(asked(&format!("{line}{block}")), Some(("345".into(), 60, 40)));
        assert_eq!(asked(&format!("{block}{line}")), Some(("35".into(), 60, 40)));
        assert_eq!(asked(block), Some(("35".into(), 50, 50)));
        assert_eq!(asked("### BEGIN INIT INFO\n# Default-Start: 2 S 3\n"), Some(("2".into(), 50, 50)));
        assert_eq!(asked("### BEGIN INIT INFO\n# Default-Stop: 0\n"), Some(("".into(), 50, 50)));
        assert_eq!(asked("### BEGIN INIT INFO\n# Default-Start: \n"), None);
        assert_eq!(asked("# Default-Start: 3 5\n"), None);
    }

    #[test]
    fn a_dependency_key_that_is_repeated_counts_once_and_last() {
        let text = "### BEGIN INIT INFO\n# Required-Start: a\n# Required-Start: b\n# Should-Start: c\n\
                    # Required-Stop: d\n# X-Start-Before: e\n# Default-Start: 3\n";
        let defaults = Header::parse(text).defaults().unwrap();
        assert_eq!(defaults.start_after, ["b", "c"]);
        assert_eq!(defaults.stop_before, ["d"]);
        assert_eq!(defaults.required, ["b", "d"]);
    }

    #[test]
    fn a_continued_description_hides_nothing() {
        let header = Header::parse("# chkconfig: 35 60 40\n# description: runs \\\n#  Provides: foo bar\n");
        assert_eq!(header.provides, ["foo", "bar"]);
    }

    #[test]
    fn an_override_replaces_what_it_says_and_no_more() {
        let script = Header::parse("# chkconfig: 345 60 40\n# Provides: foo\n# Should-Start: bar\n");
        let over = Header::parse("# chkconfig: 2 11 22\n");
        let defaults = script.overlaid(over).defaults().unwrap();
        assert_eq!((defaults.levels.to_string().as_str(), defaults.start, defaults.stop), ("2", 11, 22));
        assert_eq!(defaults.start_after, ["bar"]);
        assert_eq!(defaults.provides, [""; 0]);
    }
}
