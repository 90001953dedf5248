//! What people see: one line for each event, so that nothing a message holds can move the cursor or change the terminal.

use std::io::Write;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use rustyline::ExternalPrinter;

/// First strong isolate and its end (UAX 9): a name in one script does not turn a text in another around.
const ISOLATE: (char, char) = ('\u{2068}', '\u{2069}');

/// Where lines go.
pub struct Screen {
    printer: Option<Box<dyn ExternalPrinter + Send>>,
    /// Colours, and isolates around names and texts, as terminals that know both directions want them.
    styled: bool,
    zone: TimeZone,
}

impl Screen {
    /// With `printer` lines go above the line that is being typed.
    pub fn new(printer: Option<Box<dyn ExternalPrinter + Send>>, styled: bool) -> Screen {
        Screen { printer, styled, zone: TimeZone::system() }
    }

    /// Somebody said something at `timestamp` (RFC 3339).
    pub fn said(&mut self, timestamp: &str, name: &str, content: &str) {
        let line = self.said_line(timestamp, name, content);
        self.print(&line);
    }

    /// Something happened that nobody said.
    pub fn note(&mut self, text: &str) {
        let text = plain(text);
        self.print(&if self.styled {
            format!("\u{1b}[2m* {text}\u{1b}[0m")
        } else {
            format!("* {text}")
        });
    }

    /// Whether what is typed stands on the screen already.
    pub fn shows_typing(&self) -> bool {
        self.printer.is_some()
    }

    fn said_line(&self, timestamp: &str, name: &str, content: &str) -> String {
        let time = self.time(timestamp);
        let (name, content) = (self.isolate(&plain(name)), self.isolated_lines(content));
        if self.styled {
            format!("\u{1b}[2m[{time}]\u{1b}[0m \u{1b}[1m{name}\u{1b}[0m: {content}")
        } else {
            format!("[{time}] {name}: {content}")
        }
    }

    fn isolated_lines(&self, content: &str) -> String {
        let lines: Vec<String> =
            content.split('\n').map(|line| self.isolate(&plain(line))).collect();
        lines.join("\n        ")
    }

    fn isolate(&self, text: &str) -> String {
        if self.styled { format!("{}{text}{}", ISOLATE.0, ISOLATE.1) } else { text.to_owned() }
    }

    fn time(&self, timestamp: &str) -> String {
        let at = timestamp.parse::<Timestamp>().map(|at| at.to_zoned(self.zone.clone()));
        at.map_or_else(|_| "--:--".into(), |at| format!("{:02}:{:02}", at.hour(), at.minute()))
    }

    fn print(&mut self, line: &str) {
        // A closed pipe ends the program by the next line of input; there is nobody to tell.
        match &mut self.printer {
            Some(printer) => {
                let _ = printer.print(format!("{line}\n"));
            }
            None => {
                let mut out = std::io::stdout().lock();
                let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            }
        }
    }
}

/// Without what would steer a terminal.
fn plain(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c == '\t' {
                ' '
            } else if c.is_control() {
                '\u{fffd}'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn screen(styled: bool) -> Screen {
        Screen { printer: None, styled, zone: TimeZone::UTC }
    }

    #[test]
    fn a_message_is_a_line_with_time_name_and_text() {
        let line = screen(false).said_line("2026-11-21T10:02:03.000004+00:00", "مریم", "سلام\nدوم");
        assert_eq!(line, "[10:02] مریم: سلام\n        دوم");
    }

    #[test]
    fn names_and_texts_are_isolated_in_a_terminal() {
        let line = screen(true).said_line("nonsense", "a", "سلام");
        assert!(
            line.contains("\u{2068}a\u{2069}") && line.contains("\u{2068}سلام\u{2069}"),
            "{line:?}"
        );
        assert!(line.contains("[--:--]"), "{line:?}");
    }

    #[test]
    fn no_message_steers_the_terminal() {
        let line = screen(false).said_line("", "a\u{1b}[2J", "x\u{7}\r\u{9b}31my\tz");
        assert_eq!(line, "[--:--] a\u{fffd}[2J: x\u{fffd}\u{fffd}\u{fffd}31my z");
    }
}
