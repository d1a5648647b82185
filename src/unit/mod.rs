//! Unit files, their `[Install]` sections, presets and enablement states, as systemd has them.

pub mod alias;
pub mod batch;
pub mod conf_files;
pub mod dependency;
pub mod disable;
pub mod enable;
pub mod escape;
pub mod file;
pub mod generation;
pub mod glob;
pub mod index;
pub mod links;
pub mod local;
pub mod log;
pub mod mangle;
pub mod name;
pub mod paths;
pub mod preset;
pub mod preset_apply;
pub mod problem;
pub mod section;
pub mod specifier;
pub mod state;
pub mod tree;
pub mod words;
