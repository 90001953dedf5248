//! All options of the server, and what can be wrong with them together.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::parser::ValueSource;
use clap::{CommandFactory, FromArgMatches, Parser, ValueEnum};
use hamhame_core::log::Window;
use hamhame_core::text::TextLimits;

use super::{
    AddressOptions, BrokerChoice, MemoryOptions, ProxyOptions, TlsOptions, environment, file,
    values,
};

/// Stands at the end of the help.
const EXAMPLES: &str = "\
Examples:
  hamhame                                      http://127.0.0.1:8000, for this machine only
  hamhame --lan                                for all in the same network, with a QR code
  hamhame --listen 9000 --lang en              another port, and English first
  hamhame --pages ./my-chat                    your own pages, at /pages/
  hamhame --listen 0.0.0.0:443 --tls-cert chain.pem --tls-key key.pem --http3
  hamhame --config hamhame.toml                options from a file
  hamhame health 127.0.0.1:8000                whether the server there is up (exit code 0), for containers
  hamhame chat --help                          a client in the terminal";

/// A real-time chatroom server: rooms by URL, no accounts, no database.
///
/// Every option is also an environment variable (HAMHAME_ and the name in capitals) and may stand in the file given
/// by --config under its long name. A flag wins over the environment, the environment over the file.
#[derive(Parser, Debug, Clone)]
#[command(name = "hamhame", version, after_help = EXAMPLES)]
pub struct Options {
    /// Where to listen: an address and a port, or one of them (a port alone is on this machine only, like :8000 and
    /// localhost:8000); port 0 picks a free one
    #[arg(
        help_heading = "Where it listens",
        long,
        env = "HAMHAME_LISTEN",
        default_value = DEFAULT_LISTEN,
        value_name = "ADDR:PORT",
        value_parser = values::listen
    )]
    pub listen: SocketAddr,

    /// Listen on all interfaces, for who is in the same network, and print this machine's address there as a QR code; --lan=9000
    /// takes another port than 8000
    #[arg(
        help_heading = "Where it listens",
        long,
        env = "HAMHAME_LAN",
        num_args = 0..=1,
        require_equals = true,
        default_value = "false",
        default_missing_value = "true",
        value_name = "PORT",
        hide_default_value = true,
        value_parser = values::lan
    )]
    pub lan: Lan,

    /// Names that this server is reached by, beside localhost and addresses; `*` answers for any. Without it, a server on a
    /// loopback or private address answers for this machine's own names alone, and one on others, or behind a proxy, for any
    #[arg(help_heading = "Where it listens", long = "host", env = "HAMHAME_HOST", value_name = "NAME", value_delimiter = ',', value_parser = values::host)]
    pub hosts: Vec<String>,

    /// Serve the files of this folder at /pages/, for pages of your own
    #[arg(help_heading = "Pages", long, env = "HAMHAME_PAGES", value_name = "DIR")]
    pub pages: Option<PathBuf>,

    /// TLS.
    #[command(flatten)]
    pub tls: TlsOptions,

    /// Threads that serve connections [default: one per core]
    #[arg(help_heading = "The process", long, env = "HAMHAME_THREADS", value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub threads: Option<u16>,

    /// Language of the pages where the visitor has chosen none
    #[arg(
        help_heading = "Pages",
        long,
        env = "HAMHAME_LANG",
        default_value = "fa",
        value_name = "LANG"
    )]
    pub lang: Lang,

    /// Serve the page as it is packed into the binary, as a release build always does; a debug build else reads web/
    #[arg(long, hide = true)]
    pub packed: bool,

    /// What orders the events of a room: this process (`embedded`), or a Redis (7 or later) or Valkey server that several nodes
    /// share: `redis://[user:password@]host[:port][/database]`, with TLS `rediss://…`; or whichever server the sentinels know by
    /// this name: `redis+sentinel://[user:password@]host[:port],host[:port]/NAME`; or a cluster of which these are some:
    /// `redis+cluster://[user:password@]host[:port],host[:port]`; or NATS (2.11 or later) with JetStream:
    /// `nats://[user:password@]host[:port],host[:port]`, with TLS `tls://…`
    #[arg(help_heading = "Several nodes", long, env = "HAMHAME_BROKER", default_value = "embedded", value_name = "BROKER", hide_env_values = true, value_parser = BrokerChoice::read)]
    pub broker: BrokerChoice,

    /// Events kept per room, for those who come back
    #[arg(help_heading = "Rooms and their past", long, env = "HAMHAME_HISTORY", default_value_t = 1000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub history: u64,

    /// How long events are kept, and an empty room with them
    #[arg(help_heading = "Rooms and their past", long, env = "HAMHAME_HISTORY_AGE", default_value = "1h", value_name = "DURATION", value_parser = values::duration)]
    pub history_age: Duration,

    /// Bytes of events kept per room
    #[arg(help_heading = "Rooms and their past", long, env = "HAMHAME_HISTORY_BYTES", default_value_t = 8 << 20, value_name = "BYTES", value_parser = clap::value_parser!(u64).range(65_536..))]
    pub history_bytes: u64,

    /// Memory.
    #[command(flatten)]
    pub memory: MemoryOptions,

    /// Most events of the past that a newcomer who asks for them is given; 0 gives none
    #[arg(
        help_heading = "Rooms and their past",
        long,
        env = "HAMHAME_JOIN_HISTORY",
        default_value_t = 100,
        value_name = "N"
    )]
    pub join_history: u64,

    /// `off` lifts every rate and limit per client and per address: for load tests only
    #[arg(
        help_heading = "Connections",
        long,
        env = "HAMHAME_LIMITS",
        default_value = "on",
        value_name = "on|off"
    )]
    pub limits: Switch,

    /// Messages a session may send at once
    #[arg(help_heading = "Messages", long, env = "HAMHAME_MESSAGE_BURST", default_value_t = 20, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub message_burst: u32,

    /// Messages per second a session may send in the long run
    #[arg(help_heading = "Messages", long, env = "HAMHAME_MESSAGE_RATE", default_value_t = 5.0, value_name = "N", value_parser = values::rate)]
    pub message_rate: f64,

    /// Longest message in graphemes (what a reader calls characters)
    #[arg(help_heading = "Messages", long, env = "HAMHAME_MESSAGE_GRAPHEMES", default_value_t = 4000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub message_graphemes: u32,

    /// Longest message in bytes of UTF-8
    #[arg(help_heading = "Messages", long, env = "HAMHAME_MESSAGE_BYTES", default_value_t = 16_384, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1..=8_388_608))]
    pub message_bytes: u32,

    /// Largest WebSocket message from a client; above it the connection is closed with 1009
    #[arg(help_heading = "Messages", long, env = "HAMHAME_FRAME_BYTES", default_value_t = 65_536, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(1024..=67_108_864))]
    pub frame_bytes: u32,

    /// Compress messages for clients that can read it (permessage-deflate): `on` from 256 bytes on, `off`, or the bytes from
    /// which on it is worth it
    #[arg(help_heading = "Messages", long, env = "HAMHAME_COMPRESSION", default_value = "on", value_name = "on|off|BYTES", value_parser = values::compression)]
    pub compression: Compression,

    /// Open connections at once (leave some of the process's file descriptors free)
    #[arg(help_heading = "Connections", long, env = "HAMHAME_MAX_CONNECTIONS", default_value_t = 18_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections: u32,

    /// What one address may.
    #[command(flatten)]
    pub address: AddressOptions,

    /// Proxies in front.
    #[command(flatten)]
    pub proxy: ProxyOptions,

    /// Members in one room
    #[arg(help_heading = "Rooms and their past", long, env = "HAMHAME_MAX_MEMBERS", default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_members: u32,

    /// Rooms at once; above it the one that nobody has been in for the longest time gives way
    #[arg(help_heading = "Rooms and their past", long, env = "HAMHAME_MAX_ROOMS", default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rooms: u32,

    /// Largest HTTP request head
    #[arg(help_heading = "Connections", long, env = "HAMHAME_HEADER_BYTES", default_value_t = 16_384, value_name = "BYTES", value_parser = clap::value_parser!(u32).range(8192..=1_048_576))]
    pub header_bytes: u32,

    /// Time for a request's head to arrive, for its body, and for a TLS handshake
    #[arg(help_heading = "Connections", long, env = "HAMHAME_HEADER_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = values::duration)]
    pub header_timeout: Duration,

    /// Time from the WebSocket's opening to `join`
    #[arg(help_heading = "Connections", long, env = "HAMHAME_JOIN_TIMEOUT", default_value = "10s", value_name = "DURATION", value_parser = values::duration)]
    pub join_timeout: Duration,

    /// Time from a WebSocket message's first byte to its last, looked at once a heartbeat
    #[arg(help_heading = "Connections", long, env = "HAMHAME_MESSAGE_TIMEOUT", default_value = "30s", value_name = "DURATION", value_parser = values::duration)]
    pub message_timeout: Duration,

    /// Time in which a peer must take some of what is sent to it
    #[arg(help_heading = "Connections", long, env = "HAMHAME_WRITE_TIMEOUT", default_value = "20s", value_name = "DURATION", value_parser = values::duration)]
    pub write_timeout: Duration,

    /// Time between heartbeats; who is silent for two of them is gone
    #[arg(help_heading = "Presence", long, env = "HAMHAME_HEARTBEAT", default_value = "10s", value_name = "DURATION", value_parser = values::duration)]
    pub heartbeat: Duration,

    /// How long a member whose connection broke keeps its place, without a word to the room
    #[arg(help_heading = "Presence", long, env = "HAMHAME_GRACE", default_value = "8s", value_name = "DURATION", value_parser = values::duration)]
    pub grace: Duration,

    /// How long a member over HTTP stays after its last request
    #[arg(help_heading = "Presence", long, env = "HAMHAME_LEASE", default_value = "25s", value_name = "DURATION", value_parser = values::duration)]
    pub lease: Duration,

    /// How long the holder of a wanted name has to show that it is alive
    #[arg(help_heading = "Presence", long, env = "HAMHAME_PROBE", default_value = "2s", value_name = "DURATION", value_parser = values::duration)]
    pub probe: Duration,

    /// On shutdown, clients are told to come back spread over this time
    #[arg(help_heading = "The process", long, env = "HAMHAME_DRAIN", default_value = "3s", value_name = "DURATION", value_parser = values::duration)]
    pub drain: Duration,

    /// Further origins whose pages may connect and use the HTTP API (CORS), such as <https://example.org>, with any port as
    /// <http://example.org:*>, `null` for pages from files; `*` allows all
    #[arg(help_heading = "Pages", long = "origin", env = "HAMHAME_ORIGIN", value_name = "ORIGIN", value_delimiter = ',', value_parser = values::origin)]
    pub origins: Vec<String>,

    /// Secret from which session tokens are made, 16 bytes or more; give it to keep sessions over a restart [default: random]
    #[arg(
        help_heading = "The process",
        long,
        env = "HAMHAME_SECRET",
        value_name = "SECRET",
        hide_env_values = true
    )]
    pub secret: Option<String>,

    /// What all keys, channels, subjects and streams in that server begin with; the same on every node
    #[arg(
        help_heading = "Several nodes",
        long,
        env = "HAMHAME_BROKER_PREFIX",
        default_value = "hamhame",
        value_name = "PREFIX"
    )]
    pub broker_prefix: String,

    /// PEM file with the certificate that that server's is signed with (`rediss://`, `tls://`), if it is none that the machine trusts
    #[arg(help_heading = "Several nodes", long, env = "HAMHAME_BROKER_CA", value_name = "FILE")]
    pub broker_ca: Option<PathBuf>,

    /// How the log on stderr is written
    #[arg(
        help_heading = "The process",
        long,
        env = "HAMHAME_LOG",
        default_value = "text",
        value_name = "FORMAT"
    )]
    pub log: LogFormat,

    /// TOML file with options by their long names
    #[arg(help_heading = "The process", long, env = "HAMHAME_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Where the server listens if nothing is said.
