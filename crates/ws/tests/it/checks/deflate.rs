//! What must hold of any stream of frames that may be compressed.

use hamhame_ws::{Deflater, Limits, Opcode, Role, Violation, apply_mask};
use hamhame_ws::{frame_header, masked_frame_header};

use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress, inflate_flags};

use super::frame::{choose_limits, choose_role};
use super::random::Random;
use super::transcript::{Event, Transcript, receive_deflated};

/// Checks one input: four bytes that choose role, limits and chunks, then a stream of frames, or what stands
/// compressed in one message. Returns whether anything in it was accepted.
pub fn check(input: &[u8]) -> bool {
    let Some((&[role, limits, seed_a, seed_b], rest)) = input.split_first_chunk::<4>() else {
        return false;
    };
    let is_payload = role & 2 != 0;
    let role = choose_role(role);
    let limits = choose_limits(limits);
    let mut random = Random::new(u64::from_be_bytes([0, 0, 0, 0, 0, 0, seed_a, seed_b]));
    let mut stream = rest.to_vec();
    if is_payload {
        stream.clear();
        write_compressed(&mut random, role, Opcode::Binary, rest, &mut stream);
    }
    let whole = receive_deflated(role, limits, &stream, || usize::MAX);
    let most = [1, 3, 16, 700, 70_000][random.below(5)];
    let split = receive_deflated(role, limits, &stream, || 1 + random.below(most));
    assert_eq!(whole, split, "the chunks change what a stream means");
    check_events(&whole, role, limits);
    if is_payload {
        check_opinion(rest, &whole, limits);
    }
    !whole.events.is_empty()
}

/// Writes a message whose compressed form is `payload`, in some fragments.
pub fn write_compressed(
    random: &mut Random,
    role: Role,
    opcode: Opcode,
    payload: &[u8],
    out: &mut Vec<u8>,
) {
    let mut rest = payload;
    for part in (0..1 + random.below(3)).rev() {
        let len = if part == 0 { rest.len() } else { random.below(rest.len() + 1) };
        let (piece, later) = rest.split_at(len);
        let first = rest.len() == payload.len() && out.is_empty();
        rest = later;
        let opcode = if first { opcode } else { Opcode::Continuation };
        let key = random.key();
        let header = match role {
            Role::Server => masked_frame_header(opcode, piece.len(), part == 0, key),
            Role::Client => frame_header(opcode, piece.len(), part == 0),
        };
        let header = if first { header.compressed() } else { header };
        out.extend_from_slice(&header);
        let start = out.len();
        out.extend_from_slice(piece);
        if role == Role::Server {
            apply_mask(&mut out[start..], key);
        }
    }
}

/// What was accepted is within the limits, and the same again if it is compressed and read once more.
fn check_events(transcript: &Transcript, role: Role, limits: Limits) {
    let mut deflater = Deflater::new(1, 9);
    let mut again = Vec::new();
    let key = [0x37, 0xfa, 0x21, 0x3d];
    for event in &transcript.events {
        let (opcode, payload) = match event {
            Event::Text(text) => (Opcode::Text, text.as_bytes()),
            Event::Binary(bytes) => (Opcode::Binary, &bytes[..]),
            control => {
                control.write_to(&mut again, role, key);
                continue;
            }
        };
        assert!(payload.len() <= limits.message, "{} bytes", payload.len());
        let compressed = match role {
            Role::Server => deflater.write_masked_frame(&mut again, opcode, payload, key),
            Role::Client => deflater.write_frame(&mut again, opcode, payload),
        };
        if !compressed {
            event.write_to(&mut again, role, key);
        }
    }
    let limits = Limits { frame: u64::MAX, ..limits };
    let second = receive_deflated(role, limits, &again, || usize::MAX);
    assert_eq!(second.events, transcript.events);
    assert_eq!(second.violation, None);
    assert!(!second.mid_message);
}

/// Another inflater has the same view of what stands compressed in one message.
fn check_opinion(payload: &[u8], ours: &Transcript, limits: Limits) {
    match (&ours.events[..], ours.violation) {
        ([Event::Binary(message)], None) => {
            let theirs = second_opinion(payload, limits.message);
            assert_eq!(theirs.as_ref(), Some(message), "{payload:02x?}");
        }
        ([], Some(Violation::BadDeflate)) => {
            assert_eq!(second_opinion(payload, limits.message), None, "{payload:02x?}");
        }
        _ => {}
    }
}

fn second_opinion(payload: &[u8], limit: usize) -> Option<Vec<u8>> {
    let input = [payload, &[0x00, 0x00, 0xff, 0xff, 0x03, 0x00]].concat();
    let (mut at, mut len) = (0, 0);
    let mut message = vec![0; limit + 1];
    if payload.is_empty() {
        return Some(Vec::new());
    }
    for _ in 0..1024 {
        let flags = inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (input, room) = (&input[at..], &mut message[len..]);
        let (status, used, wrote) =
            decompress(&mut DecompressorOxide::new(), input, room, 0, flags);
        (at, len) = (at + used, len + wrote);
        if status != TINFLStatus::Done || len > limit {
            return None;
        }
        if at == payload.len() || used == input.len() {
            message.truncate(len);
            return Some(message);
        }
    }
    None
}
