//! Carrying out calls of tools within the test program, without a process for each.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::ffi::OsString;
use std::path::Path;

use nodeshim::config::Config;
use nodeshim::request::{Call, Env, Reply, run};
use nodeshim::root::Root;
use nodeshim::tool::Tool;

/// Carries a call out in an image, with an empty environment and standard input.
pub fn call_with<W: Into<OsString>>(
    image: &Path,
    tool: Tool,
    config: &Config,
    words: impl IntoIterator<Item = W>,
) -> Reply {
    let root = Root::open(image).expect("the image opens");
    let env = Env::default();
    let args: Vec<OsString> = words.into_iter().map(Into::into).collect();
    run(tool, &Call::new(&root, config, &env, tool.name()), &args)
}

/// The same for a line of words with one blank between them; `set` changes the usual configuration.
pub fn call(image: &Path, tool: Tool, line: &str, set: impl FnOnce(&mut Config)) -> Reply {
    let mut config = Config::default();
    set(&mut config);
    call_with(image, tool, &config, line.split(' '))
}
