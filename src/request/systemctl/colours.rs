//! The colours of systemctl's output on a terminal, or where `SYSTEMD_COLORS` asks for them: get_color_mode() and
//! format-table.c, observed with 247, 252.39, 257.13 and 262.1.

use std::fmt::Write;

use crate::request::Call;
use crate::unit::generation::{Generation, Trait};
use crate::unit::log::Level;

/// What a terminal forgets colours by.
const NORMAL: &str = "\x1b[0m";

/// Which colours are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Palette {
    Sixteen,
    Many,
    /// As many as can be mixed.
    All,
}

/// The colour of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Colour {
    /// That of other text.
    Plain,
    Red,
    Green,
    Yellow,
    Grey,
}

/// How one call's output is coloured.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colours {
    generation: Generation,
    /// None: not at all.
    palette: Option<Palette>,
    /// The Linux console shows no underlines.
    underlines: bool,
}

impl Colours {
    /// As the caller's environment and terminal ask for.
    pub(super) fn of(call: &Call, generation: Generation) -> Colours {
        let terminal = call.env.get("TERM");
        let asked = call.env.get("SYSTEMD_COLORS").and_then(|value| parse(value, generation));
        let usual = || {
            let is_plain = call.env.raw("NO_COLOR").is_some();
            let can = !is_plain && !matches!(terminal, None | Some("dumb")) && call.is_terminal();
            can.then(|| match call.env.get("COLORTERM") {
                Some("truecolor" | "24bit") => Palette::All,
                _ => Palette::Many,
            })
        };
        Colours {
            generation,
            palette: asked.unwrap_or_else(usual),
            underlines: terminal != Some("linux"),
        }
    }

    /// Whether there are any.
    pub(super) fn are_on(&self) -> bool {
        self.palette.is_some()
    }

    /// A message, line by line in the colour of its level.
    pub(super) fn message(&self, level: Level, text: &str) -> String {
        let (on, off) = self.around(level);
        if off.is_empty() {
            return text.to_owned();
        }
        let lines: Vec<String> = text.lines().map(|line| format!("{on}{line}{off}")).collect();
        lines.join("\n")
    }

    /// What is put before and after a line of a message of this level; get_log_colors().
    pub(super) fn around(&self, level: Level) -> (String, &'static str) {
        let on = match level {
            _ if !self.are_on() || !self.generation.has(Trait::ColouredMessages) => {
                return Default::default();
            }
            Level::Error => self.sequence(Colour::Red, false),
            Level::Warning => self.sequence(Colour::Yellow, false),
            Level::Notice => "\x1b[0;1;39m".to_owned(),
            Level::Info => return Default::default(),
        };
        (on, NORMAL)
    }

    /// A cell of a table, or the gap behind one.
    pub(super) fn cell(&self, text: &str, colour: Colour, is_underlined: bool) -> String {
        if !self.are_on() || colour == Colour::Plain && !is_underlined {
            return text.to_owned();
        }
        let on = match is_underlined {
            true if self.generation.has(Trait::SeparateUnderline) => {
                let underline = if self.underlines { "\x1b[0;4m" } else { "" };
                format!("{}{underline}", self.sequence(colour, false))
            }
            _ => self.sequence(colour, is_underlined && self.underlines),
        };
        match on.is_empty() {
            true => text.to_owned(),
            false => format!("{on}{text}{NORMAL}"),
        }
    }

    /// The header of a table with columns of these widths.
    pub(super) fn header(&self, names: &[&str], widths: &[usize]) -> String {
        let mut line = String::new();
        for (at, (name, width)) in names.iter().zip(widths).enumerate() {
            let gap = if at == 0 { "" } else { " " };
            let _ = if !self.generation.has(Trait::SeparateGaps) {
                write!(line, "{}", self.cell(&format!("{gap}{name:width$}"), Colour::Plain, true))
            } else if self.underlines {
                let on = |text: &str| match text {
                    "" => String::new(),
                    text => format!("\x1b[4m{text}{NORMAL}"),
                };
                write!(line, "{}{}", on(gap), on(&format!("{name:width$}")))
            } else {
                write!(line, "{gap}{name:width$}")
            };
        }
        line.trim_end_matches(' ').to_owned()
    }

    /// A row of the table of 239, with both cells filled up to their columns; read in its output_unit_file_list().
    pub(super) fn earlier_row(&self, unit: &str, state: &str, colour: Colour, is_underlined: bool) -> String {
        if !self.are_on() || colour == Colour::Plain && !is_underlined {
            return format!("{unit} {state}");
        }
        let on = |colour| self.sequence(colour, is_underlined && self.underlines);
        let underline = if is_underlined {
            on(Colour::Plain)
        } else {
            String::new()
        };
        let start = match colour {
            Colour::Plain => String::new(),
            colour => on(colour),
        };
        format!("{underline}{unit} {start}{state}{NORMAL}")
    }

