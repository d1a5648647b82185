//! What `--json` prints, held against the published schemas. A schema lets a reader meet keys that later
//! versions add; here every key has to be described.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;

use jsonschema::{Registry, Resource, Validator};
use serde_json::{Value, json};

use crate::support::project;

const BASE: &str = "file:///schema/";

/// The names of the schemas, of which `common` is no verb.
pub fn names() -> Vec<String> {
    let entries = fs::read_dir(project().join("packaging/schema")).expect("the schemas");
    let name = |entry: fs::DirEntry| entry.file_name().into_string().expect("a name");
    let mut names: Vec<String> = entries
        .map(|entry| name(entry.expect("an entry")))
        .map(|name| name.strip_suffix(".schema.json").expect("a schema").to_owned())
        .collect();
    names.sort();
    names
}

fn load(name: &str) -> Value {
    let path = project().join(format!("packaging/schema/{name}.schema.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("JSON")
}

/// The schema with no room for keys that it does not describe.
fn closed(mut schema: Value) -> Value {
    match &mut schema {
        Value::Object(keys) => {
            let describes = keys.contains_key("properties") || keys.contains_key("$ref");
            if keys.get("type") == Some(&json!("object")) && describes {
                keys.insert("unevaluatedProperties".into(), Value::Bool(false));
            }
            keys.values_mut().for_each(|value| *value = closed(value.take()));
        }
        Value::Array(items) => items.iter_mut().for_each(|item| *item = closed(item.take())),
        _ => {}
    }
    schema
}

fn validator(name: &str) -> Validator {
    let common = Resource::from_contents(closed(load("common")));
    let registry = Registry::new()
        .add(format!("{BASE}common.schema.json"), common)
        .and_then(|registry| registry.prepare())
        .expect("a registry");
    jsonschema::options()
        .with_registry(&registry)
        .with_base_uri(format!("{BASE}{name}.schema.json"))
        .build(&closed(load(name)))
        .unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// Panics unless a value is what the schema of a verb describes.
#[track_caller]
pub fn assert_fits(name: &str, value: &Value) {
    let faults: Vec<String> = validator(name)
        .iter_errors(value)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(faults.is_empty(), "{name}: {faults:#?}\n{value:#}");
}
