//! What to do on a booted node so that what was recorded is in force there. Pure: the state, what
//! was applied before and what the node looks like in, steps out; `crate::live` carries them out.
//!
//! What the administrator changed on the node wins. Each thing is judged by three values: what was
//! recorded when nodeshim last applied, what is recorded now, and what is there.

mod applied;
mod deferred;
mod disposition;
mod files;
mod job;
mod pending;
mod postponed;
mod three_way;
mod units;

pub use applied::{Applied, Attempt, AttemptKey, PATH, Postponed};
pub use deferred::{Deferred, Look, deferred, needs, skipped};
pub use disposition::{Disposition, Job, Reason, disposition, is_for_boot};
pub use files::{FileChange, digest_of, files, is_firewalls, remembered};
pub use job::{Activity, JobResult};
pub use pending::{MOST_ATTEMPTS, patterns};
pub use postponed::release;
pub use three_way::{Decision, decide};
pub use units::{RecordedUnits, UnitAspect, UnitState, UnitStep, recorded, units};
