//! From the bytes of a connection to its messages (RFC 6455 sections 5.4 to 5.6 and 6.2).

mod skim;

use std::ops::ControlFlow;

use skim::Skim;

use crate::closing::CloseFrame;
use crate::frame::{
    COMPRESSED, FrameHead, MAX_CONTROL_PAYLOAD, MAX_HEADER, Opcode, RESERVED, Role,
};
use crate::inflate::{inflate, most_deflated};
use crate::mask::apply_mask;
use crate::text::whole_characters;
use crate::violation::Violation;

/// What a peer may send. Passing a limit is answered with 1009, from the frame's header alone where it shows there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The most bytes of payload in one data frame, as it travels.
    pub frame: u64,
    /// The most bytes in one message, summed over its fragments, and inflated if it is compressed.
    pub message: usize,
    /// The most frames that one message may be made of, empty ones included.
    pub fragments: u32,
}

impl Default for Limits {
    /// 64 KiB for a frame and for a message, 1024 fragments.
    fn default() -> Self {
        Self { frame: 64 * 1024, message: 64 * 1024, fragments: 1024 }
    }
}

/// A whole message or a control frame, unmasked and checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// Wants a pong with the same payload (section 5.5.2).
    Ping(&'a [u8]),
    /// Answers a ping, or came unasked (section 5.5.3).
    Pong(&'a [u8]),
    /// The peer will send no more (section 5.5.1); nothing follows it.
    Close(Option<CloseFrame<'a>>),
}

/// The kind of message that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Binary,
}

/// Whether messages may be compressed (RFC 7692).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compression {
    /// It was not negotiated.
    Unknown,
    /// The message under way, if there is one, is not.
    Unused,
    /// The message under way is.
    Used,
}

/// The frame whose payload is arriving.
#[derive(Debug, Clone, Copy)]
struct Frame {
    /// Bytes of payload yet to come; at most [`Limits::message`].
    remaining: usize,
    /// The mask's key, turned so that its first byte meets the next byte of the payload.
    key: Option<[u8; 4]>,
    opcode: Opcode,
    fin: bool,
}

/// Where in the stream we are.
#[derive(Debug, Clone, Copy)]
enum Stage {
    /// In a header, of which `len` bytes have come.
    Head { bytes: [u8; MAX_HEADER], len: u8 },
    /// In a payload.
    Payload(Frame),
    /// After our own close frame: only the peer's is looked for.
    Skimming(Skim),
    /// After a close frame or a violation: the rest of the stream means nothing.
    Ended,
}

const BETWEEN_FRAMES: Stage = Stage::Head { bytes: [0; MAX_HEADER], len: 0 };

/// Parses the frames of one direction of a connection and assembles its messages.
///
/// It keeps only what is incomplete: between messages it owns no heap memory, and its buffer never has
/// a capacity above [`Limits::message`] plus one control frame. A compressed message is kept as it travels, which
/// can be some more than that (an eighth and a little), and inflated when it is all there, in memory that all
/// receivers of a thread share.
#[derive(Debug)]
pub struct Receiver {
    limits: Limits,
    stage: Stage,
    /// The message under way, followed by the last `control` bytes of an unfinished control frame.
    buffer: Vec<u8>,
    /// How much of a text message in `buffer` is known to be whole characters.
    checked: usize,
    /// Frames of the message under way so far.
    fragments: u32,
    message: Option<Kind>,
    control: u8,
    compression: Compression,
    role: Role,
}

impl Receiver {
    /// A receiver at the start of a connection on which we are `role`.
    pub fn new(role: Role, limits: Limits) -> Self {
        Self {
            limits,
            stage: BETWEEN_FRAMES,
            buffer: Vec::new(),
            checked: 0,
            fragments: 0,
            message: None,
            control: 0,
            compression: Compression::Unknown,
            role,
        }
    }

    /// With messages that may be compressed, as permessage-deflate was negotiated without context takeover.
    #[must_use]
    pub fn with_deflate(mut self) -> Self {
        self.compression = Compression::Unused;
        self
    }

