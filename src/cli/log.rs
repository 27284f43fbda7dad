//! The log of this process: to stderr, as text, for the journal or as JSON.
//!
//! `[log]` says how much and in which form; `CARNETD_LOG` overrides how much (a level, or filters as in
//! `tracing-subscriber`). The level follows a reload, the form does not. Under the journal a line begins with its priority
//! (`<4>`, sd-daemon(3)), and has neither time nor colour, which the journal knows better.

use std::fmt;
use std::os::unix::fs::MetadataExt as _;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt as subscriber, reload};

use crate::config::{Log, LogFormat, LogLevel};

/// What overrides `[log] level`.
const VARIABLE: &str = "CARNETD_LOG";

/// The form of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Text,
    Journal,
    Json,
}

/// The log's level, which can be changed while it runs.
pub(super) struct Levels {
    filter: reload::Handle<EnvFilter, Registry>,
    form: Form,
    /// `CARNETD_LOG` is set: the configuration's level does not count.
    overridden: bool,
}

impl Levels {
    /// Takes the level of a configuration.
    pub(super) fn apply(&self, log: &Log) {
        if !self.overridden {
            // Fails only once the subscriber is gone, and with it the log.
            let _ = self.filter.reload(of_level(log.level));
        }
    }

    /// Whether a line may be written beside the log's own.
    pub(super) fn is_plain(&self) -> bool {
        self.form == Form::Text
    }
}

/// Starts the log. A second start in one process changes nothing.
pub(super) fn start(log: &Log, colour: bool) -> Levels {
    let form = form(log.format, under_journal());
    let given = std::env::var(VARIABLE).ok().filter(|text| !text.trim().is_empty());
    let parsed = given.as_deref().map(parse);
    let (filter, overridden) = match &parsed {
        Some(Ok(filter)) => (filter.clone(), true),
        Some(Err(_)) | None => (of_level(log.level), false),
    };
    let (filter, handle) = reload::Layer::new(filter);
    let lines = subscriber::layer().with_writer(std::io::stderr).with_ansi(colour && form == Form::Text);
    let lines: Box<dyn Layer<_> + Send + Sync> = match form {
        Form::Text => Box::new(lines.with_target(false)),
        Form::Journal => Box::new(lines.event_format(Journal::default())),
        Form::Json => Box::new(lines.json().flatten_event(true).with_current_span(true).with_span_list(false)),
    };
    // The order matters to the types: the handle is one for a filter right above the registry.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    if let Some(Err(problem)) = parsed {
        tracing::warn!("{VARIABLE} is not used: {problem}; expected a level such as debug, or filters");
    }
    Levels { filter: handle, form, overridden }
}

/// Our own lines at this level; of libraries only what is worth a warning.
fn of_level(level: LogLevel) -> EnvFilter {
    let ours = level.as_str();
    let others = if level == LogLevel::Error { "error" } else { "warn" };
    EnvFilter::new(format!("{others},carnetd={ours}"))
}

/// A lone level means what it means in the configuration; anything else is a filter.
fn parse(text: &str) -> Result<EnvFilter, String> {
    const LEVELS: [LogLevel; 5] = [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace];
    match LEVELS.iter().find(|level| level.as_str().eq_ignore_ascii_case(text.trim())) {
        Some(level) => Ok(of_level(*level)),
        None => EnvFilter::try_new(text).map_err(|error| error.to_string()),
    }
}

fn form(format: LogFormat, journal: bool) -> Form {
    match format {
        LogFormat::Json => Form::Json,
        LogFormat::Auto if journal => Form::Journal,
        LogFormat::Auto | LogFormat::Text => Form::Text,
    }
}

/// Whether stderr is the journal's socket: `$JOURNAL_STREAM` names its device and inode (systemd.exec(5)). That the
/// variable is set is not enough: a shell below a unit inherits it.
fn under_journal() -> bool {
    let stderr = std::fs::metadata("/proc/self/fd/2").map(|stderr| format!("{}:{}", stderr.dev(), stderr.ino()));
    stderr.is_ok_and(|stderr| std::env::var("JOURNAL_STREAM").is_ok_and(|stream| stream == stderr))
}

/// Lines with a priority.
struct Journal {
    inner: Format<Full, ()>,
}

impl Default for Journal {
    fn default() -> Self {
        let inner = subscriber::format().without_time().with_ansi(false).with_level(false).with_target(false);
        Self { inner }
    }
}

impl<S, N> FormatEvent<S, N> for Journal
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut text = String::new();
        self.inner.format_event(context, Writer::new(&mut text), event)?;
        prioritized(*event.metadata().level(), &text, &mut to)
    }
}

/// Each line has its priority, since the journal takes lines apart.
fn prioritized(level: Level, text: &str, to: &mut dyn fmt::Write) -> fmt::Result {
    let priority = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    };
    text.lines().try_for_each(|line| writeln!(to, "<{priority}>{line}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_line_of_an_event_has_its_priority() {
        let mut text = String::new();
        prioritized(Level::WARN, "first\n  second\n", &mut text).expect("a string takes everything");
        assert_eq!(text, "<4>first\n<4>  second\n");
    }

    #[test]
    fn the_journal_s_form_is_chosen_only_there_and_only_by_itself() {
        assert_eq!(form(LogFormat::Auto, true), Form::Journal);
        assert_eq!(form(LogFormat::Auto, false), Form::Text);
        assert_eq!(form(LogFormat::Text, true), Form::Text);
        assert_eq!(form(LogFormat::Json, true), Form::Json);
    }

    #[test]
    fn a_lone_level_is_for_our_own_lines() {
        assert_eq!(parse("DEBUG").expect("a level").to_string(), of_level(LogLevel::Debug).to_string());
        assert_eq!(parse("hyper=trace").expect("a filter").to_string(), "hyper=trace");
        assert!(parse("carnetd=loud").is_err());
    }
}
