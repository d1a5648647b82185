//! The page of Cockpit: a real Cockpit serves it to a real browser, for an ordinary user on the
//! test's bus.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::browser::load;
use crate::bus::{Bus, Policy, as_user};
use crate::image::{Image, build, build_with};
use crate::support::{project, scratch, skip, stage, succeed};

const USER: u32 = 65534;
/// What would change the page's title if a browser took it for markup.
const HOSTILE: &str = "<img src=x onerror=parent.document.title='owned'>";

/// A Cockpit that is logged in already.
struct Cockpit {
    directory: TempDir,
    server: Child,
    port: u16,
}

/// Debian's place and Fedora's.
fn server() -> Option<&'static Path> {
    let places = ["/usr/lib/cockpit/cockpit-ws", "/usr/libexec/cockpit-ws"];
    let bridge = Path::new("/usr/bin/cockpit-bridge").exists();
    places.into_iter().map(Path::new).find(|path| bridge && path.exists())
}

fn copy(from: &Path, to: &Path) {
    succeed(Command::new("cp").args(["-rT", "--no-preserve=mode"]).arg(from).arg(to));
}

impl Cockpit {
    /// With the page from where it is installed to, and the one that looks at it; none if Cockpit is not installed.
    fn start(bus: &str) -> Option<Cockpit> {
        let Some(server) = server() else {
            skip::skip("Cockpit is not installed");
            return None;
        };
        let directory = scratch();
        let at = directory.path();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("a mode");
        let (pages, home) = (at.join("share/cockpit"), at.join("home"));
        fs::create_dir_all(&pages).expect("a directory");
        copy(&stage().join("usr/share/cockpit/nodeshim"), &pages.join("nodeshim"));
        copy(&project().join("tests/dbus/probe"), &pages.join("probe"));
        fs::create_dir(&home).expect("a directory");
        chown(&home, Some(USER), Some(USER)).expect("an owner");
        // It does not say which port it got, so it is not left to it.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a port")
            .port();
        let mut command = Command::new(server);
        command.args([
            "--no-tls",
            "--address=127.0.0.1",
            "--local-session=/usr/bin/cockpit-bridge",
        ]);
        command.arg(format!("--port={port}"));
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command
            .env("HOME", &home)
            .env("XDG_RUNTIME_DIR", &home)
            .env("DBUS_SYSTEM_BUS_ADDRESS", bus);
        command.env("XDG_DATA_DIRS", format!("{}/share:/usr/share", at.display()));
        let mut command = as_user(USER, &mut command);
        let log = fs::File::create(at.join("log")).expect("a log");
        let server = command.stdout(Stdio::null()).stderr(log).spawn().expect("cockpit-ws");
        let mut cockpit = Cockpit {
            directory,
            server,
            port,
        };
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(cockpit.server.try_wait().expect("its state").is_none(), "{}", cockpit.log());
            thread::sleep(Duration::from_millis(20));
        }
        Some(cockpit)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("the log")
    }

    /// A file that pages can write.
    fn file(&self) -> PathBuf {
        self.directory.path().join("home/file")
    }

    /// What tests/dbus/probe/probe.js sees of the page, and what the console says.
    fn seen(&self, hash: &str) -> (Value, Vec<String>) {
        let address = format!("http://127.0.0.1:{}/cockpit/@localhost/probe/index.html{hash}", self.port);
        let (document, console) = load(&address);
        let seen = document.split_once("<pre id=\"seen\">").and_then(|(_, rest)| rest.split_once("</pre>"));
        let (seen, _) = seen.unwrap_or_else(|| panic!("{document} {console:?} {}", self.log()));
        let seen = seen
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&nbsp;", "\u{a0}")
            .replace("&amp;", "&");
        let seen = serde_json::from_str(&seen)
            .unwrap_or_else(|error| panic!("{error}: {document} {console:?} {}", self.log()));
        (seen, console)
    }
}

