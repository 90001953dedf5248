//! The opening handshake: what is accepted, and what the rest is answered with.

use hamhame_ws::handshake::{
    BadResponse, HandshakeError, MAX_RESPONSE_HEAD, Offer, Request, UnfitOffer, accept_key, check,
    check_stream,
};

const HEADERS: [(&str, &str); 4] = [
    ("upgrade", "websocket"),
    ("connection", "Upgrade"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ("sec-websocket-version", "13"),
];

/// The verdict on a valid request in which the headers named in `changes` have these values instead; what
/// is there several times is sent several times, and an empty list of values leaves it out.
fn verdict(
    changes: &[(&'static str, &[&'static str])],
) -> Result<Request<'static>, HandshakeError> {
    let mut headers: Vec<(&'static str, &'static [u8])> = Vec::new();
    for (name, value) in HEADERS {
        if changes.iter().all(|(changed, _)| *changed != name) {
            headers.push((name, value.as_bytes()));
        }
    }
    for (name, values) in changes {
        headers.extend(values.iter().map(|value| (*name, value.as_bytes())));
    }
    check("GET", (1, 1), headers)
}

#[test]
fn a_request_as_browsers_send_it_is_accepted() {
    let request = verdict(&[]).unwrap();
    assert_eq!(request.key, "dGhlIHNhbXBsZSBub25jZQ==");
    assert!(request.protocols.is_empty());
    // Firefox, a proxy that shouts, and one that splits lists.
    assert!(verdict(&[("connection", &["keep-alive, Upgrade"])]).is_ok());
    assert!(verdict(&[("upgrade", &["WEBSOCKET"]), ("connection", &["UPGRADE"])]).is_ok());
    assert!(verdict(&[("connection", &["keep-alive", "upgrade"])]).is_ok());
    assert!(verdict(&[("upgrade", &["h2c, websocket"])]).is_ok());
}

#[test]
fn the_names_of_headers_have_no_case() {
    let shouted: Vec<_> =
        HEADERS.iter().map(|(name, value)| (name.to_uppercase(), value.as_bytes())).collect();
    assert!(check("GET", (1, 1), shouted.iter().map(|(n, v)| (n.as_str(), *v))).is_ok());
}

#[test]
fn only_get_opens_a_websocket() {
    let headers = || HEADERS.map(|(name, value)| (name, value.as_bytes()));
    for method in ["POST", "get", "HEAD", "OPTIONS", ""] {
        let error = check(method, (1, 1), headers()).unwrap_err();
        assert_eq!(error, HandshakeError::Method);
        assert_eq!((error.status(), error.headers()), (405, &[("allow", "GET")][..]));
    }
    let error = check("GET", (1, 0), headers()).unwrap_err();
    assert_eq!((error, error.status()), (HandshakeError::HttpVersion, 400));
}

#[test]
fn an_ordinary_request_is_told_to_upgrade() {
    for changes in [
        ("upgrade", &[][..]),
        ("upgrade", &["h2c"]),
        ("upgrade", &["websocketx"]),
        ("connection", &[]),
        ("connection", &["close"]),
    ] {
        let error = verdict(&[changes]).unwrap_err();
        assert_eq!(error, HandshakeError::NotAnUpgrade, "{changes:?}");
        assert_eq!(error.status(), 426);
        assert!(error.headers().contains(&("upgrade", "websocket")));
        assert!(error.headers().contains(&("connection", "Upgrade")));
    }
}

#[test]
fn another_version_is_told_which_one_we_speak() {
    for values in [&[][..], &["8"], &["13, 8"], &["013"], &["13", "13"], &[""]] {
        let error = verdict(&[("sec-websocket-version", values)]).unwrap_err();
        assert_eq!(error, HandshakeError::Version, "{values:?}");
        assert_eq!(error.status(), 426);
        assert!(error.headers().contains(&("sec-websocket-version", "13")));
    }
}

