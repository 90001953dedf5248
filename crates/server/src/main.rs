//! The server; or, as `hamhame chat`, a client in the terminal.

use std::ffi::OsString;
use std::process::ExitCode;

use hamhame::broker;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    if arguments.nth(1).is_some_and(|argument| argument == "chat") {
        return hamhame_chat::run([OsString::from("hamhame chat")].into_iter().chain(arguments));
    }
    hamhame::run::from_command_line(broker::from_options)
}
