//! The peer's QPACK instructions (RFC 9204, section 4). There is no dynamic table, ours or theirs: we say that ours has no room, and
//! our encoder never uses theirs. So nearly all instructions are wrong, and none is kept.

use h3::error::Code;

use super::fault::Fault;

/// "Set Dynamic Table Capacity" to 0 (RFC 9204, section 4.3.1), the only instruction that an encoder may have for us.
const NO_CAPACITY: u8 = 0b0010_0000;

/// "Stream Cancellation" (RFC 9204, section 4.4.2), the only one that a decoder may.
const CANCELLATION: u8 = 0b0100_0000;

/// On one of QPACK's streams.
pub enum Instructions {
    /// Of the peer's encoder.
    Encoder,
    /// Of its decoder.
    Decoder(StreamNumber),
}

/// The number of a stream that is cancelled, an integer with a prefix of 6 bits (RFC 7541, section 5.1).
#[derive(Default)]
pub struct StreamNumber {
    /// Bytes behind the prefix; `None` between two instructions.
    bytes: Option<u8>,
}

/// Bytes behind the prefix that a number of 62 bits may need.
const LONGEST: u8 = 9;

impl Instructions {
    /// Judges the next bytes; gives the number of instructions that end in them.
    ///
    /// # Errors
    /// If one is wrong.
    pub fn pass(&mut self, bytes: &[u8]) -> Result<u32, Fault> {
        let mut count = 0;
        for byte in bytes {
            count += match self {
                Instructions::Encoder if *byte == NO_CAPACITY => 1,
                Instructions::Encoder => {
                    let reason = "there is no dynamic table";
                    return Err(Fault::new(Code::QPACK_ENCODER_STREAM_ERROR, reason));
                }
                Instructions::Decoder(number) => u32::from(number.take(*byte)?),
            };
        }
        Ok(count)
    }
}

impl StreamNumber {
    /// Takes a byte; whether it is the last of an instruction.
    fn take(&mut self, byte: u8) -> Result<bool, Fault> {
        const FAULT: Fault =
            Fault::new(Code::QPACK_DECODER_STREAM_ERROR, "nothing was inserted, nor referred to");
        let is_last = match &mut self.bytes {
            None if byte & 0b1100_0000 != CANCELLATION => return Err(FAULT),
            None => byte & 0b0011_1111 != 0b0011_1111,
            Some(bytes) if *bytes == LONGEST => return Err(FAULT),
            Some(_) => byte & 0x80 == 0,
        };
        self.bytes = (!is_last).then(|| self.bytes.map_or(0, |bytes| bytes + 1));
        Ok(is_last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoder_may_say_that_it_needs_nothing() {
        assert_eq!(Instructions::Encoder.pass(&[0x20, 0x20]), Ok(2));
        // A capacity of 1 and of 31, inserts with the name of a table and without, a duplicate.
        for byte in [0x21, 0x3f, 0xc0, 0x80, 0x40, 0x00] {
            let fault = Instructions::Encoder.pass(&[0x20, byte]).unwrap_err();
            assert_eq!(fault.code, Code::QPACK_ENCODER_STREAM_ERROR, "{byte:#x}");
        }
    }

    #[test]
    fn the_decoder_may_cancel_streams() {
        let decoder = || Instructions::Decoder(StreamNumber::default());
        let mut one = decoder();
        assert_eq!(one.pass(&[0x40, 0x7e, 0x7f, 0x80]), Ok(2));
        assert_eq!(one.pass(&[0xff, 0x01, 0x41]), Ok(2));
        // An acknowledgement, increments by 0 and by 1.
        for byte in [0x80, 0x00, 0x01] {
            let fault = decoder().pass(&[0x40, byte]).unwrap_err();
            assert_eq!(fault.code, Code::QPACK_DECODER_STREAM_ERROR, "{byte:#x}");
        }
        assert!(decoder().pass(&[&[0x7f][..], &[0xff; 12]].concat()).is_err());
    }
}
