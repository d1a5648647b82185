//! Taking back what plugins asked for.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::call;
use crate::image::{Image, build_with, package};

const WANTS: &str = "/etc/systemd/system/multi-user.target.wants";

/// A package that ships a unit and asks for what its %post says; its erasure asks for nothing.
fn plugin(image: &Image, name: &str, post: &str) -> String {
    let path = format!("/usr/lib/systemd/system/{name}.service");
    let unit = format!("[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n#{name}\n");
    build_with(&image.beside(name), name, "", &[(&path, &unit)], &format!("%post\n{post}\n"))
}

fn install(image: &Image, packages: &[&str]) {
    let args = [&["--allow-unsigned"], packages].concat();
    call(image, "install", args).ends(0);
}

fn ports(image: &Image) -> String {
    call(image, "export", ["--format", "nft"]).ends(0).out
}

fn link(image: &Image, path: &str) -> Option<String> {
    image.root().read_link(path).ok().map(|target| target.display().to_string())
}

/// The image's files but for nodeshim's own records.
fn files(image: &Image) -> std::collections::BTreeMap<std::path::PathBuf, String> {
    let mut files = image.files();
    files.retain(|path, _| !path.starts_with("usr/lib/sysimage/nodeshim"));
    files
}

#[test]
fn reverting_a_plugin_puts_back_what_was_there() {
    let image = Image::new();
    std::fs::write(image.path().join("usr/lib/systemd/system/victim.service"), "[Service]\n")
        .expect("a unit");
    symlink(
        "/usr/lib/systemd/system/basic.target",
        image.path().join("etc/systemd/system/default.target"),
    )
    .expect("a link");
    let post = "systemctl enable one.service\nsystemctl mask victim.service\n\
                systemctl set-default multi-user.target\n\
                firewall-cmd --permanent --add-port=7001/tcp\nfirewall-cmd --permanent --remove-service=ssh";
    let package = plugin(&image, "one", post);
    install(&image, &[&package]);
    assert_eq!(link(&image, "/etc/systemd/system/victim.service").as_deref(), Some("/dev/null"));
    assert!(image.has(&format!("{WANTS}/one.service")) && ports(&image).contains("7001"));
    assert!(!image.read("/etc/firewalld/zones/public.xml").contains("ssh"));
    let planned = call(&image, "revert", ["one", "--dry-run"]).ends(0);
    assert!(image.has(&format!("{WANTS}/one.service")), "{}", planned.out);
    call(&image, "revert", ["one"]).ends(0);
    assert!(!image.has(&format!("{WANTS}/one.service")));
    assert!(!image.has("/etc/systemd/system/victim.service"));
    let default = link(&image, "/etc/systemd/system/default.target");
    assert_eq!(default.as_deref(), Some("/usr/lib/systemd/system/basic.target"));
    assert!(!ports(&image).contains("7001"));
    let zone = image.read("/etc/firewalld/zones/public.xml");
    assert!(zone.contains("ssh") && !zone.contains("7001"), "{zone}");
    let after = image.files();
    call(&image, "revert", ["one"]).ends(0).says(&["are already reverted"]);
    call(&image, "settle", [""; 0]).ends(0);
    crate::support::assert_same(&after, &image.files(), "settling again changed");
    call(&image, "log", [""; 0]).ends(0).says(&["nodeshim revert one"]);
    // Installing it again makes it count again.
    install(&image, &["--reinstall", &package]);
    assert!(image.has(&format!("{WANTS}/one.service")) && ports(&image).contains("7001"));
    call(&image, "remove", ["one"]).ends(0);
    assert!(!image.has(&format!("{WANTS}/one.service")) && !image.has("/etc/systemd/system/victim.service"));
    call(&image, "remove", ["one"]).ends(0).says(&["gone already"]);
    call(&image, "remove", ["nobody"]).ends(1);
}

#[test]
fn files_that_requests_overwrote_come_back_as_they_were() {
    let image = Image::new();
    let xinetd = "service tftp\n{\n\tdisable = yes\n\tserver = /bin/true\n}\n";
    let before = [
        ("etc/selinux/config", "# by hand\nSELINUX=enforcing\nSELINUXTYPE=targeted\n"),
        ("etc/firewalld/firewalld.conf", "# by hand\nDefaultZone=public\n"),
        ("etc/xinetd.d/tftp", xinetd),
        ("etc/firewalld/zones/guarded.xml", "<zone><service name=\"ssh\"/></zone>\n"),
    ];
    for (path, content) in before {
        let path = image.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        std::fs::write(&path, content).expect("a file");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).expect("a mode");
    }
    let post = "lokkit --selinux=permissive --nostart\nchkconfig tftp on\n\
                firewall-cmd --set-default-zone=guarded";
    install(
        &image,
        &[
            &plugin(&image, "one", post),
            &plugin(&image, "two", "chkconfig tftp on"),
        ],
    );
    for (path, content) in &before[..3] {
        assert_ne!(image.read(path), *content, "{path}");
    }
    call(&image, "revert", ["one"]).ends(0);
    assert_ne!(image.read("etc/xinetd.d/tftp"), xinetd, "the other plugin wants it on");
    call(&image, "remove", ["two"]).ends(0);
    for (path, content) in before {
        assert_eq!(image.read(path), content, "{path}");
        let mode = std::fs::metadata(image.path().join(path)).expect("a file").permissions().mode();
        assert_eq!(mode & 0o7777, 0o640, "{path}");
    }
}

