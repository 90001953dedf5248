//! Reading compressed messages (RFC 7692 sections 6.2 and 7.2.2).
//!
//! Without context takeover an inflater has nothing to remember between messages, so one serves all
//! connections of a thread. A message is inflated when it is all there: until then only what has arrived is
//! kept, and a peer that begins a thousand messages and ends none costs no more than it has sent.

use std::cell::Cell;

use flate2::{Decompress, FlushDecompress, Status};

use crate::Violation;

/// What a sender takes off the end of a message (section 7.2.1), then a block that ends the stream: reaching
/// its end shows that the message ended where a block does.
const TAIL: [u8; 6] = [0x00, 0x00, 0xff, 0xff, 0x03, 0x00];

/// How much room for messages a thread keeps.
const KEPT: usize = 64 * 1024;

/// The least room that is made for a message.
const FIRST: usize = 1024;

/// Streams that one message may consist of. A compressor that cannot flush ends its stream instead, and begins
/// another (section 7.2.1); each costs us a reset, and can be two bytes long.
const MAX_STREAMS: u32 = 1024;

thread_local! {
    /// Away while a message is passed on, as whoever gets it may come back with another one.
    static INFLATER: Cell<Option<Box<Inflater>>> = const { Cell::new(None) };
}

/// The most bytes that zlib makes of a message of `len` bytes, with its least favourable settings.
pub(crate) fn most_deflated(len: usize) -> usize {
    len.saturating_add(len / 8).saturating_add(len / 64).saturating_add(64)
}

/// Inflates a message of at most `limit` bytes and passes it on. Output stops at the limit, whatever the input
/// would still expand to.
pub(crate) fn inflate<R>(
    payload: &[u8],
    limit: usize,
    pass_on: impl FnOnce(&[u8]) -> R,
) -> Result<R, Violation> {
    let mut inflater = INFLATER.take().unwrap_or_default();
    let inflated = inflater.read_message(payload, limit).map(|()| pass_on(&inflater.message));
    inflater.message.clear();
    inflater.message.shrink_to(KEPT);
    INFLATER.set(Some(inflater));
    inflated
}

struct Inflater {
    stream: Decompress,
    message: Vec<u8>,
    streams: u32,
}

impl Default for Inflater {
    fn default() -> Self {
        Self { stream: Decompress::new(false), message: Vec::new(), streams: 0 }
    }
}

impl Inflater {
    fn read_message(&mut self, payload: &[u8], limit: usize) -> Result<(), Violation> {
        self.stream.reset(false);
        self.streams = 1;
        // Nothing at all, and a stream's end that nothing follows, are not what a sender should make
        // (section 7.2.1), but there is no doubt about what they mean.
        if payload.is_empty() || self.feed(payload, limit)? || self.feed(&TAIL, limit)? {
            Ok(())
        } else {
            Err(Violation::BadDeflate)
        }
    }

    /// Inflates `input`. True if a stream ended where it ended.
    fn feed(&mut self, mut input: &[u8], limit: usize) -> Result<bool, Violation> {
        loop {
            if self.message.len() == self.message.capacity() {
                let most = limit.saturating_add(1) - self.message.len();
                self.message.reserve_exact(self.message.len().max(FIRST).min(most));
            }
            let before = (self.stream.total_in(), self.message.len());
            let status =
                self.stream.decompress_vec(input, &mut self.message, FlushDecompress::None);
            if self.message.len() > limit {
                return Err(Violation::MessageTooLarge { limit });
            }
            let status = status.map_err(|_| Violation::BadDeflate)?;
            let used = self.stream.total_in() - before.0;
            input = input.get(used as usize..).unwrap_or_default();
            let room = self.message.len() < self.message.capacity();
            match status {
                Status::StreamEnd if input.is_empty() => return Ok(true),
                Status::StreamEnd if self.streams < MAX_STREAMS => {
                    self.streams += 1;
                    self.stream.reset(false);
                }
                Status::StreamEnd => return Err(Violation::BadDeflate),
                _ if input.is_empty() && room => return Ok(false),
                // It had input and room, and did nothing.
                _ if used == 0 && self.message.len() == before.1 && room => {
                    return Err(Violation::BadDeflate);
                }
                _ => {}
            }
        }
    }
}
