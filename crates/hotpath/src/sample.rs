//! The input: what a class in Persian sends.

use hamhame::clock::Moment;
use hamhame_core::event;
use hamhame_core::id::Id;

/// Who speaks.
pub const NAME: &str = "علی‌رضا";

/// Where.
pub const ROOM: &str = "کلاس ریاضی";

/// A message as people write them: 200 bytes of UTF-8, with ZWNJ, Persian digits and punctuation.
pub const MESSAGE: &str = "سلام بچه‌ها، جلسهٔ فردا ساعت ۱۰ در کلاس ۲۰۴ برگزار می‌شود. لطفاً تمرین‌های هفتهٔ پیش و پرسش‌ها را هم بیاورید";

/// A `send` of `hamhame.v1` of 60 bytes.
pub const SHORT_SEND: &str = r#"{"type":"send","id":"c1","content":"سلام! خوبید؟"}"#;

/// Microseconds since 1970 of the first event: 2026-11-21.
pub const AT: u64 = 1_795_219_200_000_000;

/// The same by both clocks.
pub const MOMENT: Moment = Moment { shown: AT, up: AT };

/// The `send` of [`MESSAGE`] in `hamhame.v1`, with a number as its id.
pub fn send_v1(number: u64) -> String {
    format!(r#"{{"type":"send","id":"c{number:06}","content":"{MESSAGE}"}}"#)
}

/// The same in the seed dialect.
pub fn send_seed() -> String {
    format!(r#"{{"content":"{MESSAGE}"}}"#)
}

/// The event of [`MESSAGE`] without its offset.
pub fn body() -> Vec<u8> {
    event::message(ROOM, NAME, MESSAGE, AT, Id::new(0x5eed), Some("c000001"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_samples_have_the_sizes_that_the_figures_are_about() {
        assert_eq!(MESSAGE.len(), 200);
        assert_eq!(SHORT_SEND.len(), 60);
    }
}
