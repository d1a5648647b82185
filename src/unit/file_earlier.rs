//! Unit files as 239 reads them (conf-parser.c): unknown keys are skipped without a message, `.include` reads
//! another file, and a line without `=` ends the file. A backslash continues comments, too, and continued lines
//! count as one.

use nix::errno::Errno;

use crate::unit::file::{BLANKS, COMMENTS, CommentLines, Item, escape_invalid, logical_lines, trim};

const INCLUDE: &str = ".include";

/// The warning about a line that includes another file.
pub(super) const INCLUDE_WARNING: &str = ".include directives are deprecated, and support for them will be removed in a \
                                   future version of systemd. Please use drop-in files instead.";

/// Parses a unit file or drop-in.
pub(super) fn parse(content: &[u8]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut in_install = false;
    for (index, (_, text)) in logical_lines(content, CommentLines::Continue).into_iter().enumerate() {
        let Some(text) = text else {
            items.push(Item::TooLong);
            break;
        };
        items.extend(parse_line(index + 1, &text, &mut in_install));
        if matches!(items.last(), Some(Item::Broken { .. })) {
            break;
        }
    }
    items
}

/// `parse_line()` of conf-parser.c in 239.
fn parse_line(line: usize, raw: &[u8], in_install: &mut bool) -> Option<Item> {
    let raw = trim(raw);
    if raw.first().is_none_or(|first| COMMENTS.contains(first)) {
        return None;
    }
    let broken = |text: String, errno| Some(Item::Broken { line, text, errno });
    let Ok(text) = str::from_utf8(raw) else {
        let text = format!("String is not UTF-8 clean, ignoring assignment: {}", escape_invalid(raw));
        return broken(text, Errno::EINVAL);
    };
    if let Some(rest) = text.strip_prefix(INCLUDE).filter(|rest| rest.is_empty() || rest.starts_with(BLANKS))
    {
        let path = rest.trim_matches(BLANKS).to_owned();
        return Some(Item::Include { line, path });
    }
    if let Some(rest) = text.strip_prefix('[') {
        let Some(section) = rest.strip_suffix(']') else {
            return broken(format!("Invalid section header '{text}'"), Errno::EBADMSG);
        };
        *in_install = section == "Install";
        return None;
    }
    let Some((key, value)) = text.split_once('=') else {
        return broken("Missing '='.".to_owned(), Errno::EINVAL);
    };
    in_install.then(|| Item::Assignment {
        line,
        key: key.trim_matches(BLANKS).to_owned(),
        value: value.trim_matches(BLANKS).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_and_sections_are_ignored_before_250() {
        let items = parse(b"Early=1\n[Weird]\nx=y\n[Install]\nAlso = a \n");
        let expected = Item::Assignment {
            line: 5,
            key: "Also".into(),
            value: "a".into(),
        };
        assert_eq!(items, [expected]);
    }

    #[test]
    fn a_line_without_an_equals_sign_ends_the_file() {
        let items = parse(b"[Service]\nfoo\n[Install]\nAlso=x\n");
        assert!(matches!(
            &items[..],
            [Item::Broken {
                line: 2,
                errno: Errno::EINVAL,
                ..
            }]
        ));
    }

    #[test]
    fn comments_continue_and_files_are_included() {
        let items = parse(b"[Install]\n# c \\\nAlso=x\n.include ../b.conf\n.included=1\n");
        assert_eq!(items.len(), 2);
        assert_eq!(
            items[0],
            Item::Include {
                line: 3,
                path: "../b.conf".into()
            }
        );
    }
}
