//! Who made an OpenPGP signature, and how: the few fields of the packet that say so (RFC 4880, 5.2;
//! RFC 9580, 5.2). Whether it is right is rpm's to say.

use crate::digest::hex;

/// A hash that a signature is made over, the weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// MD5.
    Md5,
    /// SHA-1 or RIPEMD-160.
    Sha1,
    /// Any other.
    Sha2,
}

impl Hash {
    /// By its number in RFC 4880, 9.4.
    pub(crate) fn of_number(number: u8) -> Hash {
        match number {
            1 => Hash::Md5,
            2 | 3 => Hash::Sha1,
            _ => Hash::Sha2,
        }
    }
}

/// How a signature was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// The key's id, 16 digits, or its whole fingerprint, in lower case hex.
    pub key: String,
    /// What was hashed with.
    pub hash: Hash,
    /// Whether rpm has read such signatures since 4.14: RSA, DSA and EdDSA in packets of version 3
    /// or 4. Of any other rpm may say that it is bad where it cannot be read.
    pub is_old: bool,
}

/// Subpackets with the key's id and with its fingerprint.
const ISSUER: u8 = 16;
const FINGERPRINT: u8 = 33;

impl Made {
    /// Reads the first packet; none if it is no signature or names no key.
    pub fn read(bytes: &[u8]) -> Option<Made> {
        let body = packet(bytes)?;
        match body.first()? {
            // Version 3: five bytes of hashed material, then key and algorithms.
            2 | 3 => Some(Made {
                key: hex(body.get(7..15)?),
                hash: Hash::of_number(*body.get(16)?),
                is_old: is_old(*body.get(15)?),
            }),
            version @ (4..=6) => {
                let wide = *version == 6;
                let (hashed, rest) = subpackets(body.get(4..)?, wide)?;
                let (unhashed, _) = subpackets(rest, wide)?;
                Some(Made {
                    key: issuer(hashed).or_else(|| issuer(unhashed))?,
                    hash: Hash::of_number(*body.get(3)?),
                    is_old: !wide && is_old(*body.get(2)?),
                })
            }
            _ => None,
        }
    }
}

/// RSA, DSA and EdDSA by their numbers in RFC 4880, 9.1, and RFC 9580, 9.1.
fn is_old(algorithm: u8) -> bool {
    matches!(algorithm, 1..=3 | 17 | 22)
}

/// The body of the first packet, if that is a signature.
fn packet(bytes: &[u8]) -> Option<&[u8]> {
    const SIGNATURE: u8 = 2;
    let tag = *bytes.first()?;
    let (kind, length, start) = if tag & 0xc0 == 0xc0 {
        let (length, used) = length(bytes.get(1..)?)?;
        (tag & 0x3f, length, 1 + used)
    } else {
        let size = 1_usize << (tag & 3);
        let digits = bytes.get(1..1 + size).filter(|_| size < 8 && tag & 0x80 != 0)?;
        let length = digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit));
        (tag >> 2 & 0xf, length, 1 + size)
    };
    bytes.get(start..start.checked_add(length)?).filter(|_| kind == SIGNATURE)
}

/// A length in the new format, and how many bytes it takes.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let byte = |at: usize| bytes.get(at).map(|byte| usize::from(*byte));
    match byte(0)? {
        short @ 0..=191 => Some((short, 1)),
        first @ 192..=223 => {
            Some(((first - 192) << 8 | byte(1)?, 2)).map(|(length, used)| (length + 192, used))
        }
        255 => Some((byte(1)? << 24 | byte(2)? << 16 | byte(3)? << 8 | byte(4)?, 5)),
        _ => None,
    }
}

/// An area of subpackets, and what follows it.
fn subpackets(bytes: &[u8], wide: bool) -> Option<(&[u8], &[u8])> {
    let size = if wide { 4 } else { 2 };
    let digits = bytes.get(..size)?;
    let length = digits.iter().fold(0, |number, digit| number << 8 | usize::from(*digit));
    Some((bytes.get(size..size.checked_add(length)?)?, bytes.get(size + length..)?))
}

/// The fingerprint or id of the key that an area names, the former if it has both.
fn issuer(mut area: &[u8]) -> Option<String> {
    let mut id = None;
    while !area.is_empty() {
        let (length, used) = length(area)?;
        let subpacket = area.get(used..used.checked_add(length)?)?;
        area = area.get(used + length..)?;
        let (kind, content) = subpacket.split_first()?;
        match kind & 0x7f {
            // It begins with the version of the key.
            FINGERPRINT => return content.get(1..).map(hex),
            ISSUER if content.len() == 8 => id = Some(hex(content)),
            _ => {}
        }
    }
    id
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A packet of version 4 in the old format, of SHA-256, with these subpackets.
    fn version_4(hash: u8, hashed: &[u8], unhashed: &[u8]) -> Vec<u8> {
        let mut body = vec![4, 0, 1, hash, 0, hashed.len() as u8];
        body.extend(hashed);
        body.extend([0, unhashed.len() as u8]);
        body.extend(unhashed);
        body.extend([0, 0]);
        [&[0x88, body.len() as u8][..], &body].concat()
    }

    #[test]
    fn a_signature_names_its_key_and_hash() {
        let id = [9, ISSUER, 1, 2, 3, 4, 5, 6, 7, 8];
        let made = Made::read(&version_4(8, &[], &id)).unwrap();
        assert_eq!((made.key.as_str(), made.hash), ("0102030405060708", Hash::Sha2));
        let fingerprint = [&[22, FINGERPRINT, 4][..], &[0xab; 20]].concat();
        let made = Made::read(&version_4(2, &fingerprint, &id)).unwrap();
        assert_eq!((made.key, made.hash), ("ab".repeat(20), Hash::Sha1));
        let old = [
            &[0x88, 19, 3, 5, 0, 0, 0, 0, 0][..],
            &[1, 2, 3, 4, 5, 6, 7, 8],
            &[1, 2, 0, 0],
        ]
        .concat();
        let made = Made::read(&old).unwrap();
        assert_eq!((made.key.as_str(), made.hash), ("0102030405060708", Hash::Sha1));
        assert_eq!(Made::read(&version_4(8, &[], &[])), None);
        assert_eq!(Made::read(b"\xc6\x01\x04"), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_signature_or_none(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = Made::read(&bytes);
            let _ = Made::read(&[&[0x88, bytes.len() as u8, 4][..], &bytes].concat());
        }
    }
}