    /// Takes the next bytes of the connection, split anywhere, and calls `on` for each message and control
    /// frame that they complete, in order.
    ///
    /// `input` is unmasked in place, and what lies whole in it is passed on without a copy. The stream
    /// ends with a close frame or with a violation: then the rest of `input`, and all that is fed later, is dropped. When
    /// `on` breaks it is [passed over](Self::pass_over).
    ///
    /// # Errors
    ///
    /// The first rule that the peer broke. What came before it has been passed on.
    pub fn feed(
        &mut self,
        input: &mut [u8],
        mut on: impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<(), Violation> {
        if let Stage::Skimming(_) = self.stage {
            self.skim(input, &mut on);
            return Ok(());
        }
        let flow = self.receive(input, &mut on);
        if !matches!(flow, Ok(ControlFlow::Continue(()))) {
            self.forget_message();
            self.control = 0;
            if !matches!(self.stage, Stage::Skimming(_)) {
                self.stage = Stage::Ended;
            }
        }
        flow.map(|_| ())
    }

    /// Whether a frame or a fragmented message has begun and not ended. A peer that stays in this state for
    /// long is stalling.
    pub fn is_mid_message(&self) -> bool {
        match self.stage {
            Stage::Head { len, .. } => len > 0 || self.message.is_some(),
            Stage::Payload(_) => true,
            Stage::Skimming(_) | Stage::Ended => false,
        }
    }

    /// The heap memory that is held for incomplete messages, in bytes.
    pub fn buffer_capacity(&self) -> usize {
        self.buffer.capacity()
    }

    fn receive(
        &mut self,
        mut input: &mut [u8],
        on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        loop {
            let mut frame = match self.stage {
                Stage::Payload(frame) => frame,
                Stage::Skimming(_) | Stage::Ended => return Ok(ControlFlow::Break(())),
                Stage::Head { .. } => match self.read_head(&mut input)? {
                    Some(head) => self.begin(head)?,
                    None => return Ok(ControlFlow::Continue(())),
                },
            };
            let available = frame.remaining.min(input.len());
            let (part, rest) = std::mem::take(&mut input).split_at_mut(available);
            input = rest;
            frame.unmask(part);
            if frame.remaining > 0 {
                self.keep(frame, part)?;
                self.stage = Stage::Payload(frame);
                return Ok(ControlFlow::Continue(()));
            }
            self.stage = BETWEEN_FRAMES;
            let flow = if frame.opcode.is_control() {
                self.finish_control(frame, part, on)?
            } else {
                self.finish_data(frame, part, on)?
            };
            if flow.is_break() {
                if frame.opcode != Opcode::Close {
                    self.pass_over();
                    self.skim(input, on);
                }
                return Ok(flow);
            }
        }
    }

    /// The next header, taken off the front of `input`, or `None` if it is not yet complete.
    fn read_head(&mut self, input: &mut &mut [u8]) -> Result<Option<FrameHead>, Violation> {
        let Stage::Head { bytes, len } = &mut self.stage else {
            return Ok(None);
        };
        let had = usize::from(*len);
        let reserved = match self.compression {
            Compression::Unknown => RESERVED,
            _ => RESERVED & !COMPRESSED,
        };
        let read = |bytes: &[u8]| FrameHead::read_reserving(bytes, self.role, reserved);
        let found = if had == 0 {
            read(input)?
        } else {
            let more = input.len().min(MAX_HEADER - had);
            bytes[had..had + more].copy_from_slice(&input[..more]);
            read(&bytes[..had + more])?
        };
        let used = match found {
            Some((_, header_len)) => header_len - had,
            None => {
                // An incomplete header is shorter than the longest one, so this fits.
                bytes[had..had + input.len()].copy_from_slice(input);
                *len = (had + input.len()) as u8;
                input.len()
            }
        };
        *input = &mut std::mem::take(input)[used..];
        Ok(found.map(|(head, _)| head))
    }

    /// Checks a header against the message under way and the limits, before anything is spent on its payload.
    fn begin(&mut self, head: FrameHead) -> Result<Frame, Violation> {
        if !head.opcode.is_control() {
            self.message = Some(match (head.opcode, self.message) {
                (Opcode::Continuation, Some(kind)) => kind,
                (Opcode::Continuation, None) => return Err(Violation::NothingToContinue),
                (_, Some(_)) => return Err(Violation::UnfinishedMessage),
                (Opcode::Text, None) => Kind::Text,
                (_, None) => Kind::Binary,
            });
            if head.compressed {
                self.compression = Compression::Used;
            }
            self.check_limits(head.payload_len)?;
            self.fragments += 1;
        }
        Ok(Frame {
            // Within what a message may take or 125, so it fits.
            remaining: head.payload_len as usize,
            key: head.key,
            opcode: head.opcode,
            fin: head.fin,
        })
    }

    fn check_limits(&self, announced: u64) -> Result<(), Violation> {
        let Limits { frame, message, fragments } = self.limits;
        if self.fragments >= fragments {
            return Err(Violation::TooManyFragments { limit: fragments });
        }
        if announced > frame {
            return Err(Violation::FrameTooLarge { announced, limit: frame });
        }
        // Between frames the buffer holds nothing but the message, which is within its limit.
        if announced > (self.most_kept() - self.buffer.len()) as u64 {
            return Err(Violation::MessageTooLarge { limit: message });
        }
        Ok(())
    }

    /// The most bytes that the message under way may take as it travels.
    fn most_kept(&self) -> usize {
        match self.compression {
            Compression::Used => most_deflated(self.limits.message),
            _ => self.limits.message,
        }
    }

    /// Keeps a part of a frame whose rest has not come yet, or a fragment that is not the last.
    fn keep(&mut self, frame: Frame, part: &[u8]) -> Result<(), Violation> {
        let most = if frame.opcode.is_control() {
            self.control += part.len() as u8;
            self.buffer.len() + part.len() + frame.remaining
        } else if frame.fin {
            self.buffer.len() + part.len() + frame.remaining
        } else {
            self.most_kept()
        };
        append(&mut self.buffer, part, most);
        // Compressed text is checked when it has been inflated.
        let is_text = self.message == Some(Kind::Text) && self.compression != Compression::Used;
        if !frame.opcode.is_control() && is_text {
            self.checked +=
                whole_characters(&self.buffer[self.checked..]).ok_or(Violation::BadText)?;
        }
        Ok(())
    }

    fn finish_control(
        &mut self,
        frame: Frame,
        part: &[u8],
        on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        if self.control == 0 {
            return pass_control(frame.opcode, part, on);
        }
        self.keep(frame, part)?;
        let start = self.buffer.len() - usize::from(std::mem::take(&mut self.control));
        let flow = pass_control(frame.opcode, &self.buffer[start..], on)?;
        self.buffer.truncate(start);
        if start == 0 {
            self.buffer = Vec::new();
        }
        Ok(flow)
    }

    fn finish_data(
        &mut self,
        frame: Frame,
        part: &[u8],
        on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        if !frame.fin {
            self.keep(frame, part)?;
            return Ok(ControlFlow::Continue(()));
        }
        let Some(kind) = self.message else {
            // `begin` has named the message of every data frame.
            return Err(Violation::NothingToContinue);
        };
        if self.compression == Compression::Used {
            return self.finish_compressed(kind, part, on);
        }
        if self.buffer.is_empty() {
            self.forget_message();
            return pass_message(kind, part, on);
        }
        let whole = self.buffer.len() + part.len();
        append(&mut self.buffer, part, whole);
        let message = std::mem::take(&mut self.buffer);
        self.forget_message();
        pass_message(kind, &message, on)
    }

    #[inline(never)]
    fn finish_compressed(
        &mut self,
        kind: Kind,
        part: &[u8],
        on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, Violation> {
        let mut message = std::mem::take(&mut self.buffer);
        self.forget_message();
        self.compression = Compression::Unused;
        let payload = if message.is_empty() {
            part
        } else {
            let whole = message.len() + part.len();
            append(&mut message, part, whole);
            &message
        };
        inflate(payload, self.limits.message, |message| pass_message(kind, message, on))?
    }

    fn forget_message(&mut self) {
        self.buffer = Vec::new();
        self.checked = 0;
        self.fragments = 0;
        self.message = None;
    }
}

impl Frame {
    /// Unmasks the next part of the payload.
    fn unmask(&mut self, part: &mut [u8]) {
        if let Some(key) = &mut self.key {
            apply_mask(part, *key);
            key.rotate_left(part.len() % 4);
        }
        self.remaining -= part.len();
    }
}

/// Appends `part`, growing by doubling but never beyond `most`, the length that can be needed.
fn append(buffer: &mut Vec<u8>, part: &[u8], most: usize) {
    let needed = buffer.len() + part.len();
    if needed > buffer.capacity() {
        let capacity = needed.max(buffer.capacity().saturating_mul(2).min(most));
        buffer.reserve_exact(capacity - buffer.len());
    }
    buffer.extend_from_slice(part);
}

fn pass_control(
    opcode: Opcode,
    payload: &[u8],
    on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Violation> {
    debug_assert!(payload.len() <= MAX_CONTROL_PAYLOAD);
    Ok(match opcode {
        Opcode::Ping => on(Incoming::Ping(payload)),
        Opcode::Pong => on(Incoming::Pong(payload)),
        _ => {
            let _ = on(Incoming::Close(CloseFrame::read(payload)?));
            ControlFlow::Break(())
        }
    })
}

fn pass_message(
    kind: Kind,
    payload: &[u8],
    on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, Violation> {
    Ok(match kind {
        Kind::Text => {
            let text = simdutf8::basic::from_utf8(payload).map_err(|_| Violation::BadText)?;
            on(Incoming::Text(text))
        }
        Kind::Binary => on(Incoming::Binary(payload)),
    })
}
