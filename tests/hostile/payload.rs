//! Files that a package ships are requests like those of its scriptlets.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::image::{Image, build_version};
use crate::support::nodeshim;
use crate::{answer, call, install};

const DENY: &str = "[[rule]]\nname = \"none\"\nverdict = \"deny\"\nreason = \"nothing here\"\n";

/// A package that starts a unit by links, and opens a port by a zone file, without any scriptlet.
fn package(image: &Image) -> String {
    package_with(image, 1, "")
}

/// A version of it, with scriptlets.
fn package_with(image: &Image, version: u32, scriptlets: &str) -> String {
    let body = "%install\n\
        system=%{buildroot}/usr/lib/systemd/system zones=%{buildroot}/etc/firewalld/zones\n\
        mkdir -p $system/multi-user.target.wants %{buildroot}/etc/rc.d/rc3.d $zones\n\
        printf '[Service]\\nExecStart=/bin/true\\n' >$system/x.service\n\
        ln -s ../x.service $system/multi-user.target.wants/x.service\n\
        ln -s ../init.d/y %{buildroot}/etc/rc.d/rc3.d/S90y\n\
        printf '<zone><port port=\"6666\" protocol=\"tcp\"/></zone>' >$zones/internal.xml\n\
        %files\n/usr/lib/systemd/system/x.service\n/usr/lib/systemd/system/multi-user.target.wants/x.service\n\
        /etc/rc.d/rc3.d/S90y\n/etc/firewalld/zones/internal.xml\n";
    build_version(&image.beside("rpms"), "ships", version, "", &format!("{body}{scriptlets}"))
}

const EXPECTED: [&str; 4] = [
    "/usr/lib/systemd/system/multi-user.target.wants/x.service: have multi-user.target pull in x.service (wants)",
    "/etc/rc.d/rc3.d/S90y: enable service y in run levels 3",
    "/etc/firewalld/zones/internal.xml: new firewalld zone internal",
    "/etc/firewalld/zones/internal.xml: open 6666/tcp in zone internal",
];

#[test]
fn shipped_links_and_zone_files_are_judged_by_lint_and_policy_test() {
    let image = Image::new();
    let file = package(&image);
    let policy = image.beside("policy.toml");
    fs::write(&policy, DENY).unwrap();
    let mut lint = Command::new(nodeshim());
    lint.args(["lint", "--policy"]).arg(&policy).arg(&file);
    let said = answer(&lint).ends(1).text;
    for line in EXPECTED {
        let (path, text) = line.split_once(": ").unwrap();
        assert!(
            said.contains(&format!("{path}: error: policy: {text}: denied by policy")),
            "{line}\n{said}"
        );
    }
    let directory = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("50-site.toml"), DENY).unwrap();
    let said = call(&image, "policy", ["test", &file]).ends(1).text;
    assert!(said.contains("deny   open 6666/tcp in zone internal"), "{said}");
}

#[test]
fn a_package_whose_files_ask_for_what_policy_denies_is_not_installed() {
    let image = Image::new();
    let file = package(&image);
    let policy = image.beside("policy.toml");
    fs::write(&policy, DENY).unwrap();
    let before = image.files();
    let refused = call(&image, "install", ["--allow-unsigned", "--policy", policy.to_str().unwrap(), &file]);
    let said = refused.ends(32).text;
    for line in EXPECTED {
        assert!(said.contains(line), "{line}\n{said}");
    }
    assert!(
        said.contains("nothing was installed: policy denies what files of the packages ask for"),
        "{said}"
    );
    assert_eq!(image.files(), before);
    call(&image, "install", ["--allow-unsigned", &file]).ends(0);
}

#[test]
fn what_shipped_files_ask_for_is_shown_with_what_policy_says_of_it() {
    let image = Image::new();
    install(&image, &[&package(&image)]).ends(0);
    let said = call(&image, "show", ["ships"]).ends(0).text;
    for line in EXPECTED {
        assert!(said.contains(line), "{line}\n{said}");
    }
    let directory = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&directory).unwrap();
    fs::write(directory.join("50-site.toml"), DENY).unwrap();
    let said = call(&image, "show", ["ships"]).ends(0).text;
    assert!(said.contains("against policy: 50-site.toml: none: nothing here"), "{said}");
}

