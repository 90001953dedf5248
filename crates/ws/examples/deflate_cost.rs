//! What compression costs and what it saves: the table of `docs/topics/transports.md`.
//!
//! ```sh
//! cargo run --release -p hamhame-ws --example deflate_cost
//! ```

use std::hint::black_box;
use std::ops::ControlFlow;
use std::time::Instant;

use hamhame_ws::{Deflater, Limits, Opcode, Receiver, Role, write_masked_frame};

/// What people write in a class, of which sentences are made.
const WORDS: &str = "سلام بچه‌ها امروز درباره‌ی وب‌سوکت حرف می‌زنیم و می‌بینیم که هر پیام چطور از مرورگر به سرور \
     می‌رسد و از آنجا به همه‌ی کسانی که در اتاق هستند. اگر سؤالی دارید همین‌جا بنویسید تا با هم جواب بدهیم؛ مثال‌ها در \
     صفحه‌ی درس آمده است و کدشان را هم می‌توانید ببینید. من صدای شما را ندارم! تمرین سوم را تا فردا می‌فرستم، ممنون استاد";

/// Sizes of events in bytes, from `۱` to the longest message.
const SIZES: [usize; 11] = [160, 200, 256, 300, 400, 512, 768, 1024, 2048, 4096, 16_384];

const LEVELS: [u32; 3] = [1, 3, 6];

/// The window that shared frames are made with.
const WINDOW: u8 = 12;

/// Different events of each size, so that no branch of the compressor is learnt by heart.
const EVENTS: usize = 64;

fn main() {
    println!(
        "| event | level 1 | level 3 | level 6 | inflating |\n| ---: | ---: | ---: | ---: | ---: |"
    );
    for size in SIZES {
        let events: Vec<String> = (0..EVENTS).map(|seed| event(seed as u64, size)).collect();
        let mut row = format!("| {} |", events.iter().map(String::len).sum::<usize>() / EVENTS);
        for level in LEVELS {
            let mut deflater = Deflater::new(level, WINDOW);
            let mut bytes = 0;
            for event in &events {
                bytes += deflater.compress(event.as_bytes()).map_or(event.len(), <[u8]>::len);
            }
            let time = quickest(|event| {
                black_box(deflater.compress(events[event].as_bytes()));
            });
            row += &format!(" {} ({:.1} µs) |", bytes / EVENTS, time);
        }
        println!("{row} {:.1} µs |", inflating(&events));
    }
}

/// Microseconds that a receiver takes for one of these events, of which frames are made as a client would.
fn inflating(events: &[String]) -> f64 {
    let mut deflater = Deflater::new(6, 15);
    let mut frames = Vec::new();
    for event in events {
        let mut frame = Vec::new();
        let key = [0x37, 0xfa, 0x21, 0x3d];
        if !deflater.write_masked_frame(&mut frame, Opcode::Text, event.as_bytes(), key) {
            write_masked_frame(&mut frame, Opcode::Text, event.as_bytes(), key);
        }
        frames.push(frame);
    }
    let mut receiver = Receiver::new(Role::Server, Limits::default()).with_deflate();
    let mut scratch = Vec::new();
    quickest(|frame| {
        scratch.clear();
        scratch.extend_from_slice(&frames[frame]);
        let fed = receiver.feed(&mut scratch, |incoming| {
            black_box(incoming);
            ControlFlow::Continue(())
        });
        assert!(fed.is_ok());
    })
}

/// Microseconds per event, of each the quickest of many times: on a busy machine the others measure its other work.
fn quickest(mut work: impl FnMut(usize)) -> f64 {
    let mut best = [f64::MAX; EVENTS];
    for _ in 0..50 {
        for (event, best) in best.iter_mut().enumerate() {
            let begin = Instant::now();
            work(event);
            *best = best.min(begin.elapsed().as_secs_f64());
        }
    }
    best.iter().sum::<f64>() * 1e6 / EVENTS as f64
}

/// An event of `hamhame.v1` as a room's log holds it, of at least `size` bytes.
fn event(seed: u64, size: usize) -> String {
    let words: Vec<&str> = WORDS.split_whitespace().collect();
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut content = String::new();
    loop {
        let event = format!(
            "{{\"type\":\"message\",\"room_id\":\"کلاس\",\"client_id\":\"مریم\",\"content\":\"{content}\",\
             \"timestamp\":\"2026-11-21T08:{:02}:{:02}.{:06}+00:00\",\"member\":\"k3J9x0aQ2Z{}\",\"id\":\"c{}\",\"offset\":{}}}",
            seed % 60,
            seed * 7 % 60,
            seed * 7919 % 1_000_000,
            seed % 10,
            seed * 31,
            1000 + seed
        );
        if event.len() >= size {
            return event;
        }
        // Xorshift: enough to choose words.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        if !content.is_empty() {
            content.push(' ');
        }
        content.push_str(words[state as usize % words.len()]);
    }
}
