//! How the cost of what a peer sends grows: each function that reads it, with the shapes that are worst for it, takes at most
//! [`MOST`] times the instructions for four times the bytes.

use std::hint::black_box;
use std::net::IpAddr;
use std::ops::ControlFlow;

use hamhame::config::{Network, ProxyHeader, ProxyOptions};
use hamhame::net::origin::{self, Target};
use hamhame_core::decode;
use hamhame_core::dialect::Dialect;
use hamhame_core::name::{Name, RoomName};
use hamhame_core::position::Position;
use hamhame_core::text::{self, TextLimits};
use hamhame_ws::handshake;
use hamhame_ws::{Limits, Opcode, Receiver, Role, write_masked_frame};

use crate::work::{Work, consuming, plain};

/// Four times the bytes, and a tenth for what a buffer does when it grows.
pub const MOST: f64 = 4.4;

/// A function and a shape of what it is given.
pub struct Case {
    /// Both, in words.
    pub name: &'static str,
    /// The smaller size in bytes; the other is four times that.
    pub bytes: usize,
    /// The input of so many bytes, nearly, and what reads it.
    pub set_up: fn(usize) -> Box<dyn Work>,
}

/// A size that is read to its end.
const LONG: usize = 4 * 1024;

/// A size of a name that is cleaned and not refused at once, even four times.
const SHORT: usize = 120;

const fn long(name: &'static str, set_up: fn(usize) -> Box<dyn Work>) -> Case {
    Case { name, bytes: LONG, set_up }
}

const fn short(name: &'static str, set_up: fn(usize) -> Box<dyn Work>) -> Case {
    Case { name, bytes: SHORT, set_up }
}

