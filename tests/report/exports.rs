//! What is exported as declarations, read by what others read it with: pykickstart, Ansible, a TOML
//! parser and the blueprint's documented keys, systemd's own presets, nft, iptables and firewalld.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

use serde_json::{Value, json};

use crate::image::{Image, build_with, made_once};
use crate::support::succeed;
use crate::{UNIT, say};

const ASKING: &str = "%post\n\
    firewall-cmd --permanent --add-port=8443/tcp\n\
    firewall-cmd --permanent --add-port=5000-5010/udp\n\
    firewall-cmd --permanent --add-service=ssh\n\
    firewall-cmd --permanent --remove-service=dhcpv6-client\n\
    firewall-cmd --permanent --zone=public --add-masquerade\n\
    firewall-cmd --permanent --add-forward-port=port=80:proto=tcp:toport=8080:toaddr=10.0.0.9\n\
    firewall-cmd --permanent --zone=internal --add-source=10.1.0.0/16\n\
    firewall-cmd --permanent --zone=trusted --add-interface=eth7\n\
    firewall-cmd --permanent --add-rich-rule='rule family=\"ipv4\" source address=\"10.0.0.0/8\" accept'\n\
    systemctl enable --now a.service\n\
    systemctl enable 'a\\x2db@1.service'\n\
    systemctl disable b.service\n\
    systemctl mask c.service\n\
    systemctl reload d.service\n";

const METADATA: &str = "schema = 1\n[kernel]\nmodules = [\"br_netfilter\"]\nparameters = [\"intel_iommu=on\"]\n\
    [[group]]\nname = \"meta\"\ngid = 777\n\
    [[user]]\nname = \"meta\"\nuid = 777\ngroup = \"meta\"\ngroups = [\"kvm\"]\ncomment = \"A user\"\nhome = \"/var/lib/meta\"\n";

/// The units that the plugin asks for.
fn put_units(root: &Path) {
    for unit in ["a", "b", "c", "d", "a\\x2db@"] {
        fs::write(root.join(format!("usr/lib/systemd/system/{unit}.service")), UNIT).unwrap();
    }
}

/// An image with a plugin that asks for a little of everything.
fn image() -> Image {
    static PLACE: OnceLock<PathBuf> = OnceLock::new();
    let make = |place: &Path| {
        let image = Image::new();
        put_units(&image.path());
        // The zones that firewalld comes with.
        let stock = image.path().join("usr/lib/firewalld/");
        fs::create_dir_all(&stock).unwrap();
        succeed(Command::new("cp").arg("-a").arg("/usr/lib/firewalld/.").arg(stock));
        let files = [("/usr/share/ovirt-node/plugins.d/asking.toml", METADATA)];
        let file = build_with(&image.beside("rpms"), "asking", "", &files, ASKING);
        image.transaction(&["-i", &file]);
        succeed(Command::new("cp").arg("-a").arg(image.path()).arg(place));
    };
    Image::copy_of(PLACE.get_or_init(|| made_once("asking", make)))
}

/// What exporting it says.
struct Exported {
    image: Image,
    text: String,
    notes: String,
}

fn export(format: &str) -> Exported {
    let image = image();
    let output = succeed(&mut image.nodeshim("export", ["--format", format]));
    let [text, notes] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("text"));
    Exported { image, text, notes }
}

impl Exported {
    fn is_not_expressed(&self, things: &[&str]) {
        for thing in things {
            assert!(self.notes.contains(thing), "{thing} in {}", self.notes);
        }
        assert_eq!(self.notes.matches("cannot express").count(), things.len(), "{}", self.notes);
    }

    fn written(&self, name: &str) -> PathBuf {
        let file = self.image.beside(name);
        fs::write(&file, &self.text).unwrap();
        file
    }
}

#[test]
fn a_kickstart_is_valid() {
    let exported = export("kickstart");
    succeed(Command::new("ksvalidator").arg(exported.written("nodeshim.ks")));
    let lines: Vec<&str> = exported.text.lines().filter(|line| !line.starts_with('#')).collect();
    assert_eq!(
        lines,
        [
            "group --name=meta --gid=777",
            "user --name=meta --uid=777 --groups=kvm --gecos=\"A user\" --homedir=/var/lib/meta",
            "bootloader --append=\"intel_iommu=on\"",
            "firewall --enabled --trust=eth7 --port=5000-5010:udp,8443:tcp --service=ssh --remove-service=dhcpv6-client",
            "services --disabled=b.service --enabled=a.service",
        ]
    );
    exported.is_not_expressed(&[
        "load kernel module br_netfilter",
        "masquerade",
        "forward 80/tcp",
        "bind source 10.1.0.0/16",
        "rich rule",
        r"enable a\x2db@1.service",
        "mask c.service",
    ]);
}

