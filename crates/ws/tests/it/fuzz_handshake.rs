//! No request, response or header makes the handshake panic or say yes to nonsense.

use crate::checks::handshake::{OFFER, check};
use crate::checks::random::Random;
use hamhame_ws::handshake::accept_key;

#[test]
fn any_handshake_is_accepted_or_refused_for_a_reason() {
    crate::runner::run("handshake", 200_000, check, handshake);
}

/// An input for [`check`]: something valid, or close to it, mostly damaged.
fn handshake(random: &mut Random) -> Vec<u8> {
    let mut input = vec![random.next() as u8];
    if random.below(16) == 0 {
        let len = random.below(200);
        input.extend(random.bytes(len));
        return input;
    }
    let mut text = match input[0] {
        0..=84 => {
            let line = random.choose(&[
                "GET /ws/a/b HTTP/1.1\r\n",
                "GET /ws?mode=heartbeat HTTP/1.1\r\n",
                "GET /ws/%D8%B3/%20 HTTP/1.1\r\nX: y\r\n",
                "GET / HTTP/1.1\r\n",
                "GET /ws/1 HTTP/1.1\r\n",
                "GET / HTTP/1.0\r\n",
                "POST /ws HTTP/1.1\r\n",
            ]);
            format!("{line}{}\r\n", headers(random, REQUEST_HEADERS, "\r\n")).into_bytes()
        }
        85..=169 => response(random),
        _ => headers(random, REQUEST_HEADERS, "\n").into_bytes(),
    };
    for _ in 0..random.below(4) {
        random.mutate(&mut text);
    }
    input.extend(text);
    input
}

/// Header names, each with values that make sense or nearly do.
type Headers = &'static [(&'static str, &'static [&'static str])];

const REQUEST_HEADERS: Headers = &[
    ("Host", &["chat.example", "[::1]:8000"]),
    ("Upgrade", &["websocket", "WebSocket", "h2c, websocket"]),
    ("connection", &["Upgrade", "keep-alive, upgrade"]),
    ("Sec-WebSocket-Key", &["dGhlIHNhbXBsZSBub25jZQ==", " AAAAAAAAAAAAAAAAAAAAAA== "]),
    ("Sec-WebSocket-Version", &["13", " 13 ", "13"]),
    ("Sec-WebSocket-Protocol", &["hamhame.v1", "chat, hamhame.v1", "a,,b ,\tc"]),
];

const RARE_HEADERS: Headers = &[
    ("Upgrade", &["h2c", ""]),
    ("Connection", &["close"]),
    ("Sec-WebSocket-Key", &["dG9vIHNob3J0", ""]),
    ("Sec-WebSocket-Version", &["8", "130"]),
    ("Sec-WebSocket-Protocol", &["a b", "«"]),
    (
        "Sec-WebSocket-Extensions",
        &[
            "permessage-deflate; client_max_window_bits",
            "a; b=\"c\", permessage-deflate; server_max_window_bits=9",
            "permessage-deflate;",
        ],
    ),
    ("X-Other", &["a:b", "\u{7f}"]),
];

fn headers(random: &mut Random, usual: Headers, end: &str) -> String {
    let mut lines = String::new();
    let mut push = |(name, values): (&str, &[&'static str]), random: &mut Random| {
        lines.push_str(&format!("{name}: {}{end}", values[random.below(values.len())]));
    };
    for header in usual {
        if random.below(60) > 0 {
            push(*header, random);
        }
    }
    if random.below(5) == 0 {
        let rare = RARE_HEADERS[random.below(RARE_HEADERS.len())];
        push(rare, random);
    }
    lines
}

fn response(random: &mut Random) -> Vec<u8> {
    const RESPONSE_HEADERS: Headers = &[
        ("upgrade", &["websocket", "WEBSOCKET"]),
        ("Connection", &["upgrade", "x, Upgrade"]),
        ("Sec-WebSocket-Protocol", &["hamhame.v1", "other"]),
    ];
    let status = random.choose(&[
        "101 Switching Protocols",
        "101 ",
        "101 Switching Protocols",
        "101 Switching Protocols",
        "426 Upgrade Required",
    ]);
    let mut head = format!("HTTP/1.1 {status}\r\n{}", headers(random, RESPONSE_HEADERS, "\r\n"));
    if random.below(16) > 0 {
        head.push_str(&format!("sec-websocket-accept: {}\r\n", accept_key(&OFFER.key())));
    }
    head.push_str("\r\n");
    let mut bytes = head.into_bytes();
    let after = random.below(8);
    bytes.extend(random.bytes(after));
    bytes
}
