//! The header of a frame (RFC 6455 section 5.2) and the rules that it alone can break.

use crate::Violation;

/// The most bytes a frame's header may take: two, an eight-byte length and the mask's key.
pub const MAX_HEADER: usize = 14;

/// The most bytes of payload a control frame may have (RFC 6455 section 5.5).
pub const MAX_CONTROL_PAYLOAD: usize = 125;

pub(crate) const FIN: u8 = 0x80;
pub(crate) const MASK: u8 = 0x80;

/// The three bits that are for extensions.
pub(crate) const RESERVED: u8 = 0x70;

/// The one of them that permessage-deflate uses (RFC 7692 section 6).
pub(crate) const COMPRESSED: u8 = 0x40;

/// Which side of the connection we are: a server expects masked frames, a client unmasked ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// We accepted the connection.
    Server,
    /// We opened the connection.
    Client,
}

/// What a frame is (RFC 6455 section 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the message that is under way.
    Continuation = 0,
    /// Text, in UTF-8.
    Text = 1,
    /// Bytes.
    Binary = 2,
    /// The sender will send no more.
    Close = 8,
    /// Wants a pong with the same payload.
    Ping = 9,
    /// Answers a ping, or says unasked that its sender lives.
    Pong = 10,
}

impl Opcode {
    /// Close, ping and pong: short, never fragmented, and allowed between fragments.
    pub fn is_control(self) -> bool {
        self as u8 & 0x8 != 0
    }

    fn from_bits(bits: u8) -> Result<Self, Violation> {
        Ok(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            other => return Err(Violation::ReservedOpcode(other)),
        })
    }
}

/// The header of one frame, decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHead {
    /// Whether this is the last (or only) fragment of its message.
    pub fin: bool,
    /// Whether the message that begins with this frame is compressed: RSV1 (RFC 7692 section 6).
    pub compressed: bool,
    /// What the frame is.
    pub opcode: Opcode,
    /// The key that the payload is masked with; a client's frame has one and a server's has none.
    pub key: Option<[u8; 4]>,
    /// The length of the payload in bytes.
    pub payload_len: u64,
}

impl FrameHead {
    /// Decodes the header at the start of `bytes`, as `role` receives it, and its length in bytes.
    ///
    /// `Ok(None)` means that more bytes are needed. A broken rule is reported from the first byte
    /// that breaks it, so the outcome does not depend on how the bytes were split.
    ///
    /// No extension is taken to be negotiated: see [`read_deflated`](Self::read_deflated).
    pub fn read(bytes: &[u8], role: Role) -> Result<Option<(Self, usize)>, Violation> {
        Self::read_reserving(bytes, role, RESERVED)
    }

    /// [`read`](Self::read), where permessage-deflate was negotiated: the first frame of a message may say that it is
    /// [`compressed`](Self::compressed).
    pub fn read_deflated(bytes: &[u8], role: Role) -> Result<Option<(Self, usize)>, Violation> {
        Self::read_reserving(bytes, role, RESERVED & !COMPRESSED)
    }

    /// `reserved` are the bits of the first byte that must be zero.
    #[inline(always)] // Into the loop over all frames, where a call costs as much as what it does.
    pub(crate) fn read_reserving(
        bytes: &[u8],
        role: Role,
        reserved: u8,
    ) -> Result<Option<(Self, usize)>, Violation> {
        let Some((&first, rest)) = bytes.split_first() else {
            return Ok(None);
        };
        if first & reserved != 0 {
            return Err(Violation::ReservedBit);
        }
        let opcode = Opcode::from_bits(first & 0x0f)?;
        let fin = first & FIN != 0;
        let compressed = first & COMPRESSED != 0;
        if compressed && !matches!(opcode, Opcode::Text | Opcode::Binary) {
            return Err(Violation::MisplacedBit);
        }
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl);
        }
        let Some((&second, rest)) = rest.split_first() else {
            return Ok(None);
        };
        match (role, second & MASK != 0) {
            (Role::Server, false) => return Err(Violation::Unmasked),
            (Role::Client, true) => return Err(Violation::Masked),
            _ => {}
        }
        let short = second & !MASK;
        if opcode.is_control() && usize::from(short) > MAX_CONTROL_PAYLOAD {
            return Err(Violation::LongControl);
        }
        let Some((payload_len, rest)) = read_length(short, rest)? else {
            return Ok(None);
        };
        let (key, rest) = match role {
            Role::Client => (None, rest),
            Role::Server => match rest.split_first_chunk::<4>() {
                Some((key, rest)) => (Some(*key), rest),
                None => return Ok(None),
            },
        };
        let head = Self { fin, compressed, opcode, key, payload_len };
        Ok(Some((head, bytes.len() - rest.len())))
    }
}

/// The payload's length, given its seven short bits, and the bytes after it.
fn read_length(short: u8, rest: &[u8]) -> Result<Option<(u64, &[u8])>, Violation> {
    let (len, smallest, rest) = match short {
        126 => match rest.split_first_chunk::<2>() {
            Some((len, rest)) => (u64::from(u16::from_be_bytes(*len)), 126, rest),
            None => return Ok(None),
        },
        127 => {
            // The bit that breaks this rule is in the first byte of the eight.
            if rest.first().is_some_and(|high| high & 0x80 != 0) {
                return Err(Violation::LengthHighBit);
            }
            match rest.split_first_chunk::<8>() {
                Some((len, rest)) => (u64::from_be_bytes(*len), 0x1_0000, rest),
                None => return Ok(None),
            }
        }
        _ => (u64::from(short), 0, rest),
    };
    if len < smallest {
        return Err(Violation::NonMinimalLength);
    }
    Ok(Some((len, rest)))
}
