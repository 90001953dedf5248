//! Messages come out as they were sent, however they travel.

use std::ops::ControlFlow;

use crate::checks::transcript::{Event, Transcript, receive};
use hamhame_ws::{
    Incoming, Limits, Opcode, Receiver, Role, Violation, apply_mask, frame_header,
    masked_frame_header, write_close, write_masked_close, write_masked_frame,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// A message as it will be sent: in fragments that end at `cuts`, with a ping after some of them.
#[derive(Debug, Clone)]
struct Sending {
    event: Event,
    cuts: Vec<(Index, Option<Vec<u8>>)>,
}

fn sending() -> impl Strategy<Value = Sending> {
    let payload = || vec(any::<u8>(), 0..=125);
    let event = prop_oneof![
        4 => any::<String>().prop_map(Event::Text),
        2 => "[ا-ی\u{200c}😀a-z ]{0,300}".prop_map(Event::Text),
        3 => vec(any::<u8>(), 0..2000).prop_map(Event::Binary),
        1 => vec(any::<u8>(), 65_530..65_537).prop_map(Event::Binary),
        1 => payload().prop_map(Event::Ping),
        1 => payload().prop_map(Event::Pong),
    ];
    let ping = proptest::option::of(vec(any::<u8>(), 0..20));
    (event, vec((any::<Index>(), ping), 0..5)).prop_map(|(event, cuts)| Sending { event, cuts })
}

/// The bytes of a sending, and the events that must come of them.
fn encode(sendings: &[Sending], role: Role, key: [u8; 4]) -> (Vec<u8>, Vec<Event>) {
    let mut stream = Vec::new();
    let mut expected = Vec::new();
    for Sending { event, cuts } in sendings {
        let (opcode, payload) = match event {
            Event::Text(text) => (Opcode::Text, text.as_bytes()),
            Event::Binary(bytes) => (Opcode::Binary, &bytes[..]),
            control => {
                control.write_to(&mut stream, role, key);
                expected.push(control.clone());
                continue;
            }
        };
        let mut cuts: Vec<_> =
            cuts.iter().map(|(cut, ping)| (cut.index(payload.len() + 1), ping)).collect();
        cuts.sort();
        let (mut start, mut opcode) = (0, opcode);
        for (cut, ping) in cuts {
            write_fragment(&mut stream, role, opcode, &payload[start..cut], false, key);
            (start, opcode) = (cut, Opcode::Continuation);
            if let Some(ping) = ping {
                let ping = Event::Ping(ping.clone());
                ping.write_to(&mut stream, role, key);
                expected.push(ping);
            }
        }
        write_fragment(&mut stream, role, opcode, &payload[start..], true, key);
        expected.push(event.clone());
    }
    (stream, expected)
}

fn write_fragment(
    out: &mut Vec<u8>,
    receiver: Role,
    opcode: Opcode,
    payload: &[u8],
    fin: bool,
    key: [u8; 4],
) {
    match receiver {
        Role::Client => {
            out.extend_from_slice(&frame_header(opcode, payload.len(), fin));
            out.extend_from_slice(payload);
        }
        Role::Server => {
            out.extend_from_slice(&masked_frame_header(opcode, payload.len(), fin, key));
            let start = out.len();
            out.extend_from_slice(payload);
            apply_mask(&mut out[start..], key);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_split_anywhere_come_out_the_same(
        sendings in vec(sending(), 0..6),
        server in any::<bool>(),
        key in any::<[u8; 4]>(),
        chunks in vec(prop_oneof![1usize..4, 1usize..200, 1usize..80_000], 1..20),
    ) {
        let role = if server { Role::Server } else { Role::Client };
        let (stream, events) = encode(&sendings, role, key);
        let expected = Transcript { events, violation: None, mid_message: false };
        let mut chunks = chunks.into_iter().cycle();
        let split = receive(role, Limits::default(), &stream, || chunks.next().unwrap_or(1));
        prop_assert_eq!(&split, &expected);
        let whole = receive(role, Limits::default(), &stream, || usize::MAX);
        prop_assert_eq!(&whole, &expected);
    }
}

#[test]
fn a_stream_cut_in_two_at_every_byte_is_the_same_messages() {
    let sendings = [
        Sending { event: Event::Text("نیم‌فاصله 😀".into()), cuts: vec![] },
        Sending { event: Event::Binary((0..200).collect()), cuts: vec![] },
        Sending { event: Event::Ping(b"there?".into()), cuts: vec![] },
        Sending { event: Event::Close(Some((4000, "بس".into()))), cuts: vec![] },
    ];
    for role in [Role::Server, Role::Client] {
        let (stream, events) = encode(&sendings, role, [1, 2, 3, 4]);
        for cut in 1..stream.len() {
            let mut sizes = [cut, usize::MAX].into_iter();
            let transcript = receive(role, Limits::default(), &stream, || sizes.next().unwrap());
            assert_eq!(transcript.events, events, "cut at {cut}");
            assert_eq!(transcript.violation, None, "cut at {cut}");
        }
    }
}

#[test]
fn a_message_that_lies_whole_in_the_input_is_passed_on_without_a_copy() {
    let mut input = Vec::new();
    write_masked_frame(&mut input, Opcode::Text, "سلام".as_bytes(), [9, 8, 7, 6]);
    write_masked_frame(&mut input, Opcode::Binary, &[5; 300], [9, 8, 7, 6]);
    let range = input.as_ptr_range();
    let mut receiver = Receiver::new(Role::Server, Limits::default());
    let mut seen = 0;
    receiver
        .feed(&mut input, |incoming| {
            let payload = match incoming {
                Incoming::Text(text) => text.as_bytes(),
                Incoming::Binary(bytes) => bytes,
                other => panic!("{other:?}"),
            };
            assert!(range.contains(&payload.as_ptr()));
            seen += 1;
            ControlFlow::Continue(())
        })
        .unwrap();
    assert_eq!(seen, 2);
    assert_eq!(receiver.buffer_capacity(), 0);
}

#[test]
fn empty_messages_and_empty_fragments_are_messages() {
    let stream = [0x81, 0, 0x02, 0, 0x00, 0, 0x80, 0, 0x89, 0, 0x88, 0];
    let transcript = receive(Role::Client, Limits::default(), &stream, || 1);
    assert_eq!(
        transcript.events,
        [
            Event::Text(String::new()),
            Event::Binary(vec![]),
            Event::Ping(vec![]),
            Event::Close(None)
        ]
    );
    assert_eq!(transcript.violation, None);
}

#[test]
fn a_control_frame_between_fragments_comes_at_once() {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut pings = 0;
    let mut count = |incoming: Incoming<'_>| {
        assert_eq!(incoming, Incoming::Ping(b"?"));
        pings += 1;
        ControlFlow::Continue(())
    };
    receiver.feed(&mut [0x01, 1, b'a'], &mut count).unwrap();
    // Even if it comes in pieces.
    receiver.feed(&mut [0x89], &mut count).unwrap();
    receiver.feed(&mut [1], &mut count).unwrap();
    receiver.feed(b"?".to_vec().as_mut_slice(), &mut count).unwrap();
    assert_eq!(pings, 1);
    assert!(receiver.is_mid_message());
}

#[test]
fn a_close_in_mid_message_is_a_close() {
    let stream = [0x01, 1, b'a', 0x88, 2, 0x03, 0xe8];
    let transcript = receive(Role::Client, Limits::default(), &stream, || 2);
    assert_eq!(transcript.events, [Event::Close(Some((1000, String::new())))]);
    assert_eq!(transcript.violation, None);
}

#[test]
fn nothing_is_passed_on_after_a_close_or_a_break() {
    let mut close_then_text = Vec::new();
    write_close(&mut close_then_text, 1000, "");
    close_then_text.extend([0x81, 1, b'a']);
    let transcript = receive(Role::Client, Limits::default(), &close_then_text, || 3);
    assert_eq!(transcript.events.len(), 1);

    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut seen = 0;
    for _ in 0..2 {
        receiver
            .feed(&mut [0x81, 0, 0x81, 0], |_| {
                seen += 1;
                ControlFlow::Break(())
            })
            .unwrap();
    }
    assert_eq!(seen, 1);
    assert!(!receiver.is_mid_message());
}

/// Feeds the stream in pieces of this size after a break at its first message, and says what was passed on after it, and
/// which violation there was.
fn after_a_goodbye(stream: &[u8], piece: usize) -> (Vec<String>, Option<Violation>) {
    let mut receiver = Receiver::new(Role::Server, Limits::default()).with_deflate();
    let mut heard = Vec::new();
    let mut violation = None;
    for part in stream.chunks(piece) {
        let fed = receiver.feed(&mut part.to_vec(), |incoming| {
            heard.push(format!("{incoming:?}"));
            ControlFlow::Break(())
        });
        violation = violation.or(fed.err());
        assert!(heard.is_empty() || receiver.buffer_capacity() == 0, "nothing is kept");
    }
    (heard.split_off(1), violation)
}

#[test]
fn what_comes_after_our_goodbye_is_passed_over_but_for_the_peers() {
    let key = [1, 2, 3, 4];
    let mut goodbye = Vec::new();
    write_masked_frame(&mut goodbye, Opcode::Text, b"enough?", key);
    let mut rest = Vec::new();
    // Text that is none, a compressed message that is none, one that is too large, and fragments that fit nowhere.
    write_masked_frame(&mut rest, Opcode::Text, &[0xff; 200], key);
    rest.extend([0xc1, 0x84, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff]);
    write_masked_frame(&mut rest, Opcode::Binary, &[0; 70_000], key);
    rest.extend([0x00, 0x80, 0, 0, 0, 0, 0x01, 0x81, 0, 0, 0, 0, b'a', 0x01, 0x80, 0, 0, 0, 0]);
    let mut close = Vec::new();
    write_masked_close(&mut close, 1000, "bye", key);
    for piece in [1, 2, 3, 7, 4096, usize::MAX >> 1] {
        let stream = [&goodbye[..], &rest, &close, &goodbye].concat();
        assert_eq!(after_a_goodbye(&stream, piece), (vec!["Close(None)".to_owned()], None));
        let unfinished = [&goodbye[..], &rest, &close[..close.len() - 1]].concat();
        assert_eq!(after_a_goodbye(&unfinished, piece), (vec![], None));
        // Without a header there is nothing to be found.
        let lost = [&goodbye[..], &[0x83, 0x80, 0, 0, 0, 0], &close].concat();
        assert_eq!(after_a_goodbye(&lost, piece), (vec![], None));
    }
}

#[test]
fn a_frame_that_is_under_way_at_our_goodbye_is_passed_over_too() {
    let key = [1, 2, 3, 4];
    let mut stream = Vec::new();
    write_masked_frame(&mut stream, Opcode::Text, &[b'a'; 1000], key);
    write_masked_close(&mut stream, 1000, "", key);
    for at in 0..stream.len() {
        let mut receiver = Receiver::new(Role::Server, Limits::default());
        let mut heard = Vec::new();
        let (before, after) = stream.split_at_mut(at);
        receiver
            .feed(&mut before.to_vec(), |incoming| {
                heard.push(format!("{incoming:?}").len());
                ControlFlow::Continue(())
            })
            .unwrap();
        receiver.pass_over();
        assert_eq!((receiver.buffer_capacity(), receiver.is_mid_message()), (0, false), "{at}");
        let mut closed = false;
        let fed = receiver.feed(after, |incoming| {
            closed |= incoming == Incoming::Close(None);
            ControlFlow::Continue(())
        });
        assert_eq!((fed, closed), (Ok(()), true), "{at}");
    }
}

#[test]
fn a_close_reason_is_cut_at_the_end_of_a_character() {
    for (reason, kept) in [("س".repeat(80), 122), ("a".repeat(200), 123), ("ok".into(), 2)] {
        let mut frame = Vec::new();
        write_close(&mut frame, 4001, &reason);
        let transcript = receive(Role::Client, Limits::default(), &frame, || usize::MAX);
        assert_eq!(transcript.events, [Event::Close(Some((4001, reason[..kept].to_owned())))]);
    }
}

#[test]
fn an_idle_receiver_is_small_and_owns_no_heap() {
    assert!(size_of::<Receiver>() <= 96, "{}", size_of::<Receiver>());
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    assert_eq!(receiver.buffer_capacity(), 0);
    // Neither after a message in two frames and three reads, with half a ping in between.
    for part in [&[0x01, 2, b'a'][..], &[b'b', 0x89, 1], &[b'?', 0x80, 1], b"c"] {
        assert!(receiver.feed(&mut part.to_vec(), |_| ControlFlow::Continue(())).is_ok());
    }
    assert!(!receiver.is_mid_message());
    assert_eq!(receiver.buffer_capacity(), 0);
}

#[test]
fn a_stalled_peer_is_told_from_an_idle_one() {
    let mut receiver = Receiver::new(Role::Client, Limits::default());
    let mut states = Vec::new();
    // A header, a payload, and the pause between two fragments, each of them half done.
    for byte in [0x01, 1, b'a', 0x80, 1, b'b', 0x82, 126, 0] {
        receiver.feed(&mut [byte], |_| ControlFlow::Continue(())).unwrap();
        states.push(receiver.is_mid_message());
    }
    assert_eq!(states, [true, true, true, true, true, false, true, true, true]);
}

#[test]
fn an_announced_length_costs_nothing_until_it_comes() {
    let mut receiver = Receiver::new(
        Role::Client,
        Limits { frame: u64::MAX, message: usize::MAX, fragments: u32::MAX },
    );
    let mut header = vec![0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255];
    header.extend([0; 100]);
    receiver.feed(&mut header, |_| ControlFlow::Continue(())).unwrap();
    assert!(receiver.is_mid_message());
    assert!(receiver.buffer_capacity() <= 200, "{}", receiver.buffer_capacity());
}
