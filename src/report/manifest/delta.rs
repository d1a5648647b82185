//! What changed between two manifests, in the time that sorting them takes: an image has a hundred
//! thousand lines, and any number of them may have changed.

use std::collections::HashMap;

/// How the lines of a manifest belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Units {
    /// Each by itself.
    Lines,
    /// Two and two.
    Pairs,
    /// One and those behind it that are indented.
    Indented,
}

/// As `diff -u` prints it, without what tells places and without lines that are the same. Lines that
/// belong together stay together.
pub(super) fn delta(name: &str, units: Units, old: &str, new: &str) -> String {
    if old == new {
        return String::new();
    }
    let (old, new) = (split(units, old), split(units, new));
    let mut text = format!("--- old/{name}\n+++ new/{name}\n");
    let (mut old_at, mut new_at) = (0, 0);
    let end = (old.len(), new.len());
    for (of_old, of_new) in same(&old, &new).into_iter().chain([end]) {
        put(&mut text, '-', old.get(old_at..of_old));
        put(&mut text, '+', new.get(new_at..of_new));
        (old_at, new_at) = (of_old + 1, of_new + 1);
    }
    text
}

fn put(text: &mut String, sign: char, units: Option<&[&str]>) {
    for line in units.into_iter().flatten().flat_map(|unit| unit.lines()) {
        text.push(sign);
        text.push_str(line);
        text.push('\n');
    }
}

fn split(units: Units, text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let (mut start, mut end) = (0, 0);
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let begins = match units {
            Units::Lines => true,
            Units::Pairs => number.is_multiple_of(2),
            Units::Indented => !line.starts_with('\t'),
        };
        if begins && end > start {
            found.extend(text.get(start..end));
            start = end;
        }
        end += line.len();
    }
    found.extend(text.get(start..end).filter(|rest| !rest.is_empty()));
    found
}

/// The places of what both have, in their common order: as many as there can be.
fn same(old: &[&str], new: &[&str]) -> Vec<(usize, usize)> {
    let old_places: HashMap<(&str, usize), usize> =
        counted(old).into_iter().enumerate().map(|(at, unit)| (unit, at)).collect();
    let common = counted(new)
        .into_iter()
        .enumerate()
        .filter_map(|(at, unit)| Some((*old_places.get(&unit)?, at)));
    longest_rising(&common.collect::<Vec<_>>())
}

/// Each unit with how many like it come before.
fn counted<'u>(units: &[&'u str]) -> Vec<(&'u str, usize)> {
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let count = |unit: &&'u str| {
        let number = seen.entry(unit).or_default();
        *number += 1;
        (*unit, *number)
    };
    units.iter().map(count).collect()
}

/// The longest part of a list in which the first of each pair rises, as the second does.
fn longest_rising(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The last pair of the best part of each length, and for each pair the one before it.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    let first = |at: usize| pairs.get(at).map_or(0, |pair| pair.0);
    for (at, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| first(*end) < pair.0);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter)).copied());
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut found = Vec::with_capacity(ends.len());
    let mut next = ends.last().copied();
    while let Some(at) = next {
        found.extend(pairs.get(at));
        next = before.get(at).copied().flatten();
    }
    found.reverse();
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_delta_has_two_lines_of_names_and_only_changes() {
        let text = delta("manifest-rpm.txt", Units::Lines, "a\nb\nc\n", "a\nb2\nc\nd\n");
        assert_eq!(text, "--- old/manifest-rpm.txt\n+++ new/manifest-rpm.txt\n-b\n+b2\n+d\n");
        assert_eq!(delta("x", Units::Lines, "a\n", "a\n"), "");
    }

    #[test]
    fn manifest_delta_keeps_the_lines_of_one_entry_together() {
        let text = delta("x", Units::Pairs, "/a\nnobody\n/b\nnobody\n", "/a\nnobody\n/b\np\n/c\nnobody\n");
        assert_eq!(text, "--- old/x\n+++ new/x\n-/b\n-nobody\n+/b\n+p\n+/c\n+nobody\n");
        let text = delta("x", Units::Indented, "error:\n\ta\nerror:\n\tb\n", "error:\n\tb\n");
        assert_eq!(text, "--- old/x\n+++ new/x\n-error:\n-\ta\n");
    }

    #[test]
    fn a_hundred_thousand_lines_that_all_changed_are_no_matter() {
        let lines = |mark: &str| -> String { (0..100_000).map(|n| format!("{n}{mark}\n")).collect() };
        assert_eq!(delta("x", Units::Lines, &lines("a"), &lines("b")).lines().count(), 200_002);
    }

    proptest! {
        /// Taking the old lines away and putting the new ones in gives the new text.
        #[test]
        fn a_delta_leads_from_one_to_the_other(old in "([a-e]\n){0,12}", new in "([a-e]\n){0,12}") {
            let kept = |text: &str| -> Vec<(usize, usize)> {
                let (old, new) = (split(Units::Lines, &old), split(Units::Lines, text));
                let same = same(&old, &new);
                assert!(same.iter().all(|(of_old, of_new)| old[*of_old] == new[*of_new]));
                same
            };
            let same = kept(&new);
            prop_assert!(same.windows(2).all(|two| two[0].0 < two[1].0 && two[0].1 < two[1].1));
            let text = delta("x", Units::Lines, &old, &new);
            let count = |sign: char| text.lines().skip(2).filter(|line| line.starts_with(sign)).count();
            if old != new {
                prop_assert_eq!(count('-') + same.len(), old.lines().count());
                prop_assert_eq!(count('+') + same.len(), new.lines().count());
            }
        }
    }
}
