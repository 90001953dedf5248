//! The command line.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Parser, Subcommand};

use crate::drive::Pace;
use crate::marker::{Content, Fill, MARKER_LEN};
use crate::target::Transport;
use crate::target::{Dialect, Target};

/// Loads a chatroom server, measures what it costs, and checks while measuring that every member gets
/// every message once and in the order of the room.
#[derive(Debug, Parser)]
#[command(name = "hamhame-bench", version)]
pub struct Options {
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Messages to everyone in a room: CPU per delivery, rate, latency
    Fanout(Fanout),
    /// Connections that do nothing: memory each
    Idle(Idle),
    /// Handshakes and joins one after another: CPU each, rate
    Connect(Connect),
    /// Everybody is cut off at once and comes back, while messages go on (hamhame.v1)
    Resume(Resume),
    /// A node is killed and its members come back on the others, while messages go on (hamhame.v1)
    Failover(Failover),
    /// A large room beside many small ones: latency of the small ones
    Mixed(Mixed),
    /// Serves as the floor to compare with: a bare epoll broadcaster
    Floor(Floor),
}

/// Which server, and where to put the result.
#[derive(Debug, Clone, Args)]
pub struct Common {
    /// The server; wss:// for TLS, with any certificate
    #[arg(long, value_name = "ws://HOST:PORT", default_value = "ws://127.0.0.1:8000")]
    pub url: String,
    /// Further nodes that share the rooms with it, by commas: members are spread over all, and the checks go across them
    #[arg(long, value_name = "ws://HOST:PORT", value_delimiter = ',')]
    pub targets: Vec<String>,
    /// What the names of rooms begin with, to come into the same rooms again [default: another in each run]
    #[arg(long, value_name = "WORD")]
    pub run: Option<String>,
    /// How messages go to and fro
    #[arg(long, value_enum, default_value = "ws")]
    pub transport: Transport,
    /// Plain WebSockets by the part of the generator that all other transports have, to compare with these: it is slower, and so
    /// is asleep less often, and need not be woken
    #[arg(long)]
    pub alike: bool,
    /// Polling: from one request of a member to the next
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = parse_positive)]
    pub interval: f64,
    /// Path of a member's WebSocket
    #[arg(long, value_name = "PATH", default_value = "/ws/{room}/{client}")]
    pub path_template: String,
    /// How to speak to the server on a WebSocket
    #[arg(long, value_enum, default_value = "seed")]
    pub dialect: Dialect,
    /// Process of the server, to measure its CPU and memory; may be repeated
    #[arg(long, value_name = "PID")]
    pub server_pid: Vec<u32>,
    /// Address to connect from, for 16,000 connections; may be repeated
    /// [default: the system's choice, on the loopback 127.0.0.2 and up after it]
    #[arg(long, value_name = "ADDRESS")]
    pub source: Vec<IpAddr>,
    /// Handshakes under way at once
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub at_once: usize,
    /// Writes the result to this file as JSON
    #[arg(long, value_name = "FILE")]
    pub json: Option<PathBuf>,
    /// Writes the result to this file as a page with charts
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// No line of progress on the terminal
    #[arg(long)]
    pub quiet: bool,
}

impl Common {
    /// The server and how it is spoken to.
    ///
    /// # Errors
    ///
    /// As [`Target::new`].
    pub fn target(&self) -> Result<Target> {
        let target = Target::new(&self.url, self.transport, self.dialect)?;
        let target = target.with_others(&self.targets)?;
        Ok(Target { alike: self.alike, ..target }
            .with_path(&self.path_template)
            .with_sources(&self.source)
            .with_run(self.run.as_deref())
            .with_interval(Duration::from_secs_f64(self.interval)))
    }
}

/// How big a message is and how long to measure.
#[derive(Debug, Clone, Args)]
pub struct Timing {
    /// Bytes of each message's content
    #[arg(long, value_name = "BYTES", default_value_t = 80, value_parser = parse_size)]
    pub size: usize,
    /// What the contents are filled with
    #[arg(long, value_enum, default_value = "letter")]
    pub fill: Fill,
    /// How long to measure
    #[arg(long, value_name = "SECONDS", default_value_t = 10.0, value_parser = parse_positive)]
    pub seconds: f64,
    /// How long to send before measuring
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = parse_seconds)]
    pub warmup: f64,
}

