//! What others may not read in an image they cannot read, or guess by its digest, in nodeshim's records.

use std::fs::{self, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::image::{Image, build};
use crate::support::scratch;
use crate::{call, install};

const OWN: &str = "usr/lib/sysimage/nodeshim";

/// What an earlier release let everybody read.
const FILES: [&str; 6] = [
    "journal.toml",
    "journal-index.toml",
    "journal.torn",
    "changes.toml",
    "state.toml",
    "left.toml",
];

fn mode(path: &Path) -> u32 {
    fs::metadata(path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .permissions()
        .mode()
        & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn records_with_digests_and_texts_are_for_their_owner_alone_those_of_earlier_releases_too() {
    let (image, place) = (Image::new(), scratch());
    let own = image.path().join(OWN);
    let post = "%post\nfirewall-cmd --permanent --add-port=8081/tcp\nlokkit --nostart --port=8082:tcp\n";
    install(&image, &[&build(place.path(), "a", post)]).ends(0);
    // A record that a crash has torn, and an index.
    let mut journal = OpenOptions::new().append(true).open(own.join("journal.toml")).unwrap();
    journal.write_all(b"\n[[event]]\nid = 9\n").unwrap();
    call(&image, "settle", [""; 0]).ends(0);
    fs::copy(own.join("journal.toml"), own.join("journal-index.toml")).unwrap();
    set_mode(&own.join("journal-index.toml"), 0o600);
    let verify = |what: &str| {
        FILES.iter().for_each(|file| assert_eq!(mode(&own.join(file)), 0o600, "{what}: {file}"));
        let replaced = own.join("replaced");
        assert!(!replaced.exists() || mode(&replaced) == 0o700, "{what}");
    };
    verify("made by this release");
    fs::create_dir_all(own.join("replaced")).unwrap();
    for verb in [&["settle"][..], &["arm"], &["run", "--", "true"]] {
        FILES.iter().for_each(|file| set_mode(&own.join(file), 0o644));
        set_mode(&own.join("replaced"), 0o755);
        call(&image, verb[0], &verb[1..]).ends(0);
        verify(&format!("{verb:?}"));
        if verb[0] == "arm" {
            call(&image, "disarm", [""; 0]).ends(0);
        }
    }
}
