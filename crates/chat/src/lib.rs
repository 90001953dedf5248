//! `hamhame chat`: a room in a terminal, over the protocol `hamhame.v1`.
//!
//! The path of a message here: `wire` bytes ↔ text messages, `message` text ↔ what it says, `room` what follows from it
//! (resuming, sending again, who is here), `screen` lines for people. `input` reads what is typed.
#![forbid(unsafe_code)]

mod address;
mod input;
mod message;
mod options;
mod outbox;
mod room;
mod screen;
mod tls;
mod wire;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::Parser;

pub use options::Options;

/// Chats as the arguments say, the program's name first, until the user or the server ends it.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let options = Options::parse_from(arguments);
    match start(&options) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hamhame chat: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start(options: &Options) -> anyhow::Result<()> {
    let address = address::Address::parse(&options.url, options.room.as_deref())?;
    let tls = tls::Tls::new(options.fingerprint.as_deref())?;
    let name = options.name()?;
    let (screen, lines) = input::open(options.plain)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result =
        runtime.block_on(room::chat(&address, &tls, &name, options.history, screen, lines));
    // The thread that reads lines may wait for one for ever.
    runtime.shutdown_background();
    result
}
