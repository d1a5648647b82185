//! What scriptlets do to accounts, alternatives, SELinux's policy and the kernel's settings is recorded as theirs,
//! declared for the next boot, and judged by policy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use nodeshim::intent::{Intent, SelinuxPart, Verdict};
use nodeshim::journal::Event;
use nodeshim::tool::Tool;

use super::image::{Image, build, build_with, made_once};
use super::support::{project, succeed};
use super::{WAYS, audited, intents, seen};

const SCRIPTLETS: &str = "%pre
getent passwd vend >/dev/null || useradd -r -u 451 -c 'An agent' -d /var/lib/vend -s /sbin/nologin vend
groupadd -r -g 452 vendors
usermod -aG vendors vend
%post
update-alternatives --install /usr/bin/vendor-java vendor-java /usr/bin/true 10
store=/var/lib/selinux/targeted/active
mkdir -p $store/modules/400/vend
echo module >$store/modules/400/vend/cil
echo vend_can_connect=1 >>$store/booleans.local
echo 'net.core.somaxconn = 4096' >/etc/sysctl.d/70-vend.conf
modprobe -q bonding || :
sysctl -q -w vm.swappiness=10 || :
if false; then udevadm never; fi
dracut -f || :
";

/// An image with the real tools for accounts and alternatives. Those for the kernel only end well: there is
/// none to load a module into.
fn image() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let template = PLACE.get_or_init(|| {
        made_once("root-with-accounts", |place| {
            let mut command = Command::new(project().join("tests/lib/mkroot"));
            for program in [
                "/usr/sbin/useradd",
                "/usr/sbin/groupadd",
                "/usr/sbin/usermod",
                "/usr/bin/getent",
                "/usr/bin/update-alternatives",
            ] {
                command.args(["--bin", program]);
            }
            succeed(command.arg(place));
            prepare(place);
        })
    });
    Image::copy_of(template)
}

fn prepare(place: &Path) {
    let write = |path: &str, content: &str| {
        let path = place.join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("directories");
        fs::write(path, content).expect("a file");
    };
    write("etc/passwd", "root:x:0:0:root:/root:/bin/bash\n");
    write("etc/group", "root:x:0:\n");
    write("etc/shadow", "root:*:19000::::::\n");
    write("etc/gshadow", "root:*::\n");
    write("etc/login.defs", "SYS_UID_MIN 201\nSYS_UID_MAX 999\nUSERGROUPS_ENAB yes\n");
    write("var/lib/selinux/targeted/active/booleans.local", "old_boolean=1\n");
    write("etc/sysctl.d/README", "\n");
    fs::create_dir_all(place.join("var/lib/dpkg/alternatives")).expect("a directory");
    fs::create_dir_all(place.join("etc/alternatives")).expect("a directory");
    for name in ["modprobe", "sysctl", "dracut"] {
        write(&format!("usr/sbin/{name}"), "#!/bin/sh\nexit 0\n");
        succeed(Command::new("chmod").arg("0755").arg(place.join("usr/sbin").join(name)));
    }
}

fn of_system(image: &Image) -> Vec<Event> {
    seen(image, Tool::System)
}

fn expected_of_files() -> Vec<Intent> {
    let group = |group: &str, gid| Intent::Group {
        group: group.into(),
        gid: Some(gid),
    };
    let selinux = |part, name: &str| Intent::SelinuxPolicy {
        part,
        name: name.into(),
        removed: false,
    };
    vec![
        Intent::User {
            user: "vend".into(),
            uid: Some(451),
            group: Some("vend".into()),
            comment: Some("An agent".into()),
            home: Some("/var/lib/vend".into()),
            shell: Some("/sbin/nologin".into()),
        },
        group("vend", 451),
        group("vendors", 452),
        Intent::Member {
            user: "vend".into(),
            group: "vendors".into(),
        },
        Intent::Alternative {
            name: "vendor-java".into(),
            path: Some("/usr/bin/true".into()),
        },
        selinux(SelinuxPart::Module, "vend"),
        selinux(SelinuxPart::Boolean, "vend_can_connect=1"),
        Intent::Sysctl {
            key: "net.core.somaxconn".into(),
            value: "4096".into(),
        },
    ]
}

