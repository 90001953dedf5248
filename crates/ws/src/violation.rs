//! What a peer may do wrong, and the close code each wrong is answered with.

use std::fmt;

/// A rule of the protocol that the peer broke, or a limit of ours that it passed.
///
/// After one of these the connection is of no use: send a close frame with
/// [`close_code`](Violation::close_code) and end it (RFC 6455 section 7.1.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Violation {
    /// A reserved bit is set that no negotiated extension gives a meaning (section 5.2).
    ReservedBit,
    /// A control frame, or a fragment that is not the first, says that it is compressed (RFC 7692 section 6).
    MisplacedBit,
    /// The opcode is one of those kept for later versions: 3–7 or 11–15 (section 5.2).
    ReservedOpcode(u8),
    /// A client's frame is not masked (section 5.1).
    Unmasked,
    /// A server's frame is masked (section 5.1).
    Masked,
    /// The length is written in more bytes than it needs (section 5.2).
    NonMinimalLength,
    /// The 64-bit length has its highest bit set (section 5.2).
    LengthHighBit,
    /// A control frame is one of several fragments (section 5.5).
    FragmentedControl,
    /// A control frame has more than 125 bytes of payload (section 5.5).
    LongControl,
    /// A continuation frame came and there is nothing to continue (section 5.4).
    NothingToContinue,
    /// A new message began before the fragments of the last one ended (section 5.4).
    UnfinishedMessage,
    /// A close frame has a payload of one byte, which is half a code (section 5.5.1).
    HalfCloseCode,
    /// A close frame has a code that must not be sent (section 7.4).
    BadCloseCode(u16),
    /// A text message is not valid UTF-8 (section 8.1).
    BadText,
    /// A compressed message is not a stream of whole DEFLATE blocks (RFC 7692 section 7.2.2).
    BadDeflate,
    /// The reason in a close frame is not valid UTF-8 (sections 5.5.1 and 8.1).
    BadReason,
    /// A frame announces more bytes of payload than [`Limits::frame`](crate::Limits::frame) allows.
    FrameTooLarge {
        /// The length that the frame's header announced, in bytes.
        announced: u64,
        /// The limit it passed, in bytes.
        limit: u64,
    },
    /// A message has, or would have, more bytes than [`Limits::message`](crate::Limits::message) allows.
    MessageTooLarge {
        /// The limit it passed, in bytes.
        limit: usize,
    },
    /// A message has more frames than [`Limits::fragments`](crate::Limits::fragments) allows.
    TooManyFragments {
        /// The limit it passed, in frames.
        limit: u32,
    },
}

impl Violation {
    /// The code to close the connection with: 1002 (protocol error), 1007 (not what it says it is) or 1009 (too big),
    /// as in RFC 6455 section 7.4.1.
    pub fn close_code(&self) -> u16 {
        match self {
            Self::BadText | Self::BadDeflate | Self::BadReason => 1007,
            Self::FrameTooLarge { .. }
            | Self::MessageTooLarge { .. }
            | Self::TooManyFragments { .. } => 1009,
            _ => 1002,
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ReservedBit => f.write_str(
                "a reserved bit is set but no extension was negotiated (RFC 6455 section 5.2)",
            ),
            Self::MisplacedBit => f.write_str(
                "only a message's first frame may say that it is compressed (RFC 7692 section 6)",
            ),
            Self::ReservedOpcode(opcode) => {
                write!(f, "opcode {opcode} is reserved (RFC 6455 section 5.2)")
            }
            Self::Unmasked => f.write_str("a client must mask its frames (RFC 6455 section 5.1)"),
            Self::Masked => f.write_str("a server must not mask its frames (RFC 6455 section 5.1)"),
            Self::NonMinimalLength => f.write_str(
                "the payload length must use the fewest bytes possible (RFC 6455 section 5.2)",
            ),
            Self::LengthHighBit => f.write_str(
                "the highest bit of a 64-bit payload length must be zero (RFC 6455 section 5.2)",
            ),
            Self::FragmentedControl => {
                f.write_str("a control frame must not be fragmented (RFC 6455 section 5.5)")
            }
            Self::LongControl => f.write_str(
                "a control frame must not have more than 125 bytes of payload (RFC 6455 section 5.5)",
            ),
            Self::NothingToContinue => f.write_str(
                "a continuation frame came outside a fragmented message (RFC 6455 section 5.4)",
            ),
            Self::UnfinishedMessage => f.write_str(
                "a new message began before the last one was finished (RFC 6455 section 5.4)",
            ),
            Self::HalfCloseCode => f.write_str(
                "the payload of a close frame must be empty or begin with a two-byte code (RFC 6455 section 5.5.1)",
            ),
            Self::BadCloseCode(code) => {
                write!(f, "close code {code} must not be sent (RFC 6455 section 7.4)")
            }
            Self::BadText => f.write_str("a text message must be UTF-8 (RFC 6455 section 8.1)"),
            Self::BadDeflate => f.write_str(
                "a compressed message must be whole DEFLATE blocks (RFC 7692 section 7.2.2)",
            ),
            Self::BadReason => f.write_str("a close reason must be UTF-8 (RFC 6455 section 5.5.1)"),
            Self::FrameTooLarge { announced, limit } => write!(
                f,
                "a frame of {announced} bytes is over the limit of {limit} (RFC 6455 section 10.4)"
            ),
            Self::MessageTooLarge { limit } => write!(
                f,
                "a message of more than {limit} bytes is over the limit (RFC 6455 section 10.4)"
            ),
            Self::TooManyFragments { limit } => write!(
                f,
                "a message of more than {limit} fragments is over the limit (RFC 6455 section 10.4)"
            ),
        }
    }
}

impl std::error::Error for Violation {}
