//! Splitting the value of a list setting into words, at blanks and with quotes as in a shell;
//! backslashes stand for themselves.

/// The words of a value; the second field says whether it ends inside a quote, where what comes
/// before the unfinished word still counts.
pub fn split(value: &str) -> (Vec<String>, bool) {
    let mut words = Vec::new();
    let mut chars = value.chars().peekable();
    loop {
        while chars.next_if(|c| is_blank(*c)).is_some() {}
        if chars.peek().is_none() {
            return (words, false);
        }
        let mut word = String::new();
        let mut quote = None;
        loop {
            match (chars.next(), quote) {
                (None, Some(_)) => return (words, true),
                (None, None) => break,
                (Some(c), Some(open)) if c == open => quote = None,
                (Some(c), Some(_)) => word.push(c),
                (Some(c @ ('"' | '\'')), None) => quote = Some(c),
                (Some(c), None) if is_blank(c) => break,
                (Some(c), None) => word.push(c),
            }
        }
        words.push(word);
    }
}

fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_join_and_backslashes_stay() {
        assert_eq!(
            split(r#"a  "b c" d\x2de 'f'g"#),
            (vec!["a".into(), "b c".into(), r"d\x2de".into(), "fg".into()], false)
        );
        assert_eq!(split(r#"a "b"#), (vec!["a".into()], true));
        assert_eq!(split("  "), (vec![], false));
    }
}
