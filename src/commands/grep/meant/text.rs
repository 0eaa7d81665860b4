//! The text of a search: its layout, and the terminal that it is for.

use std::io::{self, IsTerminal};

use ovlsniff::print::{ColorChoice, Marks, Replacement, Shape, TextOptions, Times, knows_colors, use_color};

use crate::cli::{self, Grep};

/// The columns of a line, if nothing tells.
const USUAL_WIDTH: u32 = 80;

/// Returns the options for the text of grep mode.
pub(super) fn options(args: &Grep) -> TextOptions {
    let shape = if args.hexdump { Shape::Hex } else { shape(args.shape) };
    let marks = match args.marks {
        _ if args.quiet > 0 => Marks::None,
        cli::Marks::Opaque => Marks::Opaque,
        cli::Marks::Ngrep => Marks::Ngrep,
        cli::Marks::None => Marks::None,
    };
    let times = match args.relative {
        _ if args.time => Times::Clock,
        0 => Times::None,
        1 => Times::SinceLast,
        _ => Times::SinceFirst,
    };
    let choice = match args.color {
        cli::Color::Auto => ColorChoice::Auto,
        cli::Color::Always => ColorChoice::Always,
        cli::Color::Never => ColorChoice::Never,
    };
    let environment = |name| std::env::var(name).ok();
    let (no_color, force) = (environment("NO_COLOR"), environment("CLICOLOR_FORCE"));
    let terminal = io::stdout().is_terminal();
    let colors = terminal && knows_colors(environment("TERM").as_deref());
    TextOptions {
        shape,
        columns: columns(args.columns),
        replacement: Replacement::new(args.replacement).unwrap_or_default(),
        limit: args.depth,
        utf8: args.utf8,
        color: use_color(choice, no_color.as_deref(), force.as_deref(), colors),
        spaced: terminal,
        times,
        marks,
        headers_only: args.quiet > 1,
    }
}

/// Returns the shape of `-W`.
pub(super) fn shape(typed: cli::Shape) -> Shape {
    match typed {
        cli::Shape::Normal => Shape::Normal,
        cli::Shape::Byline => Shape::ByLine,
        cli::Shape::Single => Shape::Single,
        cli::Shape::None => Shape::None,
    }
}

/// Returns the columns of a line: those that were typed, or else the terminal's.
pub(super) fn columns(typed: Option<u32>) -> usize {
    let terminal = io::stdout().is_terminal();
    let width = || terminal_size::terminal_size().map(|(width, _)| u32::from(width.0)).filter(|_| terminal);
    typed.unwrap_or_else(|| width().unwrap_or(USUAL_WIDTH).max(8)) as usize
}
