//! Images of which a tool's directory, or a tool itself, is a mount of its own: arming refuses them by
//! name and leaves everything as it was.

use std::fs;
use std::process::{Command, Output};

use super::image::Image;
use super::support::{nodeshim, succeed};

/// Mounts what `$3` says at `$2` of the image `$1`, with what was there; then tries the rest, each verb
/// of it, and compares all but nodeshim's records and rpm's.
const TRY: &str = r#"
root=$1 place=$1/$2 kind=$3; shift 3
seen() { (cd "$root" && find . -path ./usr/lib/sysimage -prune -o -printf '%p %y %m %U %G %n %l\n' \
    -type f -exec sha256sum {} +) | LC_ALL=C sort; }
mkdir -p "$root/usr/lib/sysimage/nodeshim"
cp -a "$place" "$root.was"
case $kind in
tmpfs) mount -t tmpfs part "$place"; cp -aT "$root.was" "$place";;
file) mount --bind "$root.was" "$place";;
esac
seen >"$root.before"
code=0; "$@" || code=$?
seen >"$root.after"
diff "$root.before" "$root.after" >&2 || code=99
exit $code
"#;

fn tried(image: &Image, place: &str, kind: &str, words: &[&str]) -> Output {
    let mut command = Command::new("unshare");
    command.args(["-m", "--propagation", "private", "sh", "-euc", TRY, "sh"]);
    command.arg(image.path()).args([place, kind]).arg(nodeshim()).args(words);
    command.arg("--root").arg(image.path());
    if words == ["run"] {
        command.args(["--", "touch", "/nowhere/it/was/run"]);
    }
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    command.output().expect("unshare starts")
}

#[test]
fn a_tool_on_another_file_system_is_refused_by_name_and_left_as_it_was() {
    for (place, kind, tool, reason) in [
        (
            "usr/sbin",
            "tmpfs",
            "/usr/sbin/",
            "it is on another file system than /usr/lib/sysimage/nodeshim",
        ),
        (
            "usr/bin",
            "tmpfs",
            "/usr/bin/",
            "it is on another file system than /usr/lib/sysimage/nodeshim",
        ),
        ("usr/sbin/service", "file", "/usr/sbin/service", "something is mounted on it"),
    ] {
        let image = Image::new();
        for tool in ["usr/bin/systemctl", "usr/sbin/service"] {
            fs::write(image.path().join(tool), format!("the image's own {tool}\n")).expect("a tool");
        }
        for words in [&["arm"][..], &["run"], &["disarm"]] {
            let output = tried(&image, place, kind, words);
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            let _ = fs::remove_dir_all(image.beside("root.was"));
            let _ = fs::remove_file(image.beside("root.was"));
            if words == ["disarm"] {
                assert!(output.status.success(), "{place}: {said}");
                continue;
            }
            assert!(!said.contains("it/was/run"), "{place}: {said}");
            assert_eq!(output.status.code(), Some(1), "{place} {words:?}: {said}");
            let named = said.lines().any(|line| line.contains(tool) && line.contains(reason));
            assert!(named, "{place} {words:?}: {said}");
            assert!(!image.has("/usr/lib/sysimage/nodeshim/armed.toml"), "{place} {words:?}");
        }
    }
}

/// Other directories may be mounts: no tool is called there.
#[test]
fn a_directory_without_tools_may_be_another_file_system() {
    let image = Image::new();
    fs::create_dir_all(image.path().join("usr/local/sbin")).expect("a directory");
    let both = format!("{0} arm --root \"$1\" && {0} disarm --root \"$1\"", nodeshim().display());
    let mut command = Command::new("unshare");
    command
        .args(["-m", "--propagation", "private", "sh", "-euc", TRY, "sh"])
        .arg(image.path());
    command.args(["usr/local/sbin", "tmpfs", "sh", "-c", &both, "sh"]).arg(image.path());
    command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("HOME", "/root");
    let said = succeed(&mut command);
    assert_eq!(String::from_utf8_lossy(&said.stderr), "");
}