#[test]
fn users_groups_alternatives_selinux_and_settings_are_the_packages_intents() {
    for how in WAYS {
        let image = image();
        let package = build(&image.beside("vend"), "vend", SCRIPTLETS);
        audited(&image, how, &["-U", &package]);
        let events = of_system(&image);
        let found = intents(&events);
        for wanted in expected_of_files() {
            assert!(found.contains(&wanted), "{how}: {wanted:?} in {found:#?}");
        }
        assert!(events.iter().all(|event| event.origin.package() == Some("vend")), "{how}: {events:#?}");
        let module = |module: &str| Intent::KernelModule {
            module: module.into(),
        };
        let set = Intent::Sysctl {
            key: "vm.swappiness".into(),
            value: "10".into(),
        };
        // Only the kernel's reports say which programs were run.
        let seen = how == "events";
        assert_eq!(found.contains(&module("bonding")), seen, "{how}: {found:#?}");
        assert_eq!(found.contains(&set), seen, "{how}: {found:#?}");
        let user = events.iter().find(|event| event.origin.scriptlet.as_deref() == Some("%pre"));
        assert!(user.expect("an event of %pre").message.starts_with("line 1"), "{events:#?}");
        let listed = String::from_utf8(succeed(&mut image.nodeshim("list", ["vend"])).stdout).expect("text");
        for part in [
            "have user vend (451)",
            "set alternative vendor-java to /usr/bin/true",
            "the initramfs: dracut -f",
        ] {
            assert!(listed.contains(part), "{how}: {part}: {listed}");
        }
        let why = succeed(&mut image.nodeshim("why", ["vendors"]));
        assert!(String::from_utf8_lossy(&why.stdout).contains("vend"), "{how}");
        assert_declared(&image, seen);
    }
}

/// The files of the next boot: the real systemd-sysusers makes the same accounts of them on an empty node.
fn assert_declared(image: &Image, seen: bool) {
    let accounts = image.read("/etc/sysusers.d/nodeshim-vend.conf");
    let lines: Vec<&str> = accounts.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            "g vend 451",
            "g vendors 452",
            "u vend 451:vend \"An agent\" /var/lib/vend /sbin/nologin",
            "m vend vendors"
        ]
    );
    let node = image.beside("node");
    fs::create_dir_all(node.join("etc/sysusers.d")).expect("a directory");
    fs::write(node.join("etc/sysusers.d/vend.conf"), &accounts).expect("a file");
    succeed(Command::new("systemd-sysusers").arg(format!("--root={}", node.display())));
    let of_vend = |path: &Path| -> Vec<String> {
        let text = fs::read_to_string(path).expect("a file of accounts");
        let lines = text
            .lines()
            .filter(|line| line.starts_with("vend"))
            .map(|line| line.replace(":!*:", ":x:"));
        let mut lines: Vec<String> = lines.collect();
        lines.sort();
        lines
    };
    for file in ["etc/passwd", "etc/group"] {
        assert_eq!(of_vend(&node.join(file)), of_vend(&image.path().join(file)), "{file}");
    }
    // What the scriptlet wrote itself is there already.
    let settings = image.has("/etc/sysctl.d/nodeshim-vend.conf");
    assert_eq!((settings, image.has("/etc/modules-load.d/nodeshim-vend.conf")), (seen, seen));
    if seen {
        let text = image.read("/etc/sysctl.d/nodeshim-vend.conf");
        assert!(text.ends_with("\nvm.swappiness = 10\n") && !text.contains("somaxconn"), "{text}");
        let modules = image.read("/etc/modules-load.d/nodeshim-vend.conf");
        assert!(modules.ends_with("\nbonding\n") && !modules.contains("never"), "{modules}");
    }
}

/// One of two commands was run, and nobody knows which.
#[test]
fn a_module_is_declared_only_where_its_command_was_run_for_certain() {
    let image = image();
    // As kmod has it: several names of one file.
    let sbin = image.path().join("usr/sbin");
    fs::rename(sbin.join("modprobe"), image.path().join("usr/bin/kmod")).expect("a program");
    for name in ["modprobe", "lsmod"] {
        std::os::unix::fs::symlink("../bin/kmod", sbin.join(name)).expect("a link");
    }
    let build = |name: &str, script: &str| build(&image.beside(name), name, &format!("%post\n{script}\n"));
    for (name, script, expected) in [
        ("one", "lsmod\nmodprobe tun", true),
        ("none", "lsmod && lsmod || modprobe tun", false),
        ("either", "if [ $1 = 1 ]; then modprobe tun; else modprobe bonding; fi", false),
        ("loop", "for m in tun bonding; do modprobe $m; done", true),
    ] {
        let package = build(name, script);
        audited(&image, "events", &["-U", &package]);
        let path = format!("/etc/modules-load.d/nodeshim-{name}.conf");
        assert_eq!(image.has(&path), expected, "{name}: {:#?}", of_system(&image));
        assert!(of_system(&image).iter().any(|event| event.origin.package() == Some(name)), "{name}");
    }
}

