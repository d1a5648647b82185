//! Which file of the library uses which, through re-exports: `use crate::audit::Audit` is a use of
//! the file that defines it, `audit/record.rs`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::support;

/// A file of `src/`, by its module path without `crate`: `audit::record`, `audit` for its `mod.rs`.
type Module = String;

/// The source files of the library with what each uses.
pub struct Files {
    /// Text of every file, comments and unit tests taken out.
    texts: BTreeMap<Module, String>,
    /// For every file the names that it re-exports, with the module that each comes from.
    exports: BTreeMap<Module, BTreeMap<String, Module>>,
}

impl Files {
    /// Reads `src/`, but for the program's own files.
    pub fn read() -> Files {
        let src = support::project().join("src");
        let mut texts = BTreeMap::new();
        super::visit(&src, &mut |file| {
            let module = module_of(file.strip_prefix(&src).expect("a file below src"));
            let own = ["lib", "main", "cli"].contains(&module.split("::").next().unwrap_or(""));
            if !own && !module.ends_with("tests") {
                texts.insert(module, code_of(&fs::read_to_string(file).expect("a source file")));
            }
        });
        Files::new(texts)
    }

    fn new(texts: BTreeMap<Module, String>) -> Files {
        let mut files = Files {
            texts,
            exports: BTreeMap::new(),
        };
        let found = files.texts.iter().map(|(module, text)| (module.clone(), files.exported(module, text)));
        files.exports = found.collect();
        files
    }

    /// The files that each file uses.
    pub fn uses(&self) -> BTreeMap<Module, BTreeSet<Module>> {
        let of = |(module, text): (&Module, &String)| {
            let mut used = BTreeSet::new();
            for (is_export, path) in paths(module, text) {
                // A folder's list of what its files offer is no use of them.
                if !is_export {
                    used.extend(self.defining(&path));
                }
            }
            used.remove(module);
            (module.clone(), used)
        };
        self.texts.iter().map(of).collect()
    }

    fn exported(&self, module: &str, text: &str) -> BTreeMap<String, Module> {
        let mut names = BTreeMap::new();
        for (is_export, path) in paths(module, text) {
            if is_export && let Some((name, from)) = path.split_last() {
                names.insert(name.clone(), from.join("::"));
            }
        }
        names
    }

    /// The file that defines what a path names: the longest module on the way, then through its
    /// re-exports.
    fn defining(&self, path: &[String]) -> Option<Module> {
        let mut at = (1..=path.len()).rev().find(|end| self.texts.contains_key(&path[..*end].join("::")))?;
        let mut module = path[..at].join("::");
        while let Some(name) = path.get(at) {
            match self.exports.get(&module).and_then(|names| names.get(name)) {
                Some(from) if self.texts.contains_key(from) && *from != module => module.clone_from(from),
                _ => break,
            }
            let inner = format!("{module}::{name}");
            if self.texts.contains_key(&inner) {
                module = inner;
                at += 1;
            }
        }
        Some(module)
    }
}

/// Files that use each other, directly or by way of others; each circle sorted.
pub fn circles(uses: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<Module>> {
    let reached: BTreeMap<&str, BTreeSet<&str>> =
        uses.keys().map(|module| (module.as_str(), reachable(uses, module))).collect();
    let mut found = BTreeSet::new();
    for (module, others) in &reached {
        let circle: Vec<Module> = others
            .iter()
            .filter(|other| reached.get(*other).is_some_and(|back| back.contains(module)))
            .map(|other| (*other).to_owned())
            .collect();
        if circle.len() > 1 {
            found.insert(circle);
        }
    }
    found.into_iter().collect()
}

fn reachable<'a>(uses: &'a BTreeMap<Module, BTreeSet<Module>>, from: &str) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::new();
    let mut next: Vec<&str> = uses.get(from).into_iter().flatten().map(String::as_str).collect();
    while let Some(module) = next.pop() {
        if seen.insert(module) {
            next.extend(uses.get(module).into_iter().flatten().map(String::as_str));
        }
    }
    seen
}

fn module_of(file: &Path) -> Module {
    let path = file.with_extension("").to_string_lossy().replace('/', "::");
    path.strip_suffix("::mod").unwrap_or(&path).to_owned()
}

