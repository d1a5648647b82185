//! Policy: what the image's administrator lets plugins ask for. Rules in `policy.d` files give each
//! intent a verdict. Reading and matching is pure; only [`load`] touches the image.
//!
//! The last rule that matches a intent decides; a intent that no rule matches is allowed. A request that
//! carries several intents is taken apart where the tool takes a list: see [`crate::request`].

#[cfg(feature = "admin")]
mod forbid;
mod load;
mod matching;
mod parse;
mod rule;

#[cfg(feature = "admin")]
pub use forbid::Forbidden;
pub use load::{DIRECTORIES, File, Loaded, RUN_PATH, begin_run, end_run, load, load_for};
pub use matching::{Ask, Lookup, Source};
pub use parse::{Act, Problem, parse};
pub use rule::{Exit, OF_A_RUN, Prefer, Rule, Rules, Ruling};