/// What unpacked files ask for against the policy of a run is taken back at its end.
#[test]
fn denied_links_drop_ins_and_openings_that_a_run_unpacks_are_taken_back() {
    let image = Image::new();
    let zones = image.path().join("etc/firewalld/zones");
    let units = image.path().join("usr/lib/systemd/system");
    fs::create_dir_all(&units).unwrap();
    fs::write(units.join("sshd.service"), "[Service]\nExecStart=/bin/true\n").unwrap();
    let body = "%install\n\
        system=%{buildroot}/usr/lib/systemd/system zones=%{buildroot}/etc/firewalld/zones\n\
        mkdir -p $system/multi-user.target.wants $system/sshd.service.d $zones %{buildroot}/usr/lib/systemd/system-preset\n\
        printf '[Service]\\nExecStart=/bin/true\\n' >$system/x.service\n\
        ln -s ../x.service $system/multi-user.target.wants/x.service\n\
        printf '[Unit]\\nWants=x.service\\n' >$system/sshd.service.d/x.conf\n\
        ln -s /dev/null $system/crond.service\n\
        printf '<zone><port port=\"6666\" protocol=\"tcp\"/></zone>' >$zones/internal.xml\n\
        printf 'enable x.service\\n' >%{buildroot}/usr/lib/systemd/system-preset/10-x.preset\n\
        %files\n/usr/lib/systemd/system/*\n/etc/firewalld/zones/internal.xml\n/usr/lib/systemd/system-preset/10-x.preset\n";
    let file = build_version(&image.beside("rpms"), "ships", 1, "", body);
    let policy = image.beside("policy.toml");
    fs::write(&policy, DENY).unwrap();
    let mut run = vec![
        "--policy".to_owned(),
        policy.to_str().unwrap().to_owned(),
        "--".to_owned(),
    ];
    run.extend(image.rpm(&["--nosignature", "-i", &file]));
    // The preset is the one thing that cannot be reverted.
    let said = call(&image, "run", run).ends(1);
    let said = said.says(&[
        "10-x.preset of ships-1-1.noarch: preset (enable) x.service",
        "cannot be reverted",
    ]);
    for name in [
        "multi-user.target.wants/x.service",
        "sshd.service.d/x.conf",
        "crond.service",
    ] {
        assert!(fs::symlink_metadata(units.join(name)).is_err(), "{name} is still there\n{}", said.text);
    }
    assert!(!fs::read_to_string(zones.join("internal.xml")).unwrap().contains("6666"), "{}", said.text);
    let listed = call(&image, "list", ["ships"]).ends(0);
    listed.says(&[
        "open 6666/tcp in zone internal (denied by policy",
        "mask crond.service (denied by policy",
    ]);
    // A second settling has nothing to add, and an erasure leaves nothing.
    let before = image.files();
    call(&image, "settle", [""; 0]).ends(0);
    assert_eq!(image.files(), before);
    answer(image.nodeshim("run", ["--"]).args(image.rpm(&["-e", "ships"]))).ends(0);
    call(&image, "check", [""; 0]).ends(0);
}

#[test]
fn report_has_what_shipped_files_ask_for_of_plugins_and_of_other_packages() {
    let image = Image::new();
    install(&image, &[&package(&image)]).ends(0);
    let texts = EXPECTED.map(|line| line.split_once(": ").unwrap().1);
    for format in ["text", "json", "html"] {
        call(&image, "report", ["--format", format]).ends(0).says(&texts);
    }
    let by_package = |report: &Value| {
        let items = report["shipped"][0]["items"].as_array().map_or(0, Vec::len);
        (
            report["plugins"].as_array().unwrap().len(),
            report["shipped"][0]["package"].clone(),
            items,
        )
    };
    let report = || serde_json::from_str(&call(&image, "report", ["--json"]).ends(0).text).unwrap();
    assert_eq!(by_package(&report()), (0, Value::from("ships"), EXPECTED.len()));
    // What a scriptlet of the same package asked for makes it a plugin.
    let asks = package_with(&image, 2, "%post\nfirewall-cmd --permanent --add-port=8081/tcp\n");
    install(&image, &["--force", &asks]).ends(0);
    let report: Value = report();
    assert_eq!(report["shipped"], serde_json::json!([]), "{report}");
    assert_eq!(report["plugins"][0]["shipped"].as_array().map_or(0, Vec::len), EXPECTED.len(), "{report}");
}

#[test]
fn list_all_has_what_files_of_every_package_ask_for() {
    let image = Image::new();
    install(&image, &[&package(&image)]).ends(0);
    let plain = call(&image, "list", [""; 0]).ends(0).text;
    assert!(!plain.contains("internal"), "{plain}");
    let all = call(&image, "list", ["--all"]).ends(0);
    all.says(&[
        "ships enable service y in run levels 3",
        "open 6666/tcp in zone internal",
    ]);
}