    /// A text of JSON, quoted already.
    pub(super) fn json(&self, value: &str) -> String {
        match value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
            _ if !self.are_on() => value.to_owned(),
            Some(text) => format!("\"\x1b[0;32m{text}{NORMAL}\""),
            None => format!("\x1b[0;1;39m{value}{NORMAL}"),
        }
    }

    fn sequence(&self, colour: Colour, is_underlined: bool) -> String {
        let few = self.palette == Some(Palette::Sixteen);
        let is_twofold = self.palette == Some(Palette::Many) && self.generation.has(Trait::TwofoldColours);
        let under = if is_underlined { "4;" } else { "" };
        let number = |start: &str, basic: u8, many: u8| {
            let plain = format!("\x1b[0;{start}{under}{basic}m");
            let colon = if self.generation.has(Trait::ColonColours) {
                ':'
            } else {
                ';'
            };
            let many = format!("\x1b[0;{start}{under}38{colon}5{colon}{many}m");
            match few {
                true => plain,
                // For terminals that know no more than sixteen.
                false if is_twofold => plain + &many,
                false => many,
            }
        };
        match colour {
            Colour::Red => format!("\x1b[0;1;{under}31m"),
            Colour::Green => format!("\x1b[0;1;{under}32m"),
            Colour::Yellow => number("1;", 33, 185),
            Colour::Grey => number("", 90, 245),
            Colour::Plain if is_underlined => "\x1b[0;4m".to_owned(),
            Colour::Plain if self.generation.has(Trait::SeparateGaps) => String::new(),
            Colour::Plain => NORMAL.to_owned(),
        }
    }
}

/// What `SYSTEMD_COLORS` asks for; parse_systemd_colors().
fn parse(value: &str, generation: Generation) -> Option<Option<Palette>> {
    let number = generation.number();
    match value.to_ascii_lowercase().as_str() {
        "16" if number >= 248 => Some(Some(Palette::Sixteen)),
        "256" if number >= 248 => Some(Some(Palette::Many)),
        "24bit" if number >= 256 => Some(Some(Palette::All)),
        "1" | "yes" | "y" | "true" | "t" | "on" => Some(Some(Palette::Many)),
        "0" | "no" | "n" | "false" | "f" | "off" => Some(None),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colours(generation: u16, palette: Palette) -> Colours {
        Colours {
            generation: Generation::release(generation),
            palette: Some(palette),
            underlines: true,
        }
    }

    #[test]
    fn colours_are_those_of_the_generation_and_the_palette() {
        let grey = |generation, palette| colours(generation, palette).sequence(Colour::Grey, true);
        assert_eq!(grey(247, Palette::Many), "\x1b[0;4;38;5;245m");
        assert_eq!(grey(257, Palette::Many), "\x1b[0;4;38:5:245m");
        assert_eq!(grey(262, Palette::Many), "\x1b[0;4;90m\x1b[0;4;38:5:245m");
        assert_eq!(grey(262, Palette::Sixteen), "\x1b[0;4;90m");
        assert_eq!(grey(262, Palette::All), "\x1b[0;4;38:5:245m");
        let cell = |generation| colours(generation, Palette::Many).cell("x", Colour::Red, true);
        assert_eq!(cell(247), "\x1b[0;1;4;31mx\x1b[0m");
        assert_eq!(cell(252), "\x1b[0;1;31m\x1b[0;4mx\x1b[0m");
    }

    #[test]
    fn rows_of_239_have_one_colour_for_the_state() {
        let row = |colour, ends| colours(239, Palette::Many).earlier_row("a", "b", colour, ends);
        assert_eq!(row(Colour::Red, false), "a \x1b[0;1;31mb\x1b[0m");
        assert_eq!(row(Colour::Plain, true), "\x1b[0;4ma b\x1b[0m");
        assert_eq!(row(Colour::Plain, false), "a b");
    }

    #[test]
    fn messages_are_coloured_line_by_line_since_252() {
        let message = |generation, level| colours(generation, Palette::Many).message(level, "a\n b");
        assert_eq!(message(247, Level::Error), "a\n b");
        assert_eq!(message(252, Level::Error), "\x1b[0;1;31ma\x1b[0m\n\x1b[0;1;31m b\x1b[0m");
        assert_eq!(message(252, Level::Info), "a\n b");
    }

    #[test]
    fn systemd_colors_is_a_number_of_colours_or_a_truth_value() {
        assert_eq!(parse("16", Generation::release(252)), Some(Some(Palette::Sixteen)));
        assert_eq!(parse("16", Generation::release(247)), None);
        assert_eq!(parse("off", Generation::NEWEST), Some(None));
        assert_eq!(parse("much", Generation::NEWEST), None);
    }
}
