//! Compressed messages come out as they went in, and cost no more than they may (RFC 7692).

use std::ops::ControlFlow;

use crate::checks::random::Random;
use crate::checks::transcript::{Event, Transcript, receive, receive_deflated};
use hamhame_ws::{
    Deflater, Incoming, Limits, Opcode, Receiver, Role, Violation, apply_mask, frame_header,
    masked_frame_header,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Unmasked frames, as a client receives them, read whole and byte by byte.
fn read_within(limits: Limits, stream: &[u8]) -> Transcript {
    let whole = receive_deflated(Role::Client, limits, stream, || usize::MAX);
    let bytewise = receive_deflated(Role::Client, limits, stream, || 1);
    assert_eq!(whole, bytewise);
    whole
}

fn read(stream: &[u8]) -> Transcript {
    read_within(Limits::default(), stream)
}

fn one(event: Event) -> Transcript {
    Transcript { events: vec![event], violation: None, mid_message: false }
}

/// A whole frame that says that it is compressed.
fn frame(payload: &[u8]) -> Vec<u8> {
    let header = frame_header(Opcode::Binary, payload.len(), true).compressed();
    [&header[..], payload].concat()
}

fn compress(message: &[u8]) -> Vec<u8> {
    Deflater::new(6, 15).compress(message).expect("it gets shorter").to_vec()
}

fn violation(payload: &[u8]) -> Violation {
    read(&frame(payload)).violation.unwrap_or_else(|| panic!("{payload:x?} was accepted"))
}

#[test]
fn section_7_2_3_1_a_message_of_one_compressed_block() {
    let hello = one(Event::Text("Hello".into()));
    assert_eq!(read(&[0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]), hello);
    let fragments = [0x41, 0x03, 0xf2, 0x48, 0xcd, 0x80, 0x04, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(read(&fragments), hello);
}

#[test]
fn section_7_2_3_2_what_refers_to_an_earlier_message_is_refused() {
    let first = [0xc1, 0x07, 0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let second = [0xc1, 0x05, 0xf2, 0x00, 0x11, 0x00, 0x00];
    let transcript = read(&[&first[..], &second].concat());
    assert_eq!(transcript.events, [Event::Text("Hello".into())]);
    assert_eq!(transcript.violation, Some(Violation::BadDeflate));
}

#[test]
fn section_7_2_3_3_a_block_with_no_compression() {
    let stream = [0xc1, 0x0b, 0x00, 0x05, 0x00, 0xfa, 0xff, 0x48, 0x65, 0x6c, 0x6c, 0x6f, 0x00];
    assert_eq!(read(&stream), one(Event::Text("Hello".into())));
}

#[test]
fn section_7_2_3_4_a_block_that_ends_its_stream() {
    let stream = [0xc1, 0x08, 0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00, 0x00];
    assert_eq!(read(&stream), one(Event::Text("Hello".into())));
    // Twice, and without the byte that must follow it.
    let block = [0xf3, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00];
    let twice = frame(&[&block[..], &block, &[0]].concat());
    assert_eq!(read(&twice), one(Event::Binary(b"HelloHello".into())));
    assert_eq!(read(&frame(&block)), one(Event::Binary(b"Hello".into())));
}

#[test]
fn section_7_2_3_5_two_blocks_in_one_message() {
    let stream =
        [0xc1, 0x0d, 0xf2, 0x48, 0x05, 0x00, 0x00, 0x00, 0xff, 0xff, 0xca, 0xc9, 0xc9, 0x07, 0x00];
    assert_eq!(read(&stream), one(Event::Text("Hello".into())));
}

#[test]
fn section_7_2_3_6_an_empty_message() {
    assert_eq!(read(&[0xc1, 0x01, 0x00]), one(Event::Text(String::new())));
    assert_eq!(read(&[0xc1, 0x00]), one(Event::Text(String::new())));
    assert_eq!(read(&[0x41, 0x00, 0x00, 0x00, 0x80, 0x01, 0x00]), one(Event::Text(String::new())));
}

/// The bytes of messages in fragments that end at `cuts`, with a ping after each but the last.
fn encode(messages: &[(Event, Vec<Index>)], role: Role, level: u32, window: u8) -> Vec<u8> {
    let mut deflater = Deflater::new(level, window);
    let mut stream = Vec::new();
    for (event, cuts) in messages {
        let (opcode, message) = match event {
            Event::Text(text) => (Opcode::Text, text.as_bytes()),
            Event::Binary(bytes) => (Opcode::Binary, &bytes[..]),
            _ => unreachable!("these are messages"),
        };
        let compressed = deflater.compress(message);
        let payload = compressed.unwrap_or(message);
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(payload.len() + 1)).collect();
        cuts.sort();
        cuts.push(payload.len());
        let mut start = 0;
        for (at, &end) in cuts.iter().enumerate() {
            let (first, last) = (at == 0, at + 1 == cuts.len());
            let opcode = if first { opcode } else { Opcode::Continuation };
            let header = match role {
                Role::Server => masked_frame_header(opcode, end - start, last, [9, 8, 7, 6]),
                Role::Client => frame_header(opcode, end - start, last),
            };
            let marked = first && compressed.is_some();
            stream.extend_from_slice(&if marked { header.compressed() } else { header });
            let masked_from = stream.len();
            stream.extend_from_slice(&payload[start..end]);
            if role == Role::Server {
                apply_mask(&mut stream[masked_from..], [9, 8, 7, 6]);
            }
            if !last {
                Event::Ping(b"?".into()).write_to(&mut stream, role, [1, 2, 3, 4]);
            }
            start = end;
        }
    }
    stream
}

fn message() -> impl Strategy<Value = Event> {
    prop_oneof![
        2 => "[ا-ی\u{200c}😀a-z ]{0,300}".prop_map(Event::Text),
        1 => "(سلام بچه‌ها ){0,400}".prop_map(Event::Text),
        1 => vec(any::<u8>(), 0..2000).prop_map(Event::Binary),
        1 => (any::<u8>(), 0usize..65_536).prop_map(|(byte, len)| Event::Binary(vec![byte; len])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn compressed_messages_split_anywhere_come_out_the_same(
        messages in vec((message(), vec(any::<Index>(), 0..4)), 0..5),
        server in any::<bool>(),
        level in 1u32..=9,
        window in 9u8..=15,
        chunks in vec(prop_oneof![1usize..4, 1usize..200, 1usize..80_000], 1..20),
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let stream = encode(&messages, role, level, window);
        let mut chunks = chunks.into_iter().cycle();
        let split =
            receive_deflated(role, Limits::default(), &stream, || chunks.next().unwrap_or(1));
        let whole = receive_deflated(role, Limits::default(), &stream, || usize::MAX);
        prop_assert_eq!(&split, &whole);
        prop_assert_eq!(whole.violation, None);
        let got = whole.events.into_iter().filter(|event| *event != Event::Ping(b"?".into()));
        let sent = messages.into_iter().map(|(event, _)| event);
        prop_assert_eq!(got.collect::<Vec<_>>(), sent.collect::<Vec<_>>());
    }
}

#[test]
fn a_compressed_stream_cut_in_two_at_every_byte_is_the_same_messages() {
    let text = Event::Text("نیم‌فاصله 😀 ".repeat(40));
    let bytes = Event::Binary((0..200).cycle().take(3000).collect());
    let messages = [(text.clone(), vec![]), (bytes.clone(), vec![])];
    for role in [Role::Server, Role::Client] {
        let stream = encode(&messages, role, 6, 12);
        assert!(stream.len() < 600, "it was compressed");
        for cut in 1..stream.len() {
            let mut sizes = [cut, usize::MAX].into_iter();
            let limits = Limits::default();
            let transcript = receive_deflated(role, limits, &stream, || sizes.next().unwrap());
            assert_eq!(transcript.events, [text.clone(), bytes.clone()], "cut at {cut}");
            assert_eq!(transcript.violation, None, "cut at {cut}");
        }
    }
}

#[test]
fn only_the_first_frame_of_a_message_says_that_it_is_compressed() {
    let cases: &[(&[u8], Violation)] = &[
        (&[0xc8], Violation::MisplacedBit),
        (&[0xc9], Violation::MisplacedBit),
        (&[0xca], Violation::MisplacedBit),
        (&[0xc0], Violation::MisplacedBit),
        (&[0x41, 0, 0xc0], Violation::MisplacedBit),
        (&[0x41, 0, 0xc1, 0], Violation::UnfinishedMessage),
        (&[0x40], Violation::MisplacedBit),
        (&[0xc3], Violation::ReservedOpcode(3)),
        (&[0xe1], Violation::ReservedBit),
        (&[0xd1], Violation::ReservedBit),
        (&[0xa1], Violation::ReservedBit),
    ];
    for (stream, expected) in cases {
        assert_eq!(read(stream).violation, Some(*expected), "{stream:x?}");
        assert_eq!(expected.close_code(), 1002);
    }
    let unasked = receive(Role::Client, Limits::default(), &[0xc1], || usize::MAX);
    assert_eq!(unasked.violation, Some(Violation::ReservedBit));
}

#[test]
fn what_is_no_deflate_stream_is_answered_with_1007() {
    let whole = compress(&b"abcabcabc ".repeat(10));
    let cases: &[&[u8]] = &[
        // A block of the reserved type, a length that its complement does not confirm, a stream that is cut off.
        &[0x07],
        &[0x00, 0x05, 0x00, 0xfa, 0xfe],
        &whole[..whole.len() - 1],
        &whole[..whole.len() / 2],
        // Bytes after the end, and the end that the sender should have taken off.
        &[&whole[..], &[0x55]].concat(),
        &[&whole[..], &[0x00, 0x00, 0xff, 0xff]].concat(),
        // Streams without end, two bytes each.
        &[0x03, 0x00].repeat(2000),
    ];
    for payload in cases {
        assert_eq!(violation(payload), Violation::BadDeflate, "{payload:x?}");
    }
    assert_eq!(Violation::BadDeflate.close_code(), 1007);
}

#[test]
fn text_is_checked_after_it_was_inflated() {
    let mut bytes = "سلام ".repeat(100).into_bytes();
    bytes.pop();
    bytes.push(0xd8);
    let compressed = compress(&bytes);
    let header = frame_header(Opcode::Text, compressed.len(), true).compressed();
    let transcript = read(&[&header[..], &compressed].concat());
    assert_eq!(transcript.violation, Some(Violation::BadText));
    // The compressed bytes are no UTF-8, and need not be.
    let compressed = compress(&bytes[..bytes.len() - 1]);
    assert!(std::str::from_utf8(&compressed).is_err());
    let header = frame_header(Opcode::Text, compressed.len(), true).compressed();
    assert_eq!(read(&[&header[..], &compressed].concat()).violation, None);
}

#[test]
fn the_limit_of_a_message_is_that_of_what_it_inflates_to() {
    let limits = Limits { frame: 64, message: 1000, fragments: 3 };
    let exactly = read_within(limits, &frame(&compress(&[7; 1000])));
    assert_eq!(exactly, one(Event::Binary(vec![7; 1000])));
    let over = read_within(limits, &frame(&compress(&[7; 1001])));
    assert_eq!(over.events, []);
    assert_eq!(over.violation, Some(Violation::MessageTooLarge { limit: 1000 }));
    // The frame's own limit is that of what travels.
    let noise = Random::new(1).bytes(65);
    let transcript = read_within(limits, &frame(&noise));
    assert_eq!(transcript.violation, Some(Violation::FrameTooLarge { announced: 65, limit: 64 }));
}

#[test]
fn a_message_that_grew_by_being_compressed_is_accepted() {
    let limits = Limits { frame: 2000, message: 1000, fragments: 3 };
    let noise = Random::new(2).bytes(1000);
    let mut stored = vec![0, 0xe8, 0x03, 0x17, 0xfc];
    stored.extend(&noise);
    stored.push(0);
    assert_eq!(read_within(limits, &frame(&stored)), one(Event::Binary(noise)));
    let header = frame_header(Opcode::Binary, 1300, true).compressed();
    let transcript = read_within(limits, &header);
    assert_eq!(transcript.violation, Some(Violation::MessageTooLarge { limit: 1000 }));
}

#[test]
fn between_compressed_messages_nothing_is_held() {
    let compressed = compress(&b"hello ".repeat(1000));
    let mut receiver = Receiver::new(Role::Client, Limits::default()).with_deflate();
    let mut stream = frame(&compressed);
    let (begin, rest) = stream.split_at_mut(20);
    receiver.feed(begin, |_| ControlFlow::Continue(())).unwrap();
    assert!(receiver.is_mid_message());
    assert!((1..=compressed.len()).contains(&receiver.buffer_capacity()), "only what came");
    let mut got = 0;
    receiver
        .feed(rest, |incoming| {
            got += matches!(incoming, Incoming::Binary(bytes) if bytes.len() == 6000) as u32;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!((got, receiver.buffer_capacity(), receiver.is_mid_message()), (1, 0, false));
}

#[test]
fn a_receiver_is_no_larger_for_it() {
    assert!(size_of::<Receiver>() <= 88, "{} bytes", size_of::<Receiver>());
}

#[test]
fn who_gets_a_compressed_message_may_read_another_one_meanwhile() {
    let stream = frame(&compress(&[1; 500]));
    let mut inner = Vec::new();
    let mut outer = Vec::new();
    Receiver::new(Role::Client, Limits::default())
        .with_deflate()
        .feed(&mut stream.clone(), |incoming| {
            let mut second = frame(&compress(&[2; 600]));
            let mut receiver = Receiver::new(Role::Client, Limits::default()).with_deflate();
            receiver
                .feed(&mut second, |incoming| {
                    inner.push(Event::from(incoming));
                    ControlFlow::Continue(())
                })
                .unwrap();
            outer.push(Event::from(incoming));
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(inner, [Event::Binary(vec![2; 600])]);
    assert_eq!(outer, [Event::Binary(vec![1; 500])]);
}

#[test]
fn what_does_not_get_shorter_is_not_compressed() {
    let mut deflater = Deflater::new(6, 15);
    assert_eq!(deflater.compress(b"Hello"), None);
    assert_eq!(deflater.compress(b""), None);
    assert_eq!(deflater.compress(&Random::new(3).bytes(100_000)), None);
    let mut out = vec![1];
    assert!(!deflater.write_frame(&mut out, Opcode::Text, b"Hello"));
    assert_eq!(out, [1]);
    // But it can be, for those who want to see it.
    for message in [&b""[..], b"Hello", &Random::new(3).bytes(100_000)] {
        let compressed = deflater.compress_anyway(message).map(<[u8]>::to_vec).unwrap();
        assert!(compressed.len() > message.len());
        let limits = Limits { frame: 200_000, message: 100_000, fragments: 1 };
        let header = frame_header(Opcode::Binary, compressed.len(), true).compressed();
        let read = read_within(limits, &[&header[..], &compressed].concat());
        assert_eq!(read, one(Event::Binary(message.to_vec())));
    }
    // And it is none the worse for it.
    let hello = b"Hello".repeat(20);
    assert_eq!(deflater.compress(&hello).map(<[u8]>::to_vec), Some(compress(&hello)));
}

#[test]
fn nothing_refers_further_back_than_the_window() {
    let noise = Random::new(4).bytes(1500);
    let twice = [&noise[..], &noise].concat();
    for window in 9..=10 {
        assert_eq!(Deflater::new(9, window).compress(&twice), None, "2^{window} bytes");
    }
    let compressed = Deflater::new(9, 12).compress(&twice).map(<[u8]>::len);
    assert!(compressed.is_some_and(|len| len < 1700), "{compressed:?}");
}

/// A gibibyte of zeros, in about a mebibyte.
fn bomb() -> Vec<u8> {
    let mut deflater = flate2::Compress::new(flate2::Compression::best(), false);
    let mut block = Vec::with_capacity(4096);
    // A full flush ends with a whole byte, and what follows refers to nothing before it.
    let zeros = vec![0; 1 << 20];
    deflater.compress_vec(&zeros, &mut block, flate2::FlushCompress::Full).unwrap();
    assert_eq!(deflater.total_in(), 1 << 20);
    let mut bomb = block.repeat(1024);
    bomb.truncate(bomb.len() - 4);
    bomb
}

/// The most memory that this process has ever held, in KiB.
#[cfg(target_os = "linux")]
fn peak_memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
#[cfg(target_os = "linux")]
fn a_bomb_is_refused_before_it_is_in_memory() {
    let payload = bomb();
    assert!(payload.len() < 2 << 20, "{} bytes", payload.len());
    let mut stream = frame(&payload);
    let before = peak_memory();
    let limits = Limits { frame: 16 << 20, message: 8 << 20, fragments: 10 };
    let mut receiver = Receiver::new(Role::Client, limits).with_deflate();
    let mut got = 0;
    let fed = receiver.feed(&mut stream, |_| {
        got += 1;
        ControlFlow::Continue(())
    });
    let violation = fed.unwrap_err();
    assert_eq!(violation, Violation::MessageTooLarge { limit: 8 << 20 });
    assert_eq!((violation.close_code(), got), (1009, 0));
    let cost = peak_memory() - before;
    assert!(cost < 32 << 10, "{cost} KiB for a message of at most 8 MiB");
}
