//! Scriptlets reach the image and not the kernel of the machine that builds it.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::image::{Image, build, build_with, contained, made_once};
use super::support::{nodeshim, project, succeed};
use super::text;

/// What scriptlets do to a kernel, with a mark each that can be looked for.
const SCRIPTLET: &str = "%post\n\
    hostname planted\n\
    nft add table inet planted\n\
    ip link set lo mtu 4321\n\
    echo 1 >/proc/sys/net/ipv4/ip_forward\n\
    mkdir -p /mnt/planted\n\
    mount -t tmpfs planted /mnt/planted\n\
    echo 4321 >/proc/sys/kernel/printk_ratelimit_burst\n\
    sleep 4321 >/dev/null 2>&1 &\n\
    { hostname; nft list tables; ip -o link; cat /proc/mounts; grep CapBnd /proc/self/status; } >/var/tmp/seen\n";

/// What there was after a run.
struct Seen {
    /// What the machine has of what the scriptlet did.
    outside: String,
    /// What the scriptlet saw of it.
    inside: String,
    /// What was said of the run; that names the commands that bypassed the tools.
    said: String,
}

/// An image with the tools that the scriptlets call.
fn image_with_tools() -> Image {
    static TEMPLATE: OnceLock<PathBuf> = OnceLock::new();
    let template = TEMPLATE.get_or_init(|| {
        made_once("image-with-tools", |place| {
            let mut make = Command::new(project().join("tests/lib/mkroot"));
            for tool in ["/bin/hostname", "/usr/sbin/nft", "/sbin/ip", "/bin/mount"] {
                make.args(["--bin", tool]);
            }
            succeed(make.arg(place.join("root")));
        })
    });
    Image::copy_of(&template.join("root"))
}

/// Runs rpm in such an image, on a machine of its own.
fn machine(options: &[&str]) -> Seen {
    // The kernel's own settings are the same for all: one run at a time changes them.
    static ONE: Mutex<()> = Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let image = image_with_tools();
    let package = build(&image.beside("p"), "reaches", SCRIPTLET);
    let script = "set -e\n\
        hostname outside\n\
        mount -t proc proc \"$1/proc\"\n\
        before=$(cat /proc/sys/kernel/printk_ratelimit_burst)\n\
        root=$1 nodeshim=$2 package=$3; shift 3\n\
        \"$nodeshim\" run --root \"$root\" \"$@\" -- rpm --root \"$root\" --dbpath /var/lib/rpm -i \"$package\" >&2\n\
        hostname; nft list tables; ip -o link; cat /proc/self/mounts /proc/sys/net/ipv4/ip_forward\n\
        [ \"$(cat /proc/sys/kernel/printk_ratelimit_burst)\" = \"$before\" ] || echo setting planted\n\
        echo \"$before\" >/proc/sys/kernel/printk_ratelimit_burst\n\
        for process in /proc/[0-9]*; do\n\
            if grep -qaz '^4321$' $process/cmdline 2>/dev/null; then echo sleep 4321; kill ${process#/proc/}; fi\n\
        done\n";
    let mut command = Command::new("unshare");
    command.args([
        "-m",
        "-u",
        "-n",
        "-p",
        "-f",
        "--mount-proc",
        "--propagation",
        "private",
        "sh",
        "-c",
        script,
        "sh",
    ]);
    command.arg(image.path()).arg(nodeshim()).arg(package).args(options);
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    let output: Output = command.stdin(Stdio::null()).output().expect("unshare starts");
    assert!(output.status.success(), "{output:?}");
    Seen {
        outside: format!("\n{}", text(&output.stdout)),
        inside: image.read("/var/tmp/seen"),
        said: text(&output.stderr),
    }
}

const MARKS: [&str; 6] = [
    "table inet planted",
    "mtu 4321",
    "planted /",
    "setting planted",
    "sleep 4321",
    "\nplanted\n",
];

#[test]
fn a_scriptlet_reaches_nothing_of_the_machine_that_builds() {
    let Seen {
        outside,
        inside,
        said,
    } = machine(&[]);
    for mark in MARKS {
        assert!(!outside.contains(mark), "{mark:?} is in:\n{outside}");
    }
    assert!(outside.contains("\n0\n"), "the machine forwards packets:\n{outside}");
    assert!(said.contains("left running by the command"), "{said}");
    assert!(said.contains("bypassed the tools: nft add table inet planted (reaches)"), "{said}");
    // It saw its own doings, and lost what reaches modules, power and clock: bits 16, 22 and 25.
    for mark in ["planted", "table inet planted", "mtu 4321", "tmpfs"] {
        assert!(inside.contains(mark), "{mark:?} is not in:\n{inside}");
    }
    let bounds = inside
        .lines()
        .find_map(|line| line.strip_prefix("CapBnd:"))
        .expect("a set of capabilities");
    let bounds = u64::from_str_radix(bounds.trim(), 16).expect("hexadecimal");
    assert_eq!(bounds & (1 << 16 | 1 << 22 | 1 << 25), 0, "{bounds:x}");
}

#[test]
fn a_scriptlet_shares_the_machine_where_that_is_asked_for() {
    let Seen { outside, said, .. } = machine(&["--share-host", "--keep-running"]);
    for mark in MARKS {
        assert!(outside.contains(mark), "{mark:?} is not in:\n{outside}{said}");
    }
}

#[test]
fn scriptlets_share_a_namespace_of_mounts_until_one_of_them_mounts_something() {
    const NAMES: [&str; 4] = ["first", "second", "mounts", "last"];
    let image = image_with_tools();
    let mount = "mkdir -p /mnt/planted\nmount -t tmpfs planted /mnt/planted\n";
    let (mut packages, mut requires) = (Vec::new(), String::new());
    for name in NAMES {
        let before = if name == "mounts" { mount } else { "" };
        let scriptlet = format!("%post\n{before}cat /proc/mounts >/var/tmp/{name}\n");
        packages.push(build_with(&image.beside("p"), name, &requires, &[], &scriptlet));
        requires = format!("Requires: {name}");
    }
    let (root, tool) = (image.path().display().to_string(), nodeshim().display().to_string());
    let (trace, rpm) = (image.beside("trace").display().to_string(), image.rpm(&["-i"]));
    let mut words: Vec<&str> = "strace -f --seccomp-bpf -qq -e trace=unshare,setns -o".split(' ').collect();
    words.extend([&trace, &tool, "run", "--root", &root, "--"]);
    words.extend(rpm.iter().chain(&packages).map(String::as_str));
    succeed(&mut contained(&image, &words));
    let seen = NAMES.map(|name| image.read(&format!("/var/tmp/{name}")).contains("planted"));
    assert_eq!(seen, [false, false, true, false]);
    let trace = std::fs::read_to_string(trace).expect("the trace");
    // Whether they can be made at all is tried with all kinds at once.
    let of_mounts = trace.lines().filter(|line| line.contains("CLONE_NEWNS)"));
    let calls: Vec<&str> =
        of_mounts.filter_map(|line| line.split_whitespace().nth(1)?.split('(').next()).collect();
    assert_eq!(calls, ["unshare", "setns", "setns", "unshare"], "{trace}");
}
