//! A message bus of a test's own that starts the service of the staged build for an image.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

use crate::image::Image;
use crate::support::{nodeshim, scratch, stage};

pub const INTERFACE: &str = "org.ovirt.node.Plugins1";
pub const PATH: &str = "/org/ovirt/node/Plugins1";
const DAEMON: &str = "org.freedesktop.DBus";

/// Who may call what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// As on a system bus, with the file that is shipped.
    Shipped,
    /// Everybody everything.
    Open,
}

/// What a system bus says before any service's own policy.
const SYSTEM: &str = r#"<allow user="*"/><deny own="*"/><deny send_type="method_call"/><allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>"#;
const OPEN: &str = r#"<allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>"#;

pub struct Bus {
    directory: TempDir,
    daemon: Child,
}

impl Bus {
    /// A bus whose service ends after so many seconds without a call.
    pub fn start(image: &Image, policy: Policy, idle: u32) -> Bus {
        let directory = scratch();
        let at = directory.path();
        fs::set_permissions(at, fs::Permissions::from_mode(0o755)).expect("a mode");
        let (rules, own) = match policy {
            Policy::Shipped => (
                SYSTEM,
                format!("<includedir>{}</includedir>", stage().join("usr/share/dbus-1/system.d").display()),
            ),
            Policy::Open => (OPEN, String::new()),
        };
        let place = at.display();
        let config = format!(
            "<busconfig><type>system</type><listen>unix:path={place}/socket</listen><auth>EXTERNAL</auth>\
             <servicedir>{place}/services</servicedir><policy context=\"default\">{rules}</policy>{own}</busconfig>"
        );
        fs::write(at.join("bus.conf"), config).expect("a configuration");
        activate(at, image, idle);
        let daemon = Command::new("dbus-daemon")
            .arg(format!("--config-file={place}/bus.conf"))
            .args(["--nofork", "--nosyslog", "--print-address"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(at.join("log")).expect("a log"))
            .spawn()
            .expect("dbus-daemon");
        let mut bus = Bus { directory, daemon };
        let mut line = String::new();
        let output = bus.daemon.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its address");
        assert!(!line.is_empty(), "{}", bus.log());
        bus
    }

    pub fn address(&self) -> String {
        format!("unix:path={}/socket", self.directory.path().display())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.directory.path().join("log")).expect("the log")
    }

    /// How often the bus has started the service.
    pub fn starts(&self) -> usize {
        self.log().matches("Successfully activated service").count()
    }

    /// Whether the bus itself has refused a call.
    pub fn refused(&self) -> bool {
        self.log().contains("Rejected send message")
    }

    /// From now on this user may not call the service.
    pub fn forbid(&self, user: u32) {
        let file = self.directory.path().join("bus.conf");
        let config = fs::read_to_string(&file).expect("the configuration");
        let rule =
            format!("<policy user=\"{user}\"><deny send_destination=\"{INTERFACE}\"/></policy></busconfig>");
        fs::write(&file, config.replace("</busconfig>", &rule)).expect("a configuration");
        self.daemon("ReloadConfig", &[]);
    }

    /// From now on the service is not there.
    pub fn remove_service(&self) {
        fs::remove_dir_all(self.directory.path().join("services")).expect("the service");
        self.daemon("ReloadConfig", &[]);
        if let Some(pid) =
            self.daemon("GetConnectionUnixProcessID", &["s", INTERFACE]).and_then(|pid| pid.as_u64())
        {
            signal(pid as u32, Signal::SIGTERM);
        }
        self.wait_for_end();
    }