#[test]
fn a_key_that_is_not_16_bytes_in_base64_is_refused() {
    for values in [
        &[][..],
        &[""],
        &["dGhlIHNhbXBsZSBub25jZQ"],
        &["dGhlIHNhbXBsZSBub25j"],
        &["dGhlIHNhbXBsZSBub25jZWU="],
        &["dGhlIHNhbXBsZSBub25jZQ==dGhlIHNhbXBsZSBub25jZQ=="],
        &["dGhlIHNhbXBsZSBub25j-_=="],
        &["dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZSBub25jZQ=="],
        &["dGhlIHNhbXBsZSBub25jس=="],
    ] {
        let error = verdict(&[("sec-websocket-key", values)]).unwrap_err();
        assert_eq!(error, HandshakeError::Key, "{values:?}");
        assert_eq!(error.status(), 400);
    }
}

#[test]
fn the_clients_favourite_of_the_supported_subprotocols_is_chosen() {
    let request = verdict(&[("sec-websocket-protocol", &["x, hamhame.v2", "hamhame.v1 ,,y"])]);
    let request = request.unwrap();
    assert_eq!(request.protocols, ["x", "hamhame.v2", "hamhame.v1", "y"]);
    assert_eq!(request.choose(&["hamhame.v1", "hamhame.v2"]), Some("hamhame.v2"));
    assert_eq!(request.choose(&["hamhame.v1"]), Some("hamhame.v1"));
    assert_eq!(request.choose(&["HAMHAME.V1"]), None);
    assert_eq!(request.choose(&[]), None);
}

#[test]
fn subprotocols_that_are_no_tokens_are_refused() {
    for value in ["a b", "a;b", "\"a\"", "é", "a, b/c", "a\u{7f}"] {
        let error = verdict(&[("sec-websocket-protocol", &[value])]).unwrap_err();
        assert_eq!((error, error.status()), (HandshakeError::Protocols, 400), "{value:?}");
    }
}

const OFFER: Offer<'static> = Offer {
    host: "chat.example:8000",
    target: "/ws/%DA%A9%D9%84%D8%A7%D8%B3/a?b=c",
    origin: None,
    protocols: &["hamhame.v1"],
    deflate: false,
    nonce: [7; 16],
};

/// A valid response with `extra` lines before its end.
fn response(extra: &str) -> String {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n{extra}\r\n",
        accept_key(&OFFER.key())
    )
}

#[test]
fn a_response_is_accepted_once_it_is_whole() {
    let head = response("Sec-WebSocket-Protocol: hamhame.v1\r\n");
    let mut bytes = head.clone().into_bytes();
    for len in 0..bytes.len() {
        assert_eq!(OFFER.read(&bytes[..len]), Ok(None));
    }
    // The first frame may come with it.
    bytes.extend([0x89, 0]);
    let accepted = OFFER.read(&bytes).unwrap().unwrap();
    assert_eq!(accepted.protocol, Some("hamhame.v1"));
    assert_eq!(accepted.head_len, head.len());
    assert_eq!(OFFER.read(response("").as_bytes()).unwrap().unwrap().protocol, None);
}

#[test]
fn a_response_that_does_not_answer_the_offer_is_refused() {
    let without = |line: &str| response("").replace(line, "X: y\r\n");
    let accept = format!("Sec-WebSocket-Accept: {}\r\n", accept_key(&OFFER.key()));
    let cases = [
        ("HTTP/1.0 101 Switching Protocols\r\n\r\n".to_owned(), BadResponse::Malformed),
        ("SSH-2.0-OpenSSH\r\n".to_owned(), BadResponse::Malformed),
        ("HTTP/1.1 404 Not Found\r\n\r\n".to_owned(), BadResponse::Status(404)),
        ("HTTP/1.1 200 OK\r\n\r\n".to_owned(), BadResponse::Status(200)),
        (without("Upgrade: websocket\r\n"), BadResponse::NotAnUpgrade),
        (without("Connection: Upgrade\r\n"), BadResponse::NotAnUpgrade),
        (without(&accept), BadResponse::Accept),
        (response("").to_lowercase(), BadResponse::Malformed),
        (response("").replace(&accept, &accept.to_uppercase()), BadResponse::Accept),
        (response(&accept), BadResponse::Accept),
        (response("Sec-WebSocket-Protocol: other\r\n"), BadResponse::Protocol),
        (response("Sec-WebSocket-Extensions: permessage-deflate\r\n"), BadResponse::Extension),
    ];
    for (head, expected) in cases {
        assert_eq!(OFFER.read(head.as_bytes()), Err(expected), "{head:?}");
    }
}

