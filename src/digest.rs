//! SHA-256: what tells one content from another. The admin tool and the rpm plugin take it of programs and journals, with
//! the processor's own instructions where it has them; the shim takes it of scripts only, and is small.

use std::io::{self, Read};

#[cfg(feature = "fast-digest")]
use sha2::{Digest, Sha256};

/// What is read is read in pieces of this many bytes.
const PIECE: usize = 1 << 16;

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

/// The digest of all that there is to read, in pieces: a program need not fit into memory, and memory that was once
/// used is copied by every fork.
///
/// # Errors
/// Those of the reader.
pub(crate) fn digest_of(mut reader: impl Read) -> io::Result<[u8; 32]> {
    let mut hash = Hasher::default();
    let mut piece = vec![0; PIECE];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(hash.finish()),
            Ok(got) => hash.update(&piece[..got]),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
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
        let long = vec![b'a'; 1_000_000];
        let of_long = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
        assert_eq!(hex(&digest_of(&long[..]).unwrap()), of_long);
    }
}
