//! Parsing of each option of systemctl and its value.

use super::listings;
use super::options::{self, Id};
use super::values::{image_policy_mistake, is_capsule_name, is_signal, is_timestamp_style};
use super::{Format, Options, UsageError};
use crate::intent::Scope;
use crate::unit::generation::Generation;
use crate::unit::name::TYPES;
use crate::unit::preset::PresetMode;

/// Takes one option; some print something and end there.
pub(super) fn take(
    options: &mut Options,
    id: Id,
    value: String,
    generation: Generation,
) -> Result<Option<String>, UsageError> {
    check(id, &value, generation)?;
    match id {
        Id::Help => return Ok(Some(help(generation))),
        Id::Version => return Ok(Some(listings::version(generation))),
        Id::Type => return take_types(options, &value, generation),
        Id::State if split_list(&value).any(|word| word == "help") => {
            return Ok(Some(listings::states(generation)));
        }
        Id::State => options.states.extend(split_list(&value)),
        Id::Failed => options.states.push("failed".to_owned()),
        Id::Full => options.full = true,
        Id::User => options.scope = Scope::User,
        Id::System => options.scope = Scope::System,
        Id::Global => options.scope = Scope::Global,
        Id::NoLegend => options.no_legend = true,
        Id::Legend => {
            options.no_legend = !boolean(&value).ok_or_else(|| {
                UsageError::Logged(match options::has_own_parser(generation) {
                    true => format!("Failed to parse boolean argument to '--legend': {value}"),
                    false => format!("Failed to parse boolean argument to --legend: {value}."),
                })
            })?;
        }
        Id::Quiet => {
            options.quiet = true;
            // --legend came with 248.
            options.no_legend |= generation.number() >= 248;
        }
        Id::Root => {
            options.has_root = !value.is_empty();
            options.root = absolute_root(value);
        }
        Id::Image => options.image = Some(value),
        Id::Force => options.force = true,
        Id::Host | Id::Machine => options.elsewhere = Some(value),
        Id::Runtime => options.runtime = true,
        Id::Output => return take_output(options, &value, generation),
        Id::PresetMode => return take_preset_mode(options, &value),
        Id::Now => options.now = true,
        Id::Marked => options.marked = true,
        Id::NoWarn => options.no_warn = true,
        Id::DropIn => options.drop_in = Some(value),
        Id::Stdin => options.stdin = true,
        Id::Signal if value == "help" => return Ok(Some(listings::signals())),
        Id::Signal if value == "list" && generation.number() >= 250 => {
            return Ok(Some(listings::signal_table()));
        }
        // Its manager is one of a user, and the units are looked for where the caller's are.
        Id::Capsule => options.scope = Scope::User,
        Id::Lines | Id::Signal | Id::CheckInhibitors | Id::Timestamp => {}
        Id::ImagePolicy | Id::Dot | Id::Other(_) => {}
    }
    Ok(None)
}

/// Refuses a value that the option does not take.
fn check(id: Id, value: &str, generation: Generation) -> Result<(), UsageError> {
    let number = generation.number();
    let is_help = value == "help" || value == "list" && number >= 250;
    let mistake = match id {
        Id::State if value.is_empty() && number < 242 => "--state= requires arguments.".to_owned(),
        Id::Lines if value.parse::<u32>().is_err() && !(value == "all" && number >= 256) => {
            format!("Failed to parse lines '{value}'")
        }
        Id::Signal if !is_help && !is_signal(value) => {
            // Without quotes up to 249; observed with 239-82.el8, 247 and 252.
            let quote = if number < 250 { "" } else { "\"" };
            format!("Failed to parse signal string {quote}{value}{quote}.")
        }
        Id::CheckInhibitors if value != "auto" && value != "help" && boolean(value).is_none() => {
            format!("Failed to parse --check-inhibitors= argument: {value}")
        }
        Id::Timestamp if !is_timestamp_style(value, generation) => format!("Invalid value: {value}."),
        Id::Capsule if !is_capsule_name(value) => format!("Invalid capsule name: {value}"),
        Id::ImagePolicy => {
            return image_policy_mistake(value, generation)
                .map_or(Ok(()), |text| Err(UsageError::Logged(text)));
        }
        _ => return Ok(()),
    };
    Err(UsageError::Logged(mistake))
}

const LOAD_STATES: [&str; 7] = [
    "stub",
    "loaded",
    "not-found",
    "bad-setting",
    "error",
    "merged",
    "masked",
];

fn take_types(
    options: &mut Options,
    value: &str,
    generation: Generation,
) -> Result<Option<String>, UsageError> {
    if value.is_empty() && generation.number() < 242 {
        return Err(UsageError::Logged("--type= requires arguments.".to_owned()));
    }
    for word in split_list(value) {
        if word == "help" {
            return Ok(Some(listings::types(generation)));
        } else if TYPES.contains(&word.as_str()) {
            options.types.push(word);
        } else if LOAD_STATES.contains(&word.as_str()) {
            options.states.push(word);
        } else {
            return Err(UsageError::Logged(format!(
                "Unknown unit type or load state '{word}'.\nUse -t help to see a list of allowed values."
            )));
        }
    }
    Ok(None)
}

fn take_output(
    options: &mut Options,
    value: &str,
    generation: Generation,
) -> Result<Option<String>, UsageError> {
    let modes = listings::output_modes(generation);
    match value {
        "help" => return Ok(Some(modes.iter().map(|name| format!("{name}\n")).collect())),
        known if modes.contains(&known) => {}
        _ => return Err(UsageError::Logged(format!("Unknown output '{value}'."))),
    }
    // The table of unit files is the only one there is before 245.
    let (json, pretty) = (value == "json", value == "json-pretty");
    options.format = match generation.number() {
        ..=244 => Format::Table,
        _ if json => Format::Json,
        _ if pretty => Format::JsonPretty,
        _ => Format::Table,
    };
    if generation.number() >= 245
        && matches!(value, "json" | "json-pretty" | "json-sse" | "json-seq" | "export" | "cat")
    {
        options.no_legend = true;
    }
    Ok(None)
}

fn take_preset_mode(options: &mut Options, value: &str) -> Result<Option<String>, UsageError> {
    options.preset_mode = match value {
        "help" => return Ok(Some("full\nenable-only\ndisable-only\n".to_owned())),
        "full" => PresetMode::Full,
        "enable-only" => PresetMode::EnableOnly,
        "disable-only" => PresetMode::DisableOnly,
        _ => return Err(UsageError::Logged(format!("Failed to parse preset mode: {value}."))),
    };
    Ok(None)
}

fn split_list(value: &str) -> impl Iterator<Item = String> {
    value.split(',').filter(|word| !word.is_empty()).map(str::to_owned)
}

/// `parse_path_argument()` of shared/parse-argument.c.
fn absolute_root(value: String) -> Option<String> {
    let path = if value.is_empty() || value.starts_with('/') {
        value
    } else {
        format!("/{value}")
    };
    let trimmed = path.trim_end_matches('/');
    (!trimmed.is_empty()).then(|| trimmed.to_owned())
}

/// The words that systemd takes for yes and no.
///
/// `parse_boolean()` of basic/parse-util.c.
pub(crate) fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(true),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(false),
        _ => None,
    }
}

fn help(generation: Generation) -> String {
    format!(
        "systemctl [OPTIONS...] COMMAND ...\n\n\
         nodeshim's stand-in for systemctl of systemd {}; see systemctl(1).\n",
        generation
    )
}
