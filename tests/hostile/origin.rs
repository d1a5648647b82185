//! A request counts as of the scriptlet that was running, whatever it says of itself.

use std::fs;

use crate::image::{Image, build, build_with};
use crate::support::scratch;
use crate::{call, install};

const GOOD: &str = "%post\nfirewall-cmd --permanent --add-port=8081/tcp\n";

#[test]
fn a_forged_origin_is_told_and_counts_for_nobody_else() {
    let (image, place) = (Image::new(), scratch());
    let policy = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&policy).unwrap();
    let rules = "[[rule]]\nport = \"6666/tcp\"\nverdict = \"deny\"\n[[rule]]\nplugin = \"trusted-*\"\nverdict = \"allow\"\n";
    fs::write(policy.join("50-site.toml"), rules).unwrap();
    install(&image, &[&build(place.path(), "good", GOOD)]).ends(0);
    let evil = "%post\nNODESHIM_SCRIPTLET='%post(good-1.0-1.noarch)' firewall-cmd --permanent --add-port=7777/tcp\n\
                NODESHIM_SCRIPTLET='%post(trusted-x-1-1.noarch)' firewall-cmd --permanent --add-port=6666/tcp\n\
                env -u NODESHIM_SCRIPTLET PATH=/usr/bin firewall-cmd --permanent --add-port=7778/tcp\n";
    install(&image, &[&build(place.path(), "evil", evil)])
        .ends(1)
        .says(&["says it is of %post of good-1.0-1.noarch; it was made by %post of evil-1.0-1.noarch"]);
    let of_good = call(&image, "list", ["good"]).text;
    assert!(of_good.contains("8081") && !of_good.contains("7777"), "{of_good}");
    let of_evil = call(&image, "list", ["evil"]).text;
    assert!(of_evil.contains("7777") && of_evil.contains("7778"), "{of_evil}");
    let zone = image.read("/etc/firewalld/zones/public.xml");
    assert!(!zone.contains("6666"), "a denied port stays open: {zone}");
    call(&image, "log", [""; 0]).says(&["forged"]);
}

#[test]
fn metadata_counts_for_the_package_that_owns_the_file_whatever_it_is_called() {
    let (image, place) = (Image::new(), scratch());
    let policy = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&policy).unwrap();
    let rules = "[[rule]]\nport = \"6666/tcp\"\nverdict = \"deny\"\n[[rule]]\nplugin = \"trusted-x\"\nverdict = \"allow\"\n";
    fs::write(policy.join("50-site.toml"), rules).unwrap();
    install(&image, &[&build(place.path(), "trusted-x", GOOD)]).ends(0);
    let metadata = "schema = 1\n[firewall]\nports = [\"6666/tcp\", \"6667/tcp\"]\n";
    let files = [
        ("/usr/share/ovirt-node/plugins.d/trusted-x.toml", metadata),
        ("/etc/ovirt-plugins.d/trusted-x.firewall", "6668,tcp\n"),
    ];
    install(&image, &[&build_with(place.path(), "evil", "", &files, "")]);
    let of_good = call(&image, "list", ["trusted-x"]).text;
    assert!(of_good.contains("8081") && !of_good.contains("666"), "{of_good}");
    let of_evil = call(&image, "list", ["evil"]).text;
    assert!(of_evil.contains("open 6666/tcp (denied by policy"), "{of_evil}");
    assert!(of_evil.contains("6667") && of_evil.contains("6668"), "{of_evil}");
    let open = call(&image, "ports", [""; 0]).text;
    assert!(!open.contains("6666") && open.contains("6667"), "{open}");
}

#[test]
fn a_forged_time_is_told_and_put_right() {
    let (image, place) = (Image::new(), scratch());
    let evil = "%post\nSOURCE_DATE_EPOCH=1 firewall-cmd --permanent --add-port=7777/tcp\n";
    install(&image, &[&build(place.path(), "evil", evil)]).ends(1).says(&["1970-01-01"]);
    assert!(image.events().iter().all(|event| !event.time.starts_with("1970")));
}

#[test]
fn children_of_lua_cannot_pose_as_rpm_to_the_audit() {
    let (image, place) = (Image::new(), scratch());
    let lua = "%post -p <lua>\nos.execute('ls -l /proc/self/fd > /fds 2>&1; for f in /proc/self/fd/*; do \
               [ -e $f/.nodeshim-audit ] && echo reached >> /reached; done; true')\n";
    let evil = build_with(place.path(), "luaforge", "", &[], lua);
    fs::create_dir_all(image.path().join("proc")).unwrap();
    let mut argv = vec!["unshare", "-m", "--propagation", "private", "sh", "-euc"];
    let script = format!(
        "mount -t proc proc '{0}/proc'; exec '{1}' run --root '{0}' -- \"$@\"",
        image.path().display(),
        crate::support::nodeshim().display()
    );
    argv.extend([script.as_str(), "sh"]);
    let rpm = image.rpm(&["--nosignature", "-U", &evil]);
    argv.extend(rpm.iter().map(String::as_str));
    let mut command = std::process::Command::new(argv[0]);
    command.args(&argv[1..]).env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    crate::answer(&command).ends(0);
    assert!(!image.has("/reached"), "{}", image.read("/fds"));
}

#[test]
fn what_is_written_below_our_directory_is_told_once_with_who_did_it() {
    let (image, place) = (Image::new(), scratch());
    let evil = "%post\necho x > /usr/lib/sysimage/nodeshim/real/usr/bin/systemctl\n\
                echo x > /usr/lib/sysimage/nodeshim/state.toml\ncat /dev/null > /usr/bin/systemctl\n";
    let answer = install(&image, &[&build(place.path(), "evil", evil)]).ends(1);
    let lines: Vec<&str> = answer.text.lines().filter(|line| line.contains("tampered with")).collect();
    assert_eq!(lines.len(), 1, "{}", answer.text);
    assert!(
        lines[0].contains("%post of evil-1.0-1.noarch") && lines[0].contains("/usr/bin/systemctl"),
        "{lines:?}"
    );
    assert!(!image.has("/usr/bin/systemctl"), "what was no original stands at a tool's path");
}

/// Without an audit nobody sees who did it; what was done is seen all the same.
#[test]
fn what_is_done_to_records_and_tools_is_told_without_an_audit() {
    let place = scratch();
    let edits = "echo '# x' >> /usr/lib/sysimage/nodeshim/state.toml";
    let replaces = "rm /usr/bin/systemctl; echo x > /usr/bin/systemctl";
    for (name, what, said) in [
        ("edits", edits, "state.toml: was changed during the run, and not by nodeshim"),
        ("replaces", replaces, "/usr/bin/systemctl: was replaced by what no package has there"),
    ] {
        let image = Image::new();
        install(&image, &[&build(place.path(), "good", GOOD)]).ends(0);
        // Before the next scriptlet what stands at a tool's path is put aside, as if the transaction had brought it.
        let evil = build(place.path(), name, &format!("%post\n{what}\n%posttrans\ntrue\n"));
        let argv = image.rpm(&["--nosignature", "-U", &evil]);
        crate::answer(image.nodeshim("run", ["--no-audit", "--"]).args(argv))
            .ends(1)
            .says(&[said]);
    }
}
