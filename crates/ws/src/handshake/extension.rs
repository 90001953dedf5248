//! The header `Sec-WebSocket-Extensions` (RFC 6455 section 9.1), and what is agreed in it about the one
//! extension that we know: permessage-deflate (RFC 7692 section 7.1).

use super::is_token_byte;

/// The offer of a client of ours. Our inflater keeps nothing between messages, so the server must not
/// refer to earlier ones either.
pub(super) const OFFER: &str =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

const NAME: &[u8] = b"permessage-deflate";

/// The sliding window of a deflate stream, as the base-2 logarithm of its bytes.
const FULL_WINDOW: u8 = 15;

/// The smallest window that deflate libraries can write with. RFC 7692 knows 8 as well, but zlib and its
/// descendants cannot.
const LEAST_WINDOW: u8 = 9;

/// permessage-deflate as it was agreed: always without context takeover, in both directions. So a
/// compressed message means the same to everyone, and nothing is kept between messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deflate {
    /// The window that the peer asked us to keep to, if it did.
    asked: Option<u8>,
}

impl Deflate {
    /// The largest window that we may compress with, as the base-2 logarithm of its bytes: 9 to 15.
    pub fn window_bits(self) -> u8 {
        self.asked.unwrap_or(FULL_WINDOW)
    }

    /// The value of `Sec-WebSocket-Extensions` in the server's response.
    pub fn answer(self) -> &'static str {
        macro_rules! limited_to {
            ($bits:literal) => {
                concat!(
                    "permessage-deflate; server_no_context_takeover; client_no_context_takeover; ",
                    "server_max_window_bits=",
                    $bits
                )
            };
        }
        match self.asked {
            None => OFFER,
            Some(9) => limited_to!(9),
            Some(10) => limited_to!(10),
            Some(11) => limited_to!(11),
            Some(12) => limited_to!(12),
            Some(13) => limited_to!(13),
            Some(14) => limited_to!(14),
            Some(_) => limited_to!(15),
        }
    }

    /// The server's choice from one header line: the first offer that we can keep to.
    ///
    /// # Errors
    ///
    /// The line is not a list of extensions.
    pub(super) fn choose(value: &[u8]) -> Result<Option<Self>, Malformed> {
        let mut chosen = None;
        read_extensions(value, |name, parameters| {
            if chosen.is_none() && name == NAME {
                chosen = parameters.accept();
            }
        })?;
        Ok(chosen)
    }

    /// What a response of a server to [`OFFER`] agrees to, given all its header lines. `None` if it answers
    /// what was not asked.
    pub(super) fn agreed<'a>(lines: impl Iterator<Item = &'a [u8]>) -> Option<Option<Self>> {
        let (mut agreed, mut unasked) = (None, false);
        for line in lines {
            read_extensions(line, |name, parameters| {
                unasked |= name != NAME || agreed.is_some() || !parameters.answer_our_offer();
                agreed = Some(Self { asked: None });
            })
            .ok()?;
        }
        (!unasked).then_some(agreed)
    }
}

/// The header does not follow its grammar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

/// The parameters of one permessage-deflate (RFC 7692 section 7.1).
#[derive(Debug, Default)]
struct Parameters {
    server_no_context_takeover: bool,
    client_no_context_takeover: bool,
    server_max_window_bits: Option<u8>,
    /// Without a value the client says that it understands a limit.
    client_max_window_bits: Option<Option<u8>>,
    /// One is unknown, there twice, or has a value that it cannot have.
    unfit: bool,
}

impl Parameters {
    fn add(&mut self, name: &[u8], value: Option<&[u8]>) {
        let fits = match (name, value) {
            (b"server_no_context_takeover", None) => {
                !std::mem::replace(&mut self.server_no_context_takeover, true)
            }
            (b"client_no_context_takeover", None) => {
                !std::mem::replace(&mut self.client_no_context_takeover, true)
            }
            (b"server_max_window_bits", Some(value)) => match window_bits(value) {
                Some(bits) => self.server_max_window_bits.replace(bits).is_none(),
                None => false,
            },
            (b"client_max_window_bits", value) => match value.map(window_bits) {
                Some(None) => false,
                bits => self.client_max_window_bits.replace(bits.flatten()).is_none(),
            },
            _ => false,
        };
        self.unfit |= !fits;
    }

