//! Who sees what happens on connections, and why they end.

/// What happens on the connections of a [`fleet`](crate::fleet); messages given to the outbox go out on the connection
/// in question.
pub trait Guest {
    /// The handshake begins.
    fn connecting(&mut self, link: usize, now: u64);
    /// Messages can go both ways.
    fn opened(&mut self, link: usize, now: u64, outbox: &mut impl Outbox);
    /// A text message came.
    fn text(&mut self, link: usize, payload: &[u8], now: u64, outbox: &mut impl Outbox);
    /// It ended without our doing.
    fn ended(&mut self, link: usize, end: End);
}

/// Where messages for one connection are put.
pub trait Outbox {
    /// Sends a text message.
    fn text(&mut self, payload: &[u8]);
}

/// Why a connection ended without our doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It could not be made, or broke.
    Broken(String),
    /// The server's answer to the handshake does not open it.
    Refused(String),
    /// The server closed it, with this code (1005: none).
    Closed(u16),
    /// The server broke the protocol, or spoke a part of it that a load generator does without.
    Unfit(String),
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Broken(why) => write!(f, "connection broken: {why}"),
            Self::Refused(why) => write!(f, "handshake refused: {why}"),
            Self::Closed(code) => write!(f, "closed by the server with code {code}"),
            Self::Unfit(why) => write!(f, "protocol broken by the server: {why}"),
        }
    }
}
