//! One call of a shim: carry out under the journal's lock, record, answer.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use nix::errno::Errno;
use nix::unistd::write;
use nodeshim::attribution;
use nodeshim::config::Config;
use nodeshim::error::{Error, Result};
use nodeshim::intercept::{ARMED_PATH, is_booted};
use nodeshim::journal::{Appender, Event, is_kept, keep_replaced, timestamp};
use nodeshim::policy;
use nodeshim::request::{Call, Env, PolicyContext, Reply, Request, Stream, enforce};
use nodeshim::root::Root;
use nodeshim::tool::Tool;
use nodeshim::unit::problem::Problem;

use crate::booted;
use crate::handover::become_original;
use crate::internal_error::journal_is_locked;
use crate::programs;

/// Carries out the call `argv` and returns its exit code.
pub fn run(argv: &[OsString]) -> u8 {
    let name = argv.first().map_or(OsStr::new(""), OsString::as_os_str);
    let Some(tool) = Tool::from_argv0(name) else {
        return complain("this is nodeshim's stand-in for other tools; call it by one of their names", 2);
    };
    match answer(tool, argv) {
        Ok(reply) => {
            let exit = print(&reply);
            match &reply.programs {
                Some(programs) => programs::run(programs, exit),
                None => exit,
            }
        }
        Err(error) => complain(&error.to_string(), 1),
    }
}

fn answer(tool: Tool, argv: &[OsString]) -> Result<Reply> {
    let root = Root::open("/")?.keeping(is_kept);
    if !root.exists(ARMED_PATH) {
        return Err(Error::Unavailable(become_original(&root, argv).to_string()));
    }
    if is_booted(&root) {
        return booted::answer(&root, tool, argv);
    }
    let env: Env = std::env::vars_os().collect();
    let env = env.in_directory(std::env::current_dir().unwrap_or_default());
    let mut journal = Appender::open(&root)?;
    journal_is_locked();
    let (config, unknown) = Config::load(&root)?;
    let argv0 = argv[0].to_string_lossy();
    let call = Call::new(&root, &config, &env, &argv0).with_stdin(stdin).with_terminal(is_terminal);
    let origin = attribution::find(&root, &|name| env.get(name));
    // What was done for the record itself is no change on behalf of the request.
    root.forget_changes();
    let policy = policy::load(&root);
    let context = PolicyContext {
        rules: &policy.rules,
        plugin: origin.package(),
    };
    let mut reply = match Request::parse(tool, &argv0, &argv[1..], &call) {
        Some(request) => enforce(&call, request, context),
        None => Reply::error("no tool has this name", 2),
    };
    let changes = root.take_changes();
    if let Err(error) = keep_replaced(&root) {
        reply.warnings.push(format!("what was replaced is not kept: {error}"));
    }
    let unreadable = policy.problems.iter();
    reply
        .warnings
        .extend(unreadable.map(|(path, problem)| format!("{path}: line {}: {}", problem.line, problem.text)));
    reply
        .warnings
        .extend(unknown.iter().map(|key| format!("unknown configuration key {key}")));
    reply
        .warnings
        .extend(journal.torn.map(|bytes| format!("cut a torn tail of {bytes} bytes off the journal")));
    let mut event = Event {
        id: 0,
        time: timestamp(env.get("SOURCE_DATE_EPOCH")),
        tool,
        argv: Event::escape_arguments(argv),
        exit: reply.exit,
        verdict: reply.held.iter().map(|held| held.verdict).max().unwrap_or_default(),
        message: Event::cut_message(
            String::from_utf8_lossy(&reply.output.plain(Stream::Stderr)).into_owned(),
        ),
        warnings: reply.warnings.clone(),
        origin,
        replayed: None,
        intents: reply.intents.clone(),
        held: reply.held.clone(),
        changes,
    };
    journal.append(&mut event)?;
    Ok(reply)
}

/// on_tty() of systemd: standard output and standard error.
fn is_terminal() -> bool {
    io::stdout().is_terminal() && io::stderr().is_terminal()
}

fn stdin() -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io::stdin().read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Prints what the tool printed, and gives its exit code. A reader that went away is no error of the tool, and
/// of what cannot be printed few tools take notice.
fn print(reply: &Reply) -> u8 {
    for (stream, bytes) in reply.output.pieces() {
        let printed = match stream {
            Stream::Stdout => write_all(&io::stdout(), bytes),
            Stream::Stderr => write_all(&io::stderr(), bytes),
        };
        let errno = printed.err().filter(|errno| *errno != Errno::EPIPE);
        if let (Some(errno), Some(message)) = (errno, &reply.if_unprinted) {
            if message.is_said {
                let reason = Problem::Os(errno).text();
                let _ = writeln!(io::stderr(), "{}{reason}{}", message.before, message.after);
            }
            return 1;
        }
    }
    reply.exit
}

/// Writes without a buffer. The standard library takes a closed stream for one that takes everything.
fn write_all(stream: &impl AsFd, mut bytes: &[u8]) -> nix::Result<()> {
    while !bytes.is_empty() {
        match write(stream, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}

fn complain(line: &str, exit: u8) -> u8 {
    let name = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&name)
        .file_name()
        .unwrap_or(OsStr::new("nodeshim"))
        .to_string_lossy()
        .into_owned();
    let _ = writeln!(io::stderr(), "{name}: nodeshim: {line}");
    exit
}
