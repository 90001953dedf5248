//! QR codes: for the share dialog as SVG, for the terminal as half blocks.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hamhame_core::limits::TokenBucket;
use qrcode::render::unicode;
use qrcode::{Color, EcLevel, QrCode};
use sha2::{Digest, Sha256};

/// The longest text, in bytes: a link to the room with the longest name, 256 bytes percent-encoded, at a long host.
pub const LONGEST: usize = 900;

/// Modules of white around a code (ISO/IEC 18004, section 9.1).
const QUIET: usize = 4;

/// Drawn codes that are kept.
const KEPT: usize = 64;

/// Codes that an address may have drawn at once, and per second; what is drawn already costs nothing.
const BURST: u32 = 30;
/// See [`BURST`].
const RATE: f64 = 2.0;

/// Addresses share this many allowances, each by its hash.
const ALLOWANCES: usize = 256;

/// Codes as SVG. The last ones are kept, so that a class that opens the same link has it drawn once.
pub struct Pictures {
    kept: Mutex<VecDeque<(String, Arc<str>)>>,
    allowances: Box<[Mutex<TokenBucket>]>,
    keys: RandomState,
}

/// Why there is no code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NoPicture {
    /// The text has more than [`LONGEST`] bytes.
    TooLong,
    /// The address had too many drawn; when the next may be.
    TooMany(Duration),
}

impl Default for Pictures {
    fn default() -> Pictures {
        let bucket = || Mutex::new(TokenBucket::new(BURST, RATE));
        Pictures {
            kept: Mutex::default(),
            allowances: std::iter::repeat_with(bucket).take(ALLOWANCES).collect(),
            keys: RandomState::new(),
        }
    }
}

impl Pictures {
    /// The code of `text`, for a client of the network `address`, or of none if nobody is limited; `now` is the time since the start.
    ///
    /// # Errors
    /// If the text is too long, or too many were drawn for this address.
    pub fn get(
        &self,
        text: &str,
        address: Option<IpAddr>,
        now: Duration,
    ) -> Result<Arc<str>, NoPicture> {
        if text.len() > LONGEST {
            return Err(NoPicture::TooLong);
        }
        if let Some(picture) = self.find(text) {
            return Ok(picture);
        }
        if let Some(address) = address {
            let hash = self.keys.hash_one(address) as usize;
            let allowance = &self.allowances[hash % ALLOWANCES];
            lock(allowance).try_take(now).map_err(NoPicture::TooMany)?;
        }
        let picture: Arc<str> = svg(text).ok_or(NoPicture::TooLong)?.into();
        let mut kept = lock(&self.kept);
        kept.truncate(KEPT - 1);
        kept.push_front((text.to_owned(), picture.clone()));
        Ok(picture)
    }

