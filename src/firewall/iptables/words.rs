//! The words of a line, as iptables-restore splits them: at blanks, but for what is in double
//! quotes, in which a backslash escapes the next character (`add_param_to_argv`, iptables 1.8.9).

/// The words; none if a quote is not closed.
pub(crate) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let (mut quoted, mut escaped) = (false, false);
    for c in line.chars() {
        if quoted {
            match c {
                _ if escaped => {
                    word.get_or_insert_default().push(c);
                    escaped = false;
                }
                '\\' => escaped = true,
                '"' => quoted = false,
                _ => word.get_or_insert_default().push(c),
            }
        } else if c == '"' {
            quoted = true;
            word.get_or_insert_default();
        } else if c == ' ' || c == '\t' || c == '\n' || c == '\r' {
            words.extend(word.take());
        } else {
            word.get_or_insert_default().push(c);
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

/// A word as it is written in a line: in quotes where it needs them; none if no line can hold it.
pub(crate) fn quoted(word: &str) -> Option<String> {
    if word.chars().any(char::is_control) {
        return None;
    }
    let plain = |c: char| !c.is_whitespace() && c != '"' && c != '\\' && c != '\'';
    if !word.is_empty() && word.chars().all(plain) {
        return Some(word.to_owned());
    }
    Some(format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\"")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_quotes_stay_together_and_come_back() {
        let words = split(r#"-A INPUT  -m comment --comment "a \"b\" c" --x """#).unwrap();
        assert_eq!(
            words,
            [
                "-A",
                "INPUT",
                "-m",
                "comment",
                "--comment",
                "a \"b\" c",
                "--x",
                ""
            ]
        );
        let line: Vec<String> = words.iter().filter_map(|word| quoted(word)).collect();
        assert_eq!(split(&line.join(" ")).unwrap(), words);
        assert_eq!(split("a \"b"), None);
        assert_eq!(quoted("a\nb"), None);
    }
}
