//! The server; or, as `hamhame chat`, a client in the terminal; or, as `hamhame health`, a question whether the server is up.

use std::ffi::OsString;
use std::process::ExitCode;

use hamhame::broker;
use hamhame::http::health;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next();
    match first.as_ref().and_then(|first| first.to_str()) {
        Some("chat") => {
            let name = OsString::from("hamhame chat");
            return hamhame_chat::run([name].into_iter().chain(arguments));
        }
        Some("health") => return health::run(arguments),
        _ => {}
    }
    hamhame::run::from_command_line(broker::from_options)
}
