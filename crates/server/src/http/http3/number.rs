//! Integers of variable length (RFC 9000, section 16), byte by byte.

/// An integer on its way.
#[derive(Default)]
pub struct Number {
    value: u64,
    /// Bytes that are still to come; 0 before the first.
    missing: u8,
}

impl Number {
    /// Takes the next byte; gives the integer with its last.
    pub fn take(&mut self, byte: u8) -> Option<u64> {
        if self.missing == 0 {
            self.value = u64::from(byte & 0x3f);
            self.missing = (1 << (byte >> 6)) - 1;
        } else {
            self.value = self.value << 8 | u64::from(byte);
            self.missing -= 1;
        }
        (self.missing == 0).then_some(self.value)
    }
}
