//! What holds for init scripts of every kind and number, whatever they depend on.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod support;
mod sysv_support;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use nodeshim::runlevels::Levels;
use nodeshim::sysv::header::{Defaults, Header};
use nodeshim::sysv::order::{Node, settle};
use nodeshim::tool::Tool;
use proptest::prelude::*;

use support::snapshot;
use sysv_support::BareImage;

/// A script as a test makes one up.
#[derive(Debug, Clone)]
struct Made {
    levels: BTreeSet<usize>,
    start: u8,
    stop: u8,
    /// The numbers of the scripts that it depends on; `None` for a plain script.
    needs: Option<Vec<usize>>,
}

impl Made {
    fn text(&self) -> String {
        let levels: String = self.levels.iter().map(usize::to_string).collect();
        let levels = if levels.is_empty() { "-" } else { &levels };
        let mut text = format!("#!/bin/sh\n# chkconfig: {levels} {} {}\n", self.start, self.stop);
        if let Some(needs) = &self.needs {
            let names: Vec<String> = needs.iter().map(|at| name(*at)).collect();
            let names = names.join(" ");
            text.push_str(&format!(
                "### BEGIN INIT INFO\n# Required-Start: {names}\n# Should-Stop: {names}\n### END INIT INFO\n"
            ));
        }
        text
    }
}

fn name(at: usize) -> String {
    format!("service-{at}")
}

