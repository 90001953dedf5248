//! One line on a terminal that says how far it is; nothing where nobody looks.

use std::cell::Cell;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// The line.
#[derive(Debug)]
pub struct Progress {
    shown: bool,
    last: Cell<Option<Instant>>,
}

impl Progress {
    /// On standard error, if that is a terminal.
    pub fn on_terminal() -> Self {
        Self { shown: std::io::stderr().is_terminal(), last: Cell::new(None) }
    }

    /// Nowhere.
    pub fn silent() -> Self {
        Self { shown: false, last: Cell::new(None) }
    }

    /// Shows a line in the place of the last, a few times a second at most.
    pub fn say(&self, line: impl FnOnce() -> String) {
        let due = self.last.get().is_none_or(|last| last.elapsed() >= Duration::from_millis(200));
        if self.shown && due {
            self.last.set(Some(Instant::now()));
            // A terminal that is gone is no reason to stop measuring.
            let _ = write!(std::io::stderr(), "\r\x1b[K{}", line());
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.last.get().is_some() {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
