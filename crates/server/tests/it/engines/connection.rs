//! What somebody talks by: a WebSocket to one node, or a session over HTTP, whose requests go to any.

use std::net::SocketAddr;
use std::sync::Arc;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::session::Session;
use crate::common::{Api, Random, TestServer, Transport};

/// Where to find a node, which may be away for a while.
pub struct Node {
    address: SocketAddr,
    /// The room there.
    pub api: Api,
}

impl Node {
    /// All of them.
    pub async fn all(servers: &[TestServer]) -> Arc<[Node]> {
        let mut nodes = Vec::new();
        for server in servers {
            let api = Api::new(server, "room").await;
            nodes.push(Node { address: server.address(), api });
        }
        nodes.into()
    }
}

/// Any of them.
pub fn any<'a>(nodes: &'a [Node], random: &mut Random) -> &'a Node {
    &nodes[random.below(nodes.len() as u64) as usize]
}

/// By one of the transports. All that comes is in the words of `hamhame.v1`.
pub enum Connection {
    Socket(Box<Socket>),
    Session(Session),
}

type Socket = WebSocketStream<TcpStream>;

impl Connection {
    /// Asks any node to be let in. Gives its answer as well: `welcome`, or why not. `None` if there is none.
    pub async fn open(
        transport: Transport,
        nodes: &Arc<[Node]>,
        mut random: Random,
        join: &Value,
    ) -> Option<(Connection, Value)> {
        let node = any(nodes, &mut random);
        if transport.is_socket() {
            let (socket, answer) = open_socket(node, join).await?;
            return Some((Connection::Socket(Box::new(socket)), answer));
        }
        let answer = node.api.try_ask("POST", "sessions", None, Some(join)).await?.json();
        let session = Session::new(transport, nodes.clone(), random, &answer);
        Some((Connection::Session(session), answer))
    }

    /// Says something; the answer comes among the rest. `None` if the connection is over.
    pub async fn say(&mut self, id: &str, content: &str) -> Option<()> {
        match self {
            Connection::Socket(socket) => {
                let send = json!({ "type": "send", "id": id, "content": content });
                socket.send(Message::text(send.to_string())).await.ok()
            }
            Connection::Session(session) => {
                session.say(id, content);
                Some(())
            }
        }
    }

    /// What comes next; `None` if the connection is over. Nothing is lost if this is dropped.
    pub async fn next(&mut self) -> Option<Value> {
        match self {
            Connection::Socket(socket) => read(socket).await,
            Connection::Session(session) => session.next().await,
        }
    }
}

async fn open_socket(node: &Node, join: &Value) -> Option<(Socket, Value)> {
    let name = join["client_id"].as_str().expect("a name");
    let url = format!("ws://{}/ws/room/{name}", node.address);
    let mut request = url.into_client_request().expect("a request");
    let protocol = HeaderValue::from_static("hamhame.v1");
    request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    let stream = TcpStream::connect(node.address).await.ok()?;
    let (mut socket, _) = client_async(request, stream).await.ok()?;
    socket.send(Message::text(join.to_string())).await.ok()?;
    loop {
        let message = read(&mut socket).await?;
        if message["type"] == "welcome" || message["type"] == "error" {
            return Some((socket, message));
        }
    }
}

async fn read(socket: &mut Socket) -> Option<Value> {
    loop {
        match socket.next().await?.ok()? {
            Message::Text(text) => return Some(serde_json::from_str(&text).expect("JSON")),
            Message::Close(_) => return None,
            _ => {}
        }
    }
}
