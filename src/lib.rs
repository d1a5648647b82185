//! nodeshim stands in for the service and firewall tools inside an image root while RPMs are
//! installed into it, and turns what scriptlets asked for into configuration that persists.
//!
//! The flow, which the modules are named after:
//!
//! ```text
//! argv → request → intent (+ origin) → verdict → effect in the tool's own files → journal
//! journal + metadata + rpm database → state → plan → files in the image
//! ```
//!
//! A module imports only downwards; `tests/layers.rs` holds the order and enforces it.

#![deny(unsafe_code)]

pub mod argv;
pub mod attribution;
#[cfg(feature = "admin")]
pub mod audit;
#[cfg(feature = "admin")]
pub mod backend;
#[cfg(feature = "admin")]
pub mod boot;
pub mod config;
pub mod digest;
pub mod error;
pub mod escape;
#[cfg(feature = "admin")]
pub mod export;
pub mod firewall;
#[cfg(feature = "admin")]
pub mod image;
#[cfg(feature = "admin")]
pub mod inspect;
#[cfg(feature = "admin")]
pub mod install;
pub mod intent;
pub mod intercept;
pub mod journal;
pub mod layout;
#[cfg(feature = "admin")]
pub mod lint;
#[cfg(feature = "admin")]
pub mod live;
#[cfg(feature = "admin")]
pub mod metadata;
#[cfg(feature = "admin")]
pub mod mounts;
#[cfg(feature = "admin")]
pub mod namespace;
pub mod os_release;
#[cfg(feature = "admin")]
pub mod plan;
pub mod policy;
#[cfg(feature = "admin")]
pub mod preview;
#[cfg(feature = "admin")]
pub mod repair;
#[cfg(feature = "admin")]
pub mod replay;
#[cfg(feature = "admin")]
pub mod report;
pub mod request;
pub mod root;
#[cfg(feature = "admin")]
pub mod rpmdb;
#[cfg(feature = "admin")]
pub mod run;
pub mod runlevels;
#[cfg(feature = "admin")]
pub mod serve;
#[cfg(feature = "admin")]
pub mod settle;
#[cfg(feature = "admin")]
pub mod shell;
#[cfg(feature = "admin")]
pub mod state;
pub mod sysv;
#[cfg(feature = "admin")]
pub mod tempdir;
pub mod tool;
#[cfg(feature = "admin")]
pub mod trust;
#[cfg(feature = "admin")]
pub mod undo;
pub mod unit;
#[cfg(feature = "admin")]
pub mod unrecorded;
#[cfg(feature = "admin")]
pub mod vdsm;