const DEFAULT_LISTEN: &str = "127.0.0.1:8000";

/// Whether the server is for the whole network, and at which port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lan {
    /// It is not.
    Off,
    /// It is, at this port.
    Port(u16),
}

impl Lan {
    /// Whether it is for the network.
    pub fn is_on(self) -> bool {
        self != Lan::Off
    }
}

/// Language of the pages.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lang {
    /// Persian
    Fa,
    /// English
    En,
    /// What the browser asks for
    Auto,
}

/// On or off.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Switch {
    /// On
    On,
    /// Off
    Off,
}

/// Which messages are compressed for clients that can read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// None, and clients are not asked to compress either.
    Off,
    /// Those that have this many bytes or more.
    From(usize),
}

impl Compression {
    /// The least bytes of a message that is worth compressing; `usize::MAX` if none is.
    pub fn least(self) -> usize {
        match self {
            Compression::Off => usize::MAX,
            Compression::From(bytes) => bytes,
        }
    }
}

/// Format of the log.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people
    Text,
    /// One JSON object per line
    Json,
}

/// No member may look present for longer than this after it vanished (SPEC promise 4).
const LONGEST_ABSENCE: Duration = Duration::from_secs(30);

impl Options {
    /// Reads flags, environment and file. Errors of the flags are printed and end the process, as clap does it.
    pub fn read() -> anyhow::Result<Options> {
        // The file's values become the defaults, so they pass the same parsers and give way to flag and environment.
        let mut command = Options::command();
        let first = command.clone().ignore_errors(true).get_matches();
        environment::check(&command, &first)?;
        if let Some(file) = first.get_one::<PathBuf>("config") {
            command = file::defaults(command, file)?;
        }
        let matches = command.get_matches();
        let options = Options::from_arg_matches(&matches)?;
        let is_said = |option| {
            matches.value_source(option).is_some_and(|source| source != ValueSource::DefaultValue)
        };
        // What the file says gives way here too: it is a default by now.
        let both_of_file = !is_said("lan") && options.listen.to_string() != DEFAULT_LISTEN;
        if options.lan.is_on() && (is_said("listen") || both_of_file) {
            bail!(
                "--lan listens on all interfaces, so it does not go with --listen; --lan=9000 takes another port"
            );
        }
        options.check()?;
        Ok(options)
    }

