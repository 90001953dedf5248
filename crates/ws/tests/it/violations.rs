//! Each rule a peer can break, and the close code that answers it.

use crate::checks::transcript::{Event, Transcript, receive};
use hamhame_ws::{Limits, Role, Violation};

const SMALL: Limits = Limits { frame: 10, message: 16, fragments: 3 };

/// Unmasked frames, as a client receives them, read whole and byte by byte.
fn read(stream: &[u8]) -> Transcript {
    let whole = receive(Role::Client, SMALL, stream, || usize::MAX);
    let bytewise = receive(Role::Client, SMALL, stream, || 1);
    assert_eq!(whole, bytewise);
    whole
}

fn violation(stream: &[u8]) -> Violation {
    read(stream).violation.unwrap_or_else(|| panic!("{stream:x?} was accepted"))
}

#[test]
fn protocol_errors_are_answered_with_1002() {
    let cases: &[(&[u8], Violation)] = &[
        (&[0xc1], Violation::ReservedBit),
        (&[0xa1], Violation::ReservedBit),
        (&[0x91], Violation::ReservedBit),
        (&[0xc9], Violation::ReservedBit),
        (&[0x83], Violation::ReservedOpcode(3)),
        (&[0x87], Violation::ReservedOpcode(7)),
        (&[0x8b], Violation::ReservedOpcode(11)),
        (&[0x8f], Violation::ReservedOpcode(15)),
        (&[0x81, 0x85], Violation::Masked),
        (&[0x82, 126, 0, 125], Violation::NonMinimalLength),
        (&[0x82, 126, 0, 0], Violation::NonMinimalLength),
        (&[0x82, 127, 0, 0, 0, 0, 0, 0, 0xff, 0xff], Violation::NonMinimalLength),
        (&[0x82, 127, 0x80], Violation::LengthHighBit),
        (&[0x82, 127, 0xff, 1, 2], Violation::LengthHighBit),
        (&[0x08], Violation::FragmentedControl),
        (&[0x09], Violation::FragmentedControl),
        (&[0x0a], Violation::FragmentedControl),
        (&[0x88, 126], Violation::LongControl),
        (&[0x89, 126], Violation::LongControl),
        (&[0x8a, 127], Violation::LongControl),
        (&[0x80, 0], Violation::NothingToContinue),
        (&[0x00, 1], Violation::NothingToContinue),
        (&[0x01, 1, b'a', 0x81, 0], Violation::UnfinishedMessage),
        (&[0x02, 0, 0x02, 0], Violation::UnfinishedMessage),
        (&[0x88, 1, 3], Violation::HalfCloseCode),
    ];
    for (stream, expected) in cases {
        assert_eq!(violation(stream), *expected, "{stream:x?}");
        assert_eq!(expected.close_code(), 1002, "{expected:?}");
    }
}

#[test]
fn a_client_that_does_not_mask_is_refused() {
    let transcript = receive(Role::Server, SMALL, &[0x81, 0x05], || usize::MAX);
    assert_eq!(transcript.violation, Some(Violation::Unmasked));
    assert_eq!(Violation::Unmasked.close_code(), 1002);
}

#[test]
fn only_close_codes_that_may_be_sent_are_accepted() {
    for code in 0..=u16::MAX {
        let [high, low] = code.to_be_bytes();
        let transcript = read(&[0x88, 2, high, low]);
        if matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
            assert_eq!(transcript.events, [Event::Close(Some((code, String::new())))]);
            assert_eq!(transcript.violation, None);
        } else {
            assert_eq!(transcript.events, []);
            assert_eq!(transcript.violation, Some(Violation::BadCloseCode(code)));
        }
    }
    assert_eq!(Violation::BadCloseCode(1005).close_code(), 1002);
}

