//! A package that is not installed: an rpm file on the build host, asked of the host's rpm. Nothing is
//! unpacked to a disk; signatures are not looked at, as nothing is installed.

use std::path::Path;
use std::process::{Command, Stdio};

use super::scriptlets::{self, Scriptlet};
use crate::error::{Error, Result};

const FACTS: &str = "%{NAME}\\t%{NEVRA}\\n[P\\t%{PROVIDENAME}\\t%{PROVIDEVERSION}\\n]\
                     [F\\t%{FILEMODES:octal}\\t%{FILENAMES}\\n]";

/// The tags with the interpreters of scriptlets, and the kinds that these are.
const PROGRAMS: [(&str, &str); 6] = [
    ("PREINPROG", "%pre"),
    ("POSTINPROG", "%post"),
    ("PREUNPROG", "%preun"),
    ("POSTUNPROG", "%postun"),
    ("PRETRANSPROG", "%pretrans"),
    ("POSTTRANSPROG", "%posttrans"),
];

/// The tags with the interpreters of triggers, the tags that say of which type each is, and the
/// prefix that makes a kind of the type.
const TRIGGERS: [(&str, &str, &str); 3] = [
    ("TRIGGERSCRIPTPROG", "TRIGGERTYPE", "%trigger"),
    ("FILETRIGGERSCRIPTPROG", "FILETRIGGERTYPE", "%filetrigger"),
    ("TRANSFILETRIGGERSCRIPTPROG", "TRANSFILETRIGGERTYPE", "%transfiletrigger"),
];

/// What is known of a package file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageFile {
    /// The package's name.
    pub name: String,
    /// `name-[epoch:]version-release.arch`
    pub nevra: String,
    /// The plugins that it says it is, with their versions.
    pub plugins: Vec<(String, String)>,
    /// Its files with their modes, as stat(2) has them.
    pub files: Vec<(String, u32)>,
    /// Its scriptlets that have a body.
    pub scriptlets: Vec<Scriptlet>,
    /// The command lines that run its scriptlets, by their kind: an interpreter, or all that there is.
    pub programs: Vec<(String, Vec<String>)>,
    /// The interpreters of its triggers, with their kinds, in the order of their bodies.
    pub trigger_programs: Vec<(String, String)>,
}

impl PackageFile {
    /// Reads a file's header.
    pub fn read(path: &Path) -> Result<PackageFile> {
        let mut package = PackageFile::default();
        let facts = query(path, FACTS)?;
        for (at, line) in facts.lines().enumerate() {
            package.fact(at, line);
        }
        package.scriptlets = scriptlets::parse(&query(path, &scriptlets::format())?)?;
        let format: String = PROGRAMS
            .iter()
            .map(|(tag, kind)| format!("%|{tag}?{{{}[\\t%{{{tag}}}]\\n}}|", kind.replace('%', "%%")))
            .collect();
        for line in query(path, &format)?.lines() {
            let mut fields = line.split('\t').map(str::to_owned);
            let kind = fields.next().unwrap_or_default();
            package.programs.push((kind, fields.collect()));
        }
        let format: String = TRIGGERS
            .iter()
            .map(|(tag, of_type, prefix)| {
                format!("%|{tag}?{{[{}%{{{of_type}}}\\t%{{{tag}}}\\n]}}|", prefix.replace('%', "%%"))
            })
            .collect();
        let programs = query(path, &format)?;
        let programs = programs.lines().filter_map(|line| line.split_once('\t'));
        package
            .trigger_programs
            .extend(programs.map(|(kind, one)| (kind.to_owned(), one.to_owned())));
        Ok(package)
    }

    fn fact(&mut self, at: usize, line: &str) {
        let mut fields = line.splitn(3, '\t');
        let mut field = || fields.next().unwrap_or_default();
        match (at, field()) {
            (0, name) => (self.name, self.nevra) = (name.to_owned(), field().to_owned()),
            (_, "P") => {
                let plugin =
                    field().strip_prefix("ovirt-node-plugin(").and_then(|rest| rest.strip_suffix(')'));
                let version = field().to_owned();
                self.plugins.extend(plugin.map(|plugin| (plugin.to_owned(), version)));
            }
            (_, "F") => {
                let mode = u32::from_str_radix(field(), 8).unwrap_or(0);
                self.files.push((field().to_owned(), mode));
            }
            _ => {}
        }
    }

    /// The contents of those of its files that `wanted` says, with their paths.
    pub fn contents(path: &Path, wanted: impl Fn(&str) -> bool) -> Result<Vec<(String, Vec<u8>)>> {
        let output = Command::new("rpm2cpio").arg(path).stdin(Stdio::null()).output();
        let output = output.map_err(|error| Error::Other(format!("rpm2cpio cannot be run: {error}")))?;
        if !output.status.success() {
            return Err(Error::malformed(path, "its files cannot be read"));
        }
        let bad = || Error::malformed(path, "its files are not in a cpio archive of the kind that rpm makes");
        let mut found = Vec::new();
        let mut rest = output.stdout.as_slice();
        loop {
            let (name, content, after) = entry(rest).ok_or_else(bad)?;
            if name == "TRAILER!!!" {
                return Ok(found);
            }
            let name = name.trim_start_matches('.').to_owned();
            if wanted(&name) {
                found.push((name, content.to_vec()));
            }
            rest = after;
        }
    }
}

/// The first entry of an archive in cpio's "new ASCII" format (cpio(5)): its name and content, and
/// what follows it.
fn entry(archive: &[u8]) -> Option<(String, &[u8], &[u8])> {
    const HEADER: usize = 110;
    let field = |at: usize| {
        let digits = archive.get(6 + 8 * at..14 + 8 * at)?;
        usize::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    if !matches!(archive.get(..6)?, b"070701" | b"070702") {
        return None;
    }
    let (size, name_size) = (field(6)?, field(11)?);
    let padded = |at: usize| at.checked_next_multiple_of(4);
    let name = archive.get(HEADER..HEADER.checked_add(name_size)?)?.strip_suffix(b"\0")?;
    let start = padded(HEADER + name_size)?;
    let end = start.checked_add(size)?;
    let content = archive.get(start..end)?;
    let after = archive.get(padded(end)?..).unwrap_or_default();
    Some((String::from_utf8_lossy(name).into_owned(), content, after))
}

fn query(path: &Path, format: &str) -> Result<String> {
    let output = Command::new("rpm")
        .args(["-qp", "--nosignature", "--nodigest", "--qf", format, "--"])
        .arg(path)
        .env("LC_ALL", "C.UTF-8")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Error::Other(format!("rpm cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let first = said.lines().find(|line| line.starts_with("error:")).unwrap_or("rpm gave no reason");
    Err(Error::malformed(path, first.trim_start_matches("error: ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_bytes_are_an_entry_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let mut archive = b"070701".to_vec();
            archive.extend(bytes);
            let _ = entry(&archive);
        }
    }
}
