//! What a message carries so that its every delivery can be checked and timed: who sent it, the how-many-th
//! it is of that sender, and when it was meant to be sent. It stands at the start of the content in a fixed
//! number of letters, so that finding and reading it costs a few nanoseconds and no JSON parser.

use std::fmt;

use memchr::memmem;

/// The length of a marker in bytes; contents are never shorter.
pub const MARKER_LEN: usize = SIGN.len() + 1 + 8 + 8 + 16;

const SIGN: &[u8] = b"hb1";

/// Why a message was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To find out whether a member gets messages yet; not checked, not counted.
    Probe,
    /// To be delivered to everyone exactly once, in order.
    Measure,
}

/// One message, as its content tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Marker {
    /// Why it was sent.
    pub purpose: Purpose,
    /// Which sender of the room sent it, counted from 0.
    pub sender: u32,
    /// How many messages that sender had sent before.
    pub sequence: u32,
    /// When it was meant to be sent, in nanoseconds of the generator's clock. Later sending is part of the
    /// latency.
    pub due: u64,
}

/// What contents consist of behind the marker.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Fill {
    /// One letter again and again: the least work for everyone
    #[default]
    Letter,
    /// Persian prose, so that a message compresses as what people write does
    Prose,
}

/// What messages say, the marker aside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Bytes of each, the marker included; never fewer than [`MARKER_LEN`].
    pub size: usize,
    /// What they are filled with.
    pub fill: Fill,
}

impl Content {
    /// So many bytes that cost as little as possible.
    pub fn letters(size: usize) -> Self {
        Self { size, fill: Fill::Letter }
    }
}

impl fmt::Display for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = if self.fill == Fill::Prose { " of prose" } else { "" };
        write!(f, "{} B{of}", self.size)
    }
}

const PROSE: &str = "امروز در کلاس درباره‌ی شبکه حرف می‌زنیم: پیام از کجا می‌آید، چطور به دست همه می‌رسد و اگر \
    سیم قطع شود چه می‌شود. هر کس پرسشی دارد همین جا بنویسد؛ جواب را هم همه می‌خوانند. بعد از درس، تمرین شماره‌ی سه \
    را با هم حل می‌کنیم و هر گروه نتیجه‌اش را برای بقیه می‌فرستد. ";

/// Appends a content that carries `marker`.
pub fn write(out: &mut Vec<u8>, marker: Marker, content: Content) {
    let start = out.len();
    out.extend_from_slice(SIGN);
    out.push(match marker.purpose {
        Purpose::Probe => b'p',
        Purpose::Measure => b'm',
    });
    out.extend(letters(u64::from(marker.sender), 8));
    out.extend(letters(u64::from(marker.sequence), 8));
    out.extend(letters(marker.due, 16));
    let end = (start + content.size).max(out.len());
    match content.fill {
        Fill::Letter => out.resize(end, b'x'),
        Fill::Prose => fill_with_prose(out, end, marker.sequence),
    }
}

/// Appends prose up to the length `end`, of each message from another place on.
fn fill_with_prose(out: &mut Vec<u8>, end: usize, turn: u32) {
    let skipped = turn as usize * 7 % PROSE.len();
    for letter in PROSE.chars().cycle().skip(skipped) {
        if out.len() + letter.len_utf8() > end {
            break;
        }
        out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
    out.resize(end, b'.');
}

/// Appends what names this message among those of its session: 9 letters.
pub fn write_id(out: &mut Vec<u8>, marker: Marker) {
    out.push(if marker.purpose == Purpose::Probe { b'p' } else { b'm' });
    out.extend(letters(u64::from(marker.sequence), 8));
}

fn letters(value: u64, digits: u32) -> impl Iterator<Item = u8> {
    (0..digits).rev().map(move |digit| b'a' + (value >> (4 * digit) & 15) as u8)
}

/// Finds markers. Remembers where the last one stood: in the next message it mostly stands there too.
#[derive(Debug)]
pub struct Finder {
    search: memmem::Finder<'static>,
    last: usize,
}

impl Default for Finder {
    fn default() -> Self {
        Self { search: memmem::Finder::new(SIGN), last: 0 }
    }
}

impl Finder {
    /// The marker in `payload`, if it has one.
    pub fn find(&mut self, payload: &[u8]) -> Option<Marker> {
        if !payload.get(self.last..).is_some_and(|rest| rest.starts_with(SIGN)) {
            self.last = self.search.find(payload)?;
        }
        read(&payload[self.last..])
    }
}

fn read(bytes: &[u8]) -> Option<Marker> {
    let bytes: &[u8; MARKER_LEN] = bytes.get(..MARKER_LEN)?.try_into().ok()?;
    let purpose = match bytes[3] {
        b'p' => Purpose::Probe,
        b'm' => Purpose::Measure,
        _ => return None,
    };
    let eight = |at: usize| number(bytes[at..at + 8].try_into().ok()?);
    Some(Marker {
        purpose,
        sender: eight(4)?,
        sequence: eight(12)?,
        due: u64::from(eight(20)?) << 32 | u64::from(eight(28)?),
    })
}

/// Eight letters from `a` to `p`, half a byte each, all at once: the halves are moved together two by two.
fn number(letters: [u8; 8]) -> Option<u32> {
    let mut value = u64::from_be_bytes(letters).wrapping_sub(0x6161_6161_6161_6161);
    if value & 0xf0f0_f0f0_f0f0_f0f0 != 0 {
        return None;
    }
    value = (value | value >> 4) & 0x00ff_00ff_00ff_00ff;
    value = (value | value >> 8) & 0x0000_ffff_0000_ffff;
    Some((value | value >> 16) as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARKER: Marker = Marker {
        purpose: Purpose::Measure,
        sender: 0x0123_4567,
        sequence: 0xfedc_ba98,
        due: 0x0123_4567_89ab_cdef,
    };

    #[test]
    fn a_marker_is_read_back_wherever_it_stands() {
        let mut finder = Finder::default();
        for prefix in ["{\"content\":\"", "", "{\"type\":\"message\",\"content\": \"", "x"] {
            let mut payload = prefix.as_bytes().to_vec();
            write(&mut payload, MARKER, Content::letters(80));
            assert_eq!(payload.len(), prefix.len() + 80);
            payload.extend_from_slice(b"\"}");
            assert_eq!(finder.find(&payload), Some(MARKER));
        }
    }

    #[test]
    fn prose_has_the_size_asked_for_and_no_broken_letters() {
        for size in MARKER_LEN..MARKER_LEN + 600 {
            let mut out = Vec::new();
            write(&mut out, MARKER, Content { size, fill: Fill::Prose });
            assert_eq!(out.len(), size);
            assert!(std::str::from_utf8(&out).is_ok(), "{size}");
        }
    }

    #[test]
    fn what_has_no_whole_marker_has_none() {
        let mut whole = Vec::new();
        write(&mut whole, MARKER, Content::letters(0));
        assert_eq!(whole.len(), MARKER_LEN);
        for len in 0..MARKER_LEN {
            assert_eq!(Finder::default().find(&whole[..len]), None);
        }
        for at in 0..MARKER_LEN {
            let mut broken = whole.clone();
            broken[at] = b'z';
            assert_eq!(Finder::default().find(&broken), None, "byte {at}");
        }
    }
}
