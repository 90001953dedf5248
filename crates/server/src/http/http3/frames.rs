//! Looks at the frames of a stream as they pass (RFC 9114, sections 4.1 and 7), before the library that reads them: that none but DATA
//! is longer than it may be, as it collects any other whole; that they come where they may; and what it does not look into.

use std::mem::take;

use h3::error::Code;
use h3::qpack::decode_stateless;

use super::fault::Fault;
use super::fields;
use super::number::Number;

/// Types of frames (RFC 9114, section 11.2.1), with those of HTTP/2 that must not come.
const DATA: u64 = 0;
const HEADERS: u64 = 1;
const CANCEL_PUSH: u64 = 3;
const SETTINGS: u64 = 4;
const PUSH_PROMISE: u64 = 5;
const GOAWAY: u64 = 7;
const MAX_PUSH_ID: u64 = 0xd;
const OF_HTTP_2: [u64; 4] = [2, 6, 8, 9];

/// To the library, this is no frame but the beginning of a WebTransport stream, of which there are none.
const WEBTRANSPORT: u64 = 0x41;

const UNEXPECTED: Fault = Fault::new(Code::H3_FRAME_UNEXPECTED, "a frame that has no place here");

/// Where in a stream we are.
pub struct Frames {
    longest: u64,
    stream: Stream,
    place: Within,
    number: Number,
}

/// What came on the stream.
enum Stream {
    /// That of a request: nothing yet, its head, its trailers.
    Request,
    Body,
    Trailers,
    /// The control stream: settings, or not yet; and the highest push that may be.
    Control {
        settings: bool,
        pushes: u64,
    },
}

enum Within {
    /// Before a frame's type.
    Type,
    /// Before its length; its type came.
    Length(u64),
    /// So many bytes before its end.
    Payload(u64),
    /// The same in trailers, which are kept until they are whole.
    Trailers(u64, Vec<u8>),
    /// The same in a frame of this type, which is an integer.
    Integer(u64, u64),
}

impl Frames {
    /// At the start of a stream of requests, on which frames other than DATA may have `longest` bytes.
    pub fn of_request(longest: u64) -> Frames {
        Frames { longest, stream: Stream::Request, place: Within::Type, number: Number::default() }
    }

    /// Behind the type of the control stream.
    pub fn of_control(longest: u64) -> Frames {
        let stream = Stream::Control { settings: false, pushes: 0 };
        Frames { longest, stream, place: Within::Type, number: Number::default() }
    }

