//! Tests of the configuration file: its grammar, its canonical form, and paths that are no files.

use std::ffi::OsString;

use nix::sys::stat::Mode;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::custom::{CustomRules, Family, Table};
use super::super::forward::Forward;
use super::super::icmp::ICMP_TYPES;
use super::super::port::{Port, Ports, Protocol};
use super::super::services::SERVICES;
use super::*;

fn canonical(text: &str) -> (String, Vec<String>) {
    let (settings, errors) = parse(text.as_bytes(), &|_| None);
    let text = String::from_utf8(render(&settings)).unwrap();
    (text.strip_prefix(HEADER).unwrap().replace('\n', " ").trim_end().to_owned(), errors)
}

#[test]
fn lines_are_single_words() {
    let cases: [(&str, &str, &[&str]); 9] = [
        ("", "--enabled", &[]),
        ("--enabled\n--disabled\n--port=1:tcp", "--disabled --port=1:tcp", &[]),
        ("--disabled\r\n--high\r\n # x\r\n\r\n -p7:tcp \r\n", "--enabled --port=7:tcp", &[]),
        ("-p 7:tcp\n-sdns", "--enabled --port=7:tcp --service=dns", &[]),
        ("-s dns", "--enabled", &["option -s: invalid service ' dns'."]),
        ("-t eth0", "--enabled", &["option -t: invalid interface ' eth0'."]),
        ("--port 7:tcp", "--enabled", &["no such option: --port 7:tcp"]),
        (
            "--update\nword\n-m",
            "--enabled",
            &[
                "no such option: --update",
                "no such option: word",
                "-m option requires an argument",
            ],
        ),
        (
            "--addmodule=a\n--removemodule=b\n--forward-port=proto=tcp:if=w:toport=2:port=1",
            "--enabled --forward-port=if=w:port=1:proto=tcp:toport=2",
            &[],
        ),
    ];
    for (text, expected, messages) in cases {
        let (found, errors) = canonical(text);
        assert_eq!(
            (found.as_str(), errors),
            (expected, messages.iter().map(|m| m.to_string()).collect()),
            "{text}"
        );
    }
}

#[test]
fn text_that_is_not_utf8_keeps_its_bytes() {
    let (settings, errors) = parse(b"--custom-rules=/r\xe9gles\n", &|_| None);
    assert_eq!(errors, Vec::<String>::new());
    assert!(render(&settings).ends_with(b"--custom-rules=ipv4:filter:/r\xe9gles\n"));
    let (_, errors) = parse(b"--trust=\xff\n", &|_| None);
    assert_eq!(errors, ["option --trust: invalid interface '\u{fffd}'."]);
    let (_, errors) = parse(b"--fr\xffob\n", &|_| None);
    assert_eq!(errors, ["no such option: --fr\u{fffd}ob"]);
}

fn image() -> (tempfile::TempDir, Root) {
    let dir = tempfile::tempdir().unwrap();
    let root = Root::open(dir.path()).unwrap();
    (dir, root)
}

#[test]
fn saving_makes_the_directory_and_keeps_one_generation() {
    let (_dir, root) = image();
    let mut settings = Settings::default();
    save(&root, &settings).unwrap();
    assert!(!root.exists("/etc/sysconfig/system-config-firewall.old"));
    root.chmod(PATH, 0o640).unwrap();
    settings.switch = Some(false);
    save(&root, &settings).unwrap();
    assert_eq!(root.meta(PATH).unwrap().mode, 0o600);
    assert_eq!(root.meta("/etc/sysconfig/system-config-firewall.old").unwrap().mode, 0o640);
    let old = root.read("/etc/sysconfig/system-config-firewall.old").unwrap();
    assert!(old.ends_with(b"--enabled\n"));
}

