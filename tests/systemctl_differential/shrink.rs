//! Making a failing case small: fewer requests, fewer files, fewer lines, fewer words.

use super::case::{Case, Node};

/// How many variants are tried at most.
const TRIES: usize = 600;

/// The smallest case found that `fails` as well.
pub fn shrink(case: &Case, fails: &mut dyn FnMut(&Case) -> bool) -> Case {
    let mut best = case.clone();
    let mut tries = TRIES;
    loop {
        let mut progress = false;
        let mut at = 0;
        while let Some(smaller) = variant(&best, at) {
            if tries == 0 {
                return best;
            }
            tries -= 1;
            if fails(&smaller) {
                best = smaller;
                progress = true;
            } else {
                at += 1;
            }
        }
        if !progress {
            return best;
        }
    }
}

/// The case without its part number `at`: a request, a node, a line of a file, a word.
fn variant(case: &Case, at: usize) -> Option<Case> {
    let mut smaller = case.clone();
    let mut at = at;
    if at < case.requests.len() {
        smaller.requests.remove(at);
        return Some(smaller);
    }
    at -= case.requests.len();
    if at < case.image.nodes.len() {
        let path = case.image.nodes.keys().nth(at)?.clone();
        smaller.image.nodes.remove(&path);
        return Some(smaller);
    }
    at -= case.image.nodes.len();
    for node in smaller.image.nodes.values_mut() {
        let Node::File(text) = node else { continue };
        let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
        if at < lines.len() {
            let left = lines.iter().enumerate().filter(|(number, _)| *number != at);
            *text = left.flat_map(|(_, line)| line.to_vec()).collect();
            return Some(smaller);
        }
        at -= lines.len();
    }
    for request in &mut smaller.requests {
        let count = request.environment.len() + request.words.len();
        if at < count {
            if at < request.environment.len() {
                request.environment.remove(at);
            } else {
                request.words.remove(at - request.environment.len());
            }
            return Some(smaller);
        }
        at -= count;
    }
    None
}
