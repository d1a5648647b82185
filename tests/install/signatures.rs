//! What a package is worth is found out before anything of it runs.

use std::process::Command;

use crate::image::{Image, build, build_with};
use crate::sign::{fingerprint, key, sign, signed};
use crate::support::{assert_same, succeed};
use crate::{Answer, call};

fn install(image: &Image, package: &str) -> Answer {
    call(image, "install", [signed().join(package)])
}

/// What rpm itself takes into a keyring, whatever the key is worth.
fn import_with_rpm(image: &Image, name: &str) {
    let mut command = Command::new("rpmkeys");
    command.arg("--root").arg(image.path()).args(["--dbpath", "/var/lib/rpm", "--import"]);
    succeed(command.arg(key(name)));
}

#[test]
fn each_kind_of_signature_has_its_own_exit_code_and_reason() {
    let image = Image::new();
    for name in ["good", "revoked", "expired"] {
        import_with_rpm(&image, name);
    }
    let before = image.files();
    let id = |name: &str| fingerprint(name)[24..].to_owned();
    let cases = [
        ("unsigned", 10, "not signed", String::new()),
        ("payload", 11, "changed after it was made", String::new()),
        ("header", 11, "changed after it was made", String::new()),
        ("forged", 11, "changed after it was signed", String::new()),
        ("other", 12, "not in the image's keyring", id("other")),
        ("expired", 13, "it has expired", id("expired")),
        ("revoked", 14, "revoked by its owner", id("revoked")),
        ("cut", 15, "not an RPM package", String::new()),
        ("garbage", 15, "not an RPM package", String::new()),
    ];
    for (name, code, reason, key) in cases {
        let file = format!("{name}.rpm");
        install(&image, &file).ends(code).says(&[&file, reason, &key, "nothing was installed"]);
    }
    assert_same(&before, &image.files(), "a refused package changed");
    assert!(image.events().is_empty());
    install(&image, "good.rpm")
        .ends(0)
        .says(&["node-signed-1.0-1.noarch", &id("good"), "7070"]);
}

#[test]
fn a_key_makes_the_difference_as_long_as_it_is_there() {
    let image = Image::new();
    install(&image, "good.rpm").ends(12);
    call(&image, "key", [std::ffi::OsString::from("import"), key("good").into()]).ends(0);
    install(&image, "good.rpm").ends(0);
    call(&image, "remove", ["node-signed"]).ends(0);
    call(&image, "key", ["remove", &fingerprint("good")]).ends(0);
    install(&image, "good.rpm").ends(12);
}

#[test]
fn one_bad_package_keeps_all_of_them_out() {
    let image = Image::new();
    import_with_rpm(&image, "good");
    let good = build(&image.beside("packages"), "first", "%post\nfirewall-cmd --permanent --add-port=1/tcp");
    sign(good.as_ref(), "good", None);
    let answer = call(&image, "install", [good.as_ref(), signed().join("unsigned.rpm").as_path()]);
    answer.ends(10).says(&["unsigned.rpm: it is not signed"]);
    let answer =
        call(&image, "install", ["--json".as_ref(), signed().join("payload.rpm").as_path()]).ends(11);
    assert_eq!(answer.json()["packages"][0]["signature"], "tampered");
    assert!(image.events().is_empty());
}

#[test]
fn what_is_allowed_without_a_signature_is_recorded_and_shown() {
    let image = Image::new();
    let policy = image.path().join("etc/nodeshim/policy.d");
    std::fs::create_dir_all(&policy).unwrap();
    let rule = "[[rule]]\nkind = \"note\"\nglobal = true\nverdict = \"deny\"\nreason = \"a plugin does not stop the node\"\n";
    std::fs::write(policy.join("10-site.toml"), rule).unwrap();
    let unsigned = signed().join("unsigned.rpm");
    call(&image, "install", ["--allow-unsigned".as_ref(), unsigned.as_path()]).ends(0);
    // That it is not signed is nodeshim's remark, and no request that a rule about notes denies.
    let list = call(&image, "list", ["node-signed"]).ends(0).out;
    assert!(list.contains("was installed although") && !list.contains("denied"), "{list}");
    let event = image.events().pop().expect("an event");
    assert_eq!(event.origin.package(), Some("node-signed"));
    call(&image, "log", ["node-signed"])
        .ends(0)
        .says(&["it is not signed", "nodeshim install"]);
    call(&image, "show", ["node-signed"]).ends(0).says(&["not signed"]);
    let plugins = call(&image, "plugins", ["--json"]).ends(0).json();
    let plugins = &plugins["items"];
    assert_eq!(plugins[0]["trust"]["signature"], "missing");
    // Only a missing signature is allowed, not a wrong one.
    let tampered = signed().join("payload.rpm");
    call(&image, "install", ["--allow-unsigned".as_ref(), tampered.as_path()]).ends(11);
    call(&image, "remove", ["node-signed"]).ends(0);
    assert!(!image.read("/usr/lib/sysimage/nodeshim/trust.toml").contains("node-signed"));
}

#[test]
fn the_key_of_a_plugin_is_kept_for_reports() {
    let image = Image::new();
    import_with_rpm(&image, "good");
    install(&image, "good.rpm").ends(0);
    let plugins = call(&image, "plugins", ["--json"]).ends(0).json();
    let plugins = &plugins["items"];
    assert_eq!(plugins[0]["trust"]["signature"], "good");
    assert_eq!(plugins[0]["trust"]["fingerprint"], fingerprint("good").as_str());
    call(&image, "show", ["node-signed"]).ends(0).says(&[&fingerprint("good")[24..]]);
}