/// A file without comments and without the unit tests at its end.
fn code_of(text: &str) -> String {
    let before_tests = text.split("#[cfg(test)]").next().unwrap_or("");
    before_tests
        .lines()
        .map(|line| line.split("//").next().unwrap_or(""))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Every path that begins with `crate`, `self` or `super`, absolute, `use` groups spelt out, and
/// whether it is re-exported.
fn paths(module: &str, text: &str) -> Vec<(bool, Vec<String>)> {
    let mut found = Vec::new();
    for (at, _) in text.match_indices("::") {
        let start = text[..at].rfind(|c: char| !is_of_name(c)).map_or(0, |before| before + 1);
        let head = &text[start..at];
        let is_continued = text[..start].ends_with("::");
        let before = text[..start].trim_end();
        let is_use = before.ends_with("use");
        let is_child = is_use && text.contains(&format!("mod {head};"));
        if is_continued || !(["crate", "self", "super"].contains(&head) || is_child) {
            continue;
        }
        let line = before.rsplit(['\n', ';', '}']).next().unwrap_or("");
        let is_export = is_use && line.trim_start().starts_with("pub");
        let mut tree = Vec::new();
        spell_out(&text[start..], &mut Vec::new(), &mut tree);
        found.extend(tree.into_iter().map(|path| (is_export, absolute(module, &path))));
    }
    found
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The paths of one `use` tree; returns how many bytes it took.
fn spell_out(text: &str, prefix: &mut Vec<String>, into: &mut Vec<Vec<String>>) -> usize {
    let depth = prefix.len();
    let mut at = 0;
    loop {
        let rest = &text[at..];
        if let Some(group) = rest.strip_prefix('{') {
            at += 1 + group_of(group, prefix, into);
            break;
        }
        let end = rest.find(|c| !is_of_name(c)).unwrap_or(rest.len());
        if end > 0 {
            prefix.push(rest[..end].to_owned());
        }
        at += end;
        if !text[at..].starts_with("::") {
            into.push(prefix.clone());
            break;
        }
        at += 2;
    }
    prefix.truncate(depth);
    at
}

fn group_of(text: &str, prefix: &mut Vec<String>, into: &mut Vec<Vec<String>>) -> usize {
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        match c {
            '}' => return at + 1,
            _ if is_of_name(c) => {
                at += spell_out(&text[at..], prefix, into);
                // `as NAME`
                at += text[at..].find([',', '}']).unwrap_or(text.len() - at);
            }
            _ => at += c.len_utf8(),
        }
    }
    at
}

fn absolute(module: &str, path: &[String]) -> Vec<String> {
    let mut found: Vec<String> = match path[0].as_str() {
        "crate" => Vec::new(),
        _ => module.split("::").map(str::to_owned).collect(),
    };
    for name in path {
        match name.as_str() {
            "crate" | "self" => {}
            "super" => {
                found.pop();
            }
            name => found.push(name.to_owned()),
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(texts: &[(&str, &str)]) -> BTreeMap<Module, BTreeSet<Module>> {
        let texts = texts.iter().map(|(module, text)| ((*module).to_owned(), (*text).to_owned())).collect();
        Files::new(texts).uses()
    }

    #[test]
    fn a_use_through_a_re_export_is_a_use_of_the_defining_file() {
        let uses = files(&[
            ("a", "mod b;\nmod c;\npub use b::{B, Other};\npub const LIMIT: u8 = 1;"),
            ("a::b", "use super::c::C;"),
            ("a::c", "use crate::a::{self, B};\nfn f() { super::LIMIT }"),
        ]);
        assert_eq!(uses["a"], BTreeSet::new());
        assert_eq!(uses["a::b"], BTreeSet::from(["a::c".to_owned()]));
        assert_eq!(uses["a::c"], BTreeSet::from(["a".to_owned(), "a::b".to_owned()]));
        assert_eq!(circles(&uses), [["a::b", "a::c"]]);
    }

    #[test]
    fn a_folder_uses_the_files_that_it_imports_for_itself() {
        let uses = files(&[("a", "mod b;\nuse b::f;"), ("a::b", "use super::T;")]);
        assert_eq!(circles(&uses), [["a", "a::b"]]);
    }
}
