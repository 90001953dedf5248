//! QR codes: for the share dialog as SVG, for the terminal as half blocks.

use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// Longer texts make codes that no phone reads from a projector.
const LONGEST: usize = 1_000;

/// As SVG with a quiet zone, dark on light; `None` if the text is too long.
pub fn svg(text: &str) -> Option<String> {
    let code = encode(text)?;
    Some(
        code.render::<svg::Color<'_>>()
            .min_dimensions(240, 240)
            .dark_color(svg::Color("#1D2A33"))
            .light_color(svg::Color("#FFFFFF"))
            .build(),
    )
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
