//! How many frames of control a peer may send that carry nothing for anybody: each costs work, and no protocol bounds them.

use std::time::{Duration, Instant};

/// Frames that a peer may send at once. A browser that asks for a hundred things at a time sends some three hundred.
const AT_ONCE: u32 = 1000;

/// Time after which it may send another.
const EACH: Duration = Duration::from_millis(10);

/// It may send another, too, for so many bytes that it was sent: windows are opened, and pings measure, while much flows.
const BYTES: usize = 64;

/// What one connection may still send. A clock of its own, without a timer.
pub struct Allowance {
    left: u32,
    /// Up to which what time gives is in `left`.
    since: Instant,
    /// Bytes that were sent, of which nothing was given yet.
    sent: usize,
}

impl Allowance {
    /// With all that it may send at once.
    pub fn new(now: Instant) -> Allowance {
        Allowance { left: AT_ONCE, since: now, sent: 0 }
    }

    /// So many bytes were sent to the peer.
    pub fn sent(&mut self, bytes: usize) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// The peer has sent `frames`; false if they are more than it may send.
    pub fn allows(&mut self, frames: u32, now: Instant) -> bool {
        if frames > self.left {
            let passed = now.saturating_duration_since(self.since).as_millis() / EACH.as_millis();
            let by_time = u32::try_from(passed).unwrap_or(u32::MAX);
            self.since += EACH.saturating_mul(by_time);
            let by_bytes = u32::try_from(self.sent / BYTES).unwrap_or(u32::MAX);
            self.sent %= BYTES;
            self.left = self.left.saturating_add(by_time).saturating_add(by_bytes).min(AT_ONCE);
        }
        let enough = frames <= self.left;
        self.left = self.left.saturating_sub(frames);
        enough
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_at_once_and_then_as_time_goes_by() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        assert!(allowance.allows(AT_ONCE, start));
        assert!(!allowance.allows(1, start));
        let later = start + EACH * 5;
        assert!(allowance.allows(5, later));
        assert!(!allowance.allows(1, later));
        let much_later = start + EACH * 100_000;
        assert!(allowance.allows(AT_ONCE, much_later));
        assert!(!allowance.allows(1, much_later));
    }

    #[test]
    fn who_is_sent_much_may_send_more() {
        let start = Instant::now();
        let mut allowance = Allowance::new(start);
        for _ in 0..100 {
            allowance.sent(AT_ONCE as usize * BYTES);
            assert!(allowance.allows(AT_ONCE, start));
        }
        allowance.sent(usize::MAX);
        assert!(allowance.allows(AT_ONCE, start));
        assert!(!allowance.allows(1, start));
    }
}
