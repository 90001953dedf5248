//! What must hold of any stream of frames.

use hamhame_ws::{FrameHead, Limits, Role, frame_header, header_len, masked_frame_header};

use super::random::Random;
use super::transcript::{Event, Transcript, receive};

/// Checks one input: four bytes that choose role, limits and chunks, then the stream. Returns whether anything
/// in it was accepted.
pub fn check(input: &[u8]) -> bool {
    let Some((&[role, limits, seed_a, seed_b], stream)) = input.split_first_chunk::<4>() else {
        return false;
    };
    let role = choose_role(role);
    let limits = choose_limits(limits);
    check_head(stream, role);

    let whole = receive(role, limits, stream, || usize::MAX);
    let mut random = Random::new(u64::from_be_bytes([0, 0, 0, 0, 0, 0, seed_a, seed_b]));
    let most = [1, 3, 16, 700, 70_000][random.below(5)];
    let split = receive(role, limits, stream, || 1 + random.below(most));
    assert_eq!(whole, split, "the chunks change what a stream means");
    check_events(&whole, role, limits);
    !whole.events.is_empty()
}

pub fn choose_role(byte: u8) -> Role {
    if byte & 1 == 0 { Role::Server } else { Role::Client }
}

pub fn choose_limits(byte: u8) -> Limits {
    let limits = |frame, message, fragments| Limits { frame, message, fragments };
    match byte % 4 {
        0 => limits(20, 40, 3),
        1 => limits(u64::MAX, 200, 1024),
        2 => limits(300, 70_000, u32::MAX),
        _ => Limits::default(),
    }
}

/// A header that is accepted is, byte for byte, the one we would write.
fn check_head(stream: &[u8], role: Role) {
    let Ok(Some((head, len))) = FrameHead::read(stream, role) else {
        return;
    };
    let payload_len = head.payload_len as usize;
    let key_len = if head.key.is_some() { 4 } else { 0 };
    assert_eq!(len, header_len(payload_len) + key_len);
    let written = match head.key {
        Some(key) => masked_frame_header(head.opcode, payload_len, head.fin, key),
        None => frame_header(head.opcode, payload_len, head.fin),
    };
    assert_eq!(&written[..], &stream[..len]);
    for cut in 0..len {
        assert_eq!(FrameHead::read(&stream[..cut], role), Ok(None));
    }
}

/// What was accepted is within the limits, and the same again if it is written and read once more.
fn check_events(transcript: &Transcript, role: Role, limits: Limits) {
    let mut again = Vec::new();
    for event in &transcript.events {
        let (len, limit) = match event {
            Event::Text(text) => (text.len(), limits.message),
            Event::Binary(bytes) => (bytes.len(), limits.message),
            Event::Ping(payload) | Event::Pong(payload) => (payload.len(), 125),
            Event::Close(close) => (close.as_ref().map_or(0, |(_, reason)| reason.len()), 123),
        };
        assert!(len <= limit, "{len} bytes are over the limit of {limit}");
        event.write_to(&mut again, role, [0x37, 0xfa, 0x21, 0x3d]);
    }
    // What came in several frames goes out in one.
    let limits = Limits { frame: u64::MAX, ..limits };
    let second = receive(role, limits, &again, || usize::MAX);
    assert_eq!(second.events, transcript.events);
    assert_eq!(second.violation, None);
    assert!(!second.mid_message);
}
