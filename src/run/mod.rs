//! Running a command that installs packages into an image, with the shims in place, and finding
//! out afterwards who asked for what.

mod armed_image;
mod command;
mod contain;
mod firewalld;
mod installation;
mod other_root;
mod packages;
mod pending;
mod records;
mod shipped;
mod signals;
mod supervise;

pub use installation::Parts;
pub use pending::{arm, repair};
pub(crate) use pending::{finish_interrupted, is_open};
pub use signals::{EndAtSignal, interrupted};
pub use supervise::{Finished, Messages, Outcome, Step, Surroundings, run};