impl Timing {
    /// What the messages say.
    pub fn content(&self) -> Content {
        Content { size: self.size, fill: self.fill }
    }
}

/// Options of `fanout`.
#[derive(Debug, Clone, Args)]
pub struct Fanout {
    /// Which server
    #[command(flatten)]
    pub common: Common,
    /// How long
    #[command(flatten)]
    pub timing: Timing,
    /// Rooms
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    pub rooms: usize,
    /// Members of each room
    #[arg(long, default_value_t = 32, value_parser = parse_count)]
    pub members: usize,
    /// Members of each room that send
    #[arg(long, default_value_t = 1, value_parser = parse_count)]
    pub senders: usize,
    /// Members that stop reading when the sending begins; what the server keeps for them is in its memory
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub stalled: usize,
    /// Closed loop: messages that each sender has on the way [default: 1]
    #[arg(long, value_name = "N", conflicts_with = "rate", value_parser = clap::value_parser!(u32).range(1..))]
    pub window: Option<u32>,
    /// Open loop: messages per second over all senders
    #[arg(long, value_name = "N", value_parser = parse_positive)]
    pub rate: Option<f64>,
}

impl Fanout {
    /// A closed loop with a window of 1 unless another was asked for.
    pub fn pace(&self) -> Pace {
        match self.rate {
            Some(rate) => Pace::Open { rate },
            None => Pace::Closed { window: self.window.unwrap_or(1) },
        }
    }
}

/// Options of `idle`.
#[derive(Debug, Clone, Args)]
pub struct Idle {
    /// Which server
    #[command(flatten)]
    pub common: Common,
    /// How many
    #[arg(long, default_value_t = 10_000, value_parser = parse_count)]
    pub connections: usize,
    /// Members of each room
    #[arg(long, default_value_t = 10, value_parser = parse_count)]
    pub members: usize,
    /// How long to let the server settle before its memory is read
    #[arg(long, value_name = "SECONDS", default_value_t = 3.0, value_parser = parse_seconds)]
    pub settle: f64,
    /// How long to measure what they cost while they do nothing [default: as --settle, and a second at least]
    #[arg(long, value_name = "SECONDS", value_parser = parse_positive)]
    pub seconds: Option<f64>,
}

/// Options of `connect`.
#[derive(Debug, Clone, Args)]
pub struct Connect {
    /// Which server
    #[command(flatten)]
    pub common: Common,
    /// How many
    #[arg(long, default_value_t = 5_000, value_parser = parse_count)]
    pub connections: usize,
    /// Members of each room
    #[arg(long, default_value_t = 10, value_parser = parse_count)]
    pub members: usize,
    /// How long the server may go on working for these joins (notices to others) before its CPU is read
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = parse_seconds)]
    pub settle: f64,
}

/// Options of `resume`.
#[derive(Debug, Clone, Args)]
pub struct Resume {
    /// Which server
    #[command(flatten)]
    pub common: Common,
    /// Rooms
    #[arg(long, default_value_t = 100, value_parser = parse_count)]
    pub rooms: usize,
    /// Members of each room that are cut off; one more stays and sends
    #[arg(long, default_value_t = 50, value_parser = parse_count)]
    pub members: usize,
    /// Messages per second over all rooms
    #[arg(long, value_name = "N", default_value_t = 1000.0, value_parser = parse_positive)]
    pub rate: f64,
    /// How long they stay away
    #[arg(long, value_name = "SECONDS", default_value_t = 0.5, value_parser = parse_seconds)]
    pub away: f64,
    /// Bytes of each message's content
    #[arg(long, value_name = "BYTES", default_value_t = 80, value_parser = parse_size)]
    pub size: usize,
}

