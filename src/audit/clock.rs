//! The clock that file systems take times from, and the precise one.

use nix::time::{ClockId, clock_gettime};

/// The clock that stamps files, in steps of a few milliseconds.
pub(super) fn coarse_now() -> (i64, i64) {
    at(ClockId::CLOCK_REALTIME_COARSE)
}

pub(super) fn now() -> (i64, i64) {
    at(ClockId::CLOCK_REALTIME)
}

fn at(clock: ClockId) -> (i64, i64) {
    clock_gettime(clock).map_or((0, 0), |time| (time.tv_sec(), time.tv_nsec()))
}
