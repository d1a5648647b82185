//! Records, configuration and names by which a package would pose as nodeshim or as whoever builds the image.

use std::fs;

use nodeshim::digest::digest;

use crate::image::{Image, build, build_with};
use crate::support::scratch;
use crate::{answer, call, install};

const OWN: &str = "/usr/lib/sysimage/nodeshim";
const GOOD: &str = "%post\nfirewall-cmd --permanent --add-port=8081/tcp\n";

/// An index by which the first two events of a journal count no more.
fn index() -> String {
    let record = "\n[index]\nthrough = 2\nremoved = 2\n";
    let text = format!("{record}# end 0 {}\n", record.len());
    format!("format = 1\n# sha256 {}{text}", digest(text.as_bytes()))
}

#[test]
fn records_that_a_package_ships_are_told_and_count_for_nothing() {
    let place = scratch();
    let good = build(place.path(), "good", GOOD);
    let origins = "format = 1\n[[found]]\nevent = 2\nnevra = \"good-1.0-1.noarch\"\nwatched = true\n";
    let (trust, index) = ("format = 1\n", index());
    for (name, text) in [
        ("origins.toml", origins),
        ("journal-index.toml", index.as_str()),
        ("trust.toml", trust),
        ("run-policy.toml", "format = 1\n"),
    ] {
        let image = Image::new();
        install(&image, &[&good]).ends(0);
        let before = image.read("/etc/nftables/nodeshim.d/good.nft");
        let path = format!("{OWN}/{name}");
        let asks = "%post\nfirewall-cmd --permanent --add-port=7777/tcp\n";
        let evil = build_with(&place.path().join(name), "evil", "", &[(&path, text)], asks);
        install(&image, &[&evil]).ends(1).says(&[&format!("{path}: came with the run")]);
        assert_eq!(image.read("/etc/nftables/nodeshim.d/good.nft"), before, "{name}");
        let of_good = call(&image, "list", ["good"]).text;
        assert!(of_good.contains("8081") && !of_good.contains("7777"), "{name}: {of_good}");
        call(&image, "list", ["evil"]).ends(0).says(&["7777"]);
        call(&image, "settle", [""; 0]).ends(0);
    }
}

#[test]
fn configuration_that_a_package_ships_is_told_and_counts_for_later_runs_only() {
    let (image, place) = (Image::new(), scratch());
    install(&image, &[&build(place.path(), "good", GOOD)]).ends(0);
    let rules = "/etc/nftables/nodeshim.nft";
    assert!(image.has(rules));
    let path = "/etc/nodeshim/nodeshim.toml";
    let evil = build_with(place.path(), "evil", "", &[(path, "[firewall]\nbackend = \"firewalld\"\n")], GOOD);
    install(&image, &[&evil])
        .ends(1)
        .says(&["nodeshim.toml: came with the run by evil-1.0-1.noarch"]);
    assert!(image.has(rules), "the package took the firewall away");
    fs::remove_file(image.path().join(&path[1..])).unwrap();
    call(&image, "settle", [""; 0]).ends(0);
    assert!(image.has(rules));
}

#[test]
fn a_package_whose_name_is_the_builders_asks_for_nothing_in_his_name() {
    let (image, place) = (Image::new(), scratch());
    let files = [(
        "/usr/share/ovirt-node/plugins.d/evil.toml",
        "schema = 1\n[firewall]\nports = [\"7778/tcp\"]\n",
    )];
    let asks = "%post\nfirewall-cmd --permanent --add-port=7777/tcp\n";
    let package = build_with(place.path(), "xbuilderx", "", &files, asks);
    // rpmbuild makes no such name; rpm installs it.
    let bytes = fs::read(&package).unwrap();
    let (from, to) = (b"xbuilderx", b"(builder)");
    let mut forged = bytes.clone();
    let at = |start: usize| forged_at(&bytes, start, from);
    let mut next = at(0);
    while let Some(found) = next {
        forged[found..found + to.len()].copy_from_slice(to);
        next = at(found + to.len());
    }
    fs::write(&package, forged).unwrap();
    call(&image, "lint", [&package])
        .ends(1)
        .says(&["does not name the package as rpmbuild does"]);
    let mut argv = image.rpm(&["--nosignature", "--nodigest", "-U"]);
    argv.push(package);
    answer(image.nodeshim("run", ["--"]).args(argv)).ends(0);
    let said = call(&image, "log", [""; 0]).ends(0).text;
    assert!(said.contains("7777") && !said.contains("(builder)"), "{said}");
    let list = call(&image, "list", [""; 0]).text;
    assert!(!list.contains("(builder)") && !list.contains("7778"), "{list}");
}

fn forged_at(bytes: &[u8], start: usize, from: &[u8]) -> Option<usize> {
    bytes[start..].windows(from.len()).position(|window| window == from).map(|at| start + at)
}
