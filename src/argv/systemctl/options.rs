//! The options that systemctl knows, in the order of its own table, and what is kept of them.

use crate::argv::getopt::{Long, Short, Value};
use crate::config::Answers;
use crate::unit::generation::Generation;

/// What an option means here. `Other` is for the many that change nothing offline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Id {
    /// `--help`
    Help,
    /// `--version`
    Version,
    /// `--type`
    Type,
    /// `--full`
    Full,
    /// `--user`
    User,
    /// `--system`
    System,
    /// `--global`
    Global,
    /// `--no-legend`
    NoLegend,
    /// `--legend`
    Legend,
    /// `--quiet`
    Quiet,
    /// `--root`
    Root,
    /// `--image`
    Image,
    /// `--force`
    Force,
    /// `--signal`
    Signal,
    /// `--host`
    Host,
    /// `--machine`
    Machine,
    /// `--runtime`
    Runtime,
    /// `--lines`
    Lines,
    /// `--output`
    Output,
    /// `--state`
    State,
    /// `--failed`
    Failed,
    /// `--preset-mode`
    PresetMode,
    /// `--now`
    Now,
    /// `--marked`
    Marked,
    /// `--no-warn`
    NoWarn,
    /// `--drop-in`
    DropIn,
    /// `--stdin`
    Stdin,
    /// `--check-inhibitors`
    CheckInhibitors,
    /// `--timestamp`
    Timestamp,
    /// `--capsule`
    Capsule,
    /// `--image-policy`
    ImagePolicy,
    /// `-.`, which is no option: a unit's name begins so.
    Dot,
    /// An option that changes nothing here, by its place in the table.
    Other(u8),
}

