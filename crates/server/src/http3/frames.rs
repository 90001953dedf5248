//! Looks at the frames of a stream as they pass (RFC 9114, section 7.1), so that none but DATA is longer than it may be.
//!
//! The library that reads them collects any other frame whole before it does anything with it, however long the frame says
//! that it is.

/// The frame whose payload is passed on as it comes (RFC 9114, section 7.2.1).
const DATA: u64 = 0;

/// The only stream in one direction that is read and has frames on it (RFC 9114, section 6.2.1).
const CONTROL_STREAM: u64 = 0;

/// A frame that is too long.
#[derive(Debug, PartialEq, Eq)]
pub struct TooLong;

/// Where in a stream we are.
pub struct Frames {
    longest: u64,
    place: Place,
    number: Number,
}

enum Place {
    /// Before the type of a stream in one direction.
    Start,
    /// Before a frame's type.
    Type,
    /// Before its length; its type came.
    Length(u64),
    /// So many bytes before its end.
    Payload(u64),
    /// In a stream without frames.
    Unframed,
}

impl Frames {
    /// At the start of a stream of requests, on which frames other than DATA may have `longest` bytes.
    pub fn of_request(longest: u64) -> Frames {
        Frames { longest, place: Place::Type, number: Number::default() }
    }

    /// At the start of a stream in one direction.
    pub fn of_one_direction(longest: u64) -> Frames {
        Frames { longest, place: Place::Start, number: Number::default() }
    }

    /// Looks at the next bytes.
    ///
    /// # Errors
    /// If a frame begins in them that is too long.
    pub fn pass(&mut self, mut bytes: &[u8]) -> Result<(), TooLong> {
        while !bytes.is_empty() {
            let number = match &mut self.place {
                Place::Unframed => return Ok(()),
                Place::Payload(left) => {
                    let here = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                    *left -= here as u64;
                    bytes = &bytes[here..];
                    if *left == 0 {
                        self.place = Place::Type;
                    }
                    continue;
                }
                Place::Start | Place::Type | Place::Length(_) => {
                    let number = self.number.take(bytes[0]);
                    bytes = &bytes[1..];
                    number
                }
            };
            let Some(number) = number else { continue };
            self.place = match self.place {
                Place::Start if number == CONTROL_STREAM => Place::Type,
                Place::Start => Place::Unframed,
                Place::Type => Place::Length(number),
                Place::Length(kind) if kind != DATA && number > self.longest => {
                    return Err(TooLong);
                }
                _ if number == 0 => Place::Type,
                _ => Place::Payload(number),
            };
        }
        Ok(())
    }
}

/// An integer of variable length on its way (RFC 9000, section 16).
#[derive(Default)]
struct Number {
    value: u64,
    /// Bytes that are still to come; 0 before the first.
    missing: u8,
}

impl Number {
    fn take(&mut self, byte: u8) -> Option<u64> {
        if self.missing == 0 {
            self.value = u64::from(byte & 0x3f);
            self.missing = (1 << (byte >> 6)) - 1;
        } else {
            self.value = self.value << 8 | u64::from(byte);
            self.missing -= 1;
        }
        (self.missing == 0).then_some(self.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// By pieces of every size, the verdict is the same.
    fn judge(make: fn(u64) -> Frames, bytes: &[u8]) -> Result<(), TooLong> {
        let whole = make(100).pass(bytes);
        for size in 1..bytes.len() {
            let mut frames = make(100);
            assert_eq!(bytes.chunks(size).try_for_each(|piece| frames.pass(piece)), whole);
        }
        whole
    }

    #[test]
    fn data_may_be_long_and_nothing_else() {
        // HEADERS of 3 bytes, DATA of 16,000, an unknown frame of 100, HEADERS of 101.
        let mut bytes = vec![1, 3, 0xff, 0xff, 0xff, 0, 0x7e, 0x80];
        bytes.resize(bytes.len() + 16_000, 0xff);
        bytes.extend([0x40, 0x21, 0x40, 100]);
        bytes.resize(bytes.len() + 100, 0xff);
        assert_eq!(judge_quickly(&bytes), Ok(()));
        bytes.extend([1, 0x40, 101]);
        assert_eq!(judge_quickly(&bytes), Err(TooLong));
    }

    fn judge_quickly(bytes: &[u8]) -> Result<(), TooLong> {
        let mut frames = Frames::of_request(100);
        bytes.chunks(7).try_for_each(|piece| frames.pass(piece))
    }

    #[test]
    fn a_length_is_judged_before_its_payload_comes() {
        assert_eq!(judge(Frames::of_request, &[1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]), Err(TooLong));
        assert_eq!(judge(Frames::of_request, &[0x0d, 0x80, 0, 0, 101]), Err(TooLong));
        assert_eq!(
            judge(Frames::of_request, &[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            Ok(())
        );
    }

    #[test]
    fn frames_without_payload_follow_one_another() {
        assert_eq!(
            judge(Frames::of_request, &[0, 0, 0, 0, 1, 0, 0x21, 0, 1, 0x40, 101]),
            Err(TooLong)
        );
    }

    #[test]
    fn of_streams_in_one_direction_only_the_control_stream_has_frames() {
        // SETTINGS, empty; GOAWAY of 2^30 bytes.
        let control = [0, 4, 0, 7, 0xc0, 0, 0, 0, 0x40, 0, 0, 0];
        assert_eq!(judge(Frames::of_one_direction, &control), Err(TooLong));
        for kind in [2, 3, 0x21] {
            let mut other = control;
            other[0] = kind;
            assert_eq!(judge(Frames::of_one_direction, &other), Ok(()), "{kind}");
        }
    }
}
