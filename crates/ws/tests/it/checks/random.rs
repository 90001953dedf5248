//! Inputs from a seeded generator: the same seed gives the same inputs on every machine.

/// SplitMix64: small, fast, and good enough to choose test inputs.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which must not be 0.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    /// A length: mostly short, sometimes at the edges where a frame's header changes its form.
    pub fn length(&mut self) -> usize {
        match self.below(400) {
            0 => 65_534 + self.below(4),
            1..=15 => 124 + self.below(4),
            16..=40 => self.below(600),
            _ => self.below(24),
        }
    }

    pub fn key(&mut self) -> [u8; 4] {
        (self.next() as u32).to_be_bytes()
    }

    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> = Vec::with_capacity(len + 8);
        while bytes.len() < len {
            bytes.extend_from_slice(&self.next().to_ne_bytes());
        }
        bytes.truncate(len);
        bytes
    }

    /// Text of about `len` bytes, in characters of one to four bytes.
    pub fn text(&mut self, len: usize) -> String {
        const ALPHABET: [char; 10] = ['a', ' ', '{', '"', 'é', 'س', 'ی', '\u{200c}', '中', '😀'];
        let mut text = String::with_capacity(len + 4);
        while text.len() < len {
            text.push(ALPHABET[self.below(ALPHABET.len())]);
        }
        text
    }

    pub fn choose<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Damages `bytes` in one of the ways in which inputs go wrong.
    pub fn mutate(&mut self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            let len = 1 + self.below(16);
            *bytes = self.bytes(len);
            return;
        }
        let at = self.below(bytes.len());
        match self.below(8) {
            // A flipped bit, a random byte, a byte that means something in some format.
            0 | 1 => bytes[at] ^= 1 << self.below(8),
            2 => bytes[at] = self.next() as u8,
            3 => bytes[at] = self.choose(b"\x00\x7e\x7f\x80\xff\r\n,"),
            // The end is missing.
            4 => bytes.truncate(at),
            // A part is missing, is there twice, or something strange is in between.
            5 => {
                let end = at + self.below((bytes.len() - at).min(32) + 1);
                bytes.drain(at..end);
            }
            6 => {
                let end = at + self.below((bytes.len() - at).min(256) + 1);
                let part = bytes[at..end].to_vec();
                let target = self.below(bytes.len() + 1);
                bytes.splice(target..target, part);
            }
            _ => {
                let len = self.below(12);
                let strange = self.bytes(len);
                bytes.splice(at..at, strange);
            }
        }
    }
}
