//! tungstenite, another implementation, understands streams as we do.

use std::io::{self, Read, Write};

use crate::checks::random::Random;
use crate::checks::transcript::{Event, receive};
use crate::checks::{frame, stream};
use hamhame_ws::{Limits, Role, Violation};
use tungstenite::protocol::{Role as TheirRole, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// A connection that delivers these bytes, ends, and takes whatever is written.
struct Wire<'a>(&'a [u8]);

impl Read for Wire<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Wire<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What tungstenite makes of a stream, and why it stopped.
fn their_reading(role: Role, stream: &[u8]) -> (Vec<Event>, Error) {
    let limits = Limits::default();
    let config = WebSocketConfig::default()
        .max_frame_size(Some(limits.frame as usize))
        .max_message_size(Some(limits.message));
    let role = match role {
        Role::Server => TheirRole::Server,
        Role::Client => TheirRole::Client,
    };
    let mut socket = WebSocket::from_raw_socket(Wire(stream), role, Some(config));
    let mut events = Vec::new();
    loop {
        events.push(match socket.read() {
            Ok(Message::Text(text)) => Event::Text(text.to_string()),
            Ok(Message::Binary(bytes)) => Event::Binary(bytes.to_vec()),
            Ok(Message::Ping(payload)) => Event::Ping(payload.to_vec()),
            Ok(Message::Pong(payload)) => Event::Pong(payload.to_vec()),
            Ok(Message::Close(close)) => {
                let close = close.map(|close| (close.code.into(), close.reason.to_string()));
                events.push(Event::Close(close));
                return (events, Error::ConnectionClosed);
            }
            Ok(Message::Frame(_)) => unreachable!("frames are not passed on by read"),
            Err(error) => return (events, error),
        });
    }
}

#[test]
fn tungstenite_accepts_and_refuses_the_same_streams() {
    let (mut accepted, mut refused) = (0, 0);
    for seed in 0..20_000 {
        let mut random = Random::new(0x7e57_0000 + seed);
        let input = stream::generate(&mut random);
        let role = frame::choose_role(input[0]);
        let stream = &input[4..];
        let ours = receive(role, Limits::default(), stream, || usize::MAX);
        let (mut theirs, error) = their_reading(role, stream);
        match ours.violation {
            None => {
                accepted += 1;
                assert_eq!(ours.events, theirs, "seed {seed}: {error}");
                let closed = matches!(ours.events.last(), Some(Event::Close(_)));
                // Ours wait for more; to theirs the stream's end is an error, and the only one.
                let unbroken = matches!(
                    error,
                    Error::ConnectionClosed
                        | Error::Protocol(
                            tungstenite::error::ProtocolError::ResetWithoutClosingHandshake
                        )
                );
                assert!(closed || unbroken, "seed {seed}: {error}");
            }
            // tungstenite takes lengths in any form, and passes on a close frame that it refuses.
            Some(Violation::NonMinimalLength) => {
                theirs.truncate(ours.events.len());
                assert_eq!(ours.events, theirs, "seed {seed}");
            }
            Some(Violation::BadCloseCode(_)) => {
                theirs.retain(|event| !matches!(event, Event::Close(_)));
                assert_eq!(ours.events, theirs, "seed {seed}");
            }
            Some(violation) => {
                refused += 1;
                assert_eq!(ours.events, theirs, "seed {seed}: {violation}, {error}");
            }
        }
    }
    assert!(accepted > 2_000 && refused > 2_000, "{accepted} accepted, {refused} refused");
}
