//! A canary on the build host: whatever a whole run does, nothing of the host changes, no packet
//! filter, no message to its buses; and the canary dies of what is planted.

use std::path::Path;
use std::process::{Command, Stdio};

use super::image::{Image, package};
use super::support::{nodeshim, project};
use super::text;

/// Runs `$3...` on a copy of the host that keeps every change apart in `$1`, in a network of its
/// own, and lists what changed: files, packet filter rules, sockets that it connected to.
const WATCH: &str = r#"
place=$1 log=$2 project=$3; shift 3
mount -t tmpfs canary "$place"
mkdir "$place/upper" "$place/work" "$place/host"
mount -t overlay canary -o "lowerdir=/,upperdir=$place/upper,workdir=$place/work" "$place/host"
for d in proc sys dev; do mount --rbind "/$d" "$place/host/$d"; done
mount -t tmpfs canary "$place/host/tmp"
# What lies on another file system or below /tmp is not in the copy.
if [ ! -e "$place/host$project/Cargo.toml" ]; then
  mkdir -p "$place/host$project"
  mount --rbind "$project" "$place/host$project"
fi
chroot "$place/host" strace -f -qq -e trace=connect -e signal=none -o "$log" "$@" >&2
cd "$place/upper"
find . -mindepth 1 | while read -r path; do
  # A directory is only copied for what was made and removed in it.
  if [ -d "$path" ] && [ -d "/$path" ]; then continue; fi
  echo "file $path"
done
find "$place/host/tmp" -xdev -mindepth 1 ! -type d | sed 's/^/file /'
find "$place/host/tmp" -xdev -mindepth 1 -type d -empty | sed 's/^/file /'
nft list ruleset | sed 's/^/nft /'
iptables-legacy-save 2>/dev/null | grep '^-' | sed 's/^/iptables /' || :
# The name service's cache is asked by whoever looks up a user; the rpm plugin talks to the run that it serves.
grep connect "$log" | grep -v -e 'nscd/socket' -e '"/tmp/nodeshim-plugins-[^/]*/\.nodeshim-audit"' | sed 's/^/connect /' || :
"#;

/// What a command changed or tried to reach.
fn changes(image: &Image, command: &[String]) -> Vec<String> {
    let (place, log) = (image.beside("canary"), image.beside("connects"));
    std::fs::create_dir_all(&place).expect("a directory");
    let output = Command::new("unshare")
        .args(["-m", "-n", "--propagation", "private", "sh", "-euc", WATCH, "sh"])
        .args([place.as_path(), &log, project()])
        .args(command)
        .env_clear()
        .envs([("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("HOME", "/root")])
        .stdin(Stdio::null())
        .output()
        .expect("unshare starts");
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

fn run(image: &Image, command: &[String]) -> Vec<String> {
    let own = [
        nodeshim(),
        "run".into(),
        "--root".into(),
        image.path(),
        "--".into(),
    ];
    let own = own.iter().map(|word| word.display().to_string());
    changes(image, &own.chain(command.iter().cloned()).collect::<Vec<_>>())
}

#[test]
fn a_whole_run_changes_nothing_of_the_host() {
    let image = Image::new();
    let plugins = [
        "node-agent-4.50",
        "node-gateway-3.0",
        "node-mirror-1.0",
        "node-exporter-0.9",
    ];
    let files = plugins.map(package);
    let mut args = vec!["-U"];
    args.extend(files.iter().map(String::as_str));
    assert_eq!(run(&image, &image.rpm(&args)), [""; 0]);
    assert_eq!(run(&image, &image.rpm(&["-e", "node-agent"])), [""; 0]);
    assert!(image.events().len() > 4);
    let own = |verb: &str| {
        [
            nodeshim().display().to_string(),
            verb.into(),
            "--root".into(),
            image.path().display().to_string(),
        ]
    };
    let options = ["--allow-unsigned".to_owned(), package("node-agent-4.50")];
    for verb in ["preview", "install"] {
        let words = [&own(verb)[..], &options].concat();
        assert_eq!(changes(&image, &words), [""; 0], "{verb}");
    }
    assert_eq!(changes(&image, &own("report")), [""; 0]);
}

#[test]
fn canary_finds_a_planted_change_of_the_host() {
    let image = Image::new();
    let socket = image.beside("system_bus_socket");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).expect("a socket");
    let reach = "import socket, sys; socket.socket(socket.AF_UNIX).connect(sys.argv[1])";
    let script = format!(
        "echo >/etc/planted; rm /etc/hostname; mkdir /usr/planted; nft add table inet planted; \
         python3 -c '{reach}' {}",
        socket.display()
    );
    let found = run(&image, &["sh", "-euc", &script].map(String::from)).join("\n");
    let removed = if Path::new("/etc/hostname").exists() {
        "file ./etc/hostname"
    } else {
        ""
    };
    for planted in [
        "file ./etc/planted",
        "file ./usr/planted",
        "nft table inet planted",
        "system_bus_socket",
        removed,
    ] {
        assert!(found.contains(planted), "{planted} is not among:\n{found}");
    }
}
