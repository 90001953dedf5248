//! The client that most Rust programs use, tokio-tungstenite, in both dialects.
use crate::common::{TestServer, encode, within};
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn connect(
        server: &TestServer,
        room: &str,
        name: &str,
        protocol: Option<&str>,
    ) -> Client {
        let url = format!("ws://{}/ws/{}/{}", server.address(), encode(room), encode(name));
        let mut request = url.into_client_request().expect("a request");
        if let Some(protocol) = protocol {
            let value = HeaderValue::from_str(protocol).expect("a value");
            request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, value);
        }
        let (socket, answer) =
            within("the handshake", connect_async(request)).await.expect("it is accepted");
        let chosen = answer.headers().get(header::SEC_WEBSOCKET_PROTOCOL);
        assert_eq!(chosen.map(|value| value.to_str().expect("text")), protocol);
        Client(socket)
    }

    async fn join(server: &TestServer, room: &str, name: &str, join: Value) -> (Client, Value) {
        let mut client = Client::connect(server, room, name, Some("hamhame.v1")).await;
        client.say(&join.to_string()).await;
        let welcome = client.next("welcome").await;
        (client, welcome)
    }

    async fn say(&mut self, text: &str) {
        within("the server to take it", self.0.send(Message::text(text)))
            .await
            .expect("it is open");
    }

    /// The next message of this type; others are passed over.
    async fn next(&mut self, kind: &str) -> Value {
        loop {
            let message =
                within(kind, self.0.next()).await.expect("it is open").expect("it is in order");
            if let Message::Text(text) = message {
                let message: Value = serde_json::from_str(&text).expect("JSON");
                if message["type"] == kind {
                    return message;
                }
            }
        }
    }

    /// The code of the server's close frame, and that the connection ends in order after it.
    async fn closed(&mut self) -> u16 {
        let mut code = None;
        loop {
            match within("the end", self.0.next()).await {
                Some(Ok(Message::Close(frame))) => code = frame.map(|frame| frame.code.into()),
                Some(Ok(_)) => {}
                None | Some(Err(Error::ConnectionClosed)) => return code.expect("a code"),
                Some(Err(error)) => panic!("it was cut: {error}"),
            }
        }
    }
}

#[tokio::test]
async fn it_talks_resumes_and_hears_why_it_is_closed() {
    let server = TestServer::start(&["--drain", "100ms"]).await;
    let content = "می‌خواهم بگویم: سلام! ".repeat(30);
    let content = content.trim();
    let (mut maryam, welcome) = Client::join(&server, "کلاس", "مریم", json!({"type": "join"})).await;
    let mut ali = Client::connect(&server, "کلاس", "علی", None).await;

    maryam.say(&json!({"type": "send", "id": "1", "content": content}).to_string()).await;
    let offset = maryam.next("ack").await["offset"].clone();
    let heard = ali.next("message").await;
    assert_eq!((&heard["content"], &heard["offset"]), (&json!(content), &offset));
    ali.say("سلام مریم").await;
    assert_eq!(maryam.next("message").await["content"], content);
    let answer = maryam.next("message").await;
    assert_eq!((&answer["content"], &answer["client_id"]), (&json!("سلام مریم"), &json!("علی")));

    let join = json!({"type": "join", "token": welcome["token"], "after": welcome["position"]});
    let (mut again, resumed) = Client::join(&server, "کلاس", "مریم", join).await;
    assert_eq!((&resumed["recovered"], &resumed["member"]), (&json!(true), &welcome["member"]));
    assert_eq!(maryam.closed().await, 4506, "its session was taken over");
    assert_eq!(again.next("message").await["content"], content, "what it missed");

    server.terminate();
    assert_eq!((again.closed().await, ali.closed().await), (1012, 1012));
}