/// Every function that takes what a peer sends.
pub const CASES: &[Case] = &[
    long("content: embeddings", |n| content(&["\u{202a}"], n)),
    long("content: embeddings, then closers of isolates", |n| {
        cleaning(halves("\u{202a}", "\u{2069}", n))
    }),
    long("content: isolates and their closers", |n| cleaning(halves("\u{2067}", "\u{2069}", n))),
    long("content: isolates, then closers of embeddings", |n| {
        cleaning(halves("\u{2066}", "\u{202c}", n))
    }),
    long("content: both nested", |n| content(&["\u{2066}\u{202b}"], n)),
    long("content: lines that open", |n| content(&["\u{202e}\n"], n)),
    long("content: controls", |n| content(&["\0\r"], n)),
    long("content: marks", |n| content(&["\u{301}"], n)),
    long("content: joiners", |n| content(&["👩\u{200d}"], n)),
    long("content: flags", |n| content(&["🇮"], n)),
    long("content: conjuncts", |n| content(&["क\u{94d}"], n)),
    long("content: jamo", |n| content(&["\u{1112}\u{1161}\u{11ab}"], n)),
    Case { name: "content: far too long", bytes: 64 * 1024, set_up: |n| content(&["\u{202a}"], n) },
    long("seed: lists", |n| {
        seed("{\"content\":", &"[".repeat(100), "[],", "[]", &"]".repeat(100), n)
    }),
    long("seed: objects", |n| {
        seed("{\"content\":", &"{\"a\":".repeat(100), "{}", "", &"}".repeat(100), n)
    }),
    long("seed: lists that do not end", |n| {
        decode(Dialect::Seed, filled("{\"content\":", "[", "", n))
    }),
    long("seed: strings", |n| seed("{\"content\":", "[", "\"'\\u00e9\",", "0", "]", n)),
    long("seed: one name again and again", |n| seed("{\"content\":1", "", ",\"a\":[1]", "", "", n)),
    long("seed: digits", |n| decode(Dialect::Seed, filled("{\"content\":1", "7", "}", n))),
    long("seed: a fraction", |n| decode(Dialect::Seed, filled("{\"content\":1.", "7", "}", n))),
    long("hamhame.v1: lists", |n| decode(Dialect::V1, filled("{\"a\":", "[", "", n))),
    long("hamhame.v1: pairs", |n| decode(Dialect::V1, filled("{\"a\":0", ",\"id\":[0]", "}", n))),
    long("hamhame.v1: escapes", |n| {
        decode(
            Dialect::V1,
            filled("{\"type\":\"send\",\"id\":\"1\",\"content\":\"", "\\u202a", "\"}", n),
        )
    }),
    long("hamhame.v1: digits", |n| decode(Dialect::V1, filled("{\"a\":1", "7", "}", n))),
    long("hamhame.v1: a type", |n| {
        decode(Dialect::V1, filled("{\"type\":\"", "\u{202e}", "\"}", n))
    }),
    short("name: marks", |n| named("e\u{301}\u{323}", n)),
    short("name: marks alone", |n| named("\u{323}", n)),
    short("name: jamo", |n| named("\u{1112}\u{1161}\u{11ab}", n)),
    short("name: ZWNJ", |n| named("ب\u{200c}", n)),
    short("name: ZWNJ alone", |n| named("\u{200c}", n)),
    short("name: tatweel", |n| named("ـ", n)),
    short("name: Greek", |n| named("Ν", n)),
    short("name: ligatures", |n| named("ﷺ", n)),
    short("name: middle dots of kana", |n| named("・", n)),
    long("name: far too long", |n| named("\u{200c}", n)),
    long("name: spaces", |n| named(" \u{3000}", n)),
    long("name: percent signs", |n| in_path("%e2%80%8c", n)),
    long("name: a path", |n| in_path("a", n)),
    long("position", |n| {
        let text = "7".repeat(n);
        plain(move || {
            let _ = black_box(black_box(&text).parse::<Position>());
        })
    }),
    long("header: subprotocols", |n| header("sec-websocket-protocol", "a,", n)),
    long("header: extensions", |n| header("sec-websocket-extensions", "permessage-deflate;a,", n)),
    long("header: parameters", |n| header("sec-websocket-extensions", "a;b=\"c\";", n)),
    long("header: quotes", |n| header("sec-websocket-extensions", "a;b=\"\\", n)),
    long("header: connection", |n| header("connection", "a, ", n)),
    long("origin", |n| {
        let origin = format!("http://{}", "a.".repeat(n / 2));
        plain(move || {
            let target = Some(Target { host: b"a", secure: false });
            black_box(origin::is_allowed(Some(black_box(origin.as_bytes())), target, &[]));
        })
    }),
    long("proxy: addresses", |n| proxied(ProxyHeader::XForwardedFor, "10.0.0.1,", n)),
    long("proxy: commas", |n| proxied(ProxyHeader::XForwardedFor, ",", n)),
    long("proxy: elements", |n| proxied(ProxyHeader::Forwarded, "for=10.0.0.1;a=\"\\\"\",", n)),
    long("proxy: parameters", |n| proxied(ProxyHeader::Forwarded, "a=1;", n)),
    long("proxy: quotes", |n| proxied(ProxyHeader::Forwarded, "\"", n)),
    long("frames: fragments of nothing", |n| {
        let empty = masked(Opcode::Continuation, b"", false);
        received(n, masked(Opcode::Text, b"", false), &empty, false)
    }),
    long("frames: pings", |n| received(n, Vec::new(), &masked(Opcode::Ping, b"", true), false)),
    long("frames: empty blocks, compressed", |n| {
        let blocks = [0, 0, 0, 0xff, 0xff].repeat(n / 5);
        let mut frame = masked(Opcode::Text, &blocks, true);
        frame[0] |= 0x40;
        received(0, frame, b"", true)
    }),
];

fn filled(start: &str, unit: &str, end: &str, bytes: usize) -> String {
    format!("{start}{}{end}", unit.repeat(bytes / unit.len()))
}

fn halves(one: &str, other: &str, bytes: usize) -> String {
    let half = |unit: &str| unit.repeat(bytes / 2 / unit.len());
    format!("a{}{}", half(one), half(other))
}