/// Options of `failover`.
#[derive(Debug, Clone, Args)]
pub struct Failover {
    /// Which servers: that of --url is the node to be killed, those of --targets go on
    #[command(flatten)]
    pub common: Common,
    /// Process of the node at --url: it gets SIGKILL
    #[arg(long, value_name = "PID", value_parser = clap::value_parser!(i32).range(1..))]
    pub kill: i32,
    /// Rooms
    #[arg(long, default_value_t = 100, value_parser = parse_count)]
    pub rooms: usize,
    /// Members of each room on the node that is killed; one more stays on each of the others. These and one of those say something
    #[arg(long, default_value_t = 50, value_parser = parse_count)]
    pub members: usize,
    /// Messages per second over all rooms
    #[arg(long, value_name = "N", default_value_t = 1000.0, value_parser = parse_positive)]
    pub rate: f64,
    /// How long to send before the node is killed
    #[arg(long, value_name = "SECONDS", default_value_t = 2.0, value_parser = parse_seconds)]
    pub warmup: f64,
    /// How long to go on when all are back: whether somebody is taken for gone shows when the node's lease is over
    #[arg(long, value_name = "SECONDS", default_value_t = 25.0, value_parser = parse_seconds)]
    pub stay: f64,
    /// Bytes of each message's content
    #[arg(long, value_name = "BYTES", default_value_t = 80, value_parser = parse_size)]
    pub size: usize,
}

/// Options of `mixed`.
#[derive(Debug, Clone, Args)]
pub struct Mixed {
    /// Which server
    #[command(flatten)]
    pub common: Common,
    /// How long
    #[command(flatten)]
    pub timing: Timing,
    /// Members of the large room
    #[arg(long, default_value_t = 10_000, value_parser = parse_count)]
    pub large: usize,
    /// Messages per second in the large room
    #[arg(long, value_name = "N", default_value_t = 20.0, value_parser = parse_positive)]
    pub large_rate: f64,
    /// Small rooms
    #[arg(long, default_value_t = 10, value_parser = parse_count)]
    pub rooms: usize,
    /// Members of each small room
    #[arg(long, default_value_t = 10, value_parser = parse_count)]
    pub members: usize,
    /// Messages per second over all small rooms
    #[arg(long, value_name = "N", default_value_t = 50.0, value_parser = parse_positive)]
    pub rate: f64,
}

/// Options of `floor`.
#[derive(Debug, Clone, Args)]
pub struct Floor {
    /// Address and port; port 0 picks a free one
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
}

fn parse_count(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("a whole number from 1 on is wanted".to_owned()),
        Ok(count) => Ok(count),
    }
}

fn parse_size(text: &str) -> std::result::Result<usize, String> {
    match text.parse() {
        Ok(size) if size >= MARKER_LEN => Ok(size),
        _ => Err(format!(
            "a number from {MARKER_LEN} on is wanted: every message carries what it is checked by"
        )),
    }
}

fn parse_seconds(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=1e6).contains(&value) => Ok(value),
        _ => Err("a number from 0 on is wanted".to_owned()),
    }
}

fn parse_positive(text: &str) -> std::result::Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if value > 0.0 && value <= 1e9 => Ok(value),
        _ => Err("a number above 0 is wanted".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_well_formed() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_message_too_small_for_its_marker_is_refused() {
        assert!(Options::try_parse_from(["b", "fanout", "--size", "35"]).is_err());
        assert!(Options::try_parse_from(["b", "fanout", "--size", "36"]).is_ok());
    }

    #[test]
    fn a_loop_is_closed_with_a_window_of_one_unless_a_rate_is_given() {
        let pace = |arguments: &[&str]| match Options::try_parse_from(arguments).unwrap().command {
            Command::Fanout(fanout) => fanout.pace(),
            _ => unreachable!(),
        };
        assert_eq!(pace(&["b", "fanout"]), Pace::Closed { window: 1 });
        assert_eq!(pace(&["b", "fanout", "--window", "8"]), Pace::Closed { window: 8 });
        assert_eq!(pace(&["b", "fanout", "--rate", "0.5"]), Pace::Open { rate: 0.5 });
        assert!(Options::try_parse_from(["b", "fanout", "--rate", "1", "--window", "1"]).is_err());
    }
}
