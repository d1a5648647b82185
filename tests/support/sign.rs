//! OpenPGP keys, and packages signed with them, made once in a test program.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::image::{build, made_once};
use crate::support::succeed;

/// Name, algorithm, and the time at which it is made and used, if that is not now; it lives a
/// hundred days.
const KEYS: [(&str, &str, Option<&str>); 5] = [
    ("good", "ed25519", None),
    ("other", "rsa2048", None),
    ("revoked", "ed25519", None),
    ("weak", "rsa1024", None),
    ("expired", "ed25519", Some("20200101T000000")),
];

/// Where the keys are: `NAME.asc`, and `good.secret`.
fn keys() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        made_once("keys", |place| {
            fs::create_dir_all(place.join("home")).expect("a directory");
            succeed(Command::new("chmod").arg("700").arg(place.join("home")));
            for (name, algorithm, time) in KEYS {
                let mut gpg = gpg(place, time);
                gpg.args([
                    "--quick-gen-key",
                    name,
                    algorithm,
                    "sign",
                    time.map_or("never", |_| "100d"),
                ]);
                succeed(&mut gpg);
                export(place, name);
            }
            let secret = succeed(gpg(place, None).args(["--armor", "--export-secret-keys", "good"])).stdout;
            fs::write(place.join("good.secret"), secret).expect("a key");
        })
    })
}

fn gpg(place: &Path, time: Option<&str>) -> Command {
    let mut command = Command::new("gpg");
    command.arg("--homedir").arg(place.join("home")).args(["--batch", "--quiet", "--no-tty"]);
    command.args(["--pinentry-mode", "loopback", "--passphrase", ""]);
    command.args(time.map(|time| format!("--faked-system-time={time}")));
    command
}

fn export(place: &Path, name: &str) {
    let key = succeed(gpg(place, None).args(["--armor", "--export", name])).stdout;
    fs::write(place.join(format!("{name}.asc")), key).expect("a key");
}

/// The file of a public key.
pub fn key(name: &str) -> PathBuf {
    signed();
    keys().join(format!("{name}.asc"))
}

/// The file of the private half of `good`.
pub fn private_key() -> PathBuf {
    signed();
    keys().join("good.secret")
}

/// The fingerprint, as gpg gives it, in lower case.
pub fn fingerprint(name: &str) -> String {
    let output = succeed(gpg(keys(), None).args(["--with-colons", "--list-keys", name])).stdout;
    let text = String::from_utf8(output).expect("text").to_lowercase();
    let line = text.lines().find_map(|line| line.strip_prefix("fpr:"));
    line.expect("a fingerprint").trim_matches(':').to_owned()
}

/// Signs a package file in place.
pub fn sign(package: &Path, name: &str, time: Option<&str>) {
    let mut command = Command::new("rpmsign");
    command
        .arg("--define")
        .arg(format!("_gpg_name {name}"))
        .args(["--define", "__gpg /usr/bin/gpg"]);
    if let Some(time) = time {
        command
            .arg("--define")
            .arg(format!("_gpg_sign_cmd_extra_args --faked-system-time={time}"));
    }
    succeed(command.arg("--addsign").arg(package).env("GNUPGHOME", keys().join("home")));
    stop_agent();
}

/// An agent would outlive the tests.
fn stop_agent() {
    succeed(Command::new("gpgconf").arg("--homedir").arg(keys().join("home")).args(["--kill", "all"]));
}

/// The directory with the package `node-signed`, which opens port 7070/tcp: `KEY.rpm` signed with
/// each of the keys but the weak one, `unsigned.rpm`, `payload.rpm`, `header.rpm` and
/// `forged.rpm` with a byte changed since there or in the signature, `cut.rpm` and `garbage.rpm`; and with packages signed with `good` that need
/// each other, `needs-a`, `needs-b`, `needs-c`.
pub fn signed() -> &'static Path {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    PLACE.get_or_init(|| {
        made_once("signed", |place| {
            let post = "%post\nfirewall-cmd --permanent --add-port=7070/tcp\n";
            let unsigned = place.join("unsigned.rpm");
            fs::rename(build(place, "node-signed", post), &unsigned).expect("a package");
            for (name, _, time) in KEYS.iter().filter(|(name, ..)| *name != "weak") {
                let package = place.join(format!("{name}.rpm"));
                fs::copy(&unsigned, &package).expect("a copy");
                sign(&package, name, *time);
            }
            spoil(place);
            for (name, needs) in [
                ("needs-a", "Requires: needs-b\n"),
                ("needs-b", "Requires: feature-c\n"),
                ("needs-c", "Provides: feature-c\n"),
            ] {
                let post = format!("%post\nsystemctl set-property {name}.service X=1 || :\n");
                sign(
                    Path::new(&crate::image::build_with(&place.join("repo"), name, needs, &[], &post)),
                    "good",
                    None,
                );
            }
            // It was valid when it signed.
            revoke(keys(), "revoked");
            stop_agent();
        })
    })
}

fn spoil(place: &Path) {
    let good = fs::read(place.join("good.rpm")).expect("a package");
    let change = |name: &str, at: usize| {
        let mut bytes = good.clone();
        bytes[at] ^= 0x20;
        fs::write(place.join(name), bytes).expect("a package");
    };
    change("payload.rpm", good.len() - 40);
    let inside = good.windows(6).rposition(|word| word == b"noarch").expect("the architecture");
    change("header.rpm", inside);
    // The digests are right, the signature is not.
    let (_, packet) = &nodeshim::rpmdb::signed(&place.join("good.rpm")).expect("a package").signatures[0];
    let at = good.windows(packet.len()).position(|bytes| bytes == packet).expect("the signature");
    change("forged.rpm", at + packet.len() - 1);
    fs::write(place.join("cut.rpm"), &good[..2000]).expect("a package");
    fs::write(place.join("garbage.rpm"), "no package\n").expect("a file");
}

fn revoke(place: &Path, name: &str) {
    let fingerprint = fingerprint(name).to_uppercase();
    let path = place.join(format!("home/openpgp-revocs.d/{fingerprint}.rev"));
    let text = fs::read_to_string(path).expect("a revocation certificate");
    let certificate = place.join("revocation");
    // A colon keeps it from being imported by mistake.
    fs::write(&certificate, text.replace(":-----BEGIN", "-----BEGIN")).expect("a file");
    fs::rename(place.join(format!("{name}.asc")), place.join(format!("{name}-before.asc"))).expect("a key");
    succeed(gpg(place, None).arg("--import").arg(certificate));
    export(place, name);
}
