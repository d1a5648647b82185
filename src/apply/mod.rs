//! What to do on a booted node so that what was recorded is in force there. Pure: the state, what
//! was applied before and what the node looks like in, steps out; `crate::live` carries them out.
//!
//! What the administrator changed on the node wins. Each thing is judged by three values: what was
//! recorded when nodeshim last applied, what is recorded now, and what is there.

mod deferred;
mod files;
mod open;
mod record;
mod release;
mod three_way;
mod units;
mod verdict;

pub use deferred::{Activity, Deferred, Job, Look, deferred, needs};
pub use files::{FileChange, digest_of, files, is_firewalls, remembered};
pub use open::{MOST_ATTEMPTS, is_pattern, patterns};
pub use record::{Applied, Asked, Attempt, PATH};
pub use release::{NOT_ALLOWED, Released, is_allowed, is_for_boot, release, skipped};
pub use three_way::{Decision, decide};
pub use units::{UnitStep, UnitVerb, recorded, units};
