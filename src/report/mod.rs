//! The audit report: what every plugin of an image is, asked for and did, as one value that is
//! the same for the same image, and its forms. Only [`load`] and the manifests read the image.

mod book_keeping;
mod build;
mod diff;
mod html;
mod load;
mod manifest;
mod matters;
mod model;
mod overview;
mod page;
mod prometheus;
mod text;

pub use build::build;
pub use diff::{Distinct, diff, parse};
pub use html::html;
pub use load::{Sources, load};
pub use manifest::{DIRECTORY, keep, manifests};
pub use model::{Image, Item, Plugin, Policy, Provides, Report, SCHEMA, Signature};
pub use prometheus::prometheus;
pub use text::text;
