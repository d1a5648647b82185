//! Spec files as packagers write them: the scriptlets, files and names of each package that a spec
//! file makes, as far as they can be read without building it. A line of a scriptlet is a line of the
//! file; both branches of conditionals are read.

mod macros;

use std::collections::BTreeMap;

use self::macros::Macros;
use crate::rpmdb::{PackageFile, Scriptlet};

/// A package of a spec file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SpecPackage {
    /// What the package will hold; where its files are concerned, those that `%files` names one by one.
    pub package: PackageFile,
    /// Kind of a scriptlet → the line before its first one.
    pub lines: BTreeMap<String, usize>,
}

/// Sections that end another one and are no scriptlets.
const OTHERS: [&str; 15] = [
    "%package",
    "%description",
    "%prep",
    "%generate_buildrequires",
    "%conf",
    "%build",
    "%install",
    "%check",
    "%clean",
    "%files",
    "%changelog",
    "%sourcelist",
    "%patchlist",
    "%preamble",
    "%verifyscript",
];

const SCRIPTLETS: [&str; 17] = [
    "%pre",
    "%post",
    "%preun",
    "%postun",
    "%pretrans",
    "%posttrans",
    "%preuntrans",
    "%postuntrans",
    "%triggerprein",
    "%triggerin",
    "%triggerun",
    "%triggerpostun",
    "%trigger",
    "%filetriggerin",
    "%filetriggerun",
    "%transfiletriggerin",
    "%transfiletriggerun",
];

/// Permission bits that a file is taken to have; the spec file rarely says.
const FILE: u32 = 0o100_644;
const PROGRAM: u32 = 0o100_755;

/// Where lines belong.
enum Place {
    Preamble(String),
    Scriptlet(String, String),
    Files(String),
    Other,
}

/// Reads a spec file.
pub(super) fn read(text: &str) -> Vec<SpecPackage> {
    let mut reader = Reader {
        macros: Macros::default(),
        name: String::new(),
        packages: BTreeMap::new(),
        place: Place::Preamble(String::new()),
    };
    for (at, line) in text.lines().enumerate() {
        reader.line(at, line);
    }
    reader.packages.into_values().collect()
}

struct Reader {
    macros: Macros,
    /// The name of the main package.
    name: String,
    packages: BTreeMap<String, SpecPackage>,
    place: Place,
}

impl Reader {
    fn line(&mut self, at: usize, line: &str) {
        let first = line.split_whitespace().next().unwrap_or_default();
        // rpm knows a section by its first word, wherever it stands in the line.
        if SCRIPTLETS.contains(&first) {
            self.begin_scriptlet(at, first, line);
        } else if OTHERS.contains(&first) {
            self.begin_other(first, line);
        } else {
            self.content(line, first);
        }
    }

    fn content(&mut self, line: &str, first: &str) {
        if self.macros.define(line) {
            return self.push_body("");
        }
        let is_condition = ["%if", "%el", "%endif"].iter().any(|word| first.starts_with(word));
        match &self.place {
            Place::Preamble(package) => {
                let package = package.clone();
                self.preamble(&package, line);
            }
            Place::Files(package) => {
                let package = package.clone();
                self.file(&package, line);
            }
            Place::Scriptlet(..) if is_condition => self.push_body(""),
            Place::Scriptlet(..) => {
                let expanded = self.macros.script_line(line);
                self.push_body(&expanded);
            }
            Place::Other => {}
        }
    }

    fn push_body(&mut self, line: &str) {
        let Place::Scriptlet(package, kind) = &self.place else {
            return;
        };
        let scriptlets = self.packages.get_mut(package).map(|found| &mut found.package.scriptlets);
        let mut bodies = scriptlets.into_iter().flatten().rev();
        if let Some(body) = bodies.find(|scriptlet| scriptlet.kind == *kind) {
            body.body.push_str(line);
            body.body.push('\n');
        }
    }

    fn preamble(&mut self, package: &str, line: &str) {
        let Some((tag, value)) = line.split_once(':') else {
            return;
        };
        let value = self.macros.expand(value.trim());
        match tag.trim().to_ascii_lowercase().as_str() {
            "name" if package.is_empty() => {
                self.macros.set("name", &value);
                self.name = value.clone();
                self.package("").package.name = value;
            }
            tag @ ("version" | "release") if package.is_empty() => self.macros.set(tag, &value),
            "provides" => {
                let plugin = value.strip_prefix("ovirt-node-plugin(").and_then(|rest| rest.split_once(')'));
                if let Some((plugin, rest)) = plugin {
                    let version = rest.trim().trim_start_matches(['=', ' ']).to_owned();
                    self.package(package).package.plugins.push((plugin.to_owned(), version));
                }
            }
            _ => {}
        }
    }

