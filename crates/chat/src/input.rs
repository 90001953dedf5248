//! What is typed, line by line: with an editor in a terminal, as it comes from a pipe.

use std::io::{BufRead, IsTerminal};
use std::thread;

use anyhow::Context;
use rustyline::{Config, Editor, ExternalPrinter};
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::screen::Screen;

const PROMPT: &str = "> ";

/// Lines that wait to be taken; a pipe that brings more is read no further.
const WAITING: usize = 16;

/// Opens both halves of a terminal, or pipes. The lines end when the input does.
///
/// # Errors
/// If the terminal cannot be used.
pub fn open(plain: bool) -> anyhow::Result<(Screen, Receiver<String>)> {
    let (sender, lines) = channel(WAITING);
    let terminal = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    if plain || !terminal {
        spawn(move || read_pipe(&sender))?;
        return Ok((Screen::new(None, false), lines));
    }
    let config = Config::builder().auto_add_history(true).build();
    let mut editor: Editor<(), _> =
        Editor::with_config(config).context("cannot use the terminal; try --plain")?;
    let printer =
        editor.create_external_printer().context("cannot use the terminal; try --plain")?;
    let printer: Box<dyn ExternalPrinter + Send> = Box::new(printer);
    spawn(move || {
        loop {
            match editor.readline(PROMPT) {
                Ok(line) => {
                    if sender.blocking_send(line).is_err() {
                        return;
                    }
                }
                // Ctrl-C and Ctrl-D: the user goes. Anything else: the terminal is gone.
                Err(_) => return,
            }
        }
    })?;
    Ok((Screen::new(Some(printer), true), lines))
}

fn read_pipe(sender: &Sender<String>) {
    let mut input = std::io::stdin().lock();
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {
                let text = String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r']).to_owned();
                if sender.blocking_send(text).is_err() {
                    return;
                }
            }
        }
    }
}

fn spawn(read: impl FnOnce() + Send + 'static) -> anyhow::Result<()> {
    thread::Builder::new().name("input".into()).spawn(read).context("cannot start a thread")?;
    Ok(())
}
