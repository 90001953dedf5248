//! Writing frames (RFC 6455 section 5.2). A server's frames are the same for every receiver, so one
//! encoding can be shared by all of them.

use crate::closing::{NO_CODE, is_valid_close_code};
use crate::frame::{COMPRESSED, FIN, MASK, MAX_CONTROL_PAYLOAD, MAX_HEADER, Opcode};
use crate::mask::apply_mask;

/// The encoded header of a frame; dereferences to its bytes.
#[derive(Debug, Clone, Copy)]
pub struct Header {
    bytes: [u8; MAX_HEADER],
    len: u8,
}

impl Header {
    fn push(&mut self, more: &[u8]) {
        let start = usize::from(self.len);
        self.bytes[start..start + more.len()].copy_from_slice(more);
        self.len += more.len() as u8;
    }

    /// The same, saying that the message is compressed: RSV1, for the first frame of a message whose payload is what
    /// [`Deflater::compress`](crate::Deflater::compress) made (RFC 7692 section 6.1).
    #[must_use]
    pub fn compressed(mut self) -> Self {
        self.bytes[0] |= COMPRESSED;
        self
    }
}

impl std::ops::Deref for Header {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..usize::from(self.len)]
    }
}

impl AsRef<[u8]> for Header {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

/// The number of bytes in the header of an unmasked frame with `payload_len` bytes of payload; a
/// masked one has four more.
pub fn header_len(payload_len: usize) -> usize {
    match payload_len {
        0..=125 => 2,
        126..=0xffff => 4,
        _ => 10,
    }
}

/// The header of a server's (unmasked) frame. `fin` is false for all fragments of a message but the last.
pub fn frame_header(opcode: Opcode, payload_len: usize, fin: bool) -> Header {
    header(opcode, payload_len, fin, 0)
}

/// The header of a client's frame, whose payload must then be masked with `key`
/// ([`apply_mask`]). The key must be fresh and unpredictable for each frame (section 5.3).
pub fn masked_frame_header(opcode: Opcode, payload_len: usize, fin: bool, key: [u8; 4]) -> Header {
    let mut header = header(opcode, payload_len, fin, MASK);
    header.push(&key);
    header
}

fn header(opcode: Opcode, payload_len: usize, fin: bool, mask: u8) -> Header {
    debug_assert!(
        !opcode.is_control() || (fin && payload_len <= MAX_CONTROL_PAYLOAD),
        "a control frame has at most 125 bytes and one fragment (RFC 6455 section 5.5)"
    );
    let mut header = Header { bytes: [0; MAX_HEADER], len: 0 };
    header.push(&[opcode as u8 | if fin { FIN } else { 0 }]);
    match payload_len {
        0..=125 => header.push(&[mask | payload_len as u8]),
        126..=0xffff => {
            header.push(&[mask | 126]);
            header.push(&(payload_len as u16).to_be_bytes());
        }
        _ => {
            header.push(&[mask | 127]);
            header.push(&(payload_len as u64).to_be_bytes());
        }
    }
    header
}

/// Appends a whole, unmasked frame to `out`: what a server sends.
///
/// The payload of a control frame must not have more than 125 bytes.
pub fn write_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    let header = frame_header(opcode, payload.len(), true);
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(&header);
    out.extend_from_slice(payload);
}

/// Appends a whole frame masked with `key` to `out`: what a client sends.
///
/// The key must be fresh and unpredictable for each frame (section 5.3). The payload of a control
/// frame must not have more than 125 bytes.
pub fn write_masked_frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], key: [u8; 4]) {
    let header = masked_frame_header(opcode, payload.len(), true, key);
    out.reserve(header.len() + payload.len());
    out.extend_from_slice(&header);
    let start = out.len();
    out.extend_from_slice(payload);
    apply_mask(&mut out[start..], key);
}

/// Appends a server's close frame to `out`. The reason is cut to what fits (123 bytes) at the end of a
/// character. With [`NO_CODE`] the frame is empty, as the answer to an empty one is.
pub fn write_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    let (payload, len) = close_payload(code, reason);
    write_frame(out, Opcode::Close, &payload[..len]);
}

/// [`write_close`] for a client: masked with `key`.
pub fn write_masked_close(out: &mut Vec<u8>, code: u16, reason: &str, key: [u8; 4]) {
    let (payload, len) = close_payload(code, reason);
    write_masked_frame(out, Opcode::Close, &payload[..len], key);
}

fn close_payload(code: u16, reason: &str) -> ([u8; MAX_CONTROL_PAYLOAD], usize) {
    let mut payload = [0; MAX_CONTROL_PAYLOAD];
    if code == NO_CODE {
        return (payload, 0);
    }
    debug_assert!(
        is_valid_close_code(code),
        "close code {code} must not be sent (RFC 6455 section 7.4)"
    );
    let reason = &reason[..reason.floor_char_boundary(MAX_CONTROL_PAYLOAD - 2)];
    let len = 2 + reason.len();
    payload[..2].copy_from_slice(&code.to_be_bytes());
    payload[2..len].copy_from_slice(reason.as_bytes());
    (payload, len)
}
