//! The steps, in the order in which a message passes them.

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Duration;

use hamhame::delivery::reply;
use hamhame::room::tail::{Batch, Tail};
use hamhame_core::decode;
use hamhame_core::dialect::Dialect;
use hamhame_core::event;
use hamhame_core::id::Id;
use hamhame_core::log::Window;
use hamhame_core::position::Epoch;
use hamhame_core::text::{self, TextLimits};
use hamhame_ws::{Incoming, Limits, Opcode, Receiver, Role, write_masked_frame};

use crate::local_server::{Arriving, Delivering, Speaking};
use crate::sample::{self, AT, MESSAGE, MOMENT, NAME, ROOM};
use crate::work::{Work, consuming, plain};

/// Members of the room that messages are delivered in.
const MEMBERS: usize = 32;

/// Events that the log of a room keeps by default.
const KEPT: usize = 1_000;

/// One step of the way.
pub struct Step {
    /// Under which its figure stands in `testdata/instructions.json`.
    pub name: &'static str,
    /// How often it is done after one preparation.
    pub at_once: usize,
    /// Makes it, with its input.
    pub set_up: fn() -> Box<dyn Work>,
}

impl Step {
    /// One that takes so little that a look at it would weigh more than once.
    const fn short(name: &'static str, set_up: fn() -> Box<dyn Work>) -> Step {
        Step { name, at_once: 64, set_up }
    }

    /// One that must be prepared anew each time.
    const fn long(name: &'static str, set_up: fn() -> Box<dyn Work>) -> Step {
        Step { name, at_once: 1, set_up }
    }
}

/// Every step that is measured.
pub const STEPS: &[Step] = &[
    Step::short("frame parse, 60 bytes", frame_parse),
    Step::short("command, hamhame.v1", || decode(Dialect::V1, sample::send_v1(1))),
    Step::short("command, seed", || decode(Dialect::Seed, sample::send_seed())),
    Step::short("text cleaning", || cleaning(MESSAGE.into())),
    Step::short("text cleaning, with a bidi control", || cleaning(format!("\u{202b}{MESSAGE}"))),
    Step::short("event", event),
    Step::short("append to a full log", append),
    Step::short("next batch, 1 event", || next_batch(1)),
    Step::short("next batch, 8 events", || next_batch(8)),
    Step::short("next batch, 64 events", || next_batch(64)),
    Step::short("frame write, ack", ack),
    Step::long("fan-out to 32 members", || Box::new(Delivering::new(MEMBERS))),
    Step::long("message among 32 members, hamhame.v1", || {
        Box::new(Speaking::new(MEMBERS, Dialect::V1))
    }),
    Step::long("message among 32 members, seed", || {
        Box::new(Speaking::new(MEMBERS, Dialect::Seed))
    }),
    Step::long("handshake and join", || Box::new(Arriving::new())),
];

/// Step 1: a masked frame of a client, to the text in it.
fn frame_parse() -> Box<dyn Work> {
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    let make = || {
        let mut frame = Vec::new();
        write_masked_frame(
            &mut frame,
            Opcode::Text,
            sample::SHORT_SEND.as_bytes(),
            [0x37, 0xfa, 0x21, 0x3d],
        );
        frame
    };
    consuming(make, move |frame| {
        let fed = receiver.feed(frame, |incoming| {
            assert!(matches!(black_box(incoming), Incoming::Text(_)));
            ControlFlow::Continue(())
        });
        assert!(black_box(fed).is_ok());
    })
}

/// Step 2: a text to a command.
fn decode(dialect: Dialect, text: String) -> Box<dyn Work> {
    plain(move || {
        let decoded = decode::decode(dialect, black_box(&text));
        assert!(matches!(black_box(&decoded), Ok(Some(_))));
    })
}

/// Step 3: what is sent, cleaned and measured.
fn cleaning(content: String) -> Box<dyn Work> {
    let limits = TextLimits::default();
    plain(move || {
        assert!(black_box(text::clean(black_box(&content), &limits)).is_ok());
    })
}

/// Step 5: an event is written, once for everybody.
fn event() -> Box<dyn Work> {
    plain(|| {
        let (name, content) = (black_box(NAME), black_box(MESSAGE));
        let mut body =
            event::message(ROOM, name, content, black_box(AT), Id::new(0x5eed), Some("c000001"));
        event::finish(&mut body, black_box(123_456));
        black_box(&body);
    })
}

fn tail(events: usize) -> Tail {
    let window = Window { count: KEPT, age: Duration::from_secs(3600), bytes: 4 * 1024 * 1024 };
    let mut tail = Tail::new(Epoch::new(7), window);
    for number in 0..events {
        let id = format!("c{number:06}");
        tail.append(sample::body(), MOMENT, Some((Id::new(0x5eed), &id)), u64::MAX);
    }
    tail
}

/// Step 5: an event goes into the log, and the oldest out of it.
fn append() -> Box<dyn Work> {
    let mut tail = tail(KEPT);
    let mut number = KEPT;
    let make = move || {
        number += 1;
        (sample::body(), format!("c{number:06}"))
    };
    consuming(make, move |(body, id)| {
        let body = std::mem::take(body);
        black_box(tail.append(body, MOMENT, Some((Id::new(0x5eed), id)), u64::MAX));
    })
}

/// Step 6: everything between a cursor and the head, in one piece.
fn next_batch(events: u64) -> Box<dyn Work> {
    let tail = tail(KEPT);
    let mut batch = Batch::default();
    plain(move || {
        tail.read("room", black_box(tail.head() - events), &mut batch);
        assert_eq!(black_box(batch.to), tail.head());
    })
}

/// Step 7: a reply as a frame.
fn ack() -> Box<dyn Work> {
    let mut out = Vec::with_capacity(256);
    plain(move || {
        out.clear();
        reply::ack(&mut out, black_box("c000001"), black_box(123_456));
        black_box(&out);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_does_what_it_says_and_again() {
        for step in STEPS {
            let mut work = (step.set_up)();
            for _ in 0..2 {
                work.prepare(step.at_once);
                work.run(step.at_once);
            }
        }
    }
}