    /// Looks at the next bytes; gives the number of frames that begin in them and carry nothing for us.
    ///
    /// # Errors
    /// If a frame is wrong.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<u32, Fault> {
        let mut empty = 0;
        while let Some(first) = bytes.first().copied() {
            match &mut self.place {
                Within::Payload(left) => {
                    skip(&mut bytes, left);
                    if *left == 0 {
                        self.place = Within::Type;
                    }
                }
                Within::Trailers(left, kept) => {
                    kept.extend_from_slice(skip(&mut bytes, left));
                    if *left == 0 {
                        let kept = take(kept);
                        self.place = Within::Type;
                        judge_trailers(&kept, self.longest)?;
                    }
                }
                Within::Integer(kind, left) => {
                    *left -= 1;
                    bytes = &bytes[1..];
                    let (kind, is_last) = (*kind, *left == 0);
                    let value = self.number.take(first);
                    if value.is_some() != is_last {
                        return Err(Fault::new(Code::H3_FRAME_ERROR, "a frame of another length"));
                    }
                    if let Some(value) = value {
                        self.place = Within::Type;
                        self.judge_integer(kind, value)?;
                    }
                }
                Within::Type => {
                    bytes = &bytes[1..];
                    if let Some(kind) = self.number.take(first) {
                        self.place = Within::Length(kind);
                    }
                }
                Within::Length(kind) => {
                    let kind = *kind;
                    bytes = &bytes[1..];
                    if let Some(length) = self.number.take(first) {
                        empty += u32::from(self.begin(kind, length)?);
                    }
                }
            }
        }
        Ok(empty)
    }

    /// A frame begins; whether it carries nothing for us.
    fn begin(&mut self, kind: u64, length: u64) -> Result<bool, Fault> {
        if kind != DATA && length > self.longest {
            return Err(Fault::excess("a frame is too long"));
        }
        if OF_HTTP_2.contains(&kind) || [PUSH_PROMISE, WEBTRANSPORT].contains(&kind) {
            return Err(UNEXPECTED);
        }
        self.place = if length == 0 { Within::Type } else { Within::Payload(length) };
        if let Stream::Control { settings, .. } = &mut self.stream {
            let is_first = !std::mem::replace(settings, true);
            return match kind {
                SETTINGS if is_first => Ok(false),
                _ if is_first => Err(Fault::new(Code::H3_MISSING_SETTINGS, "settings come first")),
                DATA | HEADERS | SETTINGS => Err(UNEXPECTED),
                CANCEL_PUSH | GOAWAY | MAX_PUSH_ID if length == 0 => {
                    Err(Fault::new(Code::H3_FRAME_ERROR, "a frame without its number"))
                }
                CANCEL_PUSH | GOAWAY | MAX_PUSH_ID => {
                    self.place = Within::Integer(kind, length);
                    Ok(true)
                }
                _ => Ok(true),
            };
        }
        match (kind, &self.stream) {
            (HEADERS, Stream::Request) => self.stream = Stream::Body,
            (HEADERS, Stream::Body) => {
                self.stream = Stream::Trailers;
                if length > 0 {
                    self.place = Within::Trailers(length, Vec::new());
                } else {
                    judge_trailers(&[], self.longest)?;
                }
            }
            (DATA, Stream::Body) => return Ok(length == 0),
            (DATA | HEADERS | CANCEL_PUSH | SETTINGS | GOAWAY | MAX_PUSH_ID, _) => {
                return Err(UNEXPECTED);
            }
            _ => return Ok(true),
        }
        Ok(false)
    }

    fn judge_integer(&mut self, kind: u64, value: u64) -> Result<(), Fault> {
        let Stream::Control { pushes, .. } = &mut self.stream else { return Ok(()) };
        match kind {
            CANCEL_PUSH => Err(Fault::new(Code::H3_ID_ERROR, "nothing was pushed")),
            MAX_PUSH_ID if value < *pushes => {
                Err(Fault::new(Code::H3_ID_ERROR, "fewer pushes than before"))
            }
            MAX_PUSH_ID => {
                *pushes = value;
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

/// Takes what is there of `left` bytes.
fn skip<'a>(bytes: &mut &'a [u8], left: &mut u64) -> &'a [u8] {
    let here = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= here as u64;
    let (skipped, rest) = bytes.split_at(here);
    *bytes = rest;
    skipped
}

fn judge_trailers(block: &[u8], longest: u64) -> Result<(), Fault> {
    match decode_stateless(&mut &block[..], longest) {
        Ok(decoded) => fields::judge_trailers(&decoded.fields),
        Err(_) => Err(Fault::new(Code::QPACK_DECOMPRESSION_FAILED, "trailers that are no fields")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By pieces of every size, the verdict is the same.
    fn judge(make: fn(u64) -> Frames, bytes: &[u8]) -> Result<u32, Fault> {
        let whole = make(100).pass(bytes);
        for size in 1..bytes.len() {
            let mut frames = make(100);
            let pieces = bytes.chunks(size).try_fold(0, |sum, piece| Ok(sum + frames.pass(piece)?));
            assert_eq!(pieces, whole);
        }
        whole
    }

    fn code(judged: Result<u32, Fault>) -> Code {
        judged.expect_err("it is wrong").code
    }

    #[test]
    fn data_may_be_long_and_nothing_else() {
        // HEADERS of 3 bytes, DATA of 16,000, an unknown frame of 100, another of 101.
        let mut bytes = vec![1, 3, 0xff, 0xff, 0xff, 0, 0x7e, 0x80];
        bytes.resize(bytes.len() + 16_000, 0xff);
        bytes.extend([0x40, 0x21, 0x40, 100]);
        bytes.resize(bytes.len() + 100, 0xff);
        let quickly = |bytes: &[u8]| {
            let mut frames = Frames::of_request(100);
            bytes.chunks(7).try_fold(0, |sum, piece| Ok(sum + frames.pass(piece)?))
        };
        assert_eq!(quickly(&bytes), Ok(1));
        bytes.extend([0x21, 0x40, 101]);
        assert_eq!(code(quickly(&bytes)), Code::H3_EXCESSIVE_LOAD);
    }

    #[test]
    fn a_length_is_judged_before_its_payload_comes() {
        for bytes in [&[1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0][..], &[0x21, 0x80, 0, 0, 101]] {
            assert_eq!(code(judge(Frames::of_request, bytes)), Code::H3_EXCESSIVE_LOAD);
        }
        let data = [1, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(judge(Frames::of_request, &data), Ok(0));
        // SETTINGS, empty; GOAWAY of 2^30 bytes.
        let control = [4, 0, 7, 0xc0, 0, 0, 0, 0x40, 0, 0, 0];
        assert_eq!(code(judge(Frames::of_control, &control)), Code::H3_EXCESSIVE_LOAD);
    }

    #[test]
    fn what_carries_nothing_is_counted() {
        // An unknown frame, HEADERS, DATA without data twice and with some once, an unknown frame.
        let request = [0x21, 0, 1, 0, 0, 0, 0, 0, 0, 1, 7, 0x21, 1, 7];
        assert_eq!(judge(Frames::of_request, &request), Ok(4));
        // SETTINGS, GOAWAY, MAX_PUSH_ID, an unknown frame.
        assert_eq!(judge(Frames::of_control, &[4, 0, 7, 1, 0, 0xd, 1, 3, 0x21, 0]), Ok(3));
    }

    #[test]
    fn frames_come_where_they_may() {
        let unexpected = Code::H3_FRAME_UNEXPECTED;
        // Trailers, here of no fields, are the end.
        let trailers = [1, 0, 0, 1, 7, 1, 2, 0, 0];
        assert_eq!(judge(Frames::of_request, &trailers), Ok(0));
        for more in [[0, 0], [1, 0]] {
            let bytes = [&trailers[..], &more].concat();
            assert_eq!(code(judge(Frames::of_request, &bytes)), unexpected);
        }
        for kind in [0, 2, 3, 4, 5, 6, 7, 8, 9, 0xd] {
            assert_eq!(code(judge(Frames::of_request, &[kind, 0])), unexpected, "{kind}");
        }
        for kind in [0, 1, 2, 4, 5, 6, 8, 9] {
            assert_eq!(code(judge(Frames::of_control, &[4, 0, kind, 0])), unexpected, "{kind}");
        }
        for kind in [0, 7, 0xd, 0x21] {
            let first = code(judge(Frames::of_control, &[kind, 0]));
            assert_eq!(first, Code::H3_MISSING_SETTINGS, "{kind}");
        }
    }

    #[test]
    fn pushes_are_never_cancelled_and_never_fewer() {
        let id = Code::H3_ID_ERROR;
        assert_eq!(code(judge(Frames::of_control, &[4, 0, 3, 1, 0])), id);
        assert_eq!(judge(Frames::of_control, &[4, 0, 0xd, 1, 5, 0xd, 2, 0x40, 5]), Ok(2));
        assert_eq!(code(judge(Frames::of_control, &[4, 0, 0xd, 1, 5, 0xd, 1, 4])), id);
        for frame in [&[7, 0][..], &[7, 2, 0, 0], &[0xd, 1, 0x40], &[3, 3, 0x40, 0, 0]] {
            let bytes = [&[4, 0][..], frame].concat();
            assert_eq!(code(judge(Frames::of_control, &bytes)), Code::H3_FRAME_ERROR, "{frame:?}");
        }
    }

    #[test]
    fn trailers_are_fields_without_pseudo_fields() {
        // The static table's `:path: /`.
        let fault = judge(Frames::of_request, &[1, 0, 1, 3, 0, 0, 0xc1]).unwrap_err();
        assert!(fault.of_stream && fault.code == Code::H3_MESSAGE_ERROR, "{fault:?}");
        // A reference to a dynamic table; nothing at all.
        for trailers in [&[1, 3, 2, 0, 0x80][..], &[1, 0]] {
            let bytes = [&[1, 0][..], trailers].concat();
            assert_eq!(code(judge(Frames::of_request, &bytes)), Code::QPACK_DECOMPRESSION_FAILED);
        }
    }
}
