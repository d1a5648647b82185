//! Shell patterns as fnmatch(3) takes them without backslash escapes: `*`, `?` and `[...]`. A
//! slash and a leading dot are characters like any other.

/// Whether the whole text fits the pattern.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    // Where to go back to: the place after the last star, and what it then stands for.
    let mut back: Option<(&str, &str)> = None;
    let (mut pattern, mut left) = (pattern, text);
    while let Some(c) = left.chars().next() {
        let mut rest = pattern.chars();
        let fits = match rest.next() {
            Some('*') => {
                pattern = rest.as_str();
                back = Some((pattern, left));
                continue;
            }
            Some('?') => true,
            Some('[') => match class(rest.as_str(), c) {
                Some((holds, after)) => {
                    rest = after.chars();
                    holds
                }
                None => c == '[',
            },
            Some(same) => same == c,
            None => false,
        };
        match (fits, back) {
            (true, _) => {
                pattern = rest.as_str();
                left = &left[c.len_utf8()..];
            }
            (false, Some((after, from))) => {
                let from = from.chars().next().map_or("", |c| &from[c.len_utf8()..]);
                (pattern, left) = (after, from);
                back = Some((after, from));
            }
            (false, None) => return false,
        }
    }
    pattern.chars().all(|c| c == '*')
}

/// Reads a bracket expression behind its `[`: whether it holds the character, and what follows it.
/// `None` if it is not closed and so stands for itself.
fn class(pattern: &str, c: char) -> Option<(bool, &str)> {
    let inner = pattern.strip_prefix(['!', '^']);
    let negated = inner.is_some();
    let mut rest = inner.unwrap_or(pattern).chars();
    let mut is_first = true;
    let mut found = false;
    loop {
        let low = rest.next()?;
        if low == ']' && !is_first {
            return Some((found != negated, rest.as_str()));
        }
        is_first = false;
        let mut range = rest.clone();
        match (range.next(), range.next()) {
            (Some('-'), Some(high)) if high != ']' => {
                found |= (low..=high).contains(&c);
                rest = range;
            }
            _ => found |= low == c,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let cases = [
            ("*", "a.service", true),
            ("a*.service", "abc.service", true),
            ("a*b*c", "aXbXbc", true),
            ("a*b*c", "aXbXb", false),
            ("?.service", "ab.service", false),
            ("[ab]x", "bx", true),
            ("[!ab]x", "bx", false),
            ("[a-c]", "b", true),
            ("[]a]", "]", true),
            ("[a", "[a", true),
            ("a\\*", "a\\b", true),
            ("Demo*", "demo.service", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
