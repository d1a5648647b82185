//! Looking at plugins before they are installed: what their metadata says, what their scriptlets would
//! ask for, what policy says of it, and how it could be declared instead. Reads files only.

mod check;
mod declare;
mod finding;
mod forecast;
mod inputs;
mod lua;
mod requests;
mod scanned;
mod scriptlet;
mod spec;
mod units;

pub use check::lint;
pub use finding::{Finding, RULES, Severity};
pub use forecast::{Forecast, forecast};
pub use inputs::inputs;
pub(crate) use requests::of_payload;
pub use requests::{
    Context, ForecastItem, ShippedItem, of_call, of_file, of_installed, of_package, read_package,
};
