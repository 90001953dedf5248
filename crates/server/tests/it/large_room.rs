//! SPEC 3 and 4: past 1,000 members a count replaces the list, and single comings and goings are no news.
use crate::common::{TestServer, V1Client};
use serde_json::Value;

async fn fill(server: &TestServer, members: std::ops::Range<usize>) -> Vec<V1Client> {
    let mut clients = Vec::new();
    for n in members {
        clients.push(server.member("hall", &format!("member {n}")).await);
    }
    clients
}

/// Reads up to a presence with this count.
async fn until_count(client: &mut V1Client, count: usize) -> Value {
    loop {
        let presence = client.next_of("presence").await;
        if presence["count"] == count {
            return presence;
        }
    }
}

#[tokio::test]
async fn past_a_thousand_members_a_count_replaces_the_list() {
    let server = TestServer::start(&["--limits", "off"]).await;
    let mut ali = server.member("hall", "ali").await;
    let mut seed = server.seed("hall", "seed").await;
    let mut members = fill(&server, 2..1000).await;
    assert_eq!(
        members.last().expect("there are some").welcome()["users"].as_array().map(Vec::len),
        Some(1000)
    );
    assert_eq!(
        ali.mark("a thousand").await.len(),
        1000,
        "everyone's join, the own one and the seed's too"
    );

    let more = fill(&server, 1000..1005).await;
    for client in &more {
        assert_eq!(client.welcome().get("users"), None);
    }
    let presence = until_count(&mut ali, 1005).await;
    let members_of =
        |value: &Value| value.as_object().expect("an object").keys().cloned().collect::<Vec<_>>();
    assert_eq!(
        members_of(&presence).len(),
        4,
        "type, timestamp, version, count and no more: {presence}"
    );
    loop {
        let presence = seed.next_of("presence").await;
        if presence["count"] == 1005 {
            assert_eq!(presence.get("users"), None);
            break;
        }
    }
    assert_eq!(ali.mark("1005").await, [] as [Value; 0], "nobody is told of the last five");

    // Down again: those above the bound go silently, and then the list is whole.
    for client in more {
        client.into_client().close(1000).await;
    }
    let presence = until_count(&mut ali, 1000).await;
    assert_eq!(presence["users"].as_array().map(Vec::len), Some(1000), "the list is there again");
    members.pop().expect("there are some").into_client().close(1000).await;
    let mut told = Vec::new();
    let presence = loop {
        let message = ali.next().await;
        match message["type"].as_str() {
            Some("presence") if message["count"] == 999 => break message,
            Some("system") => told.push(message["content"].clone()),
            _ => {}
        }
    };
    assert_eq!(presence["left"].as_array().map(Vec::len), Some(1), "and then its changes");
    assert_eq!(told, ["member 999 left hall."]);
}