/// Name, meaning, whether there is a value, and the generation that brought it.
type Row = (&'static str, Id, Value, u16);

const OLD: u16 = 0;
const NO: Value = Value::None;
const YES: Value = Value::Required;

const TABLE: [Row; 71] = [
    ("help", Id::Help, NO, OLD),
    ("version", Id::Version, NO, OLD),
    ("type", Id::Type, YES, OLD),
    ("property", Id::Other(0), YES, OLD),
    ("all", Id::Other(1), NO, OLD),
    ("reverse", Id::Other(2), NO, OLD),
    ("after", Id::Other(3), NO, OLD),
    ("before", Id::Other(4), NO, OLD),
    ("show-types", Id::Other(5), NO, OLD),
    ("failed", Id::Failed, NO, OLD),
    ("full", Id::Full, NO, OLD),
    ("job-mode", Id::Other(6), YES, OLD),
    ("fail", Id::Other(7), NO, OLD),
    ("irreversible", Id::Other(8), NO, OLD),
    ("ignore-dependencies", Id::Other(9), NO, OLD),
    ("ignore-inhibitors", Id::Other(10), NO, OLD),
    ("check-inhibitors", Id::CheckInhibitors, YES, 248),
    ("value", Id::Other(11), NO, OLD),
    ("user", Id::User, NO, OLD),
    ("system", Id::System, NO, OLD),
    ("global", Id::Global, NO, OLD),
    ("capsule", Id::Capsule, YES, 256),
    ("wait", Id::Other(13), NO, OLD),
    ("no-block", Id::Other(14), NO, OLD),
    ("no-legend", Id::NoLegend, NO, OLD),
    ("legend", Id::Legend, YES, 248),
    ("no-pager", Id::Other(15), NO, OLD),
    ("no-wall", Id::Other(16), NO, OLD),
    ("dry-run", Id::Other(17), NO, OLD),
    ("quiet", Id::Quiet, NO, OLD),
    ("verbose", Id::Other(18), NO, 258),
    ("no-warn", Id::NoWarn, NO, 253),
    ("root", Id::Root, YES, OLD),
    ("image", Id::Image, YES, 252),
    ("image-policy", Id::ImagePolicy, YES, 254),
    ("force", Id::Force, NO, OLD),
    ("no-reload", Id::Other(20), NO, OLD),
    ("kill-whom", Id::Other(21), YES, 252),
    ("kill-who", Id::Other(21), YES, OLD),
    ("kill-value", Id::Other(22), YES, 254),
    ("kill-subgroup", Id::Other(23), YES, 258),
    ("signal", Id::Signal, YES, OLD),
    ("no-ask-password", Id::Other(24), NO, OLD),
    ("host", Id::Host, YES, OLD),
    ("machine", Id::Machine, YES, OLD),
    ("runtime", Id::Runtime, NO, OLD),
    ("lines", Id::Lines, YES, OLD),
    ("output", Id::Output, YES, OLD),
    ("plain", Id::Other(25), NO, OLD),
    ("state", Id::State, YES, OLD),
    ("recursive", Id::Other(26), NO, OLD),
    ("with-dependencies", Id::Other(27), NO, 245),
    ("preset-mode", Id::PresetMode, YES, OLD),
    ("firmware-setup", Id::Other(28), NO, OLD),
    ("boot-loader-menu", Id::Other(29), YES, 242),
    ("boot-loader-entry", Id::Other(30), YES, 242),
    ("now", Id::Now, NO, OLD),
    ("message", Id::Other(31), YES, OLD),
    ("show-transaction", Id::Other(32), NO, 242),
    ("what", Id::Other(33), YES, 243),
    ("reboot-argument", Id::Other(34), YES, 246),
    ("timestamp", Id::Timestamp, YES, 247),
    ("read-only", Id::Other(35), NO, 248),
    ("mkdir", Id::Other(36), NO, 248),
    ("marked", Id::Marked, NO, 248),
    ("drop-in", Id::DropIn, YES, 253),
    ("when", Id::Other(37), YES, 254),
    ("stdin", Id::Stdin, NO, 256),
    ("kernel-cmdline", Id::Other(38), YES, 259),
    ("kernel-cmdline-reuse", Id::Other(39), NO, 262),
    ("introspect-cli", Id::Other(40), NO, 262),
];

/// Options that builds of Enterprise Linux took over from later releases; read in their sources.
const BACKPORTS: [(&str, Generation); 4] = [
    ("check-inhibitors", Generation::EL8),
    ("show-transaction", Generation::EL8),
    ("no-warn", Generation::EL9),
    ("when", Generation::EL9),
];

/// The order in which the parser of 262 names options that one word could mean: that of its help, those that
/// the help leaves out after the others. Observed with 262.1.
const ORDER: [&str; 68] = [
    "help",
    "version",
    "system",
    "user",
    "capsule",
    "host",
    "machine",
    "type",
    "state",
    "failed",
    "property",
    "all",
    "full",
    "recursive",
    "reverse",
    "before",
    "after",
    "with-dependencies",
    "job-mode",
    "show-transaction",
    "show-types",
    "value",
    "check-inhibitors",
    "ignore-inhibitors",
    "signal",
    "kill-whom",
    "kill-value",
    "kill-subgroup",
    "what",
    "now",
    "dry-run",
    "quiet",
    "verbose",
    "no-warn",
    "wait",
    "no-block",
    "no-wall",
    "message",
    "no-reload",
    "legend",
    "no-pager",
    "no-ask-password",
    "global",
    "runtime",
    "force",
    "preset-mode",
    "root",
    "image",
    "image-policy",
    "lines",
    "output",
    "firmware-setup",
    "boot-loader-menu",
    "boot-loader-entry",
    "reboot-argument",
    "kernel-cmdline",
    "kernel-cmdline-reuse",
    "plain",
    "timestamp",
    "read-only",
    "mkdir",
    "marked",
    "drop-in",
    "when",
    "stdin",
    "fail",
    "irreversible",
    "ignore-dependencies",
];

const SHORT: [(char, Id, Value); 19] = [
    ('.', Id::Dot, YES),
    ('h', Id::Help, NO),
    ('t', Id::Type, YES),
    ('p', Id::Other(0), YES),
    ('P', Id::Other(0), YES),
    ('a', Id::Other(1), NO),
    ('l', Id::Full, NO),
    ('q', Id::Quiet, NO),
    ('f', Id::Force, NO),
    ('s', Id::Signal, YES),
    ('H', Id::Host, YES),
    ('M', Id::Machine, YES),
    ('n', Id::Lines, YES),
    ('o', Id::Output, YES),
    ('i', Id::Other(10), NO),
    ('r', Id::Other(26), NO),
    ('T', Id::Other(32), NO),
    ('C', Id::Capsule, YES),
    ('v', Id::Other(18), NO),
];

/// Short options that came later than the others.
const LATER: [(char, u16); 4] = [('P', 246), ('.', 247), ('C', 256), ('v', 258)];

/// The long options of a generation; answers for images take those of every generation.
pub(super) fn long(generation: Generation, answers: Answers) -> Vec<Long<Id>> {
    let known = |name: &str, since: u16| {
        answers == Answers::Image || since <= generation.number() || BACKPORTS.contains(&(name, generation))
    };
    let rows = TABLE.iter().filter(|(name, _, _, since)| known(name, *since));
    let mut options: Vec<Long<Id>> = rows
        .map(|(name, id, value, _)| Long {
            name,
            id: *id,
            value: *value,
        })
        .collect();
    if has_own_parser(generation) {
        // Each place is searched once: sorting by searching took a third of a whole call.
        options.sort_by_cached_key(|option| {
            ORDER.iter().position(|name| *name == option.name).unwrap_or(ORDER.len())
        });
    }
    options
}

/// Whether options are parsed by systemd's own code, which words what is wrong with them in its own way.
pub(super) fn has_own_parser(generation: Generation) -> bool {
    generation.number() >= 262
}

/// The short options of a generation.
pub(super) fn short(generation: Generation, answers: Answers) -> Vec<Short<Id>> {
    let since =
        |letter: char| LATER.iter().find(|(later, _)| *later == letter).map_or(0, |(_, since)| *since);
    let rows = SHORT
        .iter()
        .filter(|(l, _, _)| answers == Answers::Image || since(*l) <= generation.number());
    rows.map(|(letter, id, value)| Short {
        letter: *letter,
        id: *id,
        value: *value,
    })
    .collect()
}
