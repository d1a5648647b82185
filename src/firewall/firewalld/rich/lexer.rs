//! Splitting a rich rule into words as a shell would, without expansions.

/// Splits at blanks; quotes and backslashes as in sh(1). An error if a quote is not closed.
pub(in crate::firewall::firewalld) fn split(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(c) = characters.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match characters.next() {
                        Some('\'') => break,
                        Some(c) => word.push(c),
                        None => return Err("No closing quotation"),
                    }
                }
            }
            '"' => quoted(&mut characters, word.get_or_insert_default())?,
            '\\' => {
                let c = characters.next().ok_or("No escaped character")?;
                word.get_or_insert_default().push(c);
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Inside double quotes only a quote and a backslash can be escaped.
fn quoted(characters: &mut std::str::Chars, word: &mut String) -> Result<(), &'static str> {
    loop {
        match characters.next() {
            Some('"') => return Ok(()),
            Some('\\') => match characters.next() {
                Some(c @ ('"' | '\\')) => word.push(c),
                Some(c) => word.extend(['\\', c]),
                None => return Err("No closing quotation"),
            },
            Some(c) => word.push(c),
            None => return Err("No closing quotation"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn words_are_split_as_by_a_shell() {
        assert_eq!(
            split(r#" a="b c" 'd"e' f\ g "\"\x" # "#).unwrap(),
            ["a=b c", "d\"e", "f g", "\"\\x", "#"]
        );
        assert_eq!(split("''").unwrap(), [""]);
        assert!(split("\"a").is_err());
        assert!(split("'a").is_err());
    }
}
