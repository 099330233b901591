//! What a person sees: results on stdout; notes and progress on stderr.

use anyhow::{Context, Result};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::cell::OnceCell;
use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Where lines go, and whether notes and progress are wanted.
pub struct Console {
    quiet: bool,
    status: OnceCell<ProgressBar>,
    /// Draws nothing where stderr is no terminal.
    bars: MultiProgress,
}

impl Console {
    /// A console; a quiet one shows results and errors only.
    pub fn new(quiet: bool) -> Self {
        Self { quiet, status: OnceCell::new(), bars: MultiProgress::new() }
    }

    /// A line of the result, on stdout.
    pub fn result(&self, line: impl AsRef<str>) -> Result<()> {
        self.bytes(format!("{}\n", line.as_ref()).as_bytes())
    }

    /// Bytes of the result, on stdout.
    pub fn bytes(&self, bytes: &[u8]) -> Result<()> {
        let write = || {
            let mut out = io::stdout().lock();
            out.write_all(bytes).and_then(|()| out.flush())
        };
        self.bars
            .suspend(write)
            .context("cannot write to standard output; is the disk full, or the pipe closed?")
    }

    /// A line for the person, on stderr, unless quiet.
    pub fn note(&self, line: impl AsRef<str>) {
        if !self.quiet {
            self.bars.suspend(|| eprintln!("{}", line.as_ref()));
        }
    }

    /// Whether somebody looks at a terminal.
    pub fn is_live(&self) -> bool {
        !self.quiet && io::stderr().is_terminal()
    }

    /// How work stands: a line that is replaced by the next on a terminal, a line of its own elsewhere.
    pub fn status(&self, line: String) {
        if !self.is_live() {
            return self.note(line);
        }
        let bar = self.status.get_or_init(|| {
            let style = ProgressStyle::with_template("{spinner} {wide_msg}").expect("the template is right");
            let bar = self.bars.add(ProgressBar::new_spinner().with_style(style));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        bar.set_message(line);
    }

    /// Takes the last status away.
    pub fn end_status(&self) {
        if let Some(bar) = self.status.get() {
            bar.finish_and_clear();
        }
    }

    /// Starts `total` pieces of work: a bar on a terminal, plain lines elsewhere, nothing when quiet.
    pub fn progress(&self, total: usize) -> Progress<'_> {
        let bar = (!self.quiet && io::stderr().is_terminal()).then(|| {
            let template = "{spinner} [{bar:30}] {pos}/{len} {wide_msg}";
            let style =
                ProgressStyle::with_template(template).expect("the template is right").progress_chars("=> ");
            let bar = self.bars.add(ProgressBar::new(total as u64).with_style(style));
            bar.enable_steady_tick(Duration::from_millis(120));
            bar
        });
        Progress { console: self, bar, done: 0, total, started: Instant::now() }
    }
}

/// Work that is counted.
pub struct Progress<'a> {
    console: &'a Console,
    bar: Option<ProgressBar>,
    done: usize,
    total: usize,
    started: Instant,
}

impl Progress<'_> {
    /// The next piece begins.
    pub fn begin(&self, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(format!("{what}{}", self.left()));
        }
    }

    /// The piece is done; `what` says so in a few words.
    pub fn finish(&mut self, what: &str) {
        self.done += 1;
        match &self.bar {
            Some(bar) => bar.set_position(self.done as u64),
            None => self.console.note(format!("{}/{} {what}{}", self.done, self.total, self.left())),
        }
    }

    /// So much is done in all, in these words, which tell for themselves what is left.
    pub fn reach(&mut self, done: usize, words: &str) {
        self.done = done;
        match &self.bar {
            Some(bar) => {
                bar.set_position(done as u64);
                bar.set_message(words.to_string());
            }
            None => self.console.note(format!("{done}/{} {words}", self.total)),
        }
    }

    /// `, about 12 s left`, once there is something to reckon with.
    fn left(&self) -> String {
        match seconds_left(self.done, self.total, self.started.elapsed().as_secs_f64()) {
            Some(secs) => format!(", about {} left", duration(secs)),
            None => String::new(),
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// From the mean time a piece has taken; none before the first and after the last.
fn seconds_left(done: usize, total: usize, elapsed_secs: f64) -> Option<f64> {
    (0 < done && done < total).then(|| elapsed_secs / done as f64 * (total - done) as f64)
}

/// A length of time for people: `0.8 s`, `42 s`, `3 min 10 s`, `2 h 5 min`.
pub fn duration(secs: f64) -> String {
    let whole = secs.round() as u64;
    match whole {
        0..=9 => format!("{secs:.1} s"),
        10..=99 => format!("{whole} s"),
        100..=5_999 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_takes_as_long_a_piece_as_the_first_ones() {
        assert_eq!(seconds_left(0, 4, 3.0), None);
        assert_eq!(seconds_left(1, 4, 3.0), Some(9.0));
        assert_eq!(seconds_left(4, 4, 3.0), None);
    }

    #[test]
    fn durations_are_short() {
        let cases = [(0.84, "0.8 s"), (42.4, "42 s"), (190.0, "3 min 10 s"), (7500.0, "2 h 5 min")];
        for (secs, words) in cases {
            assert_eq!(duration(secs), words);
        }
    }
}
