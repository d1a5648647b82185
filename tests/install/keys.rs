//! The image's keyring.

use crate::call;
use crate::image::Image;
use crate::sign::{fingerprint, key, private_key, signed};
use crate::support::assert_same;

#[test]
fn keys_come_and_go_by_their_fingerprints() {
    let image = Image::new();
    let import = |name: &str| call(&image, "key", ["import".into(), key(name).into_os_string()]);
    assert_eq!(call(&image, "key", ["list"]).ends(0).out, "");
    import("good").ends(0).says(&["imported", &fingerprint("good"), "EdDSA"]);
    import("good").ends(0).says(&["was there", &fingerprint("good")]);
    import("other").ends(0);
    let list = call(&image, "key", ["list", "--json"]).ends(0).json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    call(&image, "key", ["remove", &fingerprint("other")[24..]]).ends(0).says(&["removed"]);
    call(&image, "key", ["remove", &fingerprint("other")])
        .ends(0)
        .says(&["is not in the image's keyring"]);
    assert_eq!(call(&image, "key", ["list", "--json"]).json()["items"].as_array().map(Vec::len), Some(1));
    call(&image, "key", ["remove", "abc"]).ends(1).says(&["not a key ID"]);
}

#[test]
fn what_is_no_fit_key_is_refused_and_says_why() {
    let image = Image::new();
    let garbage = image.beside("garbage");
    std::fs::write(&garbage, "no key\n").expect("a file");
    let before = image.files();
    let cases = [
        (garbage, 30, "no OpenPGP public key"),
        (private_key(), 31, "private key"),
        (key("weak"), 16, "1024 bits are too short"),
        (key("expired"), 13, "expired"),
        (key("revoked"), 14, "revoked"),
    ];
    for (file, code, reason) in cases {
        let name = file.display().to_string();
        call(&image, "key", ["import".into(), file.into_os_string()])
            .ends(code)
            .says(&[&name, reason]);
    }
    assert_same(&before, &image.files(), "a refused key changed");
    assert_eq!(call(&image, "key", ["list"]).out, "");
}

/// rpm keeps keys in files where the image's macros say so.
#[test]
fn a_keyring_of_files_is_read_and_keys_are_removed_from_it() {
    let image = Image::new();
    let keys = image.path().join("usr/lib/sysimage/rpm/pubkeys");
    std::fs::create_dir_all(&keys).expect("a directory");
    std::fs::copy(key("good"), keys.join("gpg-pubkey-good.key")).expect("a key");
    let macros = image.path().join("etc/rpm/macros.keyring");
    let good = signed().join("good.rpm");
    call(&image, "key", ["list"]).ends(0).says(&[&fingerprint("good")]);
    // The key counts only where rpm looks for keys, too.
    std::fs::write(&macros, "%_keyring rpmdb\n").expect("a macro file");
    call(&image, "install", [&good]).ends(12);
    std::fs::write(&macros, "%_keyring fs\n").expect("a macro file");
    call(&image, "install", [&good]).ends(0);
    call(&image, "key", ["remove", &fingerprint("good")]).ends(0).says(&["removed"]);
    assert!(!keys.join("gpg-pubkey-good.key").exists());
    call(&image, "install", [good.as_os_str(), "--reinstall".as_ref()]).ends(12);
}
