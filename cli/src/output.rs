//! Tables, JSON and progress.

use anyhow::Result;
use comfy_table::{presets, CellAlignment, ContentArrangement, Table};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// Work that takes no longer than this shows no progress bar.
const QUIET: Duration = Duration::from_secs(2);

/// Columns below which a table is not made to fit.
const NARROWEST: u16 = 60;

/// Prints a value as JSON on standard output.
pub fn print_json(value: &impl Serialize) -> Result<()> {
    print_text(&serde_json::to_string_pretty(value)?)
}

/// Prints a text and a line's end; a reader that closed the pipe has had enough.
pub fn print_text(text: &str) -> Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// A table with these column titles; the columns in `numbers` are aligned right.
pub fn table(titles: &[&str], numbers: &[usize]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::UTF8_FULL_CONDENSED);
    // A terminal that does not say how wide it is says 0.
    if table.width().is_some_and(|width| width >= NARROWEST) {
        table.set_content_arrangement(ContentArrangement::Dynamic);
    }
    table.set_header(titles);
    for column in numbers {
        if let Some(column) = table.column_mut(*column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// A number with a space between thousands.
pub fn thousands(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// A progress bar on standard error that shows itself only on a terminal and only for long work.
pub struct Progress {
    start: Instant,
    bar: Option<ProgressBar>,
    template: String,
}

impl Progress {
    /// Nothing is shown yet; bytes are counted.
    pub fn new() -> Self {
        Self::with("{bytes} of {total_bytes}")
    }

    /// The same for things of which there are some.
    pub fn counting(things: &str) -> Self {
        Self::with(&format!("{{pos}} of {{len}} {things}"))
    }

    fn with(amount: &str) -> Self {
        Progress {
            start: Instant::now(),
            bar: None,
            template: format!("{{bar:40}} {amount}, {{eta}} left"),
        }
    }

    /// `done` of `all` are done.
    pub fn show(&mut self, done: u64, all: u64) {
        if self.bar.is_none() && self.start.elapsed() > QUIET && std::io::stderr().is_terminal() {
            let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template(&self.template);
            bar.set_style(style.expect("the template is right"));
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_position(done);
        }
    }

    /// Takes the bar away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

/// A line on standard error that changes, on a terminal only.
pub struct StatusLine {
    bar: Option<ProgressBar>,
}

impl StatusLine {
    /// An empty line.
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
            bar.set_style(ProgressStyle::with_template("{msg}").expect("the template is right"));
            bar
        });
        StatusLine { bar }
    }

    /// Whether anybody sees it.
    pub fn is_shown(&self) -> bool {
        self.bar.is_some()
    }

    /// The line is this now.
    pub fn show(&self, text: String) {
        if let Some(bar) = &self.bar {
            bar.set_message(text);
            bar.tick();
        }
    }

    /// Takes the line away.
    pub fn finish(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_apart() {
        let texts = [0, 12, 123, 1234, 1_234_567].map(thousands);
        assert_eq!(texts, ["0", "12", "123", "1 234", "1 234 567"]);
    }
}