/// Scripts of which any may depend on any, itself included.
fn scripts(count: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Made>> {
    count.prop_flat_map(|count| {
        let needs = prop::option::of(prop::collection::vec(0..count, 0..4));
        prop::collection::vec(made(needs), count)
    })
}

fn made(needs: impl Strategy<Value = Option<Vec<usize>>>) -> impl Strategy<Value = Made> {
    let levels = prop::sample::subsequence((0..7).collect::<Vec<usize>>(), 0..=7);
    (levels, 0..=99u8, 0..=99u8, needs).prop_map(|(levels, start, stop, needs)| Made {
        levels: levels.into_iter().collect(),
        start,
        stop,
        needs,
    })
}

fn image_of(scripts: &[Made]) -> BareImage {
    let image = BareImage::sysv();
    for (at, script) in scripts.iter().enumerate() {
        image.script(&name(at), script.text());
    }
    image
}

fn add_all(image: &BareImage, order: impl IntoIterator<Item = usize>) -> bool {
    let mut changed = false;
    for at in order {
        changed |= image.chkconfig(&["--add", &name(at)]);
    }
    changed
}

/// The on and off of every service in a level, without priorities.
fn states(image: &BareImage) -> Vec<BTreeSet<String>> {
    let state = |file: &String| format!("{}{}", &file[..1], &file[3..]);
    image.levels().iter().map(|files| files.iter().map(state).collect()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn adding_and_deleting_a_plain_script_restores_the_tree(
        others in scripts(1..6),
        script in made(Just(None)),
    ) {
        let image = image_of(&others);
        add_all(&image, 0..others.len());
        image.script("new", script.text());
        let before = snapshot(image.path());
        prop_assert!(image.chkconfig(&["--add", "new"]));
        prop_assert!(image.chkconfig(&["--del", "new"]));
        prop_assert_eq!(before, snapshot(image.path()));
    }

    #[test]
    fn adding_and_deleting_any_script_leaves_the_others_on_and_off_as_they_were(
        scripts in scripts(2..8),
    ) {
        let image = image_of(&scripts);
        add_all(&image, 1..scripts.len());
        let before = states(&image);
        image.chkconfig(&["--add", &name(0)]);
        image.chkconfig(&["--del", &name(0)]);
        prop_assert_eq!(before, states(&image));
    }

    #[test]
    fn each_level_has_one_entry_for_each_service_that_was_added(scripts in scripts(1..8)) {
        let image = image_of(&scripts);
        add_all(&image, 0..scripts.len());
        for (level, files) in image.levels().iter().enumerate() {
            prop_assert_eq!(files.len(), scripts.len());
            for (at, script) in scripts.iter().enumerate() {
                let letter = if script.levels.contains(&level) { 'S' } else { 'K' };
                let fits = |file: &&String| file.starts_with(letter) && file[3..] == name(at);
                prop_assert_eq!(files.iter().filter(fits).count(), 1);
            }
        }
    }

    #[test]
    fn a_second_add_changes_nothing(scripts in scripts(1..8)) {
        let image = image_of(&scripts);
        for at in 0..scripts.len() {
            image.chkconfig(&["--add", &name(at)]);
            prop_assert!(!image.chkconfig(&["--add", &name(at)]), "{}", name(at));
        }
    }

    #[test]
    fn once_settled_no_add_and_no_repeated_change_moves_anything(
        scripts in scripts(1..8),
        at in any::<prop::sample::Index>(),
        state in prop::sample::select(vec!["on", "off", "reset", "resetpriorities"]),
    ) {
        let image = image_of(&scripts);
        add_all(&image, 0..scripts.len());
        add_all(&image, 0..scripts.len());
        prop_assert!(!add_all(&image, 0..scripts.len()));
        let service = name(at.index(scripts.len()));
        image.chkconfig(&[&service, state]);
        prop_assert!(!image.chkconfig(&[&service, state]), "{service} {state}");
    }

    #[test]
    fn scripts_that_do_not_need_one_another_can_be_added_in_any_order(
        (scripts, order) in prop::collection::vec(made(Just(None).boxed().prop_union(Just(Some(vec![])).boxed())), 1..8)
            .prop_flat_map(|scripts| {
                let order: Vec<usize> = (0..scripts.len()).collect();
                (Just(scripts), Just(order).prop_shuffle())
            }),
    ) {
        let (one, other) = (image_of(&scripts), image_of(&scripts));
        add_all(&one, 0..scripts.len());
        add_all(&other, order);
        prop_assert_eq!(one.levels(), other.levels());
    }

    #[test]
    fn links_on_disk_are_in_the_order_of_the_dependencies(scripts in scripts(2..10)) {
        let image = image_of(&scripts);
        add_all(&image, 0..scripts.len());
        add_all(&image, 0..scripts.len());
        for (level, files) in image.levels().iter().enumerate() {
            let number = |letter: char, at: usize| {
                let file = files.iter().find(|file| file.starts_with(letter) && file[3..] == name(at))?;
                file[1..3].parse::<u8>().ok()
            };
            for (at, script) in scripts.iter().enumerate() {
                for need in script.needs.iter().flatten() {
                    let counts = script.levels.is_subset(&scripts[*need].levels);
                    if let (true, Some(own), Some(other)) = (counts, number('S', at), number('S', *need)) {
                        prop_assert!(own > other || own == 99, "level {level}: {} {}", name(at), name(*need));
                    }
                    if let (true, Some(own), Some(other)) = (counts, number('K', at), number('K', *need)) {
                        prop_assert!(own < other || own == 0, "level {level}: {} {}", name(at), name(*need));
                    }
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn every_dependency_is_respected_and_nothing_moves_further_than_it_must(scripts in scripts(1..60)) {
        let defaults: Vec<Defaults> =
            scripts.iter().map(|script| Header::parse(&script.text()).defaults().unwrap()).collect();
        let names: Vec<String> = (0..scripts.len()).map(name).collect();
        let nodes: Vec<Node> = defaults
            .iter()
            .zip(&names)
            .map(|(defaults, name)| Node { name: name.as_bytes(), defaults, on: defaults.levels })
            .collect();
        let settled = settle(&nodes);
        for (at, script) in scripts.iter().enumerate() {
            let needs: Vec<usize> = script.needs.clone().unwrap_or_default();
            let counted: Vec<usize> =
                needs.into_iter().filter(|need| script.levels.is_subset(&scripts[*need].levels)).collect();
            let after = counted.iter().map(|need| (settled[*need].start + 1).min(99)).max();
            let before = counted.iter().map(|need| settled[*need].stop.saturating_sub(1)).min();
            prop_assert_eq!(settled[at].start, after.unwrap_or(0).max(script.start));
            prop_assert_eq!(settled[at].stop, before.unwrap_or(99).min(script.stop));
        }
    }

    #[test]
    fn a_chain_without_cycles_never_reaches_the_limit(length in 2..40usize, level in 0..7usize) {
        let scripts: Vec<Made> = (0..length)
            .map(|at| Made {
                levels: [level].into(),
                start: 50,
                stop: 50,
                needs: Some((0..at).collect()),
            })
            .collect();
        let defaults: Vec<Defaults> =
            scripts.iter().map(|script| Header::parse(&script.text()).defaults().unwrap()).collect();
        let names: Vec<String> = (0..length).map(name).collect();
        let nodes: Vec<Node> = defaults
            .iter()
            .zip(&names)
            .map(|(defaults, name)| Node { name: name.as_bytes(), defaults, on: Levels::NONE.with(level) })
            .collect();
        for (at, priorities) in settle(&nodes).iter().enumerate() {
            let step = u8::try_from(at).unwrap();
            prop_assert_eq!((priorities.start, priorities.stop), (50 + step, 50 - step));
        }
    }

    #[test]
    fn no_script_and_no_command_line_is_too_odd_to_answer(
        content in prop::collection::vec(any::<u8>(), 0..400),
        header in "(# ?(chkconfig|Default-Start|description):[ -~]{0,20}\n){0,4}",
        words in prop::collection::vec(prop::collection::vec(1..=255u8, 0..6), 0..4),
        form in prop::sample::select(vec!["--add", "--del", "--list", "--override", "on", "--level"]),
    ) {
        let image = BareImage::sysv();
        image.script("foo", [header.as_bytes(), &content].concat());
        image.call(Tool::Chkconfig, &["--add", "foo"]);
        let mut words: Vec<OsString> = words.into_iter().map(OsString::from_vec).collect();
        words.push(form.into());
        for tool in [Tool::Chkconfig, Tool::Service, Tool::SystemdSysvInstall] {
            let reply = image.call_raw(tool, &words);
            prop_assert!(reply.exit <= 4, "{tool:?} {words:?}: {reply:?}");
        }
    }
}