fn content(units: &[&str], bytes: usize) -> Box<dyn Work> {
    cleaning(filled("a", &units.concat(), "b", bytes))
}

fn cleaning(content: String) -> Box<dyn Work> {
    // Bounded here by nothing but what is far too long.
    let limits = TextLimits { graphemes: 64 * 1024, bytes: 64 * 1024 };
    plain(move || drop(black_box(text::clean(black_box(&content), &limits))))
}

fn decode(dialect: Dialect, text: String) -> Box<dyn Work> {
    plain(move || drop(black_box(decode::decode(dialect, black_box(&text)))))
}

/// `unit` again and again inside of `open` and `close`, and `last` after it.
fn seed(
    start: &str,
    open: &str,
    unit: &str,
    last: &str,
    close: &str,
    bytes: usize,
) -> Box<dyn Work> {
    let inside = if unit == "{}" {
        format!("\"{}\"", "'".repeat(bytes))
    } else {
        unit.repeat(bytes / unit.len())
    };
    decode(Dialect::Seed, format!("{start}{open}{inside}{last}{close}}}"))
}

fn named(unit: &str, bytes: usize) -> Box<dyn Work> {
    let text = filled("ب", unit, "ب", bytes);
    plain(move || {
        drop(black_box(Name::parse(black_box(&text))));
        drop(black_box(RoomName::parse(black_box(&text))));
    })
}

fn in_path(unit: &str, bytes: usize) -> Box<dyn Work> {
    let segment = filled("", unit, "", bytes);
    plain(move || {
        drop(black_box(Name::from_path(black_box(&segment))));
        drop(black_box(RoomName::from_path(black_box(&segment))));
    })
}

fn header(name: &'static str, unit: &str, bytes: usize) -> Box<dyn Work> {
    let value = filled("", unit, "", bytes);
    plain(move || {
        let headers = [
            ("upgrade", &b"websocket"[..]),
            ("connection", b"upgrade"),
            ("sec-websocket-version", b"13"),
            ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
            (name, value.as_bytes()),
        ];
        drop(black_box(handshake::check("GET", (1, 1), black_box(headers))));
    })
}

fn proxied(header: ProxyHeader, unit: &str, bytes: usize) -> Box<dyn Work> {
    let trusted: Vec<Network> = "10.0.0.0/8".parse().into_iter().collect();
    let options = ProxyOptions { trusted, header };
    let value = filled("", unit, "", bytes);
    let peer = IpAddr::from([10, 0, 0, 1]);
    plain(move || {
        black_box(options.client(peer, [black_box(value.as_bytes())].into_iter()));
        black_box(header.says_https(black_box(value.as_bytes())));
    })
}

fn masked(opcode: Opcode, payload: &[u8], fin: bool) -> Vec<u8> {
    let mut frame = Vec::new();
    write_masked_frame(&mut frame, opcode, payload, [1, 2, 3, 4]);
    if !fin {
        frame[0] &= 0x7f;
    }
    frame
}

fn received(bytes: usize, start: Vec<u8>, unit: &[u8], deflate: bool) -> Box<dyn Work> {
    let mut stream = start;
    stream.extend(unit.repeat(bytes.checked_div(unit.len()).unwrap_or(0)));
    let make = move || stream.clone();
    consuming(make, move |stream| {
        let limits = Limits { fragments: u32::MAX, ..Limits::default() };
        let receiver = Receiver::new(Role::Server, limits);
        let mut receiver = if deflate { receiver.with_deflate() } else { receiver };
        let fed = receiver.feed(stream, |incoming| {
            black_box(incoming);
            ControlFlow::Continue(())
        });
        let _ = black_box(fed);
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_case_is_read_at_both_sizes() {
        for case in CASES {
            for bytes in [case.bytes, 4 * case.bytes] {
                let mut work = (case.set_up)(bytes);
                work.prepare(1);
                work.run(1);
            }
        }
    }
}