    fn find(&self, text: &str) -> Option<Arc<str>> {
        let mut kept = lock(&self.kept);
        let at = kept.iter().position(|(other, _)| other == text)?;
        let found = kept.remove(at)?;
        let picture = found.1.clone();
        kept.push_front(found);
        Some(picture)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The entity tag of the code of `text` (RFC 9110, section 8.8.3). The `1` is the way in which it is drawn.
pub fn entity_tag(text: &str) -> String {
    let mut tag = String::from("\"qr1-");
    for byte in &Sha256::digest(text)[..12] {
        // Writing to a string does not fail.
        let _ = write!(tag, "{byte:02x}");
    }
    tag + "\""
}

/// As SVG with a quiet zone, dark on light; `None` if the text is too long. One path with a line for each run of dark modules:
/// a tenth of what a square for each takes.
fn svg(text: &str) -> Option<String> {
    let code = encode(text)?;
    let (width, colors) = (code.width(), code.to_colors());
    let whole = width + 2 * QUIET;
    let mut path = String::new();
    for (row, modules) in colors.chunks(width).enumerate() {
        let mut column = 0;
        for run in modules.chunk_by(PartialEq::eq) {
            if run[0] == Color::Dark {
                // Writing to a string does not fail.
                let _ = write!(path, "M{} {}.5h{}", column + QUIET, row + QUIET, run.len());
            }
            column += run.len();
        }
    }
    Some(format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {whole} {whole}\" width=\"240\" height=\"240\" \
         shape-rendering=\"crispEdges\"><path fill=\"#FFFFFF\" d=\"M0 0h{whole}v{whole}H0z\"/>\
         <path stroke=\"#1D2A33\" d=\"{path}\"/></svg>"
    ))
}

/// For a terminal, two modules per character; `None` if the text is too long.
pub fn terminal(text: &str) -> Option<String> {
    Some(encode(text)?.render::<unicode::Dense1x2>().build())
}

fn encode(text: &str) -> Option<QrCode> {
    if text.len() > LONGEST {
        return None;
    }
    QrCode::with_error_correction_level(text, EcLevel::M).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "http://192.168.1.20:8000/r/%DA%A9%D9%84%D8%A7%D8%B3";

    /// The dark modules that the lines of a picture cover, by column and row.
    fn drawn(svg: &str) -> Vec<(usize, usize)> {
        let path = svg.split("stroke=\"#1D2A33\" d=\"M").nth(1).unwrap().split('"').next().unwrap();
        let mut modules = Vec::new();
        for line in path.split('M') {
            let (start, length) = line.split_once('h').unwrap();
            let (column, row) = start.split_once(' ').unwrap();
            let (column, row): (usize, f64) = (column.parse().unwrap(), row.parse().unwrap());
            let length: usize = length.parse().unwrap();
            modules.extend((column..column + length).map(|column| (column, (row - 0.5) as usize)));
        }
        modules
    }

    #[test]
    fn the_lines_cover_the_dark_modules_and_no_others() {
        for text in ["a", LINK, &"x".repeat(LONGEST)] {
            let code = encode(text).unwrap();
            let width = code.width();
            let expected: Vec<_> = (0..width * width)
                .filter(|at| code[(at % width, at / width)] == Color::Dark)
                .map(|at| (at % width + QUIET, at / width + QUIET))
                .collect();
            assert_eq!(drawn(&svg(text).unwrap()), expected);
        }
    }

    #[test]
    fn a_picture_is_small() {
        assert!(svg(LINK).unwrap().len() < 6_000, "{}", svg(LINK).unwrap().len());
        let longest = svg(&"x".repeat(LONGEST)).unwrap().len();
        assert!(longest < 60_000, "{longest}");
    }

    #[test]
    fn an_address_has_so_many_drawn_and_what_is_drawn_is_free() {
        let pictures = Pictures::default();
        let one = Some(IpAddr::from([192, 0, 2, 1]));
        for n in 0..BURST {
            assert!(pictures.get(&format!("{n}"), one, Duration::ZERO).is_ok());
        }
        let refused = pictures.get("more", one, Duration::ZERO);
        assert_eq!(refused, Err(NoPicture::TooMany(Duration::from_millis(500))));
        for _ in 0..1_000 {
            assert!(pictures.get("7", one, Duration::ZERO).is_ok(), "it is drawn");
        }
        assert!(pictures.get("more", one, Duration::from_millis(500)).is_ok());
        assert!(pictures.get("none is limited", None, Duration::ZERO).is_ok());
    }

    #[test]
    fn the_last_codes_are_kept_and_no_more() {
        let pictures = Pictures::default();
        for n in 0..3 * KEPT {
            assert!(pictures.get(&format!("{n}"), None, Duration::ZERO).is_ok());
            assert!(pictures.find("0").is_some(), "what is asked for stays");
        }
        assert_eq!(lock(&pictures.kept).len(), KEPT);
        assert!(pictures.find("1").is_none());
    }

    #[test]
    fn what_is_too_long_is_not_drawn() {
        let text = "x".repeat(LONGEST + 1);
        let refused = Pictures::default().get(&text, None, Duration::ZERO);
        assert_eq!(refused, Err(NoPicture::TooLong));
    }
}
