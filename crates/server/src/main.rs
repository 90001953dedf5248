//! Wiring only: options, the log, the server; or, as `hamhame chat`, a client in the terminal.

use std::ffi::OsString;
use std::process::ExitCode;

use hamhame::options::{LogFormat, Options};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|argument| argument == "chat") {
        return hamhame_chat::run([OsString::from("hamhame chat")].into_iter().chain(arguments));
    }
    let result = Options::read().and_then(|options| {
        start_log(options.log);
        hamhame::run::run(options)
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hamhame: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn start_log(format: LogFormat) {
    let filter =
        EnvFilter::try_from_env("HAMHAME_LOG_FILTER").unwrap_or_else(|_| EnvFilter::new("info"));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.init(),
        LogFormat::Json => log.json().init(),
    }
}
