//! Rule files as people write them: what a plugin asks for gets through to them all, or it is said
//! that it cannot. Each file says in its first lines what is open before, what is open once a plugin
//! asked for tcp/8080 and udp/500, and what settling has to say.

use std::path::{Path, PathBuf};

use crate::cable::Cable;
use crate::journalled::{BareImage, allow, port};
use crate::support::{project, succeed};

/// A rule file and what its first lines expect.
struct Written {
    path: PathBuf,
    text: String,
}

impl Written {
    fn all() -> Vec<Written> {
        let directory = project().join("tests/packets/written");
        let entries = std::fs::read_dir(directory).expect("the rule files");
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
        paths.sort();
        let read = |path: PathBuf| Written {
            text: std::fs::read_to_string(&path).expect("text"),
            path,
        };
        paths.into_iter().map(read).collect()
    }

    fn name(&self) -> String {
        self.path.file_stem().expect("a name").to_string_lossy().into_owned()
    }

    /// What follows a key in the first lines.
    fn header(&self, key: &str) -> &str {
        let line = self.text.lines().find_map(|line| line.strip_prefix(key));
        line.unwrap_or_default().trim()
    }

    fn words(&self, key: &str) -> Vec<&str> {
        self.header(key).split_whitespace().collect()
    }
}

/// An image that starts iptables with a rule file, in which a plugin asked for two ports.
fn image(written: &Written) -> BareImage {
    let image = BareImage::with_nft();
    let wants = "/etc/systemd/system/basic.target.wants";
    image.root.create_dirs(wants, 0o755).unwrap();
    let unit = "/usr/lib/systemd/system/iptables.service";
    image.root.symlink(unit, format!("{wants}/iptables.service")).unwrap();
    image.root.create_dirs("/etc/sysconfig", 0o755).unwrap();
    image.root.write("/etc/sysconfig/iptables", written.text.as_bytes(), None).unwrap();
    image.root.take_changes();
    image.record("opener", "%post", 1, vec![allow(port("8080", "tcp")), allow(port("500", "udp"))]);
    image
}

fn load(cable: &Cable, file: &Path, variant: &str) {
    let script = format!(
        "nft flush ruleset; iptables-legacy -F; iptables-legacy -P INPUT ACCEPT; \
                          for t in raw mangle nat; do iptables-legacy -t $t -F; done; \
                          iptables-{variant}-restore < {}",
        file.display()
    );
    succeed(cable.command("fw").args(["sh", "-euc", &script]));
}

fn probe(cable: &Cable, written: &Written, specs: &[&str]) {
    if specs.is_empty() {
        return;
    }
    let output = cable.command("matrix").args(specs).output().expect("the probes");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{}:\n{said}", written.name());
}

fn let_what_was_asked_for_through(variant: &str) {
    let cable = Cable::new();
    let mut count = 0;
    for written in Written::all() {
        let image = image(&written);
        let file = image.path().join("etc/sysconfig/iptables");
        if !written.header("# before:").is_empty() {
            load(&cable, &file, variant);
            probe(&cable, &written, &written.words("# before:"));
        }
        let report = image.settle(&["opener"]);
        // The image has no service that would load the rules: they are loaded here.
        let is_of_rules = |text: &&str| !text.contains("the image has no iptables service");
        let notes = report.plan.notes.iter().map(|note| note.text.as_str()).filter(is_of_rules);
        let notes: Vec<&str> = notes.collect();
        let expected = written.header("# note:");
        match expected.is_empty() {
            true => assert_eq!(notes, Vec::<&str>::new(), "{}", written.name()),
            false => {
                assert!(notes.iter().any(|note| note.contains(expected)), "{}: {notes:?}", written.name())
            }
        }
        if !written.header("# expect:").is_empty() {
            load(&cable, &file, variant);
            probe(&cable, &written, &written.words("# expect:"));
        }
        // Nothing of the file's own is lost, and it comes back as it was.
        let settled = image.read("/etc/sysconfig/iptables");
        let mut lines = settled.lines();
        assert!(written.text.lines().all(|line| lines.any(|there| there == line)), "{settled}");
        image.settle(&[]);
        assert_eq!(image.read("/etc/sysconfig/iptables"), written.text, "{}", written.name());
        count += 1;
    }
    assert!(count >= 35, "{count} files");
}

#[test]
fn written_iptables_files_let_the_opening_through_in_the_newer_kind() {
    let_what_was_asked_for_through("nft");
}

#[test]
fn written_iptables_files_let_the_opening_through_in_the_older_kind() {
    let_what_was_asked_for_through("legacy");
}
