//! SHA-256: what tells one content from another. The admin tool and the rpm plugin take it of programs and journals, with
//! the processor's own instructions where it has them; the shim takes it of scripts only, and is small.

#[cfg(feature = "fast-digest")]
use sha2::{Digest, Sha256};

/// The digest of what comes in pieces.
#[cfg(feature = "fast-digest")]
#[derive(Default)]
pub(crate) struct Hasher(Sha256);

/// The digest of what comes in pieces.
#[cfg(not(feature = "fast-digest"))]
#[derive(Default)]
pub(crate) struct Hasher(hmac_sha256::Hash);

impl Hasher {
    /// Takes the next piece.
    pub(crate) fn update(&mut self, piece: impl AsRef<[u8]>) {
        self.0.update(piece);
    }

    /// Of all pieces together.
    pub(crate) fn finish(self) -> [u8; 32] {
        self.0.finalize().into()
    }
}

/// The digest of these bytes in lower case hex, as sha256sum prints it.
pub fn digest(bytes: &[u8]) -> String {
    let mut hash = Hasher::default();
    hash.update(bytes);
    hex(&hash.finish())
}

/// A digest in lower case hex.
pub(crate) fn hex(digest: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(digest(b""), empty);
        let mut pieces = Hasher::default();
        pieces.update("a");
        pieces.update(b"bc");
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(hex(&pieces.finish()), abc);
        assert_eq!(digest(b"abc"), abc);
    }
}