/// A validator that finds nothing wrong anywhere would be of no use.
#[test]
fn the_validator_of_kickstarts_refuses_what_is_wrong() {
    let directory = crate::support::scratch();
    let file = directory.path().join("wrong.ks");
    fs::write(&file, "firewall --enabled --open=22\n").unwrap();
    assert!(!Command::new("ksvalidator").arg(&file).output().unwrap().status.success());
}

/// The customizations of osbuild's blueprint reference that are for what plugins ask for, and what
/// each holds.
const BLUEPRINT: [(&str, &str); 18] = [
    ("kernel.name", "string"),
    ("kernel.append", "string"),
    ("group[].name", "string"),
    ("group[].gid", "number"),
    ("user[].name", "string"),
    ("user[].description", "string"),
    ("user[].home", "string"),
    ("user[].shell", "string"),
    ("user[].groups[]", "string"),
    ("user[].uid", "number"),
    ("user[].gid", "number"),
    ("firewall.ports[]", "string"),
    ("firewall.services.enabled[]", "string"),
    ("firewall.services.disabled[]", "string"),
    ("firewall.zones[].name", "string"),
    ("firewall.zones[].sources[]", "string"),
    ("services.enabled[]", "string"),
    ("services.disabled[]", "string"),
];

/// Every key of a value with the kind of what it holds.
fn keys(value: &Value, path: &str, found: &mut Vec<(String, &'static str)>) {
    match value {
        Value::Object(table) => table.iter().for_each(|(key, value)| {
            let dot = if path.is_empty() { "" } else { "." };
            keys(value, &format!("{path}{dot}{key}"), found);
        }),
        Value::Array(list) => list.iter().for_each(|one| keys(one, &format!("{path}[]"), found)),
        Value::String(_) => found.push((path.to_owned(), "string")),
        Value::Number(_) => found.push((path.to_owned(), "number")),
        _ => found.push((path.to_owned(), "other")),
    }
}

#[test]
fn a_blueprint_has_the_tables_of_osbuild() {
    let exported = export("blueprint");
    let table: toml::Table = exported.text.parse().expect("TOML");
    assert_eq!(table.len(), 1, "{table:?}");
    let found = serde_json::to_value(&table["customizations"]).unwrap();
    let mut known = Vec::new();
    keys(&found, "", &mut known);
    for (key, kind) in &known {
        let is_masked = (key.as_str(), *kind) == ("services.masked[]", "string");
        assert!(is_masked || BLUEPRINT.contains(&(key, kind)), "{key} is no {kind} of a blueprint");
    }
    let expected = json!({
        "kernel": {"append": "intel_iommu=on"},
        "group": [{"name": "meta", "gid": 777}],
        "user": [{"name": "meta", "uid": 777, "groups": ["kvm"], "description": "A user", "home": "/var/lib/meta"}],
        "firewall": {
            "ports": ["5000-5010:udp", "8443:tcp"],
            "services": {"enabled": ["ssh"], "disabled": ["dhcpv6-client"]},
            "zones": [{"name": "internal", "sources": ["10.1.0.0/16"]}],
        },
        "services": {"enabled": ["a.service", r"a\x2db@1.service"], "disabled": ["b.service"], "masked": ["c.service"]},
    });
    assert_eq!(found, expected);
    exported.is_not_expressed(&[
        "load kernel module br_netfilter",
        "masquerade",
        "forward 80/tcp",
        "trust interface eth7",
        "rich rule",
    ]);
    // Another reader of TOML has it the same.
    let read = "import json, sys, tomllib\nprint(json.dumps(tomllib.load(open(sys.argv[1], 'rb'))))";
    let output =
        succeed(Command::new("/usr/bin/python3").args(["-c", read]).arg(exported.written("nodeshim.toml")));
    let again: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(again["customizations"], expected);
}

/// Checks a playbook's syntax. The collection that has the firewalld module is not installed with
/// Ansible itself: its place is taken, so that the name is found.
fn syntax_check(exported: &Exported, file: &Path) -> Output {
    let modules = exported.image.beside("collections/ansible_collections/ansible/posix/plugins/modules");
    fs::create_dir_all(&modules).unwrap();
    fs::write(modules.join("firewalld.py"), "#!/usr/bin/python3\n").unwrap();
    let mut command = Command::new("ansible-playbook");
    command.args(["--syntax-check", "-i", "localhost,"]).arg(file);
    command.env("ANSIBLE_COLLECTIONS_PATH", exported.image.beside("collections"));
    command.env("ANSIBLE_COLLECTIONS_PATHS", exported.image.beside("collections"));
    command.env("HOME", exported.image.beside("home")).env("LC_ALL", "C.UTF-8");
    command.output().expect("ansible-playbook starts")
}

#[test]
fn a_playbook_is_what_ansible_takes_with_a_task_for_each_intent() {
    let exported = export("ansible");
    let file = exported.written("nodeshim.yml");
    let output = syntax_check(&exported, &file);
    assert!(output.status.success(), "{output:?}\n{}", exported.text);
    let wrong = exported.image.beside("wrong.yml");
    fs::write(&wrong, exported.text.replacen("ansible.builtin.systemd", "ansible.builtin.sistemd", 1))
        .unwrap();
    assert!(!syntax_check(&exported, &wrong).status.success(), "it takes anything");

    let read = "import json, sys, yaml\n\
        yaml.SafeLoader.add_constructor('!unsafe', lambda loader, node: node.value)\n\
        print(json.dumps(yaml.safe_load(open(sys.argv[1]))))";
    let output = succeed(Command::new("/usr/bin/python3").args(["-c", read]).arg(&file));
    let plays: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let tasks = plays[0]["tasks"].as_array().expect("tasks");
    let of = |module: &str| -> Vec<&Value> { tasks.iter().filter_map(|task| task.get(module)).collect() };
    let is_there = |key: &str, value: Value, zone: &str, state: &str| {
        let expected = json!({"zone": zone, key: value, "permanent": true, "immediate": true, "offline": true, "state": state});
        assert!(of("ansible.posix.firewalld").contains(&&expected), "{expected} in {plays:#}");
    };
    is_there("port", json!("8443/tcp"), "public", "enabled");
    is_there("port", json!("5000-5010/udp"), "public", "enabled");
    is_there("service", json!("ssh"), "public", "enabled");
    is_there("service", json!("dhcpv6-client"), "public", "disabled");
    is_there("masquerade", json!(true), "public", "enabled");
    let forward = json!([{"port": "80", "proto": "tcp", "toport": "8080", "toaddr": "10.0.0.9"}]);
    is_there("port_forward", forward, "public", "enabled");
    is_there("source", json!("10.1.0.0/16"), "internal", "enabled");
    is_there("interface", json!("eth7"), "trusted", "enabled");
    is_there(
        "rich_rule",
        json!("rule family=\"ipv4\" source address=\"10.0.0.0/8\" accept"),
        "public",
        "enabled",
    );
    for (module, expected) in [
        ("systemd", json!({"name": "a.service", "enabled": true})),
        ("systemd", json!({"name": r"a\x2db@1.service", "enabled": true})),
        ("systemd", json!({"name": "b.service", "enabled": false})),
        ("systemd", json!({"name": "c.service", "masked": true})),
        ("systemd", json!({"name": "a.service", "state": "started"})),
        ("group", json!({"name": "meta", "gid": 777, "system": true})),
        (
            "user",
            json!({"name": "meta", "uid": 777, "comment": "A user", "home": "/var/lib/meta", "system": true}),
        ),
        ("user", json!({"name": "meta", "groups": ["kvm"], "append": true})),
    ] {
        assert!(of(&format!("ansible.builtin.{module}")).contains(&&expected), "{expected} in {plays:#}");
    }
    assert_eq!(tasks.len(), 17, "{plays:#}");
    exported.is_not_expressed(&["load kernel module br_netfilter", "boot with intel_iommu=on"]);
}

#[test]
fn systemd_follows_the_presets() {
    let exported = export("preset");
    let root = exported.image.path();
    // The directory is made.
    let directory = exported.image.beside("deep/out");
    say(
        &exported.image,
        "export",
        &["--format", "preset", "--out", &directory.display().to_string()],
    );
    // An image where nothing was done but the preset files are there.
    let fresh = Image::new();
    put_units(&fresh.path());
    let wants = fresh.path().join("etc/systemd/system/multi-user.target.wants");
    fs::create_dir_all(&wants).unwrap();
    std::os::unix::fs::symlink("/usr/lib/systemd/system/b.service", wants.join("b.service")).unwrap();
    let presets = fresh.path().join("etc/systemd/system-preset");
    fs::create_dir_all(&presets).unwrap();
    let name = "80-nodeshim-asking.preset";
    fs::copy(directory.join("system-preset").join(name), presets.join(name)).unwrap();
    let units = ["a.service", "b.service", r"a\x2db@1.service"];
    succeed(Command::new("systemctl").arg("--root").arg(fresh.path()).arg("preset").args(units));
    let links = |root: &Path| -> BTreeMap<String, bool> {
        let wants = root.join("etc/systemd/system/multi-user.target.wants");
        units.map(|unit| (unit.to_owned(), fs::symlink_metadata(wants.join(unit)).is_ok())).into()
    };
    assert_eq!(links(&fresh.path()), links(&root), "{}", exported.text);
    assert!(links(&root)["a.service"] && !links(&root)["b.service"], "{:?}", links(&root));
    exported.is_not_expressed(&["mask c.service"]);
}

/// Writes an export below a directory that is not there yet and lets a script in a network namespace
/// of its own read it; `$1` is the directory.
fn is_read_by(image: &Image, format: &str, script: &str) {
    let out = image.beside(&format!("out/{format}"));
    say(image, "export", &["--format", format, "--out", &out.display().to_string()]);
    succeed(Command::new("unshare").args(["-n", "sh", "-euc", script, "sh"]).arg(&out));
}

#[test]
fn every_firewall_reads_its_own_export() {
    let image = image();
    is_read_by(&image, "nft", "nft -c -f $1/nodeshim.nft");
    is_read_by(&image, "iptables", "iptables-nft-restore --test <$1/iptables");
    is_read_by(&image, "ip6tables", "ip6tables-nft-restore --test <$1/ip6tables");
    let check = "echo DefaultZone=public >$1/firewalld.conf; firewall-offline-cmd --check-config \
                 --system-config $1 --default-config /usr/lib/firewalld";
    is_read_by(&image, "firewalld", check);
    // Each line a port and a protocol, or the old node stops there.
    is_read_by(&image, "ovirt-firewall", "! grep -Evx '[0-9]+,(tcp|udp)' $1/asking.firewall");
    let ports = fs::read_to_string(image.beside("out/ovirt-firewall/asking.firewall")).unwrap();
    assert!(ports.contains("8443,tcp\n") && ports.contains("5003,udp\n"), "{ports}");
}

#[test]
fn json_has_the_files_and_what_they_do_not_say() {
    let image = image();
    let output = succeed(&mut image.nodeshim("export", ["--format", "kickstart", "--json"]));
    let shown: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert!(shown["files"]["nodeshim.ks"].as_str().unwrap().contains("--port="), "{shown}");
    let notes: Vec<&Value> = shown["notes"].as_array().unwrap().iter().collect();
    let masked = notes.iter().find(|note| note["text"] == "kickstart cannot express: mask c.service");
    let masked = masked.unwrap_or_else(|| panic!("{shown:#}"));
    assert_eq!((&masked["plugin"], masked["events"].as_array().unwrap().len()), (&json!("asking"), 1));
}

/// An image with templates: one with a default instance, one that presets give instances, one with neither,
/// one that is disabled but for an instance; and the root's own mount unit.
fn image_with_templates() -> Image {
    let image = Image::new();
    let units = image.path().join("usr/lib/systemd/system");
    let with_default = format!("{UNIT}DefaultInstance=one\n");
    for (unit, text) in [
        ("default@.service", with_default.as_str()),
        ("listed@.service", UNIT),
        ("bare@.service", UNIT),
        ("off@.service", UNIT),
        ("-.mount", "[Mount]\nWhat=/dev/x\nWhere=/\n[Install]\nWantedBy=multi-user.target\n"),
    ] {
        fs::write(units.join(unit), text).unwrap();
    }
    let presets = image.path().join("usr/lib/systemd/system-preset");
    fs::create_dir_all(&presets).unwrap();
    fs::write(presets.join("90-x.preset"), "enable listed@.service p q\nenable bare@.service\n").unwrap();
    let script = "%post\nsystemctl enable default@.service\nsystemctl preset listed@.service bare@.service\n\
        systemctl disable off@.service\nsystemctl enable off@k.service\nsystemctl enable -- -.mount\n";
    image.transaction(&[
        "-i",
        &build_with(&image.beside("rpms"), "templates", "", &[], script),
    ]);
    image
}

#[test]
fn exports_name_instances_of_a_template_and_nothing_that_is_taken_for_an_option() {
    let image = image_with_templates();
    let enabled = [
        "default@one.service",
        "listed@p.service",
        "listed@q.service",
        "off@k.service",
    ];
    for format in ["kickstart", "blueprint", "ansible"] {
        let output = succeed(&mut image.nodeshim("export", ["--format", format]));
        let [text, notes] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        for unit in enabled {
            assert!(text.contains(unit), "{format}: {unit} in {text}");
        }
        assert!(!text.contains("@.service") && !text.contains("-.mount"), "{format}: {text}");
        for thing in ["preset (enable) bare@.service", "enable -.mount"] {
            let found = notes.lines().any(|line| line.contains("cannot express") && line.contains(thing));
            assert!(found, "{format}: {thing} in {notes}");
        }
    }
    // What they name can be enabled.
    for unit in enabled {
        succeed(Command::new("systemctl").arg("--root").arg(image.path()).args(["enable", "--", unit]));
    }
}
