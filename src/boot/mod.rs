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

pub(crate) use applied::{Applied, Attempt, PATH, Postponed};
pub(crate) use deferred::{Deferred, Look, deferred, needs, skipped};
#[cfg(test)]
pub(crate) use disposition::Reason;
pub(crate) use disposition::{Disposition, Job, disposition, is_for_boot};
pub(crate) use files::{FileChange, digest_of, files, is_firewalls, remembered};
pub(crate) use job::{Activity, JobResult};
pub(crate) use pending::patterns;
pub(crate) use postponed::release;
pub(crate) use units::{RecordedUnits, UnitAspect, UnitState, UnitStep, recorded, units};
