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

use super::colours::{Colour, Colours};
use super::session::Session;

struct Row {
    unit: String,
    state: State,
    preset: Option<&'static str>,
}

/// Prints the unit files that fit patterns and options; exit 1 if none does.
///
/// `verb_list_unit_files()` of systemctl-list-unit-files.c; `output_show_unit_file()` filters the rows.
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
    session.reply.if_unprinted = is_checked.then(|| session.unprinted("Failed to print table"));
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
    // By type, then by name without regard to case: compare_unit_file_list().
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
    let cells: Vec<[&str; 3]> = rows.iter().map(Row::cells).collect();
    let width =
        |column: usize| header.iter().chain(&cells).map(|line| line[column].len()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2)];
    let [first, second, _] = widths;
    if session.colours.are_on() {
        let header = header.map(|names| session.colours.header(&names, &widths));
        let lines = rows
            .iter()
            .enumerate()
            .map(|(at, row)| row.coloured(&session.colours, ends_type(rows, at), widths));
        let lines: Vec<String> = header.into_iter().chain(lines).collect();
        lines.iter().for_each(|line| session.reply.output.out_line(line));
    } else {
        for [unit, state, preset] in header.iter().chain(&cells) {
            session.reply.output.out_line(format!("{unit:first$} {state:second$} {preset}"));
        }
    }
    if legend {
        session.reply.output.out_line(format!("\n{} unit files listed.", rows.len()));
    }
}

impl Row {
    fn cells(&self) -> [&str; 3] {
        [self.unit.as_str(), self.state.word(), self.preset.unwrap_or("-")]
    }

    /// A line of the table; the last of a type of units is underlined. Colours are those of
    /// output_unit_file_list().
    fn coloured(&self, colours: &Colours, is_underlined: bool, widths: [usize; 3]) -> String {
        let preset = match self.preset {
            Some("enabled") => Colour::Green,
            Some("disabled") => Colour::Red,
            Some(_) => Colour::Yellow,
            None => Colour::Grey,
        };
        let [unit, state, last] = self.cells();
        let mut line = String::new();
        for (text, colour, width) in [
            (unit, Colour::Plain, widths[0]),
            (state, colour_of(self.state), widths[1]),
        ] {
            line += &colours.cell(&format!("{text:width$}"), colour, is_underlined);
            line += &colours.cell(" ", colour, is_underlined);
        }
        let width = widths[2];
        line + &colours.cell(&format!("{last:width$}"), preset, is_underlined)
    }
}

/// Whether the next row is about another type of units.
fn ends_type(rows: &[Row], at: usize) -> bool {
    let unit_type = |row: &Row| name::type_of(&row.unit);
    rows.get(at + 1).is_some_and(|next| unit_type(next) != unit_type(&rows[at]))
}

fn colour_of(state: State) -> Colour {
    match state {
        State::Masked | State::MaskedRuntime | State::Disabled | State::Bad => Colour::Red,
        State::Enabled | State::Alias => Colour::Green,
        _ => Colour::Plain,
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
        let header = format!("{:first$} {:second$}", "UNIT FILE", "STATE");
        session.reply.output.out_line(session.colours.cell(&header, Colour::Plain, true));
    }
    for (at, row) in rows.iter().enumerate() {
        let unit = format!("{:first$}", shortened(&row.unit, first, session.style.ellipsis()));
        let state = format!("{:second$}", row.state.word());
        let ends = ends_type(rows, at);
        session
            .reply
            .output
            .out_line(session.colours.earlier_row(&unit, &state, colour_of(row.state), ends));
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

fn json_keys(session: &Session) -> [String; 3] {
    let preset = match session.generation.has(Trait::VendorPreset) {
        true => "\"vendor_preset\"",
        false => "\"preset\"",
    };
    ["\"unit_file\"", "\"state\"", preset].map(|key| session.colours.json(key))
}

fn print_json(session: &mut Session, rows: &[Row]) {
    let colours = session.colours;
    let [unit_key, state_key, key] = json_keys(session);
    let objects = rows.iter().map(|row| {
        let [unit, state, preset] = json_values(row, &colours);
        format!("{{{unit_key}:{unit},{state_key}:{state},{key}:{preset}}}")
    });
    let text = objects.collect::<Vec<_>>().join(",");
    session.reply.output.out_line(format!("[{text}]"));
}

fn print_pretty_json(session: &mut Session, rows: &[Row]) {
    if rows.is_empty() {
        return session.reply.output.out_line("[]");
    }
    let colours = session.colours;
    let [unit_key, state_key, key] = json_keys(session);
    let objects = rows.iter().map(|row| {
        let [unit, state, preset] = json_values(row, &colours);
        format!("\t{{\n\t\t{unit_key} : {unit},\n\t\t{state_key} : {state},\n\t\t{key} : {preset}\n\t}}")
    });
    let text = objects.collect::<Vec<_>>().join(",\n");
    session.reply.output.out_line(format!("[\n{text}\n]"));
}

/// Unit names are ASCII without quotes or control characters; only backslashes need escaping.
fn json_values(row: &Row, colours: &Colours) -> [String; 3] {
    let quoted = |text: &str| format!("\"{}\"", text.replace('\\', "\\\\"));
    let preset = row.preset.map_or("null".to_owned(), quoted);
    [quoted(&row.unit), quoted(row.state.word()), preset].map(|value| colours.json(&value))
}
