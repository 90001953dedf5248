//! The close handshake (RFC 6455 sections 5.5.1 and 7).

use crate::Violation;

/// Stands for "no code": a close frame with an empty payload. It is never on the wire (section 7.4.1).
pub const NO_CODE: u16 = 1005;

/// The contents of a close frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CloseFrame<'a> {
    /// Why, as a number; always one that may be sent.
    pub code: u16,
    /// Why, in words for developers; may be empty.
    pub reason: &'a str,
}

impl<'a> CloseFrame<'a> {
    /// Decodes a close frame's payload; `None` if it is empty.
    pub(crate) fn read(payload: &'a [u8]) -> Result<Option<Self>, Violation> {
        let Some((code, reason)) = payload.split_first_chunk::<2>() else {
            return if payload.is_empty() { Ok(None) } else { Err(Violation::HalfCloseCode) };
        };
        let code = u16::from_be_bytes(*code);
        if !is_valid_close_code(code) {
            return Err(Violation::BadCloseCode(code));
        }
        let reason = simdutf8::basic::from_utf8(reason).map_err(|_| Violation::BadReason)?;
        Ok(Some(Self { code, reason }))
    }
}

/// Whether `code` may stand in a close frame: the ones that RFC 6455 section 7.4.1 and the IANA registry
/// define and do not keep for local use, and the ranges 3000–3999 (registered) and 4000–4999 (private).
pub fn is_valid_close_code(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// How far the close handshake has come. It begins with a close frame from either side and is over
/// when one has gone each way.
///
/// The methods say what to send; who sends it (with [`write_close`](crate::write_close)) and who waits for
/// the peer, and for how long, is the caller's business.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Closing {
    sent: bool,
    received: bool,
}

impl Closing {
    /// The state of an open connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// We want to close. True if our close frame is to be sent now, false if one has been sent already.
    pub fn start(&mut self) -> bool {
        !std::mem::replace(&mut self.sent, true)
    }

    /// The peer's close frame came. Returns the code of the close frame to answer with: the peer's own, or
    /// [`NO_CODE`] if it gave none; `None` if ours is already on its way (section 5.5.1).
    pub fn answer(&mut self, close: Option<CloseFrame<'_>>) -> Option<u16> {
        self.received = true;
        self.start().then(|| close.map_or(NO_CODE, |close| close.code))
    }

    /// The peer broke a rule. Returns the code of the close frame to send, or `None` if one was already sent.
    /// Nothing more is expected of the peer, so the handshake is over (section 7.1.7).
    pub fn fail(&mut self, violation: &Violation) -> Option<u16> {
        self.received = true;
        self.start().then(|| violation.close_code())
    }

    /// Whether messages may still be sent: not after our close frame (section 5.5.1).
    pub fn may_send(&self) -> bool {
        !self.sent
    }

    /// Whether the handshake is over, so that the server closes the TCP connection (section 7.1.1). A client
    /// gives it a moment to do so.
    pub fn is_done(&self) -> bool {
        self.sent && self.received
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_valid_close_codes_are_those_of_the_registry() {
        let valid: Vec<u16> = (0..=u16::MAX).filter(|&code| is_valid_close_code(code)).collect();
        let expected: Vec<u16> = (1000..=1003).chain(1007..=1014).chain(3000..=4999).collect();
        assert_eq!(valid, expected);
    }

    #[test]
    fn a_close_is_answered_once_with_its_own_code() {
        let mut closing = Closing::new();
        assert!(closing.may_send() && !closing.is_done());
        let close = CloseFrame { code: 4000, reason: "enough" };
        assert_eq!(closing.answer(Some(close)), Some(4000));
        assert!(!closing.may_send() && closing.is_done());
        assert_eq!(closing.answer(Some(close)), None);
    }

    #[test]
    fn an_empty_close_is_answered_with_an_empty_one() {
        assert_eq!(Closing::new().answer(None), Some(NO_CODE));
    }

    #[test]
    fn the_answer_to_our_close_gets_no_answer() {
        let mut closing = Closing::new();
        assert!(closing.start());
        assert!(!closing.start(), "a second close frame must not be sent");
        assert!(!closing.may_send() && !closing.is_done());
        let close = CloseFrame { code: 1000, reason: "" };
        assert_eq!(closing.answer(Some(close)), None);
        assert!(closing.is_done());
    }

    #[test]
    fn a_violation_ends_the_handshake_without_waiting() {
        let mut closing = Closing::new();
        assert_eq!(closing.fail(&Violation::BadText), Some(1007));
        assert!(closing.is_done());
        let mut closing = Closing::new();
        assert!(closing.start());
        assert_eq!(closing.fail(&Violation::Masked), None);
        assert!(closing.is_done());
    }
}
