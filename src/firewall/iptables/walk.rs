//! Following the packets of an opening through a table: where they are rejected or dropped, the
//! opening has to stand before.

use super::Family;
use super::file::{Chain, Line, Table};
use super::packets::{Fit, Packets};

/// Where a rule has to stand.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The chain.
    pub chain: String,
    /// The index of the line that it comes before; none is the chain's end.
    pub before: Option<usize>,
}

/// What becomes of packets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Walk {
    /// Where they are kept out first, on each way that they can take.
    pub places: Vec<Place>,
    /// Lines that keep them out and that nothing can come before, since they are put at the head
    /// of their chain.
    pub first: Vec<usize>,
    /// Lines that take them out of connection tracking.
    pub untracked: Vec<usize>,
}

/// Follows packets from the start of a chain.
pub(crate) fn walk(table: &Table, chain: &str, packets: &Packets) -> Walk {
    let mut walker = Walker {
        table,
        found: Walk::default(),
        above: Vec::new(),
    };
    let left = walker.chain(chain, packets);
    if table.chains.get(chain).is_some_and(|chain| chain.drops) {
        left.ends.iter().for_each(|chain| walker.place(chain, None));
        if left.at_end {
            walker.place(chain, None);
        }
    }
    walker.found
}

/// The line of the rule that blocks every packet that reaches it in a chain: by itself, or in a chain
/// that it jumps to. A log just before it belongs to it.
pub(crate) fn closing(table: &Table, chain: &str, family: Family) -> Option<usize> {
    let mut walker = Walker {
        table,
        found: Walk::default(),
        above: Vec::new(),
    };
    walker.closing(chain, &Packets::new(family))
}

struct Walker<'t> {
    table: &'t Table,
    found: Walk,
    /// The chains that led here.
    above: Vec<String>,
}

/// What a rule does with the packets that meet it.
enum Effect<'r> {
    KeepsOut,
    LetsIn,
    Returns,
    Untracks,
    /// Goes on in a chain, and comes back if it is no `-g`.
    Into(&'r str, bool),
    Nothing,
}

/// Packets that a chain decides nothing about, after an opening was added at the places that were
/// found.
#[derive(Default)]
struct Left {
    /// Some come to the chain's own end.
    at_end: bool,
    /// Chains that packets were sent to without return (`-g`), and whose end they reach.
    ends: Vec<String>,
}