    fn file(&mut self, package: &str, line: &str) {
        let expanded = self.macros.expand(line);
        let Some(path) = expanded.split_whitespace().find(|word| word.starts_with('/')) else {
            return;
        };
        // A pattern or an unknown macro names no file.
        let is_known = !path.contains(['*', '?', '{', '$', '[']);
        let is_program =
            line.contains("0755") || path.starts_with("/usr/bin/") || path.starts_with("/usr/sbin/");
        if is_known && !line.contains("%dir") && !line.contains("%exclude") {
            let mode = if is_program { PROGRAM } else { FILE };
            self.package(package).package.files.push((path.to_owned(), mode));
        }
    }

    /// The package that a section's words name: `NAME` below the main one, `-n NAME` by itself.
    fn named<'w>(&self, words: impl Iterator<Item = &'w str>) -> String {
        let mut words = words.take_while(|word| *word != "--");
        let mut name = String::new();
        while let Some(word) = words.next() {
            match word {
                "-n" => name = words.next().map_or(String::new(), |name| self.macros.expand(name)),
                // Their values are no names.
                "-p" | "-f" | "-l" | "-P" => _ = words.next(),
                word if word.starts_with('-') => {}
                word => name = format!("{}-{}", self.name, self.macros.expand(word)),
            }
        }
        if name == self.name { String::new() } else { name }
    }

    fn package(&mut self, key: &str) -> &mut SpecPackage {
        let name = if key.is_empty() {
            self.name.clone()
        } else {
            key.to_owned()
        };
        self.packages.entry(key.to_owned()).or_insert_with(|| SpecPackage {
            package: PackageFile {
                name,
                ..PackageFile::default()
            },
            lines: BTreeMap::new(),
        })
    }

    fn begin_other(&mut self, section: &str, line: &str) {
        let name = self.named(line.split_whitespace().skip(1));
        self.place = match section {
            "%package" => Place::Preamble(name),
            "%files" => Place::Files(name),
            _ => Place::Other,
        };
    }

    fn begin_scriptlet(&mut self, at: usize, kind: &str, line: &str) {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        let name = self.named(words.iter().copied());
        let at_program = words.iter().position(|word| *word == "-p");
        let program = at_program.and_then(|at| words.get(at + 1)).copied().unwrap_or("/bin/sh").to_owned();
        let kind = if kind == "%trigger" { "%triggerin" } else { kind }.to_owned();
        let has_interpreter = program == "<lua>" || program.ends_with("sh") || program.contains("python");
        let package = self.package(&name);
        // Two scriptlets of one kind are triggers; their lines count on from the first one.
        let start = *package.lines.entry(kind.clone()).or_insert(at + 1);
        if kind.contains("trigger") {
            package.package.trigger_programs.push((kind.clone(), program));
        } else {
            package.package.programs.push((kind.clone(), vec![program]));
        }
        if has_interpreter {
            package.package.scriptlets.push(Scriptlet {
                nevra: String::new(),
                kind: kind.clone(),
                body: "\n".repeat((at + 1).saturating_sub(start)),
            });
        }
        self.place = Place::Scriptlet(name, kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: &str = "%global unit agent.service\nName: agent\nVersion: 1\nProvides: ovirt-node-plugin(a) = 1\n\
        %package extra\nSummary: x\n%description\ntext\n%install\nrm -rf x\n\
        %post\n%systemd_post %{unit}\n%if 0\nsystemctl enable %{name}-x\n%endif\n%preun extra -p /sbin/ldconfig\n\
        %files\n%{_unitdir}/%{unit}\n%dir /etc/agent\n%files extra\n%attr(0755,root,root) /etc/x\n";

    #[test]
    fn scriptlets_of_each_package_keep_their_lines() {
        let packages = read(SPEC);
        let names: Vec<&str> = packages.iter().map(|one| one.package.name.as_str()).collect();
        assert_eq!(names, ["agent", "agent-extra"]);
        let agent = &packages[0];
        assert_eq!(agent.package.plugins, [("a".to_owned(), "1".to_owned())]);
        let post = agent.package.scriptlets.last().unwrap();
        let lines: Vec<&str> = post.body.lines().collect();
        let first = agent.lines["%post"];
        assert!(lines[12 - first - 1].contains("install-system-units agent.service"), "{lines:?}");
        assert_eq!(lines[14 - first - 1], "systemctl enable agent-x");
        assert_eq!(agent.package.files, [("/usr/lib/systemd/system/agent.service".to_owned(), FILE)]);
        assert_eq!(packages[1].package.files, [("/etc/x".to_owned(), PROGRAM)]);
        assert_eq!(packages[1].package.programs, [("%preun".to_owned(), vec!["/sbin/ldconfig".to_owned()])]);
    }
}
