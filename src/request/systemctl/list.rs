//! list-unit-files: every unit file of the search path, with its state and what presets say.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use crate::argv::systemctl::Format;
use crate::request::Reply;
use crate::root::Kind;
use crate::unit::generation::Trait;
use crate::unit::glob;
use crate::unit::name;
use crate::unit::preset::{PresetAnswer, Presets};
use crate::unit::state::{LinkTable, State};
use crate::unit::tree::Units;

use super::session::Session;

struct Row {
    unit: String,
    state: State,
    preset: Option<&'static str>,
}

/// Prints the unit files that fit patterns and options; exit 1 if none does.
pub(super) fn list_unit_files(mut session: Session, patterns: &[String]) -> Reply {
    let tree = match session.tree() {
        Ok(tree) => tree,
        Err(problem) => return session.fail(format!("Failed to get unit file list: {}", problem.text())),
    };
    let units = session.units(&tree);
    let rows = rows(&session, &units, patterns);
    session.print_log(&units);
    if !session.generation.has(Trait::PresetColumn) {
        print_two_columns(&mut session, &rows);
        return session.reply;
    }
    let is_checked = session.options.format != Format::Table || session.generation.has(Trait::ChecksTable);
    session.reply.if_unprinted = is_checked.then_some("Failed to print table");
    match session.options.format {
        Format::Table => print_table(&mut session, &rows),
        Format::Json => print_json(&mut session, &rows),
        Format::JsonPretty => print_pretty_json(&mut session, &rows),
    }
    session.reply.fail(u8::from(rows.is_empty()))
}

fn rows(session: &Session, units: &Units, patterns: &[String]) -> Vec<Row> {
    let (scope, generation) = (units.path.scope, session.generation);
    let wanted =
        |unit: &str| patterns.is_empty() || patterns.iter().any(|pattern| glob::matches(pattern, unit));
    let (types, words) = (&session.options.types, &session.options.states);
    // By type, then by name whatever its case: compare_unit_file_list().
    let mut states: BTreeMap<(&str, String, String), State> = BTreeMap::new();
    let table = LinkTable::default();
    for dir in units.dirs() {
        let Some(entries) = units.index.load(dir) else {
            continue;
        };
        for (unit, kind) in entries.iter() {
            let Some(unit_type) = name::type_of(unit).filter(|_| name::is_listed(unit)) else {
                continue;
            };
            let key = (unit_type, unit.to_ascii_lowercase(), unit.clone());
            if !matches!(kind, Kind::File | Kind::Link) || !wanted(unit) || states.contains_key(&key) {
                continue;
            }
            let state = units.state(unit, &table).unwrap_or(State::Bad);
            if words.is_empty() || words.iter().any(|word| word == state.word()) {
                states.insert(key, state);
            }
        }
    }
    let kept = |unit_type: &str| types.is_empty() || types.iter().any(|word| word == unit_type);
    // Read only where something is printed of them.
    let presets = OnceCell::new();
    let load = || Presets::load(units.root, scope, generation, &units.prefix, &units.log).unwrap_or_default();
    let has_column = generation.has(Trait::PresetColumn);
    let mut rows: Vec<Row> = states
        .into_iter()
        .filter(|((unit_type, ..), _)| kept(unit_type))
        .map(|((.., unit), state)| Row {
            preset: (has_column && state.has_preset())
                .then(|| verdict_word(presets.get_or_init(load), &unit)),
            unit,
            state,
        })
        .collect();
    rows.sort_by(|a, b| sort_key(&a.unit).cmp(&sort_key(&b.unit)));
    rows
}

/// By type, then by name, both without regard to case.
fn sort_key(unit: &str) -> (Option<&'static str>, String) {
    (name::type_of(unit), unit.to_ascii_lowercase())
}

fn verdict_word(presets: &Presets, unit: &str) -> &'static str {
    match presets.query(unit, true).verdict {
        PresetAnswer::Enable => "enabled",
        PresetAnswer::Disable => "disabled",
        PresetAnswer::Ignore => "ignored",
    }
}

