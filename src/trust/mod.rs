//! Who vouches for a package: the image's keyring, the signatures of package files checked against
//! it, and a record of what was found for each package that was installed.
//!
//! rpm says whether a signature is a key's; gpg says what the key is worth. rpm alone takes a key
//! that expired or was revoked for a good one (4.18 does), and keys of any length.

mod check;
mod file;
mod gpg;
mod key;
mod keyring;
mod strength;

pub use check::{Checked, Signature, check};
pub use file::{PATH, Record, Trust};
pub use key::{Key, Unfit};
pub use keyring::{Imported, NotImported, import, keys, remove};
