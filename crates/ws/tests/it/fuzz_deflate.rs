//! No compressed stream makes the receiver panic, hoard memory, or mean two things.

use crate::checks::deflate::{check, write_compressed};
use crate::checks::frame::choose_role;
use crate::checks::random::Random;
use crate::checks::transcript::Event;
use hamhame_ws::{Deflater, Opcode};

#[test]
fn any_compressed_stream_is_read_within_bounds_and_in_one_way() {
    crate::runner::run("deflate", 10_000, check, generate);
}

/// An input for [`check`]: compressed messages, often damaged, or noise.
fn generate(random: &mut Random) -> Vec<u8> {
    let mut input = random.bytes(4);
    let role = choose_role(input[0]);
    let mut rest = Vec::new();
    if random.below(16) == 0 {
        let len = random.length();
        rest = random.bytes(len);
    } else if input[0] & 2 != 0 {
        for _ in 0..1 + random.below(2) {
            rest.extend(compressed(random));
        }
    } else {
        for _ in 0..1 + random.below(3) {
            let opcode = random.choose(&[Opcode::Text, Opcode::Binary]);
            let payload = compressed(random);
            let mut message = Vec::new();
            write_compressed(random, role, opcode, &payload, &mut message);
            rest.extend(message);
            if random.below(3) == 0 {
                Event::Ping(random.bytes(3)).write_to(&mut rest, role, random.key());
            }
        }
    }
    for _ in 0..random.below(6).saturating_sub(3) {
        random.mutate(&mut rest);
    }
    input.extend(rest);
    input
}

/// A message in a form that some compressor could have given it.
fn compressed(random: &mut Random) -> Vec<u8> {
    let len = random.length().min(4_000) * (1 + random.below(4));
    let mut message = random.text(len).into_bytes();
    if random.below(4) == 0 {
        // What expands by much.
        let byte = random.next() as u8;
        message.resize(len * 40, byte);
    }
    let level = 1 + random.below(9) as u32;
    let window = 9 + random.below(7) as u8;
    match random.below(8) {
        // A stream that has an end, and the empty block that must follow it.
        0 => {
            let mut stream = miniz_oxide::deflate::compress_to_vec(&message, level as u8);
            stream.push(0);
            stream
        }
        // Blocks that are stored as they are.
        1 => {
            let mut stream = Vec::new();
            for block in message.chunks(0xffff) {
                stream.push(0);
                stream.extend((block.len() as u16).to_le_bytes());
                stream.extend((!block.len() as u16).to_le_bytes());
                stream.extend(block);
            }
            stream.push(0);
            stream
        }
        _ => match Deflater::new(level, window).compress(&message) {
            Some(compressed) => compressed.to_vec(),
            None => vec![0],
        },
    }
}
