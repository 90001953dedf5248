//! Looks at the frames of a connection as they pass (RFC 9113, section 4.1): how many there are that carry nothing, and where one
//! ends. Nothing is kept of them but a part of a head.

/// Bytes that a client sends before its first frame (RFC 9113, section 3.4).
pub const PREFACE: usize = 24;

/// Length of a frame's head.
const HEAD: usize = 9;

/// Frames with content: what they cost is bounded by windows, streams and what is done with them.
const DATA: u8 = 0;
const HEADERS: u8 = 1;

/// Where in one direction of a connection we are.
pub struct Frames {
    /// Bytes to the end of what is under way: a preface, or a frame's payload.
    left: usize,
    head: [u8; HEAD],
    /// Bytes of the head that are here.
    begun: usize,
}

impl Frames {
    /// With so many bytes before the first frame.
    pub fn behind(left: usize) -> Frames {
        Frames { left, head: [0; HEAD], begun: 0 }
    }

    /// Looks at the next bytes; gives the number of frames without content that begin in them: all but HEADERS, and DATA that has
    /// some.
    pub fn pass(&mut self, mut bytes: &[u8]) -> u32 {
        let mut empty = 0;
        while !bytes.is_empty() {
            let skipped = self.left.min(bytes.len());
            self.left -= skipped;
            bytes = &bytes[skipped..];
            let taken = (HEAD - self.begun).min(bytes.len());
            self.head[self.begun..self.begun + taken].copy_from_slice(&bytes[..taken]);
            self.begun += taken;
            bytes = &bytes[taken..];
            if self.begun == HEAD {
                self.begun = 0;
                let [one, two, three, kind, ..] = self.head;
                self.left = u32::from_be_bytes([0, one, two, three]) as usize;
                let has_content = kind == HEADERS || (kind == DATA && self.left > 0);
                empty += u32::from(!has_content);
            }
        }
        empty
    }

    /// Bytes to the end of the frame under way; 0 between two frames. In the midst of a head it is those of the head.
    pub fn to_end(&self) -> usize {
        if self.begun > 0 { HEAD - self.begun } else { self.left }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, length: usize) -> Vec<u8> {
        let mut frame = (length as u32).to_be_bytes()[1..].to_vec();
        frame.extend([kind, 0, 0, 0, 0, 1]);
        frame.resize(HEAD + length, 0xff);
        frame
    }

    #[test]
    fn frames_without_content_are_counted_however_they_come() {
        let frames = [
            frame(4, 0),
            frame(DATA, 300),
            frame(6, 8),
            frame(DATA, 0),
            frame(HEADERS, 5),
            frame(0xbe, 70_000),
        ];
        let bytes = [&[0x50; PREFACE][..], &frames.concat()].concat();
        for size in [1, 2, 7, 9, 10, 1000, bytes.len()] {
            let mut passing = Frames::behind(PREFACE);
            let counted: u32 = bytes.chunks(size).map(|piece| passing.pass(piece)).sum();
            assert_eq!(counted, 4, "pieces of {size}");
            assert_eq!(passing.to_end(), 0);
        }
    }

    #[test]
    fn the_end_of_a_frame_is_known() {
        let mut passing = Frames::behind(0);
        let bytes = frame(6, 8);
        assert_eq!(passing.to_end(), 0);
        passing.pass(&bytes[..4]);
        assert_eq!(passing.to_end(), 5);
        passing.pass(&bytes[4..10]);
        assert_eq!(passing.to_end(), 7);
        passing.pass(&bytes[10..]);
        assert_eq!(passing.to_end(), 0);
    }
}
