//! HTTP/3, and WebSockets on its streams (RFC 9220): the same pages, the same rooms and the same promises as over TCP.
mod common;

use common::{Frame, TestServer};

async fn start(args: &[&str]) -> TestServer {
    TestServer::start(&[&["--tls", "self-signed", "--http3"], args].concat()).await
}

#[tokio::test]
async fn a_connection_takes_requests_and_websockets() {
    let server = start(&[]).await;
    let h3 = server.h3().await;
    assert_eq!(h3.get("/healthz").await, (200, "ok\n".into()));
    assert_eq!(h3.get("/nowhere").await.0, 404);
    let mut echo = h3.open("/lab/echo", None).await;
    echo.send("salaam").await;
    assert_eq!(echo.next().await, Frame::Text("salaam".into()));
}
