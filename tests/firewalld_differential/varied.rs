//! Variants of the recorded cases: other values, options next to those that were recorded, and calls of other
//! cases in between.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use nodeshim::firewall::firewalld::Generation;

use super::support::{Files, Numbers};

/// What would change the machine, or names files of it.
const LEFT_OUT: [&str; 11] = [
    "--enabled",
    "--disabled",
    "--system-config",
    "--default-config",
    "--migrate-system-config-firewall",
    "--help",
    "--version",
    "--new-service-from-file",
    "--new-zone-from-file",
    "--new-ipset-from-file",
    "--add-entries-from-file",
];
const VERBS: [&str; 12] = [
    "add", "remove", "query", "list", "get", "set", "new", "delete", "info", "path", "change", "load",
];
/// What is asked last, so that what was stored is read again.
const LAST: [&str; 4] = [
    "--check-config",
    "--list-all-zones",
    "--list-all-policies",
    "--get-default-zone",
];

/// A recorded case: its files, and the words of its calls.
struct Recorded {
    files: Files,
    calls: Vec<Vec<String>>,
}

/// The recorded cases as they are for one generation.
pub struct Cases {
    cases: Vec<Recorded>,
    /// All values that were given to an option.
    values: BTreeMap<String, Vec<String>>,
}

impl Cases {
    /// Those of firewall-offline-cmd.
    pub fn of(generation: Generation) -> Self {
        let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance/firewall-offline-cmd");
        let mut paths: Vec<_> = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        let mut cases = Cases {
            cases: Vec::new(),
            values: BTreeMap::new(),
        };
        for path in paths {
            let group: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
            for case in group.as_array().unwrap() {
                cases.add(case, generation);
            }
        }
        cases
    }

    fn add(&mut self, case: &Value, generation: Generation) {
        let mut files = Files::new();
        let overlay = match generation {
            Generation(0, _) => &case["by_version"]["0.9"],
            Generation(1, _) => &Value::Null,
            Generation(..) => &case["by_version"]["2.5"],
        };
        for setup in [&case["setup"]["files"], &overlay["setup"]["files"]] {
            for (path, file) in setup.as_object().into_iter().flatten() {
                match file.as_str().or(file["text"].as_str()) {
                    Some(text) => files.insert(path.clone(), text.to_owned()),
                    None => files.remove(path),
                };
            }
        }
        // firewalld does not start without these.
        for name in ["block", "drop", "trusted"] {
            let path = format!("usr/lib/firewalld/zones/{name}.xml");
            files.entry(path).or_insert_with(|| "<zone/>\n".to_owned());
        }
        let step = |step: &Value| -> Vec<String> {
            let words = step["argv"].as_array().unwrap().iter().skip(1);
            words.map(|word| word.as_str().unwrap().to_owned()).collect()
        };
        let calls: Vec<_> = case["steps"].as_array().unwrap().iter().map(step).collect();
        let is_left_out = |word: &String| LEFT_OUT.iter().any(|option| word.starts_with(option));
        if calls.iter().flatten().any(is_left_out) {
            return;
        }
        for (option, value) in calls.iter().flatten().filter_map(|word| word.split_once('=')) {
            self.values.entry(option.to_owned()).or_default().push(value.to_owned());
        }
        self.cases.push(Recorded { files, calls });
    }

    /// A variant of a case: its files and calls.
    pub fn variant(&self, numbers: &mut Numbers) -> (Files, Vec<Vec<String>>) {
        let case = &self.cases[numbers.below(self.cases.len())];
        let mut calls = Vec::new();
        for call in &case.calls {
            if numbers.below(4) == 0 {
                let other = &self.cases[numbers.below(self.cases.len())];
                calls.push(other.calls[numbers.below(other.calls.len())].clone());
            }
            calls.push(call.iter().map(|word| self.varied(word, numbers)).collect());
        }
        calls.extend(LAST.map(|word| vec![word.to_owned()]));
        (case.files.clone(), calls)
    }

    fn varied(&self, word: &str, numbers: &mut Numbers) -> String {
        let (option, value) = match word.split_once('=') {
            Some((option, value)) => (option, Some(value)),
            None => (word, None),
        };
        let other = |option: &str, numbers: &mut Numbers| {
            let values = self.values.get(option)?;
            Some(values[numbers.below(values.len())].clone())
        };
        let varied = match (numbers.below(6), value) {
            (0 | 1, Some(_)) => other(option, numbers).map(|value| format!("{option}={value}")),
            (2, _) => neighbour(option, numbers).map(|option| match value {
                Some(value) => format!("{option}={value}"),
                None => option,
            }),
            (3, Some(_)) if numbers.below(3) == 0 => {
                let from = self.values.keys().nth(numbers.below(self.values.len())).unwrap();
                other(from, numbers).map(|value| format!("{option}={value}"))
            }
            _ => None,
        };
        varied.unwrap_or_else(|| word.to_owned())
    }
}

/// The same option with another verb.
fn neighbour(option: &str, numbers: &mut Numbers) -> Option<String> {
    let (verb, rest) = option.strip_prefix("--")?.split_once('-')?;
    VERBS.contains(&verb).then(|| format!("--{}-{rest}", numbers.pick(&VERBS)))
}
