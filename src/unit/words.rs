//! Splitting the value of a list setting into words, at blanks.

/// The words of a value with quotes as in a shell; backslashes are kept. The second field says whether the value ends
/// inside a quote; the words before the unfinished one still count.
///
/// As `config_parse_strv()` of systemd's shared/conf-parser.c calls `extract_first_word()`: EXTRACT_UNQUOTE and
/// EXTRACT_RETAIN_ESCAPE.
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

/// The words of a value in which quotes are ordinary characters, and a backslash is removed before
/// any character.
///
/// As `config_parse_also()` of systemd's shared/install.c calls `extract_first_word()`: without flags.
pub(crate) fn split_plainly(value: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = value.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c if is_blank(c) => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
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

    #[test]
    fn quotes_stay_and_backslashes_go() {
        assert_eq!(split_plainly(r#" a  "b d\x2de f\ g"#), ["a", "\"b", "dx2de", "f g"]);
        assert!(split_plainly(" ").is_empty());
    }
}
