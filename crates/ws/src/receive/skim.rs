//! What comes after our own close frame: passed over unread, but for the headers of frames (RFC 6455, section 1.4: the peer may
//! have sent more before it saw ours).

use std::ops::ControlFlow;

use super::{Incoming, Receiver, Stage};
use crate::frame::{COMPRESSED, FrameHead, MAX_HEADER, Opcode, RESERVED, Role};

/// Looks for the peer's close frame and for nothing else: no payload is unmasked, inflated, checked or kept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Skim {
    /// In a header, of which `len` bytes have come.
    Head { bytes: [u8; MAX_HEADER], len: u8 },
    /// In a payload of which so many bytes are to come.
    Payload { remaining: u64, opcode: Opcode },
}

/// How the rest of the stream went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passed {
    /// There may be more.
    On,
    /// The peer's close frame has come.
    Close,
    /// What is no header came: nothing can be found any more.
    Lost,
}

impl Skim {
    /// Passes over `input`.
    fn pass(&mut self, mut input: &[u8], role: Role) -> Passed {
        // Whether compression was negotiated is no matter any more.
        let read = |bytes: &[u8]| FrameHead::read_reserving(bytes, role, RESERVED & !COMPRESSED);
        loop {
            match self {
                Skim::Payload { remaining, opcode } => {
                    let skipped = (*remaining).min(input.len() as u64);
                    *remaining -= skipped;
                    input = &input[skipped as usize..];
                    if *remaining > 0 {
                        return Passed::On;
                    }
                    if *opcode == Opcode::Close {
                        return Passed::Close;
                    }
                    *self = Skim::Head { bytes: [0; MAX_HEADER], len: 0 };
                }
                Skim::Head { bytes, len } => {
                    let had = usize::from(*len);
                    let more = input.len().min(MAX_HEADER - had);
                    bytes[had..had + more].copy_from_slice(&input[..more]);
                    match read(&bytes[..had + more]) {
                        Ok(Some((head, length))) => {
                            input = &input[length - had..];
                            let remaining = head.payload_len;
                            *self = Skim::Payload { remaining, opcode: head.opcode };
                        }
                        // An incomplete header is shorter than the longest one, so all of the input was taken.
                        Ok(None) => {
                            *len = (had + more) as u8;
                            return Passed::On;
                        }
                        Err(_) => return Passed::Lost,
                    }
                }
            }
        }
    }
}

impl Receiver {
    /// We have said goodbye: what comes from now on is passed over unread, and what came in part is forgotten. Only the peer's
    /// close frame is passed on, without what it says.
    pub fn pass_over(&mut self) {
        self.stage = Stage::Skimming(match self.stage {
            Stage::Head { bytes, len } => Skim::Head { bytes, len },
            Stage::Payload(frame) => {
                Skim::Payload { remaining: frame.remaining as u64, opcode: frame.opcode }
            }
            Stage::Skimming(_) | Stage::Ended => return,
        });
        self.forget_message();
        self.control = 0;
    }

    pub(super) fn skim(
        &mut self,
        input: &[u8],
        on: &mut impl FnMut(Incoming<'_>) -> ControlFlow<()>,
    ) {
        let Stage::Skimming(skim) = &mut self.stage else { return };
        match skim.pass(input, self.role) {
            Passed::On => {}
            Passed::Close => {
                self.stage = Stage::Ended;
                let _ = on(Incoming::Close(None));
            }
            Passed::Lost => self.stage = Stage::Ended,
        }
    }
}
