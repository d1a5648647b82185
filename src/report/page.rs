//! Writing HTML that no text can break out of: markup comes from the program alone, everything else
//! is escaped.

use crate::escape::printable;

/// A page in the making.
#[derive(Debug, Default)]
pub(super) struct Page(String);

impl Page {
    /// Markup. It is written in the program: nothing that was read can get here.
    pub(super) fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, in an element or between the quotes of an attribute. Characters that move a cursor or
    /// turn the direction of writing are shown, not written.
    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for c in printable(text).chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                other => self.0.push(other),
            }
        }
        self
    }

    /// Text of several lines; line breaks are kept.
    pub(super) fn lines(&mut self, text: &str) -> &mut Self {
        for (index, line) in text.lines().enumerate() {
            if index > 0 {
                self.0.push('\n');
            }
            self.text(line);
        }
        self
    }

    /// A name as an anchor of this page, one-to-one: what is no letter, digit, `-` or `.` becomes
    /// `_HEX_`.
    pub(crate) fn anchor(&mut self, name: &str) -> &mut Self {
        self.0.push_str("plugin-");
        for c in name.chars() {
            match c {
                'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '.' => self.0.push(c),
                other => self.0.push_str(&format!("_{:x}_", u32::from(other))),
            }
        }
        self
    }

    /// The numbers of requests in brackets, each a link to the request; nothing for none.
    pub(super) fn events(&mut self, events: &[u64]) -> &mut Self {
        for (index, event) in events.iter().enumerate() {
            self.raw(if index > 0 { " " } else { "[" });
            self.raw("<a href=\"#request-")
                .text(&event.to_string())
                .raw("\">#")
                .text(&event.to_string())
                .raw("</a>");
        }
        self.raw(if events.is_empty() { "" } else { "]" })
    }

    /// The whole page.
    pub(super) fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_becomes_markup() {
        let mut page = Page::default();
        page.raw("<p title=\"")
            .text("a\" onclick='x'")
            .raw("\">")
            .lines("<b>&\n\u{1b}[2J\u{202e}")
            .raw("</p>");
        page.raw("<p id=\"").anchor("a\"_<ü>").raw("\">");
        assert_eq!(
            page.finish(),
            "<p title=\"a&quot; onclick=&#39;x&#39;\">&lt;b&gt;&amp;\n\\u{1b}[2J\\u{202e}</p>\
             <p id=\"plugin-a_22__5f__3c__fc__3e_\">"
        );
    }
}
