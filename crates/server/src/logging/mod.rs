//! The log on stderr, as nobody can make it a burden: a log that is not read never holds the server up (`outlet`), nothing
//! that a peer does writes a line each time (`quota`), and every line is bounded and of characters that can be seen
//! (`line`).

mod line;
mod outlet;
mod quota;

use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context as Surroundings, Layer, SubscriberExt};

use crate::clock;
use crate::config::{FILTER_VARIABLE, LogFormat};
use line::Fields;
use outlet::Outlet;
use quota::{LeftOut, Quotas};

/// What is logged unless the operator says otherwise: of libraries, errors alone; what they warn of is what peers do. The client of
/// NATS has an error for each try to connect; the engine says the same once.
const FILTER: &str = "error,async_nats=off,hamhame=info";

/// The log of this process.
pub struct Log {
    form: Form,
    outlet: Outlet,
}

/// How a line looks.
#[derive(Clone, Copy)]
struct Form {
    format: LogFormat,
    coloured: bool,
}

/// Takes every event that passes the filter.
struct Ledger {
    form: Form,
    outlet: Outlet,
    quotas: Arc<Quotas>,
}

impl Log {
    /// From now on, what is logged is written, and panics too.
    ///
    /// # Errors
    /// If the filter cannot be read, or there is no thread for the log.
    pub fn start(format: LogFormat) -> anyhow::Result<Log> {
        let wanted = std::env::var(FILTER_VARIABLE).unwrap_or_else(|_| FILTER.to_owned());
        let filter: Targets = wanted.parse().with_context(|| {
            format!(
                "{FILTER_VARIABLE} {wanted:?} is no filter; write it like hamhame=debug,h2=warn"
            )
        })?;
        let form = Form { format, coloured: format == LogFormat::Text && is_coloured() };
        let quotas = Arc::new(Quotas::default());
        let outlet = {
            let quotas = quotas.clone();
            Outlet::open(std::io::stderr(), move |end| {
                let now = if end { Duration::MAX } else { clock::uptime() };
                let mut lines: Vec<String> =
                    quotas.collect(now).iter().map(|left| form.summary(left)).collect();
                lines.extend(outlet::take_lost().map(|lost| form.lost(lost)));
                lines
            })?
        };
        let ledger = Ledger { form, outlet: outlet.clone(), quotas };
        tracing::subscriber::set_global_default(
            tracing_subscriber::registry().with(filter).with(ledger),
        )
        .context("there is a log already")?;
        std::panic::set_hook(Box::new(|panic| {
            let place = panic.location().map(ToString::to_string).unwrap_or_default();
            let what = panic.payload_as_str().unwrap_or("no words");
            tracing::error!("panicked at {place}: {what}");
        }));
        Ok(Log { form, outlet })
    }

    /// Says why the process ends.
    pub fn fail(&self, error: &anyhow::Error) {
        self.outlet.write(match self.form.format {
            LogFormat::Text => format!("hamhame: {error:#}\n"),
            LogFormat::Json => {
                let words = Fields::of(&format!("{error:#}"));
                line::json(&Level::ERROR, "hamhame", &words)
            }
        });
    }

    /// Waits until everything is written, but for no longer than a second: nobody may be reading.
    pub fn end(self) {
        self.outlet.close();
    }
}

/// Lines that were lost since the start, as nobody took them in time.
pub fn lost_lines() -> u64 {
    outlet::lost()
}

fn is_coloured() -> bool {
    let says = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    std::io::stderr().is_terminal()
        && says("NO_COLOR").is_none()
        && says("TERM").is_none_or(|terminal| terminal != "dumb")
}

impl Form {
    fn line(self, level: &Level, target: &str, fields: &Fields) -> String {
        match self.format {
            LogFormat::Text => line::text(level, target, fields, self.coloured),
            LogFormat::Json => line::json(level, target, fields),
        }
    }

    /// The line that stands for those that were too many.
    fn summary(self, left: &LeftOut) -> String {
        let words = format!("{} more lines like this: {}", left.lines, left.sample);
        self.line(&left.level, left.target, &Fields::of(&words))
    }

    fn lost(self, lines: u64) -> String {
        let words = format!("{lines} lines of this log were lost, as nobody took them in time");
        self.line(&Level::WARN, "hamhame::logging", &Fields::of(&words))
    }
}

impl<S: Subscriber> Layer<S> for Ledger {
    fn on_event(&self, event: &Event<'_>, _: Surroundings<'_, S>) {
        let about = event.metadata();
        let mut fields = Fields::default();
        // What is more detailed than the default was asked for, line by line.
        if *about.level() <= Level::INFO {
            let sample = || {
                event.record(&mut fields);
                fields.message().to_owned()
            };
            let (admitted, left) = self.quotas.admit(about, clock::uptime(), sample);
            if let Some(left) = left {
                self.outlet.write(self.form.summary(&left));
            }
            if !admitted {
                return;
            }
        }
        if fields.is_empty() {
            event.record(&mut fields);
        }
        self.outlet.write(self.form.line(about.level(), about.target(), &fields));
    }
}