    fn command(&self, user: u32, program: &str) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C.UTF-8");
        command.env("DBUS_SYSTEM_BUS_ADDRESS", self.address()).stdin(Stdio::null());
        as_user(user, &mut command)
    }

    pub fn busctl(&self, user: u32, args: &[&str]) -> Output {
        self.command(user, "busctl")
            .args(["--system", "--timeout=120"])
            .args(args)
            .output()
            .expect("busctl")
    }

    /// Calls a method and returns the only value of the answer.
    pub fn call(&self, user: u32, method: &str, args: &[&str]) -> Value {
        let output = self.busctl(
            user,
            &[
                &["--json=short", "call", INTERFACE, PATH, INTERFACE, method],
                args,
            ]
            .concat(),
        );
        let value: Value = serde_json::from_str(&answer(&output)).expect("JSON");
        value["data"][0].clone()
    }

    /// Starts a call.
    pub fn begin(&self, user: u32, method: &str) -> Child {
        let mut command = self.command(user, "busctl");
        command.args([
            "--system",
            "--timeout=120",
            "call",
            INTERFACE,
            PATH,
            INTERFACE,
            method,
        ]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("busctl")
    }

    /// Calls by another program, which takes the object's path after `--object-path` or bare.
    pub fn program(&self, user: u32, program: &str, args: &[&str], method: &str, arg: &str) -> Output {
        let mut command = self.command(user, program);
        let method = format!("{INTERFACE}.{method}");
        match program {
            "gdbus" => {
                command.args(&args[..1]).arg("--system").args(&args[1..]).args(["--object-path", PATH]);
                if args[0] == "call" {
                    command.args(["--method", &method, arg]);
                }
            }
            _ => drop(command.arg("--system").args(args).args([PATH, &method, arg])),
        }
        command.output().expect("a client")
    }

    /// The name of the error that a call ends with; empty if it does not.
    pub fn error(&self, user: u32, method: &str, arg: &str) -> String {
        let mut command = self.command(user, "dbus-send");
        command.args([
            "--system",
            "--print-reply",
            "--dest=org.ovirt.node.Plugins1",
            PATH,
        ]);
        command.arg(format!("{INTERFACE}.{method}"));
        if !arg.is_empty() {
            command.arg(arg);
        }
        let output = command.output().expect("dbus-send");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match said.strip_prefix("Error ").and_then(|rest| rest.split_once(':')) {
            Some((name, _)) => name.to_owned(),
            None => {
                assert!(output.status.success(), "{output:?}");
                String::new()
            }
        }
    }

    /// Asks the bus itself.
    fn daemon(&self, method: &str, args: &[&str]) -> Option<Value> {
        let call = [
            "--json=short",
            "call",
            DAEMON,
            "/org/freedesktop/DBus",
            DAEMON,
            method,
        ];
        let output = self.busctl(0, &[&call, args].concat());
        let value: Option<Value> = serde_json::from_slice(&output.stdout).ok();
        value.map(|value| value["data"][0].clone())
    }

    /// The service's process; it is started if need be.
    pub fn service(&self) -> u32 {
        loop {
            self.call(0, "List", &[]);
            let pid = self.daemon("GetConnectionUnixProcessID", &["s", INTERFACE]);
            if let Some(pid) = pid.and_then(|pid| pid.as_u64()) {
                return pid as u32;
            }
        }
    }

    /// Waits until nobody has the service's name.
    pub fn wait_for_end(&self) {
        while self.daemon("NameHasOwner", &["s", INTERFACE]) != Some(Value::Bool(false)) {
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Listens to the service's signals, as its clients do.
    pub fn monitor(&self) -> Monitor {
        let mut command = self.command(65534, "gdbus");
        command.args(["monitor", "--system", "--dest", INTERFACE, "--object-path", PATH]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("gdbus");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let (send, lines) = channel();
        std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        Monitor { child, lines }
    }

    /// Notes who comes to the bus from now on.
    pub fn watch(&self) -> Watch<'_> {
        let first = self.newest();
        Watch { bus: self, first }
    }

    /// How many are connected, among them who asks.
    pub fn connections(&self) -> usize {
        let names = self.daemon("ListNames", &[]).expect("names");
        let unique = |name: &&Value| name.as_str().is_some_and(|name| name.starts_with(':'));
        names.as_array().expect("names").iter().filter(unique).count()
    }

    /// The number of the newest connection, which is that of who asks.
    fn newest(&self) -> u64 {
        let names = self.daemon("ListNames", &[]).expect("names");
        let numbers = names
            .as_array()
            .expect("names")
            .iter()
            .filter_map(|name| name.as_str()?.strip_prefix(":1.")?.parse::<u64>().ok());
        numbers.max().expect("at least who asks")
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        // Its services end with their connection or when they are idle; none is left to itself.
        if let Some(pid) =
            self.daemon("GetConnectionUnixProcessID", &["s", INTERFACE]).and_then(|pid| pid.as_u64())
        {
            signal(pid as u32, Signal::SIGTERM);
        }
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

/// Who came to a bus.
pub struct Watch<'b> {
    bus: &'b Bus,
    first: u64,
}

impl Watch<'_> {
    /// How many came but for who asks.
    pub fn others(&self) -> u64 {
        self.bus.newest() - self.first - 1
    }
}

/// Signals as `gdbus monitor` prints them.
pub struct Monitor {
    child: Child,
    lines: Receiver<String>,
}

impl Monitor {
    /// The first signal of this name that is heard of those that `tell` has sent: it is asked again
    /// and again, as the listener asks for a service's signals only some time after it has seen the
    /// service come.
    pub fn heard(self, name: &str, mut tell: impl FnMut()) -> String {
        let signal = format!("{INTERFACE}.{name}");
        loop {
            tell();
            match self.lines.recv_timeout(Duration::from_millis(100)) {
                Ok(line) if line.contains(&signal) => return line,
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => panic!("gdbus ended"),
            }
        }
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The service as it is shipped, for an image.
fn activate(at: &Path, image: &Image, idle: u32) {
    let shipped = stage().join(format!("usr/share/dbus-1/system-services/{INTERFACE}.service"));
    let shipped = fs::read_to_string(shipped).expect("the service");
    let (start, root) = ("Exec=/usr/bin/nodeshim serve\n", image.path());
    assert!(shipped.contains(start), "{shipped}");
    let exec = format!(
        "Exec={} serve --root {} --bus unix:path={}/socket --idle {idle}\n",
        nodeshim().display(),
        root.display(),
        at.display()
    );
    let services = at.join("services");
    fs::create_dir(&services).expect("a directory");
    fs::write(services.join(format!("{INTERFACE}.service")), shipped.replace(start, &exec))
        .expect("a service");
}

/// The same command as another user, without that one's groups.
pub fn as_user(user: u32, command: &mut Command) -> Command {
    let id = user.to_string();
    let mut other = Command::new("setpriv");
    other.args(["--reuid", &id, "--regid", &id, "--clear-groups", "--"]);
    other.arg(command.get_program()).args(command.get_args()).env_clear().stdin(Stdio::null());
    other.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    other
}

pub fn signal(pid: u32, signal: Signal) {
    // It may have ended by itself.
    let _ = kill(Pid::from_raw(pid as i32), signal);
}

/// What a program printed, which ended well.
pub fn answer(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).expect("text")
}

/// A value of busctl's JSON without its types.
pub fn plain(value: &Value) -> Value {
    match value {
        Value::Object(map) if map.len() == 2 && map.contains_key("type") && map.contains_key("data") => {
            plain(&map["data"])
        }
        Value::Object(map) => map.iter().map(|(key, value)| (key.clone(), plain(value))).collect(),
        Value::Array(all) => all.iter().map(plain).collect(),
        other => other.clone(),
    }
}
