//! What no package should bring, and some do: files that are broken or made to harm, and arguments
//! that would say more than they should. Refused with the original's exit status; nothing is written
//! and nothing lost.
#![allow(clippy::disallowed_methods, reason = "tests look at images from outside")]

#[path = "support/call.rs"]
mod call;
mod support;

use std::ffi::OsString;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use call::{call, call_with};
use nodeshim::config::Config;
use nodeshim::request::Reply;
use nodeshim::tool::Tool;
use support::{assert_same, scratch, snapshot, succeed};

const ZONE: &str = "etc/firewalld/zones/public.xml";
const LOKKIT_FILE: &str = "etc/sysconfig/system-config-firewall";

fn put(image: &Path, path: &str, text: &str) {
    let path = image.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn image(zone: &str) -> tempfile::TempDir {
    let image = scratch();
    put(image.path(), "usr/lib/firewalld/zones/trusted.xml", "<zone target=\"ACCEPT\"/>\n");
    put(image.path(), "usr/lib/firewalld/services/ssh.xml", "<service/>\n");
    put(image.path(), "usr/lib/firewalld/icmptypes/redirect.xml", "<icmptype/>\n");
    put(image.path(), "usr/lib/firewalld/zones/public.xml", "<zone/>\n");
    put(image.path(), ZONE, zone);
    image
}

fn offline(image: &Path, line: &str) -> Reply {
    call(image, Tool::FirewallOfflineCmd, line, |_| {})
}

/// A call that is refused with this exit status and changes nothing.
fn refused(image: &Path, tool: Tool, words: &[&str], exit: u8) {
    let before = snapshot(image);
    let reply = call_with(image, tool, &Config::default(), words);
    assert_eq!(reply.exit, exit, "{words:?}: {:?}", reply.output);
    assert!(reply.intents.iter().all(|recorded| !recorded.changed), "{words:?}: {:?}", reply.intents);
    assert_same(&before, &snapshot(image), &format!("{words:?}"));
}

#[test]
fn broken_files_are_refused_and_kept() {
    for (zone, exit) in [
        ("", 112),
        ("<zone", 112),
        ("<zone><port port=\"1\"/></zone>", 28),
        ("<zone><port port=\"90000\" protocol=\"tcp\"/></zone>", 102),
        ("<zone><port port=\"18446744073709551617\" protocol=\"tcp\"/></zone>", 102),
        ("<zone><rule priority=\"x\"/></zone>", 254),
        ("<zone><exec/></zone>", 28),
        ("<service/>", 28),
        ("<zone>\0</zone>\u{1}", 112),
    ] {
        let image = image(zone);
        for line in [
            "--add-port=1/tcp",
            "--zone=trusted --add-port=1/tcp",
            "-p 1:tcp",
            "--new-zone=plug",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            refused(image.path(), Tool::FirewallOfflineCmd, &words, exit);
        }
    }
}

#[test]
fn entities_are_neither_expanded_nor_fetched() {
    let mut bomb = "<!DOCTYPE z [<!ENTITY a \"aaaaaaaaaa\">".to_owned();
    for (name, of) in ('b'..='l').zip('a'..) {
        write!(bomb, "<!ENTITY {name} \"{}\">", format!("&{of};").repeat(10)).unwrap();
    }
    bomb += "]>\n<zone><short>&l;</short></zone>";
    let fetched = "<!DOCTYPE z [<!ENTITY x SYSTEM \"file:///etc/secret\">]>\n<zone><short>&x;</short></zone>";
    for zone in [bomb.as_str(), fetched] {
        let image = image(zone);
        put(image.path(), "etc/secret", "secret");
        refused(image.path(), Tool::FirewallOfflineCmd, &["--add-port=1/tcp"], 112);
        refused(image.path(), Tool::FirewallOfflineCmd, &["--list-all"], 112);
    }
}

/// Whatever takes time in proportion to the square of the number would not come to an end with these.
#[test]
fn very_many_ports_are_read_and_written() {
    const PORTS: usize = 150_000;
    const DISTINCT: usize = 4 * 25_000;
    let mut zone = "<zone>\n".to_owned();
    for n in 0..PORTS {
        let protocol = ["tcp", "udp", "sctp", "dccp"][n / 25_000 % 4];
        writeln!(zone, "  <port port=\"{}\" protocol=\"{protocol}\"/>", n % 25_000).unwrap();
    }
    let image = image(&(zone + "</zone>\n"));
    let reply = offline(image.path(), "--add-service=ssh");
    assert_eq!(reply.exit, 0, "{:?}", reply.output);
    let after = fs::read_to_string(image.path().join(ZONE)).unwrap();
    assert!(after.contains("<service name=\"ssh\"/>"));
    assert_eq!(after.matches("<port ").count(), DISTINCT);
}

#[test]
fn arguments_that_would_say_more_are_refused() {
    let image = image("<zone>\n</zone>\n");
    for (line, exit) in [
        ("--add-port=1/tcp;drop", 103),
        ("--add-port=1\n2/tcp", 102),
        ("--add-port=99999999999999999999/tcp", 102),
        ("--add-port=-1/tcp", 102),
        ("--add-service=x\"/><masquerade/>", 101),
        ("--add-service=../../../etc/passwd", 101),
        ("--add-interface=a\nb c", 104),
        ("--add-interface=x/../y", 104),
        ("--add-source=1.2.3.4\"/>", 105),
        ("--add-icmp-block=a }; flush ruleset", 107),
        ("--add-protocol=tcp\naccept", 103),
        ("--new-zone=a\nb", 116),
        ("--new-zone=../x", 116),
        ("--new-service=a;b", 116),
        ("--new-service=a\"b", 116),
        ("--new-ipset=a{b", 2),
        ("--set-target=ACCEPT\n", 110),
        ("--zone=../../x", 112),
        ("--service=../x", 101),
        ("--add-rich-rule=rule service name=x log prefix=\"a\nb\" foo", 122),
    ] {
        refused(image.path(), Tool::FirewallOfflineCmd, &[line], exit);
    }
    for line in [
        "--port=1:tcp\n--disabled",
        "--port=1\n:tcp:",
        "--port=65536:tcp",
        "--port=99999999999999999999:tcp",
        "--trust=eth0 -j ACCEPT",
        "--service=ssh\n-A INPUT",
        "--block-icmp=x\n",
    ] {
        refused(image.path(), Tool::Lokkit, &["-n", line], 2);
    }
}

#[test]
fn what_is_stored_is_quoted() {
    let image = image("<zone>\n</zone>\n");
    let short = "--set-short=a<b>&\"c\"\u{1}]]>\nd";
    let reply = call_with(image.path(), Tool::FirewallOfflineCmd, &Config::default(), [short]);
    assert_eq!(reply.exit, 0);
    let text = fs::read_to_string(image.path().join(ZONE)).unwrap();
    assert!(text.contains("<short>a&lt;b&gt;&amp;\"c\"]]&gt;\nd</short>"), "{text}");
    // Bytes that are no text reach no file.
    let bytes = OsString::from_vec(b"--add-service=\xff\xfe".to_vec());
    let before = snapshot(image.path());
    let reply = call_with(image.path(), Tool::FirewallOfflineCmd, &Config::default(), [bytes]);
    assert_eq!(reply.exit, 101);
    assert_same(&before, &snapshot(image.path()), "bytes");
}

#[test]
fn what_is_no_file_is_refused_without_waiting() {
    for kind in ["fifo", "directory", "dangling"] {
        let image = image("");
        let at = |path: &str| image.path().join(path);
        put(image.path(), LOKKIT_FILE, "");
        for path in [ZONE, LOKKIT_FILE, "etc/firewalld/firewalld.conf"] {
            let _ = fs::remove_file(at(path));
            match kind {
                "fifo" => drop(succeed(Command::new("mkfifo").arg(at(path)))),
                "directory" => fs::create_dir(at(path)).unwrap(),
                _ => symlink("/nowhere/at/all", at(path)).unwrap(),
            }
        }
        let before = snapshot(image.path());
        // Where there is nothing behind a name, the original goes on without it; so may a stand-in.
        let _ = offline(image.path(), "--add-port=1/tcp");
        let _ = call(image.path(), Tool::Lokkit, "-n -p 1:tcp", |_| {});
        for path in [ZONE, LOKKIT_FILE, "etc/firewalld/firewalld.conf"] {
            let meta = fs::symlink_metadata(at(path)).unwrap();
            assert!(kind != "directory" || meta.is_dir(), "{path} was a directory");
        }
        assert!(!Path::new("/nowhere").exists());
        assert!(before.len() <= snapshot(image.path()).len(), "{kind}: something was lost");
    }
}

#[test]
fn services_that_include_each_other_or_nothing_come_to_an_end() {
    let image = image("<zone>\n</zone>\n");
    for (name, include) in [("a", "b"), ("b", "a"), ("c", "nope")] {
        let text =
            format!("<service><port port=\"1\" protocol=\"tcp\"/><include service=\"{include}\"/></service>");
        put(image.path(), &format!("etc/firewalld/services/{name}.xml"), &text);
    }
    assert_eq!(offline(image.path(), "--add-service=a").exit, 0);
    assert_eq!(offline(image.path(), "--service=a --get-includes").exit, 0);
    refused(image.path(), Tool::FirewallOfflineCmd, &["--service=c", "--add-port=2/tcp"], 101);
    refused(image.path(), Tool::FirewallOfflineCmd, &["--delete-service=b"], 101);
}
