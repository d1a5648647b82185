//! Fields that rpm was asked to quote for a shell (`:shescape`): no content of a header can be mistaken
//! for another field or package.

/// Lines of fields with tabs between them; both may occur inside of single quotes, and a quote
/// outside of them as `\'`.
pub(super) fn records(text: &str) -> Vec<Vec<String>> {
    let (mut records, mut fields, mut field) = (Vec::new(), Vec::new(), String::new());
    let mut quoted = false;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => quoted = !quoted,
            '\\' if !quoted => field.extend(chars.next()),
            '\t' if !quoted => fields.push(std::mem::take(&mut field)),
            '\n' if !quoted => {
                fields.push(std::mem::take(&mut field));
                records.push(std::mem::take(&mut fields));
            }
            other => field.push(other),
        }
    }
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_cannot_forge_a_field_or_a_line() {
        let text = "'a'\t'x\t'\\''y'\\''\n'\t7\n'b'\t''\t8\n";
        assert_eq!(records(text), [["a", "x\t'y'\n", "7"], ["b", "", "8"]]);
    }
}
