//! What kind of difference something is, so that a long run makes each kind small once.

/// A difference without the names in it: verb, kinds of lines, first words.
pub fn signature(difference: &str) -> String {
    let mut lines = difference.lines();
    let call = lines.next().unwrap_or_default();
    let verb = call.split_once("systemctl").map_or("", |(_, rest)| rest);
    let verb = verb
        .split_whitespace()
        .find(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '-'));
    let mut kinds: Vec<String> = lines.map(kind).collect();
    kinds.sort();
    kinds.dedup();
    format!("{} | {}", verb.unwrap_or("no verb"), kinds.join(" | "))
}

fn kind(line: &str) -> String {
    let is_name = |word: &str| word.contains(['/', '.', '@', '=', '"', '%', '\'', '\\']);
    let words = line.split_whitespace().map(|word| if is_name(word) { "X" } else { word });
    words.take(8).collect::<Vec<_>>().join(" ")
}