#[test]
fn a_switch_goes_back_when_the_last_plugin_that_turned_it_does() {
    let image = Image::new();
    call(
        &image,
        "run",
        [
            "--",
            "chroot",
            &image.path().display().to_string(),
            "lokkit",
            "--nostart",
            "-q",
        ],
    )
    .ends(0);
    let post = "lokkit --disabled --nostart";
    install(&image, &[&plugin(&image, "one", post), &plugin(&image, "two", post)]);
    let is_off = || image.read("/etc/sysconfig/system-config-firewall").contains("--disabled");
    assert!(is_off());
    call(&image, "revert", ["one"]).ends(0);
    assert!(is_off(), "the other plugin wants it off");
    call(&image, "remove", ["two"]).ends(0);
    assert!(!is_off());
}

#[test]
fn one_request_is_taken_back_and_the_others_stay() {
    let image = Image::new();
    let post = "systemctl enable one.service\nfirewall-cmd --permanent --add-port=7001/tcp\n\
                firewall-cmd --permanent --add-port=7002/tcp";
    install(&image, &[&plugin(&image, "one", post)]);
    let event = image.events().into_iter().find(|event| event.words().contains("7001")).expect("an event");
    call(&image, "revert", [event.id.to_string()]).ends(0);
    let rules = ports(&image);
    assert!(!rules.contains("7001") && rules.contains("7002"), "{rules}");
    assert!(image.has(&format!("{WANTS}/one.service")));
    call(&image, "revert", [format!("#{}", event.id)]).ends(0).says(&["is already reverted"]);
    call(&image, "revert", ["nobody"]).ends(1).says(&["nothing is recorded of nobody"]);
}

#[test]
fn revert_in_any_order_keeps_what_other_plugins_want() {
    for order in [
        ["one", "two", "three"],
        ["three", "two", "one"],
        ["two", "three", "one"],
    ] {
        let image = Image::new();
        std::fs::write(
            image.path().join("usr/lib/systemd/system/shared.service"),
            "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n",
        )
        .expect("a unit");
        let before = files(&image);
        let post = "systemctl enable shared.service\nfirewall-cmd --permanent --add-port=7001/tcp";
        let packages: Vec<String> = order.iter().map(|name| plugin(&image, name, post)).collect();
        install(&image, &packages.iter().map(String::as_str).collect::<Vec<_>>());
        for (number, name) in order.iter().enumerate() {
            let verb = ["revert", "remove"][number % 2];
            call(&image, verb, [name]).ends(0);
            let is_wanted = number + 1 < order.len();
            assert_eq!(image.has(&format!("{WANTS}/shared.service")), is_wanted, "{order:?} {name}");
            assert_eq!(ports(&image).contains("7001"), is_wanted, "{order:?} {name}");
        }
        for name in ["one", "three"] {
            call(&image, "remove", [name]);
        }
        call(&image, "remove", ["two"]);
        let after = files(&image);
        assert_eq!(
            before.get(WANTS[1..].as_ref() as &std::path::Path),
            after.get(WANTS[1..].as_ref() as &std::path::Path)
        );
    }
}

#[test]
fn what_an_administrator_changed_since_is_left_alone() {
    let image = Image::new();
    std::fs::write(image.path().join("usr/lib/systemd/system/victim.service"), "[Service]\n")
        .expect("a unit");
    install(&image, &[&plugin(&image, "one", "systemctl mask victim.service")]);
    let mask = image.path().join("etc/systemd/system/victim.service");
    std::fs::remove_file(&mask).expect("the mask");
    std::fs::write(&mask, "[Service]\nExecStart=/bin/true\n").expect("a unit");
    // What is found changed is the builder's decision: nothing of the plugin's is left to take back.
    call(&image, "revert", ["one"]).ends(0).says(&["0 changes"]);
    call(&image, "list", [""; 0]).ends(0).says(&["(builder)", "unmask victim.service"]);
    assert!(image.read("/etc/systemd/system/victim.service").contains("ExecStart"));
}

#[test]
fn a_package_that_others_need_is_not_removed() {
    let image = Image::new();
    let base = plugin(&image, "base", "firewall-cmd --permanent --add-port=7001/tcp");
    let user = build_with(&image.beside("user"), "user", "Requires: base\n", &[], "");
    install(&image, &[&base, &user, &package("node-lua-1.0")]);
    call(&image, "remove", ["base"])
        .ends(20)
        .says(&["base is needed by (installed) user-1.0-1.noarch"]);
    assert!(ports(&image).contains("7001"));
}

#[test]
fn what_files_declare_is_taken_back_until_it_is_installed_again() {
    let image = Image::new();
    let metadata = "schema = 1\n[firewall]\nports = [\"7001/tcp\"]\n[units]\nenable = [\"one.service\"]\n";
    let unit = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    let files = [
        ("/usr/share/ovirt-node/plugins.d/one.toml", metadata),
        ("/usr/lib/systemd/system/one.service", unit),
    ];
    let package = build_with(&image.beside("one"), "one", "", &files, "");
    install(&image, &[&package]);
    let there = || (image.has(&format!("{WANTS}/one.service")), ports(&image).contains("7001"));
    assert_eq!(there(), (true, true));
    call(&image, "revert", ["one"]).ends(0);
    assert_eq!(there(), (false, false));
    call(&image, "settle", [""; 0]).ends(0);
    assert_eq!(there(), (false, false));
    call(&image, "revert", ["one"]).ends(0).says(&["are already reverted"]);
    install(&image, &["--reinstall", &package]);
    assert_eq!(there(), (true, true));
    call(&image, "remove", ["one"]).ends(0);
    assert_eq!(there(), (false, false));
}
