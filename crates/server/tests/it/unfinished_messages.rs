//! Promise 7: a message that is begun and not ended has its time and its room, and what comes after the server's goodbye is
//! nobody's business.
use std::time::Duration;

use crate::common::{Client, Crossroads, TestServer, Transport, within};
use hamhame_ws::Opcode;

/// The sockets there are.
const SOCKETS: [Transport; 3] = [Transport::WsH1, Transport::WsH2, Transport::WsH3];

/// A frame whose mask is zero: the first byte and a short payload.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    assert!(payload.len() < 126);
    [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
}

/// The head of a frame with so much payload to come.
fn announcement(first: u8, length: u16) -> Vec<u8> {
    let [high, low] = length.to_be_bytes();
    vec![first, 0xfe, high, low, 0, 0, 0, 0]
}

/// A client that opens, and says nothing yet.
async fn open(place: &Crossroads, transport: Transport, name: &str) -> Client {
    let mut client = place.open(transport, name).await;
    client.join().await;
    client.into_client()
}

/// Sends `piece` again and again until the connection is closed, and gives the code.
async fn until_closed(mut client: Client, piece: &[u8]) -> (u16, String) {
    let code = async {
        loop {
            tokio::select! {
                closed = client.closed() => return closed,
                () = tokio::time::sleep(Duration::from_millis(50)) => {}
            }
            // Whether it is taken is no matter: the close may be on its way.
            let _ = client.try_write(piece).await;
        }
    };
    within("the close", code).await
}

#[tokio::test]
async fn a_message_has_a_time_from_its_first_byte_to_its_last_whatever_comes_meanwhile() {
    let options = ["--heartbeat", "500ms", "--grace", "100ms", "--message-timeout", "1s"];
    let place = Crossroads::start(&options).await;
    let pong = frame(0x8a, b"here");
    for transport in SOCKETS {
        for (what, begin, then) in [
            ("a fragment, then pongs", frame(0x01, b"begun"), pong.clone()),
            ("a fragment, then empty ones", frame(0x01, b"begun"), frame(0x00, b"")),
            ("one frame byte by byte", announcement(0x81, 60_000), b"x".to_vec()),
            (
                "a fragment, and half of the next frame",
                [frame(0x01, b"begun"), announcement(0x80, 9_000)].concat(),
                b"x".to_vec(),
            ),
        ] {
            let name = format!("{} {transport:?}", &what[what.len() - 8..]);
            let client = open(&place, transport, &name).await;
            // Or it would answer pings in the midst of a frame.
            client.mute();
            client.write(&begin).await;
            let closed = until_closed(client, &then).await;
            assert_eq!(closed, (4007, "message_timeout".into()), "{what} over {transport:?}");
        }
    }
}

#[tokio::test]
async fn each_message_has_its_own_time_and_none_between_two_of_them() {
    let options = ["--heartbeat", "500ms", "--grace", "100ms", "--message-timeout", "8s"];
    let server = TestServer::start(&options).await;
    let mut reader = server.member("room", "reader").await;
    let slow = server.member("room", "slow").await.into_client();
    let text = |n: usize| format!(r#"{{"type":"send","id":"c{n}","content":"message {n}"}}"#);
    // The end of each comes with the beginning of the next, so that there is always one under way: for longer than one may be.
    slow.write(&frame(0x01, &text(0).as_bytes()[..10])).await;
    for n in 0..12 {
        tokio::time::sleep(Duration::from_millis(800)).await;
        let end = frame(0x80, &text(n).as_bytes()[10..]);
        let next = frame(0x01, &text(n + 1).as_bytes()[..10]);
        slow.write(&[end, next].concat()).await;
        reader.until_said(&format!("message {n}")).await;
    }
}

#[tokio::test]
async fn what_one_address_has_begun_is_bounded_and_the_bound_is_free_again_with_it() {
    // One address may have a sixteenth of a quarter of it under way: sixteen of the largest messages.
    let bounds = ["--memory", "16M", "--frame-bytes", "16384", "--message-graphemes", "20000"];
    let server = TestServer::start(&bounds).await;
    let mut reader = server.member("room", "reader").await;
    let begin = async |n: usize| {
        let client = server.seed("room", &format!("greedy {n}")).await.into_client();
        let half = [announcement(0x81, 16_384), vec![b'x'; 16_000]].concat();
        client.mute();
        let _ = client.try_write(&half).await;
        client
    };
    let mut held = Vec::new();
    for n in 0..16 {
        held.push(begin(n).await);
    }
    let mut more = begin(16).await;
    assert_eq!(more.closed().await, (4003, "too_many_requests".into()));
    // What is whole needs no room, and those who have theirs go on.
    reader.mark("not held up").await;
    held[0].write(&vec![b'y'; 384]).await;
    while !reader.next_event().await["content"].as_str().expect("a content").ends_with("yyy") {}
    let mut again = begin(17).await;
    let mut more = begin(18).await;
    assert_eq!(more.closed().await.0, 4003);
    again.write(&vec![b'z'; 384]).await;
    while !reader.next_event().await["content"].as_str().expect("a content").ends_with("zzz") {}
    drop(held);
    again = begin(19).await;
    again.write(&vec![b'w'; 384]).await;
    while !reader.next_event().await["content"].as_str().expect("a content").ends_with("www") {}
}

#[tokio::test]
async fn after_its_goodbye_the_server_reads_no_more_than_the_end() {
    let place = Crossroads::start(&[]).await;
    let mut reader = place.arrive(Transport::WsH1, "reader").await;
    for transport in SOCKETS {
        let mut client = open(&place, transport, &format!("{transport:?}")).await;
        let text = frame(0x81, br#"{"type":"send","id":"c","content":"after the goodbye"}"#);
        // A binary message ends the connection; what is malformed behind it is no further violation.
        let rest = [frame(0x82, b"binary"), text, frame(0x81, b"\xff"), frame(0x80, b"x")].concat();
        client.write(&rest).await;
        client.write(&frame(0x81, b"\xfe").repeat(1000)).await;
        client.send_frame(Opcode::Close, &1000u16.to_be_bytes()).await;
        assert_eq!(client.closed().await, (1003, "unsupported_data".into()), "{transport:?}");
        client.ended().await;
    }
    let before = reader.mark("the end").await;
    assert!(before.iter().all(|said| said != "after the goodbye"), "{before:?}");
}
