//! What a peer did wrong, and what that ends.

use h3::error::Code;

/// Why a connection ends, or a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The code that the peer is told (RFC 9114, section 8.1; RFC 9204, section 6).
    pub code: Code,
    /// The same in words.
    pub reason: &'static str,
    /// Whether it ends the stream alone.
    pub of_stream: bool,
}

impl Fault {
    /// One that ends the connection.
    pub const fn new(code: Code, reason: &'static str) -> Fault {
        Fault { code, reason, of_stream: false }
    }

    /// A malformed request, which ends its stream (RFC 9114, section 4.1.2).
    pub const fn malformed(reason: &'static str) -> Fault {
        Fault { code: Code::H3_MESSAGE_ERROR, reason, of_stream: true }
    }

    /// The peer asks too much of us.
    pub const fn excess(reason: &'static str) -> Fault {
        Fault::new(Code::H3_EXCESSIVE_LOAD, reason)
    }
}
