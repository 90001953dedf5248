//! Random streams of frames.

use hamhame_ws::{Opcode, Role, apply_mask, frame_header, masked_frame_header};

use super::frame::choose_role;
use super::random::Random;
use super::transcript::Event;

/// An input for [`frame::check`](super::frame::check): a valid stream, mostly damaged, or plain noise.
pub fn generate(random: &mut Random) -> Vec<u8> {
    let mut input = random.bytes(4);
    let role = choose_role(input[0]);
    if random.below(8) == 0 {
        let len = random.length();
        input.extend(random.bytes(len));
        return input;
    }
    let mut stream = Vec::new();
    for _ in 0..1 + random.below(4) {
        write_something(random, role, &mut stream);
    }
    for _ in 0..random.below(4) {
        random.mutate(&mut stream);
    }
    input.extend(stream);
    input
}

fn write_something(random: &mut Random, role: Role, out: &mut Vec<u8>) {
    let len = random.length();
    let key = random.key();
    match random.below(16) {
        0..=3 => Event::Text(random.text(len)).write_to(out, role, key),
        4..=6 => Event::Binary(random.bytes(len)).write_to(out, role, key),
        7..=8 => Event::Ping(random.bytes(len.min(125))).write_to(out, role, key),
        9 => Event::Pong(random.bytes(len.min(125))).write_to(out, role, key),
        10 => {
            let code = random.choose(&[1000, 1001, 1011, 3000, 4999]);
            let mut reason = random.text(len.min(120));
            while reason.len() > 123 {
                reason.pop();
            }
            Event::Close(Some((code, reason))).write_to(out, role, key);
        }
        11 => write_lie(random, role, out),
        _ => write_fragments(random, role, len, out),
    }
}

/// A message in fragments, some of them empty, with control frames in between.
fn write_fragments(random: &mut Random, role: Role, len: usize, out: &mut Vec<u8>) {
    let text = random.below(2) == 0;
    let message = if text { random.text(len).into_bytes() } else { random.bytes(len) };
    let mut opcode = if text { Opcode::Text } else { Opcode::Binary };
    let mut rest = &message[..];
    loop {
        let (part, later) = rest.split_at(random.below(rest.len() + 1));
        rest = later;
        let fin = rest.is_empty() && random.below(4) > 0;
        write_fragment(random, role, opcode, part, fin, out);
        if fin {
            return;
        }
        if random.below(3) == 0 {
            let payload = random.bytes(4);
            Event::Ping(payload).write_to(out, role, random.key());
        }
        opcode = Opcode::Continuation;
    }
}

fn write_fragment(
    random: &mut Random,
    role: Role,
    opcode: Opcode,
    payload: &[u8],
    fin: bool,
    out: &mut Vec<u8>,
) {
    let key = random.key();
    match role {
        Role::Server => {
            out.extend_from_slice(&masked_frame_header(opcode, payload.len(), fin, key));
            let start = out.len();
            out.extend_from_slice(payload);
            apply_mask(&mut out[start..], key);
        }
        Role::Client => {
            out.extend_from_slice(&frame_header(opcode, payload.len(), fin));
            out.extend_from_slice(payload);
        }
    }
}

/// A data frame whose header announces far more, or less, than comes.
fn write_lie(random: &mut Random, role: Role, out: &mut Vec<u8>) {
    let shift = random.below(64) as u32;
    let announced = (random.next() >> shift) as usize;
    let opcode = random.choose(&[Opcode::Text, Opcode::Binary, Opcode::Continuation]);
    let fin = random.below(2) == 0;
    let header = match role {
        Role::Server => masked_frame_header(opcode, announced, fin, random.key()),
        Role::Client => frame_header(opcode, announced, fin),
    };
    out.extend_from_slice(&header);
    let len = random.below(40);
    out.extend(random.bytes(len));
}