#[test]
fn a_response_head_without_end_is_given_up() {
    let mut endless = b"HTTP/1.1 101 Switching Protocols\r\nX: ".to_vec();
    endless.resize(MAX_RESPONSE_HEAD - 1, b'x');
    assert_eq!(OFFER.read(&endless), Ok(None));
    endless.push(b'x');
    assert_eq!(OFFER.read(&endless), Err(BadResponse::TooLong));
    let many = response(&"X: y\r\n".repeat(100));
    assert_eq!(OFFER.read(many.as_bytes()), Err(BadResponse::TooLong));
}

#[test]
fn an_offer_cannot_smuggle_lines_into_the_request() {
    for (offer, part) in [
        (Offer { host: "a\r\nb: c", ..OFFER }, "host"),
        (Offer { host: "", ..OFFER }, "host"),
        (Offer { target: "/a b", ..OFFER }, "target"),
        (Offer { target: "/\r\n", ..OFFER }, "target"),
        (Offer { target: "a", ..OFFER }, "target"),
        (Offer { origin: Some("x\n"), ..OFFER }, "origin"),
        (Offer { protocols: &["a,b"], ..OFFER }, "subprotocol"),
    ] {
        assert_eq!(offer.request_head(), Err(UnfitOffer(part)), "{offer:?}");
    }
    assert!(OFFER.request_head().is_ok());
}

#[test]
fn on_a_stream_a_websocket_is_asked_for_by_connect_and_protocol() {
    const VERSION: (&str, &[u8]) = ("sec-websocket-version", b"13");
    let asked = |method, protocol, headers: &[(&'static str, &'static [u8])]| {
        check_stream(method, protocol, headers.iter().copied())
    };
    let chat: (&str, &[u8]) = ("sec-websocket-protocol", b"a, b");
    let accepted = asked("CONNECT", Some("websocket"), &[VERSION, chat]).expect("it is in order");
    assert_eq!((accepted.key, accepted.choose(&["b"])), ("", Some("b")));

    for (verdict, error, status) in [
        (asked("GET", None, &[VERSION]), HandshakeError::NotConnect, 405),
        (asked("CONNECT", None, &[VERSION]), HandshakeError::NotWebSocket, 501),
        (asked("CONNECT", Some("connect-udp"), &[VERSION]), HandshakeError::NotWebSocket, 501),
        (asked("CONNECT", Some("websocket"), &[]), HandshakeError::StreamVersion, 400),
        (
            asked("CONNECT", Some("websocket"), &[VERSION, ("sec-websocket-protocol", b"a b")]),
            HandshakeError::Protocols,
            400,
        ),
    ] {
        assert_eq!((verdict, error.status()), (Err(error), status));
        // None that would make the response malformed there (RFC 9113 section 8.2.2).
        assert!(error.headers().iter().all(|(name, _)| !["connection", "upgrade"].contains(name)));
    }
}

#[test]
fn a_key_that_nobody_asked_for_on_a_stream_is_answered_if_it_is_one() {
    let with_key = |key: &'static str| {
        let headers =
            [("sec-websocket-version", &b"13"[..]), ("sec-websocket-key", key.as_bytes())];
        check_stream("CONNECT", Some("websocket"), headers).expect("it is in order").key
    };
    assert_eq!(with_key("dGhlIHNhbXBsZSBub25jZQ=="), "dGhlIHNhbXBsZSBub25jZQ==");
    assert_eq!(with_key("no key"), "");
}
