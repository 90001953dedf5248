//! SPEC 3: a client that knows only the seed documents works unchanged, without negotiating anything.
mod common;

use common::TestServer;

#[tokio::test]
async fn a_message_has_the_five_members_of_the_seeds_first_and_in_their_order() {
    let server = TestServer::start(&[]).await;
    let mut ali = server.seed("کلاس", "علی").await;
    ali.say("سلام").await;
    let raw = loop {
        let raw = ali.next_raw().await;
        if raw.contains(r#""type":"message""#) {
            break raw;
        }
    };
    let start =
        r#"{"type":"message","room_id":"کلاس","client_id":"علی","content":"سلام","timestamp":""#;
    assert!(raw.starts_with(start), "{raw}");
}