    fn check(&self) -> anyhow::Result<()> {
        let vanished = self.heartbeat * 2 + self.grace;
        if vanished > LONGEST_ABSENCE {
            bail!(
                "--heartbeat {} and --grace {} would let a member that vanished look present for {}; two heartbeats and the grace period may take {} at most",
                humantime::format_duration(self.heartbeat),
                humantime::format_duration(self.grace),
                humantime::format_duration(vanished),
                humantime::format_duration(LONGEST_ABSENCE),
            );
        }
        if self.lease > LONGEST_ABSENCE {
            bail!(
                "--lease {} would let a member that vanished look present for longer than {}",
                humantime::format_duration(self.lease),
                humantime::format_duration(LONGEST_ABSENCE),
            );
        }
        if self.heartbeat < Duration::from_millis(100) {
            bail!("--heartbeat must be 100ms or more");
        }
        if self.secret.as_ref().is_some_and(|secret| secret.len() < 16) {
            bail!("--secret must have 16 bytes or more");
        }
        if self.broker != BrokerChoice::Embedded && self.secret.is_none() {
            bail!(
                "--broker needs --secret, the same on every node: a token must hold on all of them"
            );
        }
        if let Some(pages) = &self.pages
            && !pages.is_dir()
        {
            bail!("--pages {}: there is no such folder", pages.display());
        }
        self.tls.check()
    }

    /// Whether per-client rate and connection limits hold.
    pub fn limited(&self) -> bool {
        self.limits == Switch::On
    }

    /// The window of each room's log.
    pub fn window(&self) -> Window {
        Window {
            count: self.history as usize,
            age: self.history_age,
            bytes: self.history_bytes as usize,
        }
    }

    /// Length limits of a message.
    pub fn text_limits(&self) -> TextLimits {
        TextLimits {
            graphemes: self.message_graphemes as usize,
            bytes: self.message_bytes as usize,
        }
    }

    /// Size limits of the WebSocket codec.
    pub fn frame_limits(&self) -> hamhame_ws::Limits {
        let bytes = self.frame_bytes as usize;
        hamhame_ws::Limits { frame: bytes as u64, message: bytes, fragments: 1024 }
    }

    /// Threads that serve connections.
    pub fn thread_count(&self) -> usize {
        self.threads.map_or_else(
            || std::thread::available_parallelism().map_or(1, usize::from),
            usize::from,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn an_origin_is_compared_without_its_slash_and_case() {
        assert_eq!(values::origin("https://Example.org/").unwrap(), "https://example.org");
        assert!(values::origin("example.org").is_err());
    }
}
