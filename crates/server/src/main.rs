//! Wiring only: options, the log, the server; or, as `hamhame chat`, a client in the terminal.

use std::ffi::OsString;
use std::process::ExitCode;

use hamhame::config::Options;
use hamhame::logging::Log;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|argument| argument == "chat") {
        return hamhame_chat::run([OsString::from("hamhame chat")].into_iter().chain(arguments));
    }
    let started = Options::read().and_then(|options| Ok((Log::start(options.log)?, options)));
    let (log, options) = match started {
        Ok(started) => started,
        Err(error) => {
            eprintln!("hamhame: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    let result = hamhame::run::run(options);
    if let Err(error) = &result {
        log.fail(error);
    }
    log.end();
    if result.is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
