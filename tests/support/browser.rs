//! A real browser without a window.

use std::process::Command;

use crate::support::scratch;

/// How long a page may take to load, in milliseconds.
const LIMIT: u32 = 60_000;

/// The document of this address as chromium has it after loading, and what it wrote on its console.
pub fn load(address: &str) -> (String, Vec<String>) {
    let profile = scratch();
    let output = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
        ])
        .args([
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--enable-logging=stderr",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(format!("--timeout={LIMIT}"))
        .args(["--dump-dom", address])
        .output()
        .expect("chromium");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
    let console = said.lines().filter(|line| line.contains(":CONSOLE")).map(str::to_owned).collect();
    (String::from_utf8(output.stdout).expect("text"), console)
}
