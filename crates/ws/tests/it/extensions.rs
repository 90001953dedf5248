//! What is agreed about compression in the handshake (RFC 6455 section 9.1, RFC 7692 section 7.1).

use hamhame_ws::handshake::{
    Accepted, BadResponse, Deflate, HandshakeError, Offer, accept_key, check, response_head,
};

/// What we agree to, when these are the lines of `Sec-WebSocket-Extensions`.
fn offered(lines: &[&str]) -> Result<Option<Deflate>, HandshakeError> {
    let mut headers = vec![
        ("upgrade", &b"websocket"[..]),
        ("connection", b"upgrade"),
        ("sec-websocket-key", b"dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-version", b"13"),
    ];
    headers.extend(lines.iter().map(|line| ("Sec-WebSocket-Extensions", line.as_bytes())));
    check("GET", (1, 1), headers).map(|request| request.deflate)
}

/// The window that is agreed, or `None` if nothing is.
fn window(line: &str) -> Option<u8> {
    let agreed = offered(&[line]).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    agreed.map(Deflate::window_bits)
}

const ANSWER: &str = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

#[test]
fn what_clients_offer_is_answered_without_context_takeover() {
    for line in [
        "permessage-deflate",
        // Chromium, Firefox and Safari, Node's `ws`; then other parameters that say nothing to us.
        "permessage-deflate; client_max_window_bits",
        "permessage-deflate; client_max_window_bits=15",
        "permessage-deflate;client_max_window_bits=8",
        "permessage-deflate ; server_no_context_takeover ;\tclient_no_context_takeover",
        "permessage-deflate; client_no_context_takeover; client_max_window_bits=\"10\"",
    ] {
        let agreed = offered(&[line]).unwrap().unwrap_or_else(|| panic!("{line:?} is declined"));
        assert_eq!((agreed.answer(), agreed.window_bits()), (ANSWER, 15), "{line:?}");
    }
}

#[test]
fn nothing_is_agreed_that_was_not_offered() {
    assert_eq!(offered(&[]), Ok(None));
    for line in ["", " ", ",", ", ,\t", "x-webkit-deflate-frame", "foo; bar=1, permessage-bzip2"] {
        assert_eq!(window(line), None, "{line:?}");
    }
}

#[test]
fn the_window_that_a_client_asks_of_us_is_kept_to() {
    for bits in 9..=15 {
        let line = format!("permessage-deflate; server_max_window_bits={bits}");
        let agreed = offered(&[&line]).unwrap().unwrap();
        assert_eq!(agreed.window_bits(), bits);
        assert_eq!(agreed.answer(), format!("{ANSWER}; server_max_window_bits={bits}"));
    }
    // 256 bytes is more than zlib and its descendants can do.
    assert_eq!(window("permessage-deflate; server_max_window_bits=8"), None);
    assert_eq!(window("permessage-deflate; server_max_window_bits=\"1\\1\""), Some(11));
}

#[test]
fn an_offer_that_is_not_understood_is_declined() {
    for parameters in [
        "unknown",
        "server_no_context_takeover=1",
        "server_no_context_takeover; server_no_context_takeover",
        "client_no_context_takeover=\"true\"",
        "client_no_context_takeover; client_no_context_takeover",
        "server_max_window_bits",
        "server_max_window_bits=7",
        "server_max_window_bits=16",
        "server_max_window_bits=09",
        "server_max_window_bits=1",
        "server_max_window_bits=100",
        "server_max_window_bits=+9",
        "server_max_window_bits=10; server_max_window_bits=10",
        "client_max_window_bits=7",
        "client_max_window_bits=16",
        "client_max_window_bits=015",
        "client_max_window_bits=x",
        "client_max_window_bits; client_max_window_bits",
        "client_max_window_bits=10; client_max_window_bits",
        "Server_No_Context_Takeover",
    ] {
        assert_eq!(window(&format!("permessage-deflate; {parameters}")), None, "{parameters}");
    }
    assert_eq!(window("Permessage-Deflate"), None);
}

