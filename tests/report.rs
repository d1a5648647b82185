//! The report on images into which real packages were installed: it tells everything that is known
//! of each plugin, is the same twice, and no package can write anything but text into it.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/browser.rs"]
mod browser;
#[path = "report/exports.rs"]
mod exports;
#[path = "support/image.rs"]
mod image;
#[path = "report/manifests.rs"]
mod manifests;
#[path = "report/page.rs"]
mod page;
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use image::{Image, build_version, made_once};
use serde_json::{Value, json};
use support::succeed;

const UNIT: &str =
    "[Unit]\nDescription=x\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";

/// What would change the page's title if a browser took it for markup.
const SCRIPT: &str = "<script>document.title='owned'</script>";

fn say(image: &Image, verb: &str, args: &[&str]) -> String {
    let output = succeed(&mut image.nodeshim(verb, args));
    String::from_utf8(output.stdout).expect("text")
}

/// An image with a policy, and two plugins: one that does everything, and one whose every text is
/// hostile.
fn image() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let make = |place: &Path| _ = succeed(Command::new("cp").arg("-a").arg(installed().path()).arg(place));
    Image::copy_of(PLACE.get_or_init(|| made_once("installed", make)))
}

fn installed() -> Image {
    let image = Image::new();
    let directory = image.path().join("etc/nodeshim/policy.d");
    fs::create_dir_all(&directory).unwrap();
    let policy = "[[rule]]\nname = \"no-telnet\"\nport = \"23\"\nverdict = \"deny\"\nreason = \"not here\"\n";
    fs::write(directory.join("10-site.toml"), policy).unwrap();
    let unit = image.path().join("usr/lib/systemd/system/busy.service");
    fs::write(unit, UNIT).unwrap();
    let busy = "%install\nmkdir -p %{buildroot}/usr/libexec/vdsm/hooks/before_vm_start\n\
        echo '#!/bin/sh' >%{buildroot}/usr/libexec/vdsm/hooks/before_vm_start/50_busy\n\
        chmod 0755 %{buildroot}/usr/libexec/vdsm/hooks/before_vm_start/50_busy\n\
        %files\n/usr/libexec/vdsm/hooks/before_vm_start/50_busy\n\
        %post\nsystemctl enable --now busy.service\nfirewall-cmd --permanent --add-port=8443/tcp\n\
        firewall-cmd --permanent --add-port=443/tcp\n\
        firewall-cmd --permanent --add-service=ssh\n\
        firewall-cmd --permanent --add-port=23/tcp\n\
        echo made >/etc/busy.conf\nmkdir -p /etc/systemd/system-preset\n\
        echo enable x >/etc/systemd/system-preset/10-busy.preset\n";
    let preamble = "Vendor: A vendor\nURL: https://example.org/busy\nProvides: ovirt-node-plugin(busy) = 2.1";
    let busy = build_version(&image.beside("rpms"), "busy", 1, preamble, busy);
    let preamble = format!(
        "Vendor: <img src=x onerror=document.title='owned'>\nURL: javascript:document.title='owned'\n\
         Provides: ovirt-node-plugin(</section>{SCRIPT}) = 1"
    );
    let body = format!(
        "</pre>{SCRIPT}\n'tab\tand\nlines\n%files\n%post\n\
         touch \"/etc/<td>$(printf '\\033[2J\\u202e')<script>document.title='owned'<&>\"\n\
         systemctl restart '\"><img src=x onerror=1>.service'\n"
    );
    let hostile = build_version(&image.beside("rpms"), "hostile", 1, &preamble, &body);
    image.transaction(&["-i", &busy, &hostile]);
    image
}

fn plugin<'r>(report: &'r Value, name: &str) -> &'r Value {
    let plugins = report["plugins"].as_array().expect("plugins");
    plugins
        .iter()
        .find(|plugin| plugin["name"] == name)
        .unwrap_or_else(|| panic!("{name}: {report:#}"))
}

fn texts(list: &Value) -> Vec<&str> {
    let items = list.as_array().expect("a list").iter();
    items.filter_map(|item| item["text"].as_str().or(item.as_str())).collect()
}

#[test]
fn everything_that_is_known_of_a_plugin_is_in_the_report() {
    let image = image();
    let text = say(&image, "report", &["--format", "json"]);
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["schema"], 1);
    let facts = &report["image"];
    assert_eq!(
        (&facts["name"], &facts["firewall-backend"], &facts["packages"]),
        (&json!("Test image"), &json!("nftables"), &json!(3))
    );
    assert_eq!(facts["policy"], json!([{"path": "/etc/nodeshim/policy.d/10-site.toml", "rules": 1}]));
    let busy = plugin(&report, "busy");
    let expected = [
        ("nevra", json!("busy-1-1.noarch")),
        ("evr", json!("1-1")),
        ("vendor", json!("A vendor")),
        ("summary", json!("Test")),
        ("license", json!("Apache-2.0")),
        ("url", json!("https://example.org/busy")),
        ("provides", json!([{"plugin": "busy", "version": "2.1"}])),
        ("ports", json!(["443/tcp", "8443/tcp"])),
        ("services", json!(["ssh"])),
        ("gone", json!(false)),
    ];
    for (key, value) in expected {
        assert_eq!(busy[key], value, "{key}");
    }
    assert!(nodeshim::journal::seconds(busy["installed"].as_str().unwrap()).is_some());
    let signature = &busy["signature"];
    assert_eq!((&signature["verdict"], &signature["text"]), (&Value::Null, &Value::Null));
    assert_eq!(texts(&busy["units"]), ["enable busy.service"]);
    assert_eq!(texts(&busy["deferred"]), ["start busy.service at boot"]);
    assert_eq!(texts(&busy["denied"]), ["open 23/tcp in zone public"]);
    assert_eq!(busy["denied"][0]["rule"], "10-site.toml: no-telnet: not here");
    assert_eq!(
        (&busy["hooks"][0]["point"], &busy["hooks"][0]["name"]),
        (&json!("before_vm_start"), &json!("50_busy"))
    );
    assert_eq!(
        texts(&busy["bypasses"]),
        ["presets, changed directly: /etc/systemd/system-preset/10-busy.preset"]
    );
    let files = busy["files"].as_array().unwrap();
    assert_eq!((files.len(), &files[0]["scriptlet"], &files[0]["arg"]), (1, &json!("%post"), &json!(1)));
    let changed: Vec<&str> = files[0]["changes"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|change| change["path"].as_str())
        .collect();
    assert!(changed.contains(&"/etc/busy.conf"), "{changed:?}");
}

