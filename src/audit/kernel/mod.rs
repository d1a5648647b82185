//! What the kernel reports: fanotify events, the directories and processes that they name.

pub(super) mod dirs;
pub(super) mod event;
pub(super) mod handle;
pub(super) mod processes;
pub(super) mod watch;