#[test]
fn accounts_of_an_erased_package_stay_and_are_declared_no_longer() {
    let image = image();
    let package = build(&image.beside("vend"), "vend", SCRIPTLETS);
    audited(&image, "events", &["-U", &package]);
    audited(&image, "events", &["-e", "vend"]);
    for gone in ["sysusers.d", "sysctl.d", "modules-load.d"] {
        assert!(!image.has(&format!("/etc/{gone}/nodeshim-vend.conf")), "{gone}");
    }
    // Files may be theirs, and their numbers must not become somebody else's.
    assert!(image.read("/etc/passwd").contains("vend:x:451:"));
    succeed(&mut image.nodeshim("check", [""; 0]));
}

#[test]
fn an_account_that_the_packages_sysusers_file_declares_is_not_declared_twice() {
    let image = image();
    let package = build_with(
        &image.beside("vend"),
        "vend",
        "",
        &[("/usr/lib/sysusers.d/vend.conf", "u! vend 451 \"An agent\" /var/lib/vend\n")],
        "%pre\nuseradd -r -u 451 -d /var/lib/vend vend\n",
    );
    audited(&image, "events", &["-U", &package]);
    assert!(intents(&of_system(&image)).iter().any(|intent| matches!(intent, Intent::User { .. })));
    assert!(!image.has("/etc/sysusers.d/nodeshim-vend.conf"));
}

#[test]
fn reports_fold_the_files_of_useradd_into_the_account() {
    let image = image();
    let package = build(&image.beside("vend"), "vend", SCRIPTLETS);
    audited(&image, "events", &["-U", &package]);
    let report = |form: &str| {
        let output = succeed(&mut image.nodeshim("report", ["--format", form])).stdout;
        String::from_utf8(output).expect("text")
    };
    let text = report("text");
    let words = "user vend added, group vend added, group vendors added, vend added to group vendors";
    assert!(text.contains(&format!("  accounts  {words} (")), "{text}");
    for (form, text) in [("text", &text), ("html", &report("html"))] {
        assert!(text.contains(words) && text.contains(" files of accounts)"), "{form}: {text}");
        for folded in ["/etc/shadow", "/etc/gshadow", "/etc/passwd-", ".pwd.lock"] {
            assert!(!text.contains(folded), "{form}: {folded}: {text}");
        }
    }
    assert!(report("json").contains("/etc/gshadow"), "programs get all of it");
}

#[test]
fn policy_judges_accounts_and_what_it_denies_is_not_declared() {
    let image = image();
    let rules = "format = 1\n[[rule]]\nname = \"no-accounts\"\nkind = [\"user\", \"kernel-module\"]\nverdict = \"deny\"\n\
                 reason = \"accounts are the node's\"\n";
    fs::create_dir_all(image.path().join("etc/nodeshim/policy.d")).expect("a directory");
    fs::write(image.path().join("etc/nodeshim/policy.d/50-accounts.toml"), rules).expect("a file");
    let package = build(&image.beside("vend"), "vend", SCRIPTLETS);
    audited(&image, "events", &["-U", &package]);
    let events = of_system(&image);
    let denied: Vec<&Event> = events.iter().filter(|event| event.verdict == Verdict::Deny).collect();
    assert!(
        denied.iter().any(|event| event.warnings.iter().any(|text| text.contains("no-accounts"))),
        "{events:#?}"
    );
    let declared =
        ["sysusers.d", "modules-load.d"].map(|directory| format!("/etc/{directory}/nodeshim-vend.conf"));
    for path in declared.iter().filter(|path| image.has(path)) {
        let text = image.read(path);
        assert!(!text.contains("u vend") && !text.contains("bonding"), "{path}: {text}");
    }
}
