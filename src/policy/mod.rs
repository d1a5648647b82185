//! Policy: what the image's administrator lets plugins ask for. Rules in `policy.d` files give each
//! intent a verdict. Reading and matching is pure; only [`load`] touches the image.
//!
//! The last rule that matches an intent decides; an intent that no rule matches is allowed. A request that
//! carries several intents is taken apart where the tool takes a list: see [`crate::request`].

mod decision;
#[cfg(feature = "admin")]
mod forbid;
mod load;
mod matching;
mod packets;
mod parse;
mod query;
mod rule;
mod rules;
mod traffic;

pub use decision::{Decision, Exit, RuleId, RuleSource};
#[cfg(feature = "admin")]
pub use forbid::Forbidden;
pub use load::{DIRECTORIES, File, Loaded, end_run, load, load_for};
pub(crate) use load::{RUN_PATH, begin_run};
pub use packets::Packets;
pub use parse::{Act, Minimum, parse};
pub use query::{Lookup, PolicyQuery, Source};
pub use rule::{Prefer, Rule};
pub use rules::Rules;