#[test]
fn the_first_offer_that_we_can_keep_to_is_chosen() {
    let first = "permessage-deflate; server_max_window_bits=8, \
                 permessage-deflate; future=1, other, \
                 permessage-deflate; server_max_window_bits=10, permessage-deflate";
    assert_eq!(window(first), Some(10));
    assert_eq!(
        window("permessage-deflate, permessage-deflate; server_max_window_bits=9"),
        Some(15)
    );
    let lines = ["foo", "permessage-deflate; server_max_window_bits=11", "permessage-deflate"];
    assert_eq!(offered(&lines).unwrap().map(Deflate::window_bits), Some(11));
}

#[test]
fn what_is_no_list_of_extensions_is_refused() {
    for line in [
        "permessage-deflate;",
        "; a",
        "a; =1",
        "a; b=",
        "a; b=\"\"",
        "a; b=\"1",
        "a; b=\"1 2\"",
        "a; b=\"1\\\"",
        "a; b=1 2",
        "a b",
        "a/b",
        "a; b; c=\"d\"e",
        "a, b=1",
        "«",
        "permessage-deflate, \"",
    ] {
        assert_eq!(offered(&[line]), Err(HandshakeError::Extensions), "{line:?}");
        assert_eq!(offered(&["permessage-deflate", line]), Err(HandshakeError::Extensions));
    }
    assert_eq!(HandshakeError::Extensions.status(), 400);
}

const OFFER: Offer<'static> = Offer {
    host: "chat.example",
    target: "/ws/a/b",
    origin: None,
    protocols: &[],
    deflate: true,
    nonce: [7; 16],
};

/// What a client of ours makes of a response with these lines of `Sec-WebSocket-Extensions`.
fn answered(offer: &Offer<'_>, lines: &[&str]) -> Result<Option<Deflate>, BadResponse> {
    let mut head = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {}\r\n",
        accept_key(&offer.key())
    );
    for line in lines {
        head.push_str(&format!("Sec-WebSocket-Extensions: {line}\r\n"));
    }
    head.push_str("\r\n");
    offer.read(head.as_bytes()).map(|accepted| accepted.expect("it is whole").deflate)
}

#[test]
fn a_client_of_ours_accepts_what_it_offered() {
    for line in [
        ANSWER,
        "permessage-deflate; server_no_context_takeover",
        "permessage-deflate; server_no_context_takeover; server_max_window_bits=8",
    ] {
        let agreed = answered(&OFFER, &[line]).unwrap().unwrap();
        assert_eq!(agreed.window_bits(), 15, "{line:?}");
    }
    assert_eq!(answered(&OFFER, &[]), Ok(None));
    assert_eq!(answered(&OFFER, &[""]), Ok(None));
}

#[test]
fn a_client_of_ours_refuses_what_it_did_not_offer() {
    for lines in [
        // Messages that refer to earlier ones it could not read.
        &["permessage-deflate"][..],
        &["permessage-deflate; client_no_context_takeover"],
        &["permessage-deflate; server_no_context_takeover; client_max_window_bits=10"],
        &["permessage-deflate; server_no_context_takeover; server_max_window_bits"],
        &["permessage-deflate; server_no_context_takeover; unknown"],
        &["permessage-deflate; server_no_context_takeover; server_no_context_takeover"],
        &["other"],
        &[ANSWER, "other"],
        &[ANSWER, ANSWER],
        &["permessage-deflate;"],
    ] {
        assert_eq!(answered(&OFFER, lines), Err(BadResponse::Extension), "{lines:?}");
    }
    let plain = Offer { deflate: false, ..OFFER };
    assert_eq!(answered(&plain, &[ANSWER]), Err(BadResponse::Extension));
    assert_eq!(answered(&plain, &[""]), Ok(None));
}

#[test]
fn both_sides_come_to_the_same_agreement() {
    let head = OFFER.request_head().unwrap();
    let headers = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name, value.as_bytes()));
    let request = check("GET", (1, 1), headers).unwrap();
    assert!(request.deflate.is_some());
    for deflate in [request.deflate, None] {
        let response = response_head(&request, None, deflate);
        let accepted: Accepted<'_> = OFFER.read(response.as_bytes()).unwrap().unwrap();
        assert_eq!(accepted.deflate, deflate);
    }
    let plain = Offer { deflate: false, ..OFFER }.request_head().unwrap();
    assert!(!plain.contains("Extensions"));
}