#[test]
fn the_same_image_gives_the_same_bytes() {
    let image = image();
    for form in ["text", "json", "html"] {
        let once = say(&image, "report", &["--format", form]);
        let out = image.beside("out");
        assert_eq!(say(&image, "report", &["--format", form, "--out", &out.display().to_string()]), "");
        assert_eq!(fs::read_to_string(&out).unwrap(), once, "{form}");
    }
    assert_eq!(say(&image, "report", &["--json"]), say(&image, "report", &["--format", "json"]));
}

#[test]
fn text_for_a_terminal_moves_no_cursor() {
    let image = image();
    let text = say(&image, "report", &[]);
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    assert!(text.contains(r"\u{1b}[2J"), "{text}");
    let lines = [
        "busy-1-1.noarch\n",
        "  vendor    A vendor\n",
        "  is plugin busy 2.1\n",
        "  at boot   start busy.service at boot [#",
        "  denied    open 23/tcp in zone public (10-site.toml: no-telnet: not here)",
        "  hook      before_vm_start/50_busy 0755\n",
        "  direct    presets, changed directly:",
        "policy      /etc/nodeshim/policy.d/10-site.toml (1 rule)\n",
    ];
    for line in lines {
        assert!(text.contains(line), "{line:?} in {text}");
    }
}

#[test]
fn files_of_other_packages_that_a_scriptlet_changed_come_first() {
    let image = Image::new();
    let files = [
        ("/etc/owned.conf", "of the owner\n"),
        ("/etc/kept.conf", "of the owner\n"),
    ];
    let owner = image::build_with(&image.beside("rpms"), "owner", "", &files, "");
    let post = "%post\necho mine >>/etc/owned.conf\necho new >/etc/intruder.conf\n";
    let intruder = image::build(&image.beside("rpms"), "intruder", post);
    image.transaction(&["-i", &owner]);
    image.transaction(&["-i", &intruder]);
    let report: Value = serde_json::from_str(&say(&image, "report", &["--json"])).unwrap();
    let line = "/etc/owned.conf changed by %post(1): a file of owner";
    assert_eq!(texts(&plugin(&report, "intruder")["matters"]), [line]);
    let text = say(&image, "report", &[]);
    let (overview, _) = text.split_once("\n\n").expect("an overview");
    assert!(overview.contains(&format!("look at     intruder: {line}")), "{text}");
}

#[test]
fn ports_and_units_with_who_asked_for_them_are_in_the_overview() {
    let image = image();
    let text = say(&image, "report", &[]);
    let (overview, _) = text.split_once("\n\n").expect("an overview");
    for line in [
        "open        22/tcp in zone public by busy: service ssh [#",
        "open        8443/tcp in zone public by busy: port [#",
        "starts      busy.service by busy: enabled [#",
    ] {
        assert!(overview.contains(line), "{line}: {overview}");
    }
    let report: Value = serde_json::from_str(&say(&image, "report", &["--json"])).unwrap();
    assert_eq!(report["ports"][0]["port"], "22");
    assert_eq!(report["units"][0]["unit"], "busy.service");
    let requests = report["requests"].as_array().unwrap();
    let named = |event: &Value| requests.iter().any(|request| request["event"] == *event);
    let items = plugin(&report, "busy")["firewall"].as_array().unwrap().iter();
    assert!(items.flat_map(|item| item["events"].as_array().unwrap()).all(named), "{requests:#?}");
    assert!(
        requests
            .iter()
            .any(|request| request["command"] == "firewall-cmd --permanent --add-port=8443/tcp")
    );
}

#[test]
fn a_plugin_that_is_gone_is_told_until_it_is_settled() {
    let image = image();
    let rpm = image.rpm(&["-e", "--justdb", "--noscripts", "busy"]);
    succeed(Command::new(&rpm[0]).args(&rpm[1..]));
    let report: Value = serde_json::from_str(&say(&image, "report", &["--json"])).unwrap();
    let busy = plugin(&report, "busy");
    assert_eq!((&busy["gone"], &busy["ports"], &busy["vendor"]), (&json!(true), &json!([]), &Value::Null));
    say(&image, "settle", &[]);
    let report: Value = serde_json::from_str(&say(&image, "report", &["--json"])).unwrap();
    let busy = plugin(&report, "busy");
    assert_eq!((&busy["gone"], &busy["requests"]), (&json!(false), &json!(0)), "only its files are known");
}