#[test]
fn what_is_no_regular_file_is_neither_read_nor_replaced() {
    let (dir, root) = image();
    root.create_dirs(PATH, 0o755).unwrap();
    assert_eq!(load(&root, &|_| None).unwrap(), Loaded::default());
    assert!(save(&root, &Settings::default()).is_err());
    root.remove_dir(PATH).unwrap();
    let fifo = dir.path().join("etc/sysconfig/system-config-firewall");
    nix::unistd::mkfifo(&fifo, Mode::S_IRWXU).unwrap();
    assert_eq!(load(&root, &|_| None).unwrap(), Loaded::default());
    assert!(save(&root, &Settings::default()).is_err());
}

#[test]
fn a_directory_that_is_a_file_is_an_error() {
    let (_dir, root) = image();
    root.create_dirs("/etc", 0o755).unwrap();
    root.write(SYSCONFIG, b"", None).unwrap();
    assert_eq!(load(&root, &|_| None).unwrap(), Loaded::default());
    assert!(save(&root, &Settings::default()).is_err());
}

fn interface() -> impl Strategy<Value = String> {
    "[abz09.+_\"'=-]{1,14}é?".prop_filter("a lone plus", |name| name != "+")
}

fn ports() -> impl Strategy<Value = Ports> {
    (any::<u16>(), any::<u16>()).prop_map(|(a, b)| Ports::between(a, b))
}

fn protocol() -> impl Strategy<Value = Protocol> {
    select(vec![Protocol::Tcp, Protocol::Udp])
}

fn entry() -> impl Strategy<Value = Entry> {
    let tables = vec![
        (Family::Ipv4, Table::Filter),
        (Family::Ipv4, Table::Nat),
        (Family::Ipv6, Table::Filter),
        (Family::Ipv6, Table::Mangle),
    ];
    // What is trimmed off a line's end can be no part of a file name.
    let file = "/[ -~]{0,20}[!-~]".prop_map(OsString::from);
    let target = prop_oneof![
        ports().prop_map(|ports| (Some(ports), None)),
        any::<std::net::Ipv4Addr>().prop_map(|address| (None, Some(address.to_string()))),
        ports().prop_map(|ports| (Some(ports), Some("192.0.2.1".to_owned()))),
        Just((None, Some(String::new()))),
    ];
    let plain = interface().prop_filter("an equals sign", |name| !name.contains('='));
    prop_oneof![
        interface().prop_map(Entry::Trust),
        interface().prop_map(Entry::Masq),
        (ports(), protocol()).prop_map(|(ports, protocol)| Entry::Port(Port { ports, protocol })),
        (select(tables), file)
            .prop_map(|((family, table), file)| { Entry::CustomRules(CustomRules { family, table, file }) }),
        select((0..SERVICES.len()).collect::<Vec<_>>()).prop_map(|at| Entry::Service(&SERVICES[at])),
        select((0..ICMP_TYPES.len()).collect::<Vec<_>>()).prop_map(|at| Entry::BlockIcmp(&ICMP_TYPES[at])),
        (plain, ports(), protocol(), target).prop_map(
            |(interface, ports, protocol, (to_ports, to_address))| {
                Entry::Forward(Forward {
                    interface,
                    ports,
                    protocol,
                    to_ports,
                    to_address,
                })
            }
        ),
    ]
}

proptest! {
    #[test]
    fn lokkit_settings_that_are_written_are_read_again(on: bool, entries in vec(entry(), 0..20)) {
        let mut settings = Settings { switch: Some(on), ..Settings::default() };
        entries.into_iter().for_each(|entry| {
            settings.insert(entry);
        });
        let (read, errors) = parse(&render(&settings), &|_| None);
        prop_assert_eq!(errors, Vec::<String>::new());
        prop_assert_eq!(read, settings);
    }

    #[test]
    fn any_text_is_read_without_harm_and_canonical_after(text: Vec<u8>) {
        let (settings, _) = parse(&text, &|_| None);
        let canonical = render(&settings);
        let (again, errors) = parse(&canonical, &|_| None);
        prop_assert_eq!(errors, Vec::<String>::new());
        prop_assert_eq!(render(&again), canonical);
    }
}