impl Drop for Cockpit {
    fn drop(&mut self) {
        // Its bridge ends with it.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn image() -> Image {
    let image = super::image();
    let long = "x".repeat(90);
    let preamble = format!("Vendor: {HOSTILE}\nProvides: ovirt-node-plugin(<em>x</em>) = 1");
    let unit = format!("/usr/lib/systemd/system/{long}.service");
    let content = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";
    let scriptlets = format!("%post\nsystemctl enable {long}.service\n");
    let hostile = build_with(&image.beside("rpms"), "hostile", &preamble, &[(&unit, content)], &scriptlets);
    image.transaction(&["-i", &hostile]);
    image
}

/// The row of a section's table that begins with this text.
fn row<'s>(seen: &'s Value, section: &str, first: &str) -> &'s Value {
    let all = seen["sections"].as_array().expect("sections");
    let section = all.iter().find(|one| one["title"] == section).unwrap_or_else(|| panic!("{seen}"));
    let rows = section["rows"].as_array().expect("rows");
    rows.iter().find(|row| row[0] == first).unwrap_or_else(|| panic!("{first}: {section}"))
}

#[test]
fn cockpit_shows_plugins_ports_units_and_denials_as_text() {
    let image = image();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let Some(cockpit) = Cockpit::start(&bus.address()) else {
        return;
    };
    let (seen, console) = cockpit.seen("");
    assert_eq!(console, [""; 0]);
    assert_eq!((&seen["problem"], &seen["title"]), (&json!(""), &json!("Plugins")));
    let sections: Vec<&Value> =
        seen["sections"].as_array().unwrap().iter().map(|one| &one["title"]).collect();
    assert_eq!(sections, ["Plugins", "Open ports", "Units at boot", "Denied"]);
    let one = row(&seen, "Plugins", "one");
    assert_eq!(*one, json!(["one", "first 2", "3:1.0-1", "Some One", "Test", "4"]));
    assert_eq!(*row(&seen, "Open ports", "7001/tcp"), json!(["7001/tcp", "public", "one", "port", "#1"]));
    let unit = row(&seen, "Units at boot", "one.service");
    assert_eq!(*unit, json!(["one.service", "one", "enabled", "#3"]));
    let denied = row(&seen, "Denied", "open 6666/tcp in zone public");
    assert_eq!(*denied, json!(["open 6666/tcp in zone public", "one", "z.toml: no", "#2"]));
    // A package's text is text, and nothing that it named was made.
    let hostile = row(&seen, "Plugins", "hostile");
    assert_eq!((&hostile[1], &hostile[3]), (&json!("<em>x</em> 1"), &json!(HOSTILE)));
    let elements = seen["elements"].as_array().unwrap();
    assert!(elements.contains(&json!("bdi")), "{elements:?}");
    assert!(!elements.contains(&json!("img")) && !elements.contains(&json!("em")), "{elements:?}");
    // The name of 90 letters is wrapped.
    assert_eq!((&seen["wide"], &seen["width"]), (&json!([]), &json!(390)));
}

#[test]
fn cockpit_page_follows_what_changes() {
    let image = super::image();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let Some(cockpit) = Cockpit::start(&bus.address()) else {
        return;
    };
    let file = cockpit.file();
    thread::scope(|scope| {
        let seen = scope.spawn(|| cockpit.seen(&format!("#7002/tcp,{}", file.display())));
        while !file.exists() && !seen.is_finished() {
            thread::sleep(Duration::from_millis(20));
        }
        let two =
            build(&image.beside("rpms"), "two", "%post\nfirewall-cmd --permanent --add-port=7002/tcp\n");
        image.transaction(&["-i", &two]);
        assert_eq!(bus.error(0, "Refresh", "array:string:two"), "");
        let (seen, _) = seen.join().expect("a browser");
        assert_eq!(row(&seen, "Open ports", "7002/tcp")[2], "two");
    });
}

#[test]
fn cockpit_page_says_what_to_do_where_it_gets_no_answer() {
    let image = Image::new();
    let bus = Bus::start(&image, Policy::Shipped, 60);
    let Some(cockpit) = Cockpit::start(&bus.address()) else {
        return;
    };
    let problem = || cockpit.seen("").0["problem"].as_str().expect("text").to_owned();
    fs::create_dir_all(image.path().join("usr/lib/sysimage/nodeshim")).unwrap();
    fs::write(image.path().join("usr/lib/sysimage/nodeshim/state.toml"), "format = 99\n").unwrap();
    let unreadable = problem();
    assert!(unreadable.contains("records cannot be read: "), "{unreadable}");
    assert!(unreadable.contains("run: nodeshim check"), "{unreadable}");
    bus.forbid(USER);
    let refused = problem();
    assert!(refused.contains("You may not ask") && refused.contains("system.d"), "{refused}");
    bus.remove_service();
    let missing = problem();
    assert!(missing.contains("not on this machine") && missing.contains("nodeshim-node"), "{missing}");
}
