//! Each event says which package and scriptlet asked, however that was found.

use nodeshim::attribution::FoundBy;
use nodeshim::journal::Event;

use super::image::{Image, package};
use super::support::succeed;

/// The package that the request of a sample plugin names.
fn named(event: &Event) -> Option<String> {
    let mut words = event.argv.iter().map(|word| word.shown());
    words
        .find(|word| word.starts_with("node-"))
        .map(|word| word.trim_end_matches(".service").to_owned())
}

/// The plugin named the scriptlet and a package that fits the request.
pub fn assert_by_plugin(event: &Event, scriptlet: &str) {
    assert_eq!(event.origin.found_by, FoundBy::RpmPlugin, "{event:?}");
    assert_eq!(event.origin.scriptlet.as_deref(), Some(scriptlet), "{event:?}");
    if let Some(name) = named(event) {
        assert_eq!(event.origin.package(), Some(name.as_str()), "{event:?}");
    }
}

#[test]
fn the_rpm_plugin_names_shell_program_and_lua_scriptlets() {
    let image = Image::new();
    image.install(&[
        "node-exporter-0.9",
        "node-legacy-1.0",
        "node-lua-1.0",
        "node-hook-el8-2.1",
    ]);
    let events = image.events();
    assert!(events.len() >= 6, "{events:?}");
    for event in &events {
        assert_by_plugin(event, "%post");
        assert_eq!(event.origin.arg, Some(1), "{event:?}");
    }
    let with_script = |name: &str| {
        let found = events.iter().find(|event| named(event).as_deref() == Some(name)).expect(name);
        found.origin.script.is_some()
    };
    assert!(with_script("node-exporter"));
    assert!(!with_script("node-legacy"), "a program has no script file");
    assert!(!with_script("node-lua"), "Lua runs without a script file");
}

#[test]
fn old_and_new_version_of_an_upgrade_are_told_apart() {
    let image = Image::new();
    image.install(&["node-exporter-0.9", "node-hook-el7-1.4"]);
    let seen = image.events().len();
    image.transaction(&["-U", "--force", &package("node-hook-el7-1.4")]);
    image.install(&["node-roller-1.0"]);
    image.install(&["node-roller-2.0"]);
    let events = image.events();
    let of = |part: &str| {
        let found = events[seen..].iter().find(|event| event.words().contains(part));
        found.unwrap_or_else(|| panic!("nobody asked for {part}: {events:?}")).origin.clone()
    };
    assert_eq!(of("7000").nevra.as_deref(), Some("node-roller-1.0-1.noarch"));
    assert_eq!(of("7000").arg, Some(1));
    assert_eq!(of("7100").nevra.as_deref(), Some("node-roller-2.0-1.noarch"));
    assert_eq!(of("7100").arg, Some(2));
    assert_eq!(of("daemon-reload").scriptlet.as_deref(), Some("%postun"));
}

#[test]
fn a_trigger_belongs_to_the_package_that_carries_it() {
    let image = Image::new();
    image.install(&["node-watch-1.0"]);
    image.install(&["node-agent-4.50"]);
    let events = image.events();
    let enabled = events
        .iter()
        .find(|event| event.argv.iter().any(|word| word == "node-watch.service"))
        .expect("the trigger ran");
    assert_eq!(enabled.origin.nevra.as_deref(), Some("node-watch-1.0-1.noarch"));
    assert_eq!(enabled.origin.scriptlet.as_deref(), Some("%triggerin"));
    let reloaded = events
        .iter()
        .rfind(|event| event.argv.iter().any(|word| word == "daemon-reload"))
        .expect("the file trigger ran");
    assert_eq!(reloaded.origin.nevra.as_deref(), Some("node-watch-1.0-1.noarch"));
    assert_eq!(reloaded.origin.scriptlet.as_deref(), Some("%transfiletriggerin"));
}

#[test]
fn without_the_plugin_the_script_tells_whose_it_is() {
    let image = Image::new();
    image.transaction(&[
        "-U",
        "--noplugins",
        &package("node-exporter-0.9"),
        &package("node-roller-1.0"),
    ]);
    let events = image.events();
    assert!(events.len() >= 4, "{events:?}");
    for event in &events {
        assert_eq!(event.origin.found_by, FoundBy::Digest, "{event:?}");
        assert_eq!(event.origin.scriptlet.as_deref(), Some("%post"), "{event:?}");
        assert!(event.origin.script.is_some(), "{event:?}");
        if let Some(name) = named(event) {
            assert_eq!(event.origin.package(), Some(name.as_str()), "{event:?}");
        }
    }
    let shown = succeed(&mut image.nodeshim("list", ["--json"]));
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains("node-exporter") && shown.contains("node-roller"), "{shown}");
    assert!(!shown.contains("(unknown)"), "{shown}");
}
