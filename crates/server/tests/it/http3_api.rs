//! The HTTP API over HTTP/3: bodies both ways, streams, and requests that their client gives up.
use crate::common::{H3, TestServer, V1Client, within};
use serde_json::{Value, json};

async fn start(args: &[&str]) -> TestServer {
    TestServer::start(&[&["--tls", "self-signed", "--http3"], args].concat()).await
}

/// A request with a JSON body; status and answer.
async fn post(h3: &H3, path: &str, token: Option<&str>, body: String) -> (u16, Value) {
    let mut request = h3.request("POST", path);
    let headers = request.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("application/json"));
    if let Some(token) = token {
        headers.insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    }
    let answer = h3.exchange(request, body).await;
    let status = answer.status().as_u16();
    (status, serde_json::from_str(answer.body()).expect("JSON"))
}

/// The token of a new session.
async fn join(h3: &H3, name: &str) -> String {
    let body = json!({ "client_id": name }).to_string();
    let (status, session) = post(h3, "/api/rooms/room/sessions", None, body).await;
    assert_eq!(status, 201, "{session}");
    session["token"].as_str().expect("a token").to_owned()
}

#[tokio::test]
async fn what_is_said_by_a_request_reaches_websockets_and_event_streams() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let mut sara: V1Client = h3.member("room", "sara").await;
    let mut request = h3.request("GET", "/api/rooms/room/events");
    let accept = http::HeaderValue::from_static("text/event-stream");
    request.headers_mut().insert("accept", accept);
    let (head, mut stream) = h3.ask(request).await;
    assert_eq!(head.headers()["content-type"], "text/event-stream");
    let token = join(&h3, "ali").await;
    let said = json!({ "content": "salaam" }).to_string();
    let (status, answer) = post(&h3, "/api/rooms/room/messages", Some(&token), said).await;
    assert_eq!((status, answer["offset"].is_u64()), (201, true), "{answer}");
    sara.until_said("salaam").await;
    let mut events = Vec::new();
    while !String::from_utf8_lossy(&events).contains("salaam") {
        let data = within("an event", stream.recv_data()).await.expect("the stream is open");
        let mut data = data.expect("the stream goes on");
        let length = bytes::Buf::remaining(&data);
        events.extend(bytes::Buf::copy_to_bytes(&mut data, length));
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    let token = join(&h3, "ali").await;
    let body = json!({ "content": "x".repeat(200_000) }).to_string();
    let mut request = h3.request("POST", "/api/rooms/room/messages");
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    let json = http::HeaderValue::from_static("application/json");
    request.headers_mut().insert("content-type", json);
    let mut stream = h3.send(request).await;
    // It may be refused before it is there.
    let _ = stream.send_data(body.into()).await;
    let answer = within("an answer", stream.recv_response()).await.expect("there is one");
    assert_eq!(answer.status(), 413);
    assert_eq!(h3.get("/healthz").await.0, 200);
}

#[tokio::test]
async fn who_gives_up_a_request_that_waits_is_not_kept_present_by_it() {
    let server = start(&["--lease", "500ms", "--grace", "100ms"]).await;
    let h3 = server.h3().await;
    let mut sara = h3.member("room", "sara").await;
    let token = join(&h3, "ali").await;
    while sara.next_event().await["content"] != "ali joined room." {}
    let mut request = h3.request("GET", "/api/rooms/room/events?wait=60");
    request
        .headers_mut()
        .insert("authorization", format!("Bearer {token}").parse().expect("a value"));
    let mut stream = h3.send(request).await;
    stream.finish().await.expect("it is open");
    stream.stop_sending(h3::error::Code::H3_REQUEST_CANCELLED);
    while sara.next_event().await["content"] != "ali left room." {}
}