#[test]
fn what_packages_need_is_checked_like_themselves() {
    let image = Image::new();
    import_with_rpm(&image, "good");
    let repo = signed().join("repo");
    let first = repo.join("needs-a-1.0-1.noarch.rpm");
    call(&image, "install", [&first])
        .ends(20)
        .says(&["needs-b is needed by needs-a-1.0-1.noarch"]);
    let before = image.files();
    let mine = image.beside("repo");
    succeed(Command::new("cp").arg("-r").arg(&repo).arg(&mine));
    // The last of the chain is not signed.
    build_with(&mine, "needs-c", "Provides: feature-c\n", &[], "");
    let needs = [first.as_os_str(), "--repo".as_ref(), mine.as_os_str()];
    call(&image, "install", needs)
        .ends(10)
        .says(&["needs-c-1.0-1.noarch.rpm: it is not signed"]);
    assert_same(&before, &image.files(), "a refused set changed");
    let answer = call(&image, "install", [first.as_os_str(), "--with-deps".as_ref()]).ends(0);
    answer.says(&["needs-a-1.0-1", "needs-b-1.0-1", "needs-c-1.0-1"]);
    for path in ["/var/cache/dnf", "/var/lib/dnf", "/var/log/dnf.log"] {
        assert!(!image.has(path), "{path}");
    }
    let lonely = build_with(&image.beside("lonely"), "lonely", "Requires: nowhere\n", &[], "");
    let needs = [lonely.as_ref(), "--repo".as_ref(), repo.as_os_str()];
    call(&image, "install", needs).ends(20).says(&["nowhere"]);
}

#[test]
fn a_signature_is_verified_once_a_package() {
    let (image, trace) = (Image::new(), tempfile::NamedTempFile::new().expect("a file"));
    import_with_rpm(&image, "good");
    let first = signed().join("repo").join("needs-a-1.0-1.noarch.rpm");
    let install = image.nodeshim("install", [first.as_os_str(), "--with-deps".as_ref()]);
    let mut traced = Command::new("strace");
    traced.args(["-f", "--seccomp-bpf", "-e", "trace=execve", "-o"]).arg(trace.path());
    succeed(traced.arg(install.get_program()).args(install.get_args()));
    let calls = std::fs::read_to_string(trace.path()).expect("the trace");
    let checks = calls.lines().filter(|line| line.contains("--checksig") && line.ends_with("= 0"));
    assert_eq!(checks.count(), 3, "{calls}");
}

/// Puts a policy file into the image.
fn policy(image: &Image, directory: &str, text: &str) {
    let directory = image.path().join(directory);
    std::fs::create_dir_all(&directory).expect("a directory");
    std::fs::write(directory.join("node.toml"), text).expect("a policy file");
}

#[test]
fn what_policy_forbids_no_option_or_other_file_allows() {
    let image = Image::new();
    policy(
        &image,
        "usr/lib/nodeshim/policy.d",
        "[keys]\nimport = false\n[install]\nunsigned = false\n",
    );
    // It takes the place of the rules of the shipped file, not of what that forbids.
    policy(&image, "etc/nodeshim/policy.d", "[keys]\nimport = true\n[install]\nunsigned = true\n");
    let before = image.files();
    let by = "/usr/lib/nodeshim/policy.d/node.toml";
    call(&image, "key", ["import".as_ref(), key("good").as_os_str()])
        .ends(32)
        .says(&[by, "forbids to import keys"]);
    let unsigned = signed().join("unsigned.rpm");
    call(&image, "install", ["--allow-unsigned".as_ref(), unsigned.as_os_str()])
        .ends(32)
        .says(&["unsigned.rpm: it is not signed", by]);
    install(&image, "good.rpm").ends(12);
    assert_same(&before, &image.files(), "what is forbidden changed");
    // What is signed by a key that is there is installed as ever.
    import_with_rpm(&image, "good");
    install(&image, "good.rpm").ends(0);
}

#[test]
fn a_policy_for_one_installation_counts_for_it_alone() {
    let image = Image::new();
    let site = image.beside("site.toml");
    let text = "[[rule]]\nname = \"no-mask\"\nwant = \"mask\"\nunit = \"sshd.service\"\nverdict = \"deny\"\n";
    std::fs::write(&site, format!("{text}[install]\nunsigned = false\n")).expect("a policy file");
    let package = build(
        &image.beside("p"),
        "masks",
        "%post\nsystemctl mask sshd.service\nsystemctl start a.service",
    );
    let args = |more: &[&str]| {
        let all = [
            &[
                "--policy",
                site.to_str().expect("UTF-8"),
                "--allow-unsigned",
                &package,
            ],
            more,
        ];
        call(&image, "install", all.concat())
    };
    args(&[]).ends(32).says(&["the policy of this run"]);
    std::fs::write(&site, text).expect("a policy file");
    let before = image.files();
    args(&["--dry-run"]).ends(0).says(&[
        "would ask: denied",
        "sshd.service",
        "no-mask",
        "would ask: at boot",
    ]);
    let asks = args(&["--dry-run", "--json"]).ends(0).json();
    assert_eq!(asks["would-ask"][0]["denied"][0]["verdict"], "deny", "{asks}");
    assert_same(&before, &image.files(), "trying changed");
    args(&[]);
    assert!(!image.has("/etc/systemd/system/sshd.service"));
    assert!(!image.has("/usr/lib/sysimage/nodeshim/run-policy.toml"));
    call(&image, "install", ["--allow-unsigned", "--reinstall", &package]).ends(0);
    assert!(image.has("/etc/systemd/system/sshd.service"));
}