#[test]
fn text_that_is_not_utf8_is_answered_with_1007() {
    assert_eq!(violation(&[0x81, 2, 0xc3, 0x28]), Violation::BadText);
    // A character that the message's end cuts off.
    assert_eq!(violation(&[0x81, 1, 0xd8]), Violation::BadText);
    assert_eq!(violation(&[0x01, 1, 0xd8, 0x80, 0]), Violation::BadText);
    assert_eq!(violation(&[0x88, 4, 0x03, 0xe8, 0xff, 0xfe]), Violation::BadReason);
    assert_eq!(Violation::BadText.close_code(), 1007);
    assert_eq!(Violation::BadReason.close_code(), 1007);
}

#[test]
fn bad_text_fails_at_the_byte_that_spoils_it() {
    // In a frame whose rest has not come: a surrogate is bad at its second byte.
    assert_eq!(violation(&[0x81, 9, b'a', 0xed, 0xa0]), Violation::BadText);
    // In a fragment that is not the last, and with a ping inside the character.
    let stream = [0x01, 1, 0xf4, 0x89, 0, 0x00, 5, 0x90];
    let transcript = read(&stream);
    assert_eq!(transcript.events, [Event::Ping(vec![])]);
    assert_eq!(transcript.violation, Some(Violation::BadText));
}

#[test]
fn sizes_are_refused_from_the_header_alone() {
    let cases: &[(&[u8], Violation)] = &[
        (&[0x82, 11], Violation::FrameTooLarge { announced: 11, limit: 10 }),
        (
            &[0x82, 127, 0x7f, 255, 255, 255, 255, 255, 255, 255],
            Violation::FrameTooLarge { announced: u64::MAX >> 1, limit: 10 },
        ),
        (&[0x02, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0x80, 9], Violation::MessageTooLarge { limit: 16 }),
        (&[0x02, 0, 0x00, 0, 0x00, 0, 0x80, 0], Violation::TooManyFragments { limit: 3 }),
    ];
    for (stream, expected) in cases {
        assert_eq!(violation(stream), *expected, "{stream:x?}");
        assert_eq!(expected.close_code(), 1009, "{expected:?}");
    }
}

#[test]
fn a_message_of_exactly_the_limits_is_accepted() {
    let stream = [0x02, 6, 1, 2, 3, 4, 5, 6, 0x00, 0, 0x80, 10, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let transcript = read(&stream);
    assert_eq!(transcript.violation, None);
    assert_eq!(
        transcript.events,
        [Event::Binary(vec![1, 2, 3, 4, 5, 6, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])]
    );
}

#[test]
fn what_came_before_a_violation_is_passed_on_and_nothing_after_it() {
    let stream = [0x81, 1, b'a', 0x89, 0, 0x83, 0, 0x81, 1, b'b'];
    let transcript = read(&stream);
    assert_eq!(transcript.events, [Event::Text("a".into()), Event::Ping(vec![])]);
    assert_eq!(transcript.violation, Some(Violation::ReservedOpcode(3)));
}

#[test]
fn every_violation_names_the_section_it_breaks() {
    for violation in [
        Violation::ReservedBit,
        Violation::MisplacedBit,
        Violation::ReservedOpcode(3),
        Violation::Unmasked,
        Violation::Masked,
        Violation::NonMinimalLength,
        Violation::LengthHighBit,
        Violation::FragmentedControl,
        Violation::LongControl,
        Violation::NothingToContinue,
        Violation::UnfinishedMessage,
        Violation::HalfCloseCode,
        Violation::BadCloseCode(1005),
        Violation::BadText,
        Violation::BadDeflate,
        Violation::BadReason,
        Violation::FrameTooLarge { announced: 2, limit: 1 },
        Violation::MessageTooLarge { limit: 1 },
        Violation::TooManyFragments { limit: 1 },
    ] {
        let prose = violation.to_string();
        let rfc = ["RFC 6455 section", "RFC 7692 section"];
        assert!(rfc.iter().any(|rfc| prose.contains(rfc)), "{prose}");
        // It must fit into the reason of a close frame.
        assert!(prose.len() <= 123, "{} bytes: {prose}", prose.len());
    }
}
