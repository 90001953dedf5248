//! Promise 5: your own ghost never locks you out. Here: a holder of the name that ends just while it is asked whether it
//! is alive, as when a page is loaded again and the new connection is faster than the end of the old one.
use crate::common::{Frame, HANDSHAKE, Raw, Socket, TestServer, V1Client};

/// Waits for the ping that asks whether this client is alive, and leaves it unanswered.
async fn until_asked(socket: &mut Socket) {
    while !matches!(socket.next().await, Frame::Ping(_)) {}
}

/// The holder of a name, a newcomer of the same name, and the holder asked.
async fn meet(server: &TestServer) -> (Socket, V1Client) {
    // Should a heartbeat come first, the holder is gone before it is asked, and the promise is the same.
    let mut holder = server.connect("/ws/room/ali").open().await;
    let mut joined = holder.next().await;
    while matches!(joined, Frame::Ping(_)) {
        joined = holder.next().await;
    }
    assert!(
        matches!(&joined, Frame::Text(text) if text.contains("ali joined room.")),
        "{joined:?}"
    );
    let newcomer = server.v1("room", "ali").await;
    newcomer.send(r#"{"type":"join"}"#).await;
    until_asked(&mut holder).await;
    (holder, newcomer)
}

#[tokio::test]
async fn a_goodbye_is_no_sign_of_life() {
    // With so much patience, only the goodbye can let the newcomer in.
    let server = TestServer::start(&["--probe", "1h", "--heartbeat", "11s"]).await;
    for code in [1000, 1001] {
        let (mut holder, mut newcomer) = meet(&server).await;
        holder.close(code).await;
        newcomer.expect_type("welcome").await;
        newcomer.into_client().close(1000).await;
    }
}

#[tokio::test]
async fn the_end_of_the_connection_is_no_sign_of_life() {
    let server = TestServer::start(&["--probe", "1h", "--heartbeat", "11s"]).await;
    let (holder, mut newcomer) = meet(&server).await;
    drop(holder);
    newcomer.expect_type("welcome").await;
    newcomer.into_client().close(1000).await;
    let (holder, mut newcomer) = meet(&server).await;
    holder.abort();
    newcomer.expect_type("welcome").await;
}

#[tokio::test]
async fn a_broken_rule_is_no_sign_of_life() {
    let server = TestServer::start(&["--probe", "1h", "--heartbeat", "11s"]).await;
    let (mut holder, mut newcomer) = meet(&server).await;
    holder.write(b"\xff\xff\xff\xff").await;
    newcomer.expect_type("welcome").await;
}

#[tokio::test]
async fn a_holder_that_answers_keeps_its_name() {
    let server = TestServer::start(&["--probe", "1h", "--heartbeat", "11s"]).await;
    let mut holder = server.seed("room", "ali").await;
    holder.mark("here").await;
    let mut newcomer = server.v1("room", "ali").await;
    newcomer.send(r#"{"type":"join"}"#).await;
    assert_eq!(newcomer.expect_type("error").await["code"], "name_taken");
    assert_eq!(newcomer.closed().await.0, 4502);
}

#[tokio::test]
async fn a_name_that_many_want_at_once_goes_to_one_of_them() {
    let server = TestServer::start(&[]).await;
    let request = format!("GET /ws/room/ali HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE}\r\n");
    // Twelve that will not answer, and then one that does.
    let mut squatters = Vec::new();
    for _ in 0..12 {
        squatters.push(Raw::send(server.address(), &request).await);
    }
    drop(squatters);
    let mut ali = server.member("room", "ali").await;
    ali.said("a", "سلام").await;
    assert_eq!(server.metric("hamhame_members").await, 1.0);
}

#[tokio::test]
async fn a_holder_is_not_worn_down_by_the_many_who_want_its_name() {
    let server = TestServer::start(&[]).await;
    let mut holder = server.member("room", "ali").await;
    for _ in 0..300 {
        let mut newcomer = server.connect("/ws/room/ali").open().await;
        assert_eq!(newcomer.close_code().await, Some(4502));
        newcomer.close(4502).await;
    }
    holder.said("a", "هنوز هستم").await;
}