impl Walker<'_> {
    fn chain(&mut self, name: &str, packets: &Packets) -> Left {
        let Some(chain) =
            self.table.chains.get(name).filter(|_| !self.above.iter().any(|above| above == name))
        else {
            return Left {
                at_end: true,
                ends: Vec::new(),
            };
        };
        self.above.push(name.to_owned());
        let mut left = Left::default();
        left.at_end = !self.decides(name, chain, packets, &mut left.ends);
        self.above.pop();
        left
    }

    /// Follows packets through a chain's rules; returns whether none reaches its end.
    fn decides(&mut self, name: &str, chain: &Chain, packets: &Packets, ends: &mut Vec<String>) -> bool {
        for (index, line) in chain.rules.iter().enumerate() {
            let met = packets.met_by(&line.rule);
            if met.fit < Fit::Some {
                if met.fit == Fit::Few && !met.is_excess {
                    self.follow_few(line, packets, ends);
                }
                continue;
            }
            let all = met.fit == Fit::All && !met.rated;
            match self.effect(line) {
                Effect::KeepsOut if met.rated => {}
                Effect::KeepsOut if line.inserted => {
                    self.found.first.push(line.at);
                    return true;
                }
                Effect::KeepsOut => {
                    let at = self.with_log(chain, index, packets);
                    self.place(name, Some(at));
                    return true;
                }
                Effect::LetsIn if all => return true,
                Effect::Returns if met.fit == Fit::All => return false,
                Effect::Untracks => self.found.untracked.push(line.at),
                Effect::Into(next, goto) => {
                    let comes_back = self.follow(next, goto, &packets.within(&line.rule), ends);
                    if all && (goto || !comes_back) {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Follows packets into another chain; whether some come back, or to an end.
    fn follow(&mut self, next: &str, goto: bool, packets: &Packets, ends: &mut Vec<String>) -> bool {
        let left = self.chain(next, packets);
        let comes_back = left.at_end || !left.ends.is_empty();
        if goto {
            ends.extend(left.at_end.then(|| next.to_owned()));
            ends.extend(left.ends);
        }
        comes_back
    }

    /// Follows the packets of a few senders into a chain that lets in something of theirs: an opening is for them
    /// too. A chain that lets in nothing keeps them out on purpose.
    fn follow_few(&mut self, line: &Line, packets: &Packets, ends: &mut Vec<String>) {
        if let Effect::Into(next, goto) = self.effect(line)
            && self.lets_in(next, &mut Vec::new())
        {
            self.follow(next, goto, &packets.within(&line.rule), ends);
        }
    }

    /// Whether a chain, or one that it leads to, lets in new connections.
    fn lets_in(&self, name: &str, above: &mut Vec<String>) -> bool {
        let Some(chain) = self.table.chains.get(name).filter(|_| !above.iter().any(|known| known == name))
        else {
            return false;
        };
        above.push(name.to_owned());
        chain.rules.iter().any(|line| match self.effect(line) {
            Effect::LetsIn => line.rule.meets_new(),
            Effect::Into(next, _) => self.lets_in(next, above),
            _ => false,
        })
    }

    fn closing(&mut self, name: &str, packets: &Packets) -> Option<usize> {
        let chain = self.table.chains.get(name).filter(|_| !self.above.iter().any(|above| above == name))?;
        self.above.push(name.to_owned());
        let closes = |(_, line): &(usize, &Line)| {
            let met = packets.met_by(&line.rule);
            met.fit == Fit::All
                && match self.effect(line) {
                    Effect::KeepsOut => !met.rated && !line.inserted,
                    Effect::Into(next, _) => self.closing(next, packets).is_some(),
                    _ => false,
                }
        };
        let found = chain.rules.iter().enumerate().find(closes).map(|(index, _)| index);
        self.above.pop();
        found.map(|index| self.with_log(chain, index, packets))
    }

    fn effect<'r>(&self, line: &'r Line) -> Effect<'r> {
        let Some(target) = &line.rule.target else {
            return Effect::Nothing;
        };
        match target.name.as_str() {
            "REJECT" | "DROP" | "TARPIT" => Effect::KeepsOut,
            "ACCEPT" | "QUEUE" | "NFQUEUE" => Effect::LetsIn,
            "RETURN" => Effect::Returns,
            "NOTRACK" => Effect::Untracks,
            "CT" if target.options.iter().any(|word| word == "--notrack") => Effect::Untracks,
            name if self.table.chains.contains_key(name) => Effect::Into(name, target.goto),
            _ => Effect::Nothing,
        }
    }

    /// The line of a rule, or of a log just before it: what is logged is what is kept out.
    fn with_log(&self, chain: &Chain, index: usize, packets: &Packets) -> usize {
        let is_log = |line: &&Line| {
            let logs = line
                .rule
                .target
                .as_ref()
                .is_some_and(|target| matches!(target.name.as_str(), "LOG" | "NFLOG" | "ULOG"));
            logs && !line.inserted && packets.met_by(&line.rule).fit > Fit::No
        };
        let log = index.checked_sub(1).map(|above| &chain.rules[above]).filter(is_log);
        log.map_or(chain.rules[index].at, |line| line.at)
    }

    fn place(&mut self, chain: &str, before: Option<usize>) {
        let place = Place {
            chain: chain.to_owned(),
            before,
        };
        if !self.found.places.contains(&place) {
            self.found.places.push(place);
        }
    }
}

#[cfg(test)]
#[path = "walk_tests.rs"]
mod tests;
