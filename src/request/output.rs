//! What a tool prints, kept in order until the call is over.

/// Where a piece of output goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Output of both kinds, in the order in which it was printed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pieces: Vec<(Stream, Vec<u8>)>,
}

impl Output {
    /// Prints to standard output as is.
    pub fn out(&mut self, bytes: impl AsRef<[u8]>) {
        self.push(Stream::Stdout, bytes.as_ref(), b"");
    }

    /// Prints a line to standard output.
    pub(crate) fn out_line(&mut self, line: impl AsRef<[u8]>) {
        self.push(Stream::Stdout, line.as_ref(), b"\n");
    }

    /// Prints to standard error as is.
    pub fn err(&mut self, bytes: impl AsRef<[u8]>) {
        self.push(Stream::Stderr, bytes.as_ref(), b"");
    }

    /// Prints a line to standard error.
    pub(crate) fn err_line(&mut self, line: impl AsRef<[u8]>) {
        self.push(Stream::Stderr, line.as_ref(), b"\n");
    }

    /// Adds what another call printed.
    pub fn append(&mut self, other: Output) {
        self.pieces.extend(other.pieces);
    }

    /// The pieces in order.
    pub fn pieces(&self) -> impl Iterator<Item = (Stream, &[u8])> {
        self.pieces.iter().map(|(stream, bytes)| (*stream, bytes.as_slice()))
    }

    /// All of one kind, put together.
    pub fn all(&self, stream: Stream) -> Vec<u8> {
        self.pieces()
            .filter(|(of, _)| *of == stream)
            .flat_map(|(_, bytes)| bytes)
            .copied()
            .collect()
    }

    /// As [`Output::all`], without colours.
    pub fn plain(&self, stream: Stream) -> Vec<u8> {
        let mut plain = Vec::new();
        let all = self.all(stream);
        let mut rest = all.as_slice();
        while let Some((first, behind)) = rest.split_first() {
            let colour = rest.strip_prefix(b"\x1b[").and_then(|text| {
                let end = text.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b';' | b':'))?;
                (text[end] == b'm').then(|| &text[end + 1..])
            });
            if colour.is_none() {
                plain.push(*first);
            }
            rest = colour.unwrap_or(behind);
        }
        plain
    }

    fn push(&mut self, stream: Stream, bytes: &[u8], end: &[u8]) {
        if bytes.is_empty() && end.is_empty() {
            return;
        }
        match self.pieces.last_mut() {
            Some((last, text)) if *last == stream => {
                text.extend_from_slice(bytes);
                text.extend_from_slice(end);
            }
            _ => self.pieces.push((stream, [bytes, end].concat())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_output_has_no_colours() {
        let mut output = Output::default();
        output.err_line("\x1b[0;1;38:5:185ma\x1b[0m \x1b[Kb\x1b");
        assert_eq!(output.plain(Stream::Stderr), b"a \x1b[Kb\x1b\n");
    }
}
