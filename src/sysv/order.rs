//! LSB ordering: priorities that respect the dependencies, computed in memory. The result is that of
//! frobDependencies() of chkconfig 1.33, which rewrites links at each step until nothing moves.

use std::collections::{HashMap, VecDeque};

use super::header::Defaults;
use crate::runlevels::Levels;

/// No priority is higher.
const HIGHEST: u8 = 99;

/// A script as the ordering sees it.
#[derive(Debug, Clone, Copy)]
pub struct Node<'a> {
    /// File name of the script.
    pub name: &'a [u8],
    /// What its header asks for.
    pub defaults: &'a Defaults,
    /// The levels in which it is on.
    pub on: Levels,
}

/// A start and a stop priority, each 0 to 99.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Priorities {
    /// For `S` links.
    pub start: u8,
    /// For `K` links.
    pub stop: u8,
}

/// The priorities of all scripts, in the order given. Beginning from its header, each LSB script
/// is moved by the least amount that starts it after, and stops it before, what it names and what
/// is on in every level in which it is on itself (isSimilarlyConfigured()); others stay. A cycle ends at 99 and 0
/// (laterThan(), earlierThan()).
pub fn settle(nodes: &[Node]) -> Vec<Priorities> {
    let providers = providers(nodes);
    let start_edges = edges(nodes, &providers, |defaults| &defaults.start_after);
    let stop_edges = edges(nodes, &providers, |defaults| &defaults.stop_before);
    let mut start: Vec<u8> = nodes.iter().map(|node| node.defaults.start).collect();
    // Stopping runs the other way: count it down from the highest.
    let mut stop: Vec<u8> = nodes.iter().map(|node| HIGHEST - node.defaults.stop).collect();
    raise(&mut start, &start_edges);
    raise(&mut stop, &stop_edges);
    start
        .into_iter()
        .zip(stop)
        .map(|(start, stop)| Priorities {
            start,
            stop: HIGHEST - stop,
        })
        .collect()
}

/// Who answers to a name: the script of that file name and all that provide it.
fn providers<'a>(nodes: &[Node<'a>]) -> HashMap<&'a [u8], Vec<usize>> {
    let mut providers: HashMap<&[u8], Vec<usize>> = HashMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let provides = node.defaults.provides.iter().map(String::as_bytes);
        for name in provides.chain([node.name]) {
            let answering = providers.entry(name).or_default();
            if answering.last() != Some(&at) {
                answering.push(at);
            }
        }
    }
    providers
}

/// For each script, the LSB scripts that have to come after it.
fn edges(
    nodes: &[Node],
    providers: &HashMap<&[u8], Vec<usize>>,
    names: impl Fn(&Defaults) -> &[String],
) -> Vec<Vec<usize>> {
    let mut after = vec![Vec::new(); nodes.len()];
    for (at, node) in nodes.iter().enumerate().filter(|(_, node)| node.defaults.lsb) {
        for name in names(node.defaults) {
            for provider in providers.get(name.as_bytes()).into_iter().flatten() {
                if nodes.get(*provider).is_some_and(|other| node.on.is_subset(other.on))
                    && let Some(followers) = after.get_mut(*provider)
                {
                    followers.push(at);
                }
            }
        }
    }
    after
}

/// Raises numbers until each is above those it follows, or at the maximum. Each edge is followed
/// once for each raise of its start, at most 99 times.
fn raise(numbers: &mut [u8], edges: &[Vec<usize>]) {
    let mut todo: VecDeque<usize> = (0..numbers.len()).collect();
    let mut waiting = vec![true; numbers.len()];
    while let Some(at) = todo.pop_front() {
        waiting[at] = false;
        let least = HIGHEST.min(numbers[at] + 1);
        for &follower in &edges[at] {
            if numbers[follower] < least {
                numbers[follower] = least;
                if !std::mem::replace(&mut waiting[follower], true) {
                    todo.push_back(follower);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::header::Header;
    use super::*;

    fn settled(scripts: &[(&str, &str, &str)]) -> Vec<(u8, u8)> {
        let headers: Vec<Defaults> =
            scripts.iter().map(|(_, _, text)| Header::parse(text).defaults().unwrap()).collect();
        let nodes: Vec<Node> = scripts
            .iter()
            .zip(&headers)
            .map(|((name, on, _), defaults)| Node {
                name: name.as_bytes(),
                defaults,
                on: Levels::parse(on).unwrap_or_default(),
            })
            .collect();
        settle(&nodes).iter().map(|priorities| (priorities.start, priorities.stop)).collect()
    }

    fn lsb(required: &str) -> String {
        format!(
            "### BEGIN INIT INFO\n# Default-Start: 3 5\n# Required-Start: {required}\n# Required-Stop: {required}\n"
        )
    }

    #[test]
    fn a_script_is_moved_past_what_it_names_and_a_plain_one_never() {
        let plain = "# chkconfig: 35 70 30\n# Required-Start: foo\n";
        let scripts = [("bar", "35", plain), ("foo", "35", &*lsb("bar"))];
        assert_eq!(settled(&scripts), [(70, 30), (71, 29)]);
    }

    #[test]
    fn a_dependency_counts_only_where_it_is_on_in_all_the_levels() {
        let plain = "# chkconfig: 35 70 30\n";
        assert_eq!(settled(&[("bar", "3", plain), ("foo", "35", &*lsb("bar"))])[1], (50, 50));
        assert_eq!(settled(&[("bar", "", plain), ("foo", "", &*lsb("bar"))])[1], (71, 29));
    }

    #[test]
    fn a_cycle_ends_at_the_limits_and_takes_its_followers_along() {
        let scripts = [
            ("a", "3", &*lsb("b")),
            ("b", "3", &*lsb("a")),
            ("c", "3", &*lsb("b")),
            ("d", "3", &*lsb("x")),
        ];
        assert_eq!(settled(&scripts), [(99, 0), (99, 0), (99, 0), (50, 50)]);
    }

    #[test]
    fn provided_names_count_as_well_as_file_names() {
        let bar = "# chkconfig: 35 70 30\n# Provides: $network net\n";
        for name in ["$network", "net", "bar"] {
            assert_eq!(settled(&[("bar", "35", bar), ("foo", "35", &*lsb(name))])[1], (71, 29), "{name}");
        }
    }
}
