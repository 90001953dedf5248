//! What the command line says.

use anyhow::Context;
use clap::Parser;

const EXAMPLES: &str = "\
Examples:
  hamhame chat http://127.0.0.1:8000 general
  hamhame chat https://chat.example/r/class --name Maryam
  hamhame chat https://192.168.1.5:8443 class --fingerprint AB:CD:…
  echo 'the build is done' | hamhame chat http://127.0.0.1:8000 builds --name bot

What is typed is said. Lines that begin with a slash are for the program: /who shows who is here, /quit leaves, //text says /text.";

/// A room in the terminal: joins, shows what is said, says what is typed, and comes back when the connection is lost.
#[derive(Debug, Parser)]
#[command(name = "hamhame chat", after_help = EXAMPLES)]
pub struct Options {
    /// The server, or the link of a room, such as `http://127.0.0.1:8000` or `https://chat.example/r/class`
    pub url: String,

    /// The room, if the URL names none [default: general]
    pub room: Option<String>,

    /// The name to join under [default: the name of this account]
    #[arg(long, env = "HAMHAME_NAME", value_name = "NAME")]
    name: Option<String>,

    /// How many of the last events to show
    #[arg(long, default_value_t = 20, value_name = "N")]
    pub history: u32,

    /// Trust the one certificate with this SHA-256 fingerprint, as the server printed it
    #[arg(long, value_name = "SHA-256")]
    pub fingerprint: Option<String>,

    /// No line editing, colours and directional characters, also in a terminal
    #[arg(long)]
    pub plain: bool,
}

impl Options {
    /// Who joins.
    ///
    /// # Errors
    /// If nobody says.
    pub fn name(&self) -> anyhow::Result<String> {
        let account = || ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
        let name = self.name.clone().or_else(account).filter(|name| !name.trim().is_empty());
        name.context("under which name? --name NAME says it")
    }
}
