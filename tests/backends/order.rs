//! The order in which plugins come and go leaves no trace in the files.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nodeshim::intent::{UnitWant, Wish};
use proptest::prelude::*;

use crate::image::{Image, allow, port, unit};
use crate::support;

/// Plugins that overlap: each wants a port of its own, one that it shares, and a unit.
fn wishes(plugin: usize) -> Vec<Wish> {
    vec![
        allow(port(&(1000 + plugin).to_string(), "tcp")),
        allow(port(&(2000 + plugin / 2).to_string(), "udp")),
        unit(&format!("u{plugin}.service"), UnitWant::Enable),
    ]
}

/// Everything under /etc and the unit, after these steps: plugin and whether it is there afterwards.
fn outcome(steps: &[(usize, bool)], settle_each: bool) -> BTreeMap<PathBuf, String> {
    let image = Image::new();
    image.root.create_dirs("/etc", 0o755).unwrap();
    let mut installed: Vec<String> = Vec::new();
    let mut last: Vec<String> = Vec::new();
    for (plugin, present) in steps {
        let name = format!("p{plugin}");
        let is_there = installed.contains(&name);
        if *present && !is_there {
            image.record(&name, "%post", 1, wishes(*plugin));
            installed.push(name);
        } else if !*present && is_there {
            let stop = unit(&format!("u{plugin}.service"), UnitWant::Disable);
            image.record(&name, "%preun", 0, vec![stop]);
            installed.retain(|other| *other != name);
        }
        last = installed.clone();
        if settle_each {
            image.settle(&installed.iter().map(String::as_str).collect::<Vec<_>>());
        }
    }
    image.settle(&last.iter().map(String::as_str).collect::<Vec<_>>());
    let mut files = support::snapshot(&image.path().join("etc"));
    // Directories may stay behind, empty.
    files.retain(|_, content| !content.starts_with("40"));
    files
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]
    #[test]
    fn any_order_ends_in_the_same_files(
        steps in proptest::collection::vec((0usize..5, any::<bool>()), 1..14),
        settle_each in any::<bool>(),
    ) {
        let mut end: BTreeMap<usize, bool> = BTreeMap::new();
        end.extend(steps.iter().copied());
        let direct: Vec<(usize, bool)> = end.into_iter().filter(|(_, present)| *present).rev().collect();
        prop_assert_eq!(outcome(&steps, settle_each), outcome(&direct, false));
    }
}