fn print_table(session: &mut Session, rows: &[Row]) {
    let legend = !session.options.no_legend;
    let preset = match session.generation.has(Trait::VendorPreset) {
        true => "VENDOR PRESET",
        false => "PRESET",
    };
    let header = legend.then_some(["UNIT FILE", "STATE", preset]);
    let cells = rows.iter().map(|row| [row.unit.as_str(), row.state.word(), row.preset.unwrap_or("-")]);
    let lines: Vec<[&str; 3]> = header.into_iter().chain(cells).collect();
    let width = |column: usize| lines.iter().map(|line| line[column].len()).max().unwrap_or_default();
    let (first, second) = (width(0), width(1));
    for [unit, state, preset] in &lines {
        session.reply.output.out_line(format!("{unit:first$} {state:second$} {preset}"));
    }
    if legend {
        session.reply.output.out_line(format!("\n{} unit files listed.", rows.len()));
    }
}

/// The table of 239: no presets, no header for an empty list, columns padded to the end of the line.
fn print_two_columns(session: &mut Session, rows: &[Row]) {
    let legend = !session.options.no_legend;
    let longest = |words: &mut dyn Iterator<Item = &str>, least: usize| {
        words.map(str::len).max().unwrap_or_default().max(least)
    };
    let first = longest(&mut rows.iter().map(|row| row.unit.as_str()), "UNIT FILE".len());
    let second = longest(&mut rows.iter().map(|row| row.state.word()), "STATE".len());
    let first = if session.options.full {
        first
    } else {
        shown_width(session, first, second)
    };
    if legend && !rows.is_empty() {
        session.reply.output.out_line(format!("{:first$} {:second$}", "UNIT FILE", "STATE"));
    }
    for row in rows {
        let unit = shortened(&row.unit, first, session.style.ellipsis());
        session.reply.output.out_line(format!("{unit:first$} {:second$}", row.state.word()));
    }
    if legend {
        session.reply.output.out_line(format!("\n{} unit files listed.", rows.len()));
    }
}

/// How wide names are shown where lines are to fit: 80 columns, or as many as `COLUMNS` says.
fn shown_width(session: &Session, longest: usize, states: usize) -> usize {
    const LEAST: usize = 25;
    let given = session.call.env.get("COLUMNS").and_then(|value| value.parse().ok());
    let columns = given.filter(|columns| *columns > 0).unwrap_or(80_usize);
    let width = longest.min(LEAST);
    let basic = 1 + width + states;
    width + columns.saturating_sub(basic).min(longest - width)
}

/// A name that is too long, with an ellipsis a third of the way; ellipsize().
fn shortened(unit: &str, width: usize, ellipsis: &str) -> String {
    if unit.len() <= width {
        return unit.to_owned();
    }
    let left = width.saturating_sub(ellipsis.chars().count());
    let before = (left * 33 + 50) / 100;
    format!("{}{ellipsis}{}", &unit[..before], &unit[unit.len() - (left - before)..])
}

fn preset_key(session: &Session) -> &'static str {
    match session.generation.has(Trait::VendorPreset) {
        true => "vendor_preset",
        false => "preset",
    }
}

fn print_json(session: &mut Session, rows: &[Row]) {
    let key = preset_key(session);
    let objects = rows.iter().map(|row| {
        let [unit, state, preset] = json_values(row);
        format!("{{\"unit_file\":{unit},\"state\":{state},\"{key}\":{preset}}}")
    });
    let text = objects.collect::<Vec<_>>().join(",");
    session.reply.output.out_line(format!("[{text}]"));
}

fn print_pretty_json(session: &mut Session, rows: &[Row]) {
    if rows.is_empty() {
        return session.reply.output.out_line("[]");
    }
    let key = preset_key(session);
    let objects = rows.iter().map(|row| {
        let [unit, state, preset] = json_values(row);
        format!("\t{{\n\t\t\"unit_file\" : {unit},\n\t\t\"state\" : {state},\n\t\t\"{key}\" : {preset}\n\t}}")
    });
    let text = objects.collect::<Vec<_>>().join(",\n");
    session.reply.output.out_line(format!("[\n{text}\n]"));
}

/// Unit names are ASCII without quotes or control characters; only backslashes need escaping.
fn json_values(row: &Row) -> [String; 3] {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\"));
    let preset = row.preset.map_or("null".to_owned(), quoted);
    [quoted(&row.unit), quoted(row.state.word()), preset]
}
