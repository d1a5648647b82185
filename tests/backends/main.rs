//! What settling writes: accepted by the tools that read it, the same whatever the order in which
//! plugins came and went, and nothing in it that a package could inject.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

mod export;
mod firewalld;
mod image;
mod inspect;
mod intents;
mod iptables;
mod kept;
mod nftables;
mod order;
mod outcome;
mod refused;
mod rpmdb;
#[path = "../firewalld_differential/shapes.rs"]
mod shapes;
mod shapes_set_up;
#[path = "../support/mod.rs"]
mod support;
mod systemd;
