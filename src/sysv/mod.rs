//! Init scripts: headers, run levels, links and their order, as chkconfig has them.
//!
//! Some things that chkconfig 1.33 does are deliberately not copied:
//!
//! * Priorities too large for an integer, which wrap around to some other one. A number above 99
//!   makes the header invalid, however many digits it has: the author cannot have meant the number
//!   that it would wrap to.
//! * `Default-Start: 35` read as level 3, which is 35 modulo 32. There is no level 35, so the
//!   word names none: what it would become is the machine's doing, and no author's intent.
//! * Override files without a good `chkconfig:` line. They lead to links such as `S-1foo` and
//!   `K100foo`, which nothing ever starts or finds again, or to priorities from memory that was
//!   never written. Here the script's own values stay, with a warning.
//! * `resetpriorities` of a service of xinetd, which has no priorities. Its state stays, as with
//!   `reset`: the request names none, and must not switch a service on.

pub(crate) mod convert;
pub mod header;
pub(crate) mod layout;
pub(crate) mod links;
pub(crate) mod native;
pub mod order;
pub(crate) mod plan;
pub(crate) mod script;
pub mod xinetd;
