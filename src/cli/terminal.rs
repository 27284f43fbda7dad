//! Where text goes, and whether in colour: results to stdout, everything else to stderr.

use std::io::{self, ErrorKind, IsTerminal, Write};

use super::exit::Exit;

/// A colour with a meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Paint {
    /// Titles.
    Bold,
    /// What may be skipped.
    Quiet,
    /// Well, or created.
    Good,
    /// Updated, or under way.
    Info,
    /// Waits for somebody.
    Warn,
    /// Wrong, or deleted.
    Bad,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Self::Bold => "1",
            Self::Quiet => "2",
            Self::Good => "32",
            Self::Info => "36",
            Self::Warn => "33",
            Self::Bad => "31",
        }
    }
}

/// One of the two streams.
struct Stream {
    to: Box<dyn Write + Send>,
    terminal: bool,
    colour: bool,
}

impl Stream {
    fn paint(&self, paint: Paint, text: &str) -> String {
        if self.colour { format!("\x1b[{}m{text}\x1b[0m", paint.code()) } else { text.to_owned() }
    }
}

/// Stdout and stderr, and whether somebody sits there.
pub(super) struct Terminal {
    out: Stream,
    err: Stream,
    /// Answers a question; `None` where nobody can.
    answers: Option<Box<dyn FnMut() -> io::Result<String> + Send>>,
    /// The first thing that kept a result from being written.
    broken: Option<io::Error>,
}

impl Terminal {
    /// Those of the process.
    pub(super) fn of_process() -> Self {
        let wanted = |terminal: bool| wants_colour(terminal, |name| std::env::var(name).ok());
        let (out, err) = (io::stdout().is_terminal(), io::stderr().is_terminal());
        let asks = io::stdin().is_terminal() && err;
        Self {
            out: Stream { to: Box::new(io::stdout()), terminal: out, colour: wanted(out) },
            err: Stream { to: Box::new(io::stderr()), terminal: err, colour: wanted(err) },
            answers: asks.then(|| Box::new(read_line) as Box<_>),
            broken: None,
        }
    }

    /// Streams that are no terminals; `answer` answers every question.
    #[cfg(test)]
    pub(super) fn written_to(
        out: Box<dyn Write + Send>,
        err: Box<dyn Write + Send>,
        answer: Option<&'static str>,
    ) -> Self {
        let stream = |to| Stream { to, terminal: false, colour: false };
        let answers = answer.map(|answer| Box::new(move || Ok(answer.to_owned())) as Box<_>);
        Self { out: stream(out), err: stream(err), answers, broken: None }
    }

    /// A line of the result.
    pub(super) fn result(&mut self, line: &str) {
        let written = writeln!(self.out.to, "{line}").and_then(|()| self.out.to.flush());
        if let Err(error) = written
            && self.broken.is_none()
        {
            self.broken = Some(error);
        }
    }

    /// A line beside the result.
    pub(super) fn note(&mut self, line: &str) {
        // Where stderr is gone there is nobody to tell.
        let _ = writeln!(self.err.to, "{line}");
    }

    /// What went wrong, and what to do.
    pub(super) fn error(&mut self, message: &str, help: Option<&str>) {
        let line = format!("{} {message}", self.err.paint(Paint::Bad, "error:"));
        self.note(&line);
        if let Some(help) = help {
            let line = format!("{} {help}", self.err.paint(Paint::Info, " help:"));
            self.note(&line);
        }
    }

    /// Text for a result, in colour where that is wanted.
    pub(super) fn paint(&self, paint: Paint, text: &str) -> String {
        self.out.paint(paint, text)
    }

    /// Whether progress may be drawn on stderr.
    pub(super) fn draws_progress(&self) -> bool {
        self.err.terminal && self.err.colour
    }

    /// Whether text for stderr may be coloured.
    pub(super) fn colour_on_stderr(&self) -> bool {
        self.err.colour
    }

    /// Whether questions can be answered.
    pub(super) fn can_ask(&self) -> bool {
        self.answers.is_some()
    }

    /// Asks a question that only a typed yes answers with yes.
    pub(super) fn asks(&mut self, question: &str) -> bool {
        let Some(read) = &mut self.answers else { return false };
        let _ = write!(self.err.to, "{question} [y/N] ").and_then(|()| self.err.to.flush());
        read().is_ok_and(|answer| matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
    }

    /// Clears a terminal for the next picture.
    pub(super) fn clear(&mut self) {
        if self.out.terminal {
            let _ = write!(self.out.to, "\x1b[H\x1b[2J\x1b[3J");
        }
    }

    /// Whether nobody reads the results any more.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// The end of a command; a result that could not be written is a failure, unless its reader simply left.
    pub(super) fn finish(&mut self, exit: Exit) -> Exit {
        match self.broken.take() {
            Some(error) if error.kind() != ErrorKind::BrokenPipe => {
                self.error(&format!("the result could not be written: {error}"), None);
                Exit::Failed
            }
            _ => exit,
        }
    }
}

fn read_line() -> io::Result<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).map(|_| line)
}

/// Whether a stream gets colour (<https://no-color.org>): a terminal that is not dumb, and no `NO_COLOR`.
pub(super) fn wants_colour(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let no_colour = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    terminal && !no_colour && variable("TERM").as_deref() != Some("dumb")
}
