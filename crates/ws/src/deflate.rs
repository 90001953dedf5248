//! Writing compressed messages (RFC 7692 sections 6.1 and 7.2.1).
//!
//! Each is a stream of its own that refers to no other, so that one compressed frame can be sent to everyone
//! who agreed to a window at least as large as it was made with.

use flate2::{Compress, Compression, FlushCompress};

use crate::encode::{frame_header, masked_frame_header};
use crate::frame::Opcode;
use crate::inflate::most_deflated;
use crate::mask::apply_mask;

/// What a flush ends with, and the receiver puts back (section 7.2.1).
const TAIL: [u8; 4] = [0x00, 0x00, 0xff, 0xff];

/// How much room for compressed messages is kept.
const KEPT: usize = 64 * 1024;

/// A compressor of messages. It holds 260 to 380 KiB, by its window, so it is best shared by all
/// connections of a thread.
#[derive(Debug)]
pub struct Deflater {
    stream: Compress,
    compressed: Vec<u8>,
}

impl Deflater {
    /// A compressor that works as hard as `level` says, 1 to 9, and refers back by at most 2 to the power of
    /// `window_bits` bytes, 9 to 15; what is outside these ranges is brought into them.
    pub fn new(level: u32, window_bits: u8) -> Self {
        let level = Compression::new(level.clamp(1, 9));
        let stream = Compress::new_with_window_bits(level, false, window_bits.clamp(9, 15));
        Self { stream, compressed: Vec::new() }
    }

    /// Compresses a message. `None` if that does not make it shorter: then it is best sent as it is, which a
    /// sender may decide for each message (section 6).
    pub fn compress(&mut self, message: &[u8]) -> Option<&[u8]> {
        // What does not fit into this much is not shorter.
        let compressed = self.compress_into(message.len() + TAIL.len(), message)?;
        (compressed.len() < message.len()).then_some(compressed)
    }

    /// Compresses a message even if that makes it longer: for those who test with it. `None` never, but if the library fails.
    pub fn compress_anyway(&mut self, message: &[u8]) -> Option<&[u8]> {
        self.compress_into(most_deflated(message.len()) + TAIL.len(), message)
    }

    fn compress_into(&mut self, room: usize, message: &[u8]) -> Option<&[u8]> {
        self.stream.reset();
        self.compressed.clear();
        self.compressed.shrink_to(KEPT);
        self.compressed.reserve(room);
        self.stream.compress_vec(message, &mut self.compressed, FlushCompress::Sync).ok()?;
        let whole = self.stream.total_in() == message.len() as u64;
        self.compressed.strip_suffix(&TAIL).filter(|_| whole)
    }

    /// Appends a message to `out` as a whole, unmasked, compressed frame: what a server sends. False, and nothing
    /// is appended, if that would not make it shorter.
    pub fn write_frame(&mut self, out: &mut Vec<u8>, opcode: Opcode, message: &[u8]) -> bool {
        let Some(compressed) = self.compress(message) else {
            return false;
        };
        let header = frame_header(opcode, compressed.len(), true).compressed();
        out.reserve(header.len() + compressed.len());
        out.extend_from_slice(&header);
        out.extend_from_slice(compressed);
        true
    }

    /// [`write_frame`](Self::write_frame) for a client: masked with `key`.
    pub fn write_masked_frame(
        &mut self,
        out: &mut Vec<u8>,
        opcode: Opcode,
        message: &[u8],
        key: [u8; 4],
    ) -> bool {
        let Some(compressed) = self.compress(message) else {
            return false;
        };
        let header = masked_frame_header(opcode, compressed.len(), true, key).compressed();
        out.reserve(header.len() + compressed.len());
        out.extend_from_slice(&header);
        let start = out.len();
        out.extend_from_slice(compressed);
        apply_mask(&mut out[start..], key);
        true
    }
}
