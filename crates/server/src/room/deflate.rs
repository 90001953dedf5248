//! Compressed messages (permessage-deflate, RFC 7692): one compressor per thread, and when to use it.

use std::cell::Cell;
use std::sync::atomic::{AtomicU32, Ordering};

use hamhame_ws::handshake::Deflate;
use hamhame_ws::{Deflater, Opcode, frame_header};

/// The window that shared frames are compressed with, as the base-2 logarithm of its bytes. A larger one would make the longest
/// messages smaller by a thirtieth, and would be too large for some who ask for less.
const SHARED_WINDOW: u8 = 12;

/// How hard the compressor works. Level 1 saves half as much, level 6 takes longer and saves little more
/// (docs/topics/transports.md).
const LEVEL: u32 = 3;

thread_local! {
    static DEFLATER: Cell<Option<(u8, Deflater)>> = const { Cell::new(None) };
}

/// Whether who agreed to this can read the frames that a room's members share.
pub fn can_share(agreed: Deflate) -> bool {
    agreed.window_bits() >= SHARED_WINDOW
}

/// A text message as the compressed frame that members share. `None` if that would not be shorter.
pub fn shared_frame(message: &[u8]) -> Option<Box<[u8]>> {
    let mut frame = Vec::new();
    let shorter = with_deflater(SHARED_WINDOW, |deflater| {
        deflater.write_frame(&mut frame, Opcode::Text, message)
    });
    shorter.then(|| frame.into_boxed_slice())
}

/// Appends a message to `out` as a compressed frame for one client, shorter or not.
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, message: &[u8], agreed: Deflate) {
    with_deflater(agreed.window_bits().min(SHARED_WINDOW), |deflater| {
        match deflater.compress_anyway(message) {
            Some(compressed) => {
                out.extend_from_slice(&frame_header(opcode, compressed.len(), true).compressed());
                out.extend_from_slice(compressed);
            }
            None => hamhame_ws::write_frame(out, opcode, message),
        }
    });
}

fn with_deflater<R>(window: u8, work: impl FnOnce(&mut Deflater) -> R) -> R {
    let kept = DEFLATER.take().filter(|(bits, _)| *bits == window);
    let (_, mut deflater) = kept.unwrap_or_else(|| (window, Deflater::new(LEVEL, window)));
    let done = work(&mut deflater);
    DEFLATER.set(Some((window, deflater)));
    done
}

/// Whether what is said in a room is to be compressed: if a member is there who can read it, and from some length on.
#[derive(Default)]
pub struct Demand {
    members: AtomicU32,
    least: AtomicU32,
}

impl Demand {
    /// One more member who can read compressed frames. `least` is the server's option, the same each time.
    pub fn add_member(&self, least: usize) {
        self.least.store(least.try_into().unwrap_or(u32::MAX), Ordering::Relaxed);
        self.members.fetch_add(1, Ordering::Release);
    }

    /// One such member fewer.
    pub fn remove_member(&self) {
        self.members.fetch_sub(1, Ordering::Release);
    }

    /// Whether a message of `len` bytes is to be compressed.
    pub fn is_for(&self, len: usize) -> bool {
        self.members.load(Ordering::Acquire) > 0
            && len >= self.least.load(Ordering::Relaxed) as usize
    }
}
