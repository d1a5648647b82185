//! nodeshim replaces the service and firewall tools inside an image root while RPMs are
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
// `pub` is for what the programs and the tests use; the compiler reports everything else that is
// unused.
#![deny(unreachable_pub)]
// The shim uses a part of the models that both halves share. What is unused shows in the build with all features.
#![cfg_attr(not(feature = "admin"), allow(dead_code, unreachable_pub, unused_imports))]

mod argv;
pub mod attribution;
#[cfg(feature = "admin")]
pub mod audit;
#[cfg(feature = "admin")]
pub mod backend;
#[cfg(feature = "admin")]
mod boot;
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
mod layout;
#[cfg(feature = "admin")]
pub mod lint;
#[cfg(feature = "admin")]
pub mod live;
#[cfg(feature = "admin")]
pub mod metadata;
#[cfg(feature = "admin")]
mod mounts;
#[cfg(feature = "admin")]
mod namespace;
mod os_release;
#[cfg(feature = "admin")]
pub mod plan;
pub mod policy;
#[cfg(feature = "admin")]
pub mod preview;
#[cfg(feature = "admin")]
mod program;
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
mod shell;
#[cfg(feature = "admin")]
pub mod state;
#[cfg(feature = "admin")]
mod system;
pub mod sysv;
#[cfg(feature = "admin")]
mod tempdir;
pub mod tool;
#[cfg(feature = "admin")]
pub mod trust;
#[cfg(feature = "admin")]
mod undo;
pub mod unit;
#[cfg(feature = "admin")]
mod unrecorded;
#[cfg(feature = "admin")]
mod vdsm;
