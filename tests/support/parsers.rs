//! Every parser of what others write, with what must hold for any input: the fuzz targets below
//! `tests/fuzz/` and the replay of their corpus share these.
#![allow(dead_code, reason = "each fuzz target uses one of them")]

use std::borrow::Cow;
use std::fmt::Debug;

use nodeshim::config::Config;
use nodeshim::firewall::firewalld::{
    Conf, Direct, Grammar, Helper, Icmptype, Ipset, Policy, Service, Whitelist, Zone, rich,
};
use nodeshim::firewall::lokkit::config as lokkit;
use nodeshim::journal::Journal;
use nodeshim::policy;
use nodeshim::sysv::{header, xinetd};
use nodeshim::unit::generation::Generation;
use nodeshim::unit::log::Log;
use nodeshim::unit::preset::Presets;
use nodeshim::unit::section::{Install, Reader};
use nodeshim::unit::{file, words};

/// A parser, under the name of its fuzz target and of its corpus.
pub type Parser = (&'static str, fn(&[u8]));

/// All of them, as far as the library is built with what they need.
pub const ALL: &[Parser] = &[
    ("config", config_file),
    ("firewalld", firewalld_file),
    ("journal", journal_file),
    ("lokkit", lokkit_file),
    #[cfg(feature = "admin")]
    ("metadata", metadata_file),
    ("policy", policy_file),
    ("rich-rule", rich_rule),
    ("sysv", sysv_file),
    ("unit", unit_file),
];

fn text(input: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(input)
}

fn lines(text: &str) -> usize {
    text.lines().count() + 1
}

/// `nodeshim.toml`.
pub fn config_file(input: &[u8]) {
    if let Ok((_, unknown)) = Config::parse(input) {
        assert!(unknown.iter().all(|key| !nodeshim::config::KNOWN.contains(&key.as_str())));
    }
}

/// A plugin's metadata: what is wrong is in a line of the file.
#[cfg(feature = "admin")]
pub fn metadata_file(input: &[u8]) {
    let text = text(input);
    match nodeshim::metadata::parse(&text) {
        Ok(metadata) => drop(metadata.intents()),
        Err(problems) => {
            assert!(!problems.is_empty());
            assert!(
                problems.iter().all(|problem| (1..=lines(&text)).contains(&problem.line)),
                "{problems:?}"
            );
            assert!(problems.iter().all(|problem| !problem.text.contains('\n')), "{problems:?}");
        }
    }
}

/// A policy, likewise.
pub fn policy_file(input: &[u8]) {
    let text = text(input);
    if let Err(problem) = policy::parse("x.toml", &text) {
        assert!((1..=lines(&text)).contains(&problem.line), "{problem:?}");
        assert!(!problem.text.contains('\n'), "{problem:?}");
    }
}

/// A journal: a tail that is torn takes nothing of what is before it.
pub fn journal_file(input: &[u8]) {
    let Ok(journal) = Journal::parse(input) else {
        return;
    };
    if input.is_empty() || journal.torn.is_some() {
        return;
    }
    let torn = [input, b"\n[[event]]\nid = "].concat();
    let again = Journal::parse(&torn).expect("a torn tail is no fault");
    assert_eq!(again.events, journal.events);
    assert!(again.torn.is_some_and(|torn| torn.bytes >= 15));
}

/// Anything that firewalld keeps: what is written of it is read as the same.
pub fn firewalld_file(input: &[u8]) {
    let (text, names) = (text(input), Grammar::none());
    round(&text, |text| Zone::parse(text, &names).ok(), |zone| zone.to_xml(&names));
    round(&text, |text| Service::parse(text, &names).ok(), Service::to_xml);
    round(&text, |text| Policy::parse(text, &names).ok(), |policy| policy.to_xml(&names));
    round(&text, |text| Ipset::parse(text, &names).ok(), Ipset::to_xml);
    round(&text, |text| Helper::parse(text, &names).ok(), Helper::to_xml);
    round(&text, |text| Icmptype::parse(text).ok(), Icmptype::to_xml);
    round(&text, |text| Direct::parse(text).ok(), Direct::to_xml);
    round(&text, |text| Whitelist::parse(text).ok(), Whitelist::to_xml);
    if let Some(written) = Conf::parse(&text).rewritten(&names) {
        assert_eq!(Conf::parse(&written).rewritten(&names), None);
    }
}

fn round<T: PartialEq + Debug>(text: &str, parse: impl Fn(&str) -> Option<T>, write: impl Fn(&T) -> String) {
    let Some(first) = parse(text) else { return };
    let written = write(&first);
    let Some(second) = parse(&written) else {
        panic!("{written:?} is not read again, from {first:?}");
    };
    // Reading may complete what was left out; what was written by us is complete.
    assert_eq!(write(&second), written);
}

/// A rich rule: as it is printed it is read as the same. But for backslashes: as in the original they
/// are printed as they are, and each time they are read they stand for less.
pub fn rich_rule(input: &[u8]) {
    let (text, names) = (text(input), Grammar::none());
    let parse = |text: &str| rich::Rule::parse(text, &names).ok();
    match text.contains('\\') {
        true => drop(parse(&text).map(|rule| rule.to_string())),
        false => round(&text, parse, rich::Rule::to_string),
    }
}

/// lokkit's own file.
pub fn lokkit_file(input: &[u8]) {
    lokkit::parse(input, &|name| (name == b"ssh").then_some(22));
}

/// An init script's header, and xinetd's files: writing a state once or twice is the same.
pub fn sysv_file(input: &[u8]) {
    let text = text(input);
    if let Some(defaults) = header::Header::parse(&text).defaults() {
        assert!(defaults.start < 100 && defaults.stop < 100);
    }
    for on in [false, true] {
        let once = xinetd::with_state(&text, on);
        assert_eq!(xinetd::with_state(&once, on), once);
    }
}

/// A unit file, and the words and presets that are read in such files' neighbourhood.
pub fn unit_file(input: &[u8]) {
    // The last line may be told of by the number after it.
    let count = input.split(|byte| b"\0\n\r".contains(byte)).count() + 1;
    for item in file::parse(input) {
        let (file::Item::Warning { line, .. }
        | file::Item::Broken { line, .. }
        | file::Item::Assignment { line, .. }
        | file::Item::Include { line, .. }) = item
        else {
            continue;
        };
        assert!((1..=count).contains(&line));
    }
    let log = Log::default();
    for unit in ["a.service", "a@.socket", "a@b.timer"] {
        let reader = Reader {
            unit,
            shown: "/etc/systemd/system/a",
            expand: &|_, text| Ok(text.to_owned()),
            generation: Generation::NEWEST,
            log: &log,
            include: &|_| Ok(None),
        };
        for generation in [Generation::NEWEST, Generation::EL8] {
            let mut install = Install::default();
            if install.read(input, &Reader { generation, ..reader }).is_ok() {
                install.meant_name(unit);
            }
        }
    }
    let text = text(input);
    words::split(&text);
    let mut presets = Presets::default();
    presets.parse(&text, "x.preset", Generation::NEWEST, &log);
    presets.query("a@b.service", false);
}
