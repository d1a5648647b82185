//! Finding the rule of a chain that keeps out whatever came so far.

use std::collections::BTreeSet;

/// The chain that a line appends to; none if it is no such line. Counters before it are those of
/// `iptables-save -c`.
pub(super) fn chain_of(line: &str) -> Option<&str> {
    let mut words = rule_words(line);
    match words.next()? {
        "-A" | "--append" => words.next(),
        _ => None,
    }
}

/// The first rule of `chain` that keeps everything out: itself, or in a chain that it jumps to.
/// A line of the log just before it belongs to it.
pub(super) fn closing_rule(table: &[&str], chain: &str) -> Option<usize> {
    let at = closing(table, chain, &mut BTreeSet::new())?;
    let above = table[..at].iter().rposition(|line| chain_of(line) == Some(chain));
    let logs = above.filter(|above| target(table[*above]) == Some(Target::Log));
    Some(logs.unwrap_or(at))
}

fn closing<'t>(table: &[&'t str], chain: &'t str, seen: &mut BTreeSet<&'t str>) -> Option<usize> {
    if !seen.insert(chain) {
        return None;
    }
    table.iter().position(|line| {
        chain_of(line) == Some(chain)
            && match target(line) {
                Some(Target::Closed) => true,
                Some(Target::Chain(next)) => closing(table, next, seen).is_some(),
                _ => false,
            }
    })
}

#[derive(Debug, PartialEq, Eq)]
enum Target<'l> {
    /// REJECT or DROP.
    Closed,
    Log,
    /// Anything else by name.
    Chain(&'l str),
}

/// The target of a rule that every new connection meets; none if it matches only some.
fn target(line: &str) -> Option<Target<'_>> {
    let mut words = rule_words(line).skip(2);
    let (mut name, mut limited) = (None, false);
    while let Some(word) = words.next() {
        match word {
            "-j" | "--jump" | "-g" | "--goto" => {
                name = words.next();
                break;
            }
            // Every packet that gets this far is of a new connection.
            "-m" | "--match" => match words.next()? {
                "comment" | "state" | "conntrack" | "limit" => {}
                _ => return None,
            },
            "--state" | "--ctstate" if words.next()?.split(',').any(|state| state == "NEW") => {}
            "--limit" | "--limit-burst" => {
                words.next()?;
                limited = true;
            }
            "--comment" => skip_quoted(&mut words)?,
            "-p" | "--protocol" if words.next()? == "all" => {}
            _ => return None,
        }
    }
    match name? {
        "LOG" | "NFLOG" | "ULOG" => Some(Target::Log),
        _ if limited => None,
        "REJECT" | "DROP" => Some(Target::Closed),
        other => Some(Target::Chain(other)),
    }
}

/// Skips a word that may be several in double quotes.
fn skip_quoted<'l>(words: &mut impl Iterator<Item = &'l str>) -> Option<()> {
    let first = words.next()?;
    let ends = |word: &str| word.ends_with('"') && !word.ends_with("\\\"");
    if first.starts_with('"') && !(first.len() > 1 && ends(first)) {
        words.find(|word| ends(word))?;
    }
    Some(())
}

fn rule_words(line: &str) -> impl Iterator<Item = &str> {
    let mut words = line.split_whitespace().peekable();
    words.next_if(|word| word.starts_with('[') && word.ends_with(']'));
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closing_in(rules: &[&str]) -> Option<usize> {
        closing_rule(rules, "INPUT")
    }

    #[test]
    fn only_a_rule_for_everything_closes_a_chain() {
        let drop_one = "-A INPUT -s 10.0.0.1 -j DROP";
        assert_eq!(closing_in(&[drop_one, "-A FORWARD -j DROP", "-A INPUT -j REJECT"]), Some(2));
        assert_eq!(closing_in(&[drop_one, "-A INPUT -i eth1 -j DROP", "-A INPUT -p tcp -j DROP"]), None);
        assert_eq!(closing_in(&["-A INPUT -m state --state INVALID -j DROP"]), None);
        let counted = "[3:180] -A INPUT -m comment --comment \"all the rest\" -j REJECT --reject-with x";
        assert_eq!(closing_in(&["-A INPUT -j ACCEPT", counted]), Some(1));
        assert_eq!(closing_in(&["-A INPUT -m state --state NEW -j DROP"]), Some(0));
    }

    #[test]
    fn a_chain_of_one_s_own_closes_for_those_that_jump_to_it() {
        let rules = [
            "-A INPUT -j RH-Firewall-1-INPUT",
            "-A RH-Firewall-1-INPUT -i lo -j ACCEPT",
            "-A RH-Firewall-1-INPUT -j REJECT",
        ];
        assert_eq!(closing_in(&rules), Some(0));
        assert_eq!(closing_in(&["-A INPUT -j a", "-A a -j INPUT", "-A INPUT -j DROP"]), Some(2));
    }

    #[test]
    fn what_is_logged_before_it_is_kept_out_stays_together() {
        let rules = [
            "-A INPUT -i lo -j ACCEPT",
            "-A INPUT -m limit --limit 2/min -j LOG",
            "-A INPUT -j DROP",
        ];
        assert_eq!(closing_in(&rules), Some(1));
    }
}
