//! What differs between two reports: packages, ports, units, files, plugin by plugin.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::error::{Error, Result};

/// Whose an entry is that is about the image as a whole.
const IMAGE: &str = "(image)";

/// The lists of a plugin whose members are compared, by their keys in the report.
const LISTS: [&str; 12] = [
    "ports",
    "services",
    "firewall",
    "units",
    "other",
    "deferred",
    "denied",
    "overruled",
    "failed",
    "hooks",
    "bypasses",
    "notes",
];

/// Something that only one of two reports has.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Distinct {
    /// The plugin, or `(image)`.
    pub plugin: String,
    /// A key of the report: `package`, `ports`, `units`, `files`, ...
    pub what: String,
    /// What is there, in words.
    pub text: String,
    /// `removed`: only in the first; `added`: only in the second.
    pub change: &'static str,
}

/// Reads a report that `report --format json` printed.
///
/// # Errors
/// Where the text is no such report.
pub fn parse(path: &str, text: &str) -> Result<Value> {
    let report: Value =
        serde_json::from_str(text).map_err(|error| Error::malformed(path, error.to_string()))?;
    match report["schema"].as_u64() == Some(super::SCHEMA.into()) && report["plugins"].is_array() {
        true => Ok(report),
        false => Err(Error::malformed(
            path,
            format!("is no report of schema {}, as report --format json writes it", super::SCHEMA),
        )),
    }
}

/// What only one of two reports has, by plugin; what has changed is in it twice.
pub fn diff(before: &Value, after: &Value) -> Vec<Distinct> {
    let (before, after) = (entries(before), entries(after));
    let distinct = |(plugin, what, text): &Entry, change| Distinct {
        plugin: plugin.clone(),
        what: what.clone(),
        text: text.clone(),
        change,
    };
    let removed = before.difference(&after).map(|entry| distinct(entry, "removed"));
    let mut all: Vec<Distinct> = removed.collect();
    all.extend(after.difference(&before).map(|entry| distinct(entry, "added")));
    // What was there comes before what is there now.
    all.sort_by(|a, b| (&a.plugin, &a.what, b.change, &a.text).cmp(&(&b.plugin, &b.what, a.change, &b.text)));
    all
}

type Entry = (String, String, String);

fn entries(report: &Value) -> BTreeSet<Entry> {
    let mut entries = BTreeSet::new();
    let mut put = |plugin: &str, what: &str, text: String| {
        entries.insert((plugin.to_owned(), what.to_owned(), text));
    };
    for key in ["name", "node-version", "firewall-backend", "systemctl-generation"] {
        if let Some(text) = report["image"][key].as_str() {
            put(IMAGE, key, text.to_owned());
        }
    }
    for file in array(&report["image"]["policy"]) {
        put(IMAGE, "policy", format!("{} ({} rules)", text(&file["path"]), file["rules"]));
    }
    for note in array(&report["notes"]) {
        put(IMAGE, "notes", text(note));
    }
    for plugin in array(&report["plugins"]) {
        let name = text(&plugin["name"]);
        let gone = if plugin["gone"] == true { " (gone)" } else { "" };
        put(&name, "package", format!("{}{gone}", plugin["nevra"].as_str().unwrap_or(&name)));
        for key in LISTS {
            array(&plugin[key]).iter().for_each(|item| put(&name, key, text(item)));
        }
        for change in array(&plugin["files"]).iter().flat_map(|entry| array(&entry["changes"])) {
            put(&name, "files", format!("{} {}", text(&change["path"]), text(&change["what"])));
        }
    }
    entries
}

fn array(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// An item's text, whether it is one or has one; a hook is its point and name.
fn text(item: &Value) -> String {
    let hook = || Some(format!("{}/{}", item["point"].as_str()?, item["name"].as_str()?));
    let own = item.as_str().or_else(|| item["text"].as_str());
    own.map(str::to_owned).or_else(hook).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_is_removed_and_added() {
        let report = |version: &str, port: &str| {
            serde_json::json!({"schema": 1, "image": {}, "plugins": [{
                "name": "agent", "nevra": format!("agent-{version}.noarch"), "gone": false, "ports": [port],
                "units": [{"text": "enable agent.service"}],
            }]})
        };
        let found = diff(&report("1-1", "80/tcp"), &report("2-1", "80/tcp"));
        let found: Vec<(&str, &str, &str)> =
            found.iter().map(|one| (one.change, one.what.as_str(), one.text.as_str())).collect();
        assert_eq!(
            found,
            [
                ("removed", "package", "agent-1-1.noarch"),
                ("added", "package", "agent-2-1.noarch")
            ]
        );
        assert!(diff(&report("1-1", "80/tcp"), &report("1-1", "80/tcp")).is_empty());
    }

    #[test]
    fn what_is_no_report_is_refused() {
        assert!(parse("x.json", "{}").unwrap_err().to_string().contains("x.json: "));
        assert!(parse("x.json", "{").is_err());
    }
}
