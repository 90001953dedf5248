//! What must hold of any request, response, or list of headers.

use hamhame_ws::handshake::{
    Accepted, HandshakeError, MAX_RESPONSE_HEAD, Offer, Request, accept_key,
    check as check_request, response_head,
};

/// The offer whose answer the inputs pretend to be.
pub const OFFER: Offer<'static> = Offer {
    host: "chat.example",
    target: "/ws/room/name",
    origin: None,
    protocols: &["hamhame.v1", "other"],
    deflate: true,
    nonce: *b"the sample nonce",
};

/// Checks one input: a byte that says what the rest is, then the rest. Returns whether it was accepted.
pub fn check(input: &[u8]) -> bool {
    match input.split_first() {
        Some((0..=84, bytes)) => check_as_request(bytes),
        Some((85..=169, bytes)) => check_as_response(bytes),
        Some((_, bytes)) => check_as_headers(bytes),
        None => false,
    }
}

fn check_as_request(bytes: &[u8]) -> bool {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut request = httparse::Request::new(&mut headers);
    let Ok(httparse::Status::Complete(_)) = request.parse(bytes) else {
        return false;
    };
    let method = request.method.unwrap_or_default();
    let http = (1, request.version.unwrap_or_default());
    let headers = request.headers.iter().map(|h| (h.name, h.value));
    check_verdict(check_request(method, http, headers))
}

/// Lines of `name:value` with any bytes at all in the values, more than an HTTP parser lets through.
fn check_as_headers(bytes: &[u8]) -> bool {
    let headers = bytes.split(|&byte| byte == b'\n').filter_map(|line| {
        let colon = line.iter().position(|&byte| byte == b':')?;
        Some((std::str::from_utf8(&line[..colon]).ok()?, &line[colon + 1..]))
    });
    check_verdict(check_request("GET", (1, 1), headers))
}

fn check_verdict(verdict: Result<Request<'_>, HandshakeError>) -> bool {
    let request = match verdict {
        Ok(request) => request,
        Err(error) => {
            assert!(matches!(error.status(), 400 | 405 | 426));
            assert!(!error.to_string().contains(['\r', '\n']));
            return false;
        }
    };
    assert_eq!(request.key.len(), 24);
    assert_eq!(request.accept(), accept_key(request.key));
    let unfit = |byte: u8| !byte.is_ascii_graphic() || byte == b',';
    for protocol in &request.protocols {
        assert!(!protocol.is_empty() && !protocol.bytes().any(unfit));
        assert_eq!(request.choose(&[protocol]), Some(*protocol));
    }
    assert_eq!(request.choose(&[]), None);

    let head = response_head(&request, request.protocols.first().copied(), request.deflate);
    let mut headers = [httparse::EMPTY_HEADER; 8];
    let mut response = httparse::Response::new(&mut headers);
    let parsed = response.parse(head.as_bytes());
    assert_eq!(parsed, Ok(httparse::Status::Complete(head.len())));
    assert_eq!(response.code, Some(101));
    true
}

fn check_as_response(bytes: &[u8]) -> bool {
    let Ok(Some(Accepted { protocol, head_len, .. })) = OFFER.read(bytes) else {
        return false;
    };
    assert!(head_len <= bytes.len().min(MAX_RESPONSE_HEAD));
    assert!(protocol.is_none_or(|protocol| OFFER.protocols.contains(&protocol)));
    // Accepted only when it is all there, and whatever follows.
    assert_eq!(OFFER.read(&bytes[..head_len - 1]), Ok(None));
    let alone = OFFER.read(&bytes[..head_len]);
    assert_eq!(alone.map(|a| a.map(|a| a.head_len)), Ok(Some(head_len)));
    true
}