    /// What we agree to as a server. Of the client's own window nothing need be said: we can read any.
    fn accept(&self) -> Option<Deflate> {
        let asked = self.server_max_window_bits;
        let possible = asked.is_none_or(|bits| bits >= LEAST_WINDOW);
        (possible && !self.unfit).then_some(Deflate { asked })
    }

    /// Whether a server may say this to [`OFFER`]. It must promise what we asked for, and may not limit our
    /// window, as we did not say that we would let it.
    fn answer_our_offer(&self) -> bool {
        !self.unfit && self.server_no_context_takeover && self.client_max_window_bits.is_none()
    }
}

/// 8 to 15, in decimal without leading zeros (RFC 7692 section 7.1.2).
fn window_bits(value: &[u8]) -> Option<u8> {
    // A quoted value is still escaped; a token has no backslash.
    let mut digits = value.iter().filter(|byte| **byte != b'\\');
    match (digits.next(), digits.next(), digits.next()) {
        (Some(digit @ b'8'..=b'9'), None, None) => Some(digit - b'0'),
        (Some(b'1'), Some(digit @ b'0'..=b'5'), None) => Some(10 + digit - b'0'),
        _ => None,
    }
}

/// Calls `on` with the name and the parameters of each extension in a header line.
fn read_extensions(line: &[u8], mut on: impl FnMut(&[u8], &Parameters)) -> Result<(), Malformed> {
    let mut text = Text(line);
    loop {
        // Elements of a list may be empty (RFC 9110 section 5.6.1.2).
        while text.take(b',') {}
        if text.is_empty() {
            return Ok(());
        }
        let name = text.token()?;
        let mut parameters = Parameters::default();
        while text.take(b';') {
            let name = text.token()?;
            let value = if text.take(b'=') { Some(text.value()?) } else { None };
            parameters.add(name, value);
        }
        on(name, &parameters);
        if !text.is_empty() && !text.next_is(b',') {
            return Err(Malformed);
        }
    }
}

/// What is left to read of a header line. White space may stand around all that is read.
struct Text<'a>(&'a [u8]);

impl<'a> Text<'a> {
    fn skip_space(&mut self) {
        while let [b' ' | b'\t', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    fn is_empty(&mut self) -> bool {
        self.skip_space();
        self.0.is_empty()
    }

    fn next_is(&mut self, byte: u8) -> bool {
        self.skip_space();
        self.0.first() == Some(&byte)
    }

    fn take(&mut self, byte: u8) -> bool {
        let there = self.next_is(byte);
        if there {
            self.0 = &self.0[1..];
        }
        there
    }

    fn token(&mut self) -> Result<&'a [u8], Malformed> {
        self.skip_space();
        let end = self.0.iter().position(|byte| !is_token_byte(*byte)).unwrap_or(self.0.len());
        let (token, rest) = self.0.split_at(end);
        self.0 = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    /// A token, or a token in quotes, which may have backslashes before its characters.
    fn value(&mut self) -> Result<&'a [u8], Malformed> {
        if !self.take(b'"') {
            return self.token();
        }
        let quoted = self.0;
        loop {
            self.0 = match self.0 {
                [b'"', rest @ ..] => {
                    let value = &quoted[..quoted.len() - self.0.len()];
                    self.0 = rest;
                    return if value.is_empty() { Err(Malformed) } else { Ok(value) };
                }
                [b'\\', byte, rest @ ..] | [byte, rest @ ..] if is_token_byte(*byte) => rest,
                _ => return Err(Malformed),
            };
        }
    }
}
