//! A server that every transport leads to, and the ways to it.

use serde_json::{Value, json};

use super::way::Way;
use super::{Api, H2, H3, HttpMember, Line, Member, Refused, TestServer, Ticket, Trust, V1Client};

/// The room that everybody is in.
const ROOM: &str = "کلاس";

/// How a member reads and speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transport {
    /// A WebSocket over HTTP/1.1.
    WsH1,
    /// A WebSocket on a stream of HTTP/2.
    WsH2,
    /// A WebSocket on a stream of HTTP/3.
    WsH3,
    /// A stream of Server-Sent Events, and requests, over HTTP/1.1.
    SseH1,
    /// The same on one connection of HTTP/2.
    SseH2,
    /// The same on one connection of HTTP/3.
    SseH3,
    /// Requests that wait for events, over HTTP/1.1.
    LongPollingH1,
    /// The same on one connection of HTTP/2.
    LongPollingH2,
    /// Requests again and again, over HTTP/1.1.
    Polling,
}

impl Transport {
    /// All there are.
    pub const ALL: [Transport; 9] = [
        Transport::WsH1,
        Transport::WsH2,
        Transport::WsH3,
        Transport::SseH1,
        Transport::SseH2,
        Transport::SseH3,
        Transport::LongPollingH1,
        Transport::LongPollingH2,
        Transport::Polling,
    ];

    /// The one after this; after the last, the first.
    pub fn next(self) -> Transport {
        Transport::ALL[(self as usize + 1) % Transport::ALL.len()]
    }

    /// Whether it is a WebSocket.
    pub fn is_socket(self) -> bool {
        matches!(self, Transport::WsH1 | Transport::WsH2 | Transport::WsH3)
    }

    /// Whether it is a stream of Server-Sent Events.
    pub fn is_stream(self) -> bool {
        matches!(self, Transport::SseH1 | Transport::SseH2 | Transport::SseH3)
    }

    /// Whether its requests wait for events.
    pub fn is_patient(self) -> bool {
        matches!(self, Transport::LongPollingH1 | Transport::LongPollingH2)
    }
}

/// Makes a test of each promise over each transport: a failure names both, as `nothing_lost::over_sse_h2`. A new transport gets a
/// variant of [`Transport`], a line here, and a [`Way`].
macro_rules! over_every_transport {
    ($($promise:ident),* $(,)?) => {
        $(mod $promise {
            $crate::common::over_every_transport! { @one $promise
                over_websocket_h1 WsH1,
                over_websocket_h2 WsH2,
                over_websocket_h3 WsH3,
                over_sse_h1 SseH1,
                over_sse_h2 SseH2,
                over_sse_h3 SseH3,
                over_long_polling_h1 LongPollingH1,
                over_long_polling_h2 LongPollingH2,
                over_polling Polling,
            }
        })*
    };
    (@one $promise:ident $($test:ident $transport:ident),* $(,)?) => {
        $(#[tokio::test]
        async fn $test() {
            super::$promise($crate::common::Transport::$transport).await;
        })*
    };
}
pub(crate) use over_every_transport;

/// A server with TLS and HTTP/3, so that it can be reached in every way, and one room of it.
pub struct Crossroads {
    /// The server.
    pub server: TestServer,
    api: Api,
}

impl Crossroads {
    /// Starts it with further arguments.
    pub async fn start(args: &[&str]) -> Crossroads {
        let server =
            TestServer::start(&[&["--tls", "self-signed", "--http3"], args].concat()).await;
        let api = Api::new(&server, ROOM).await;
        Crossroads { server, api }
    }

    /// Joins as somebody new.
    pub async fn arrive(&self, transport: Transport, name: &str) -> Member {
        let arrived = self.try_arrive(transport, name).await;
        arrived.unwrap_or_else(|refused| panic!("{name} is not let in: {refused:?}"))
    }

    /// Joins as somebody new who asks for so much of the past.
    pub async fn arrive_with_history(
        &self,
        transport: Transport,
        name: &str,
        history: usize,
    ) -> Member {
        let arrived = self.enter(transport, name, json!({ "history": history })).await;
        arrived.unwrap_or_else(|refused| panic!("{name} is not let in: {refused:?}"))
    }

    /// Joins as somebody new, or says why it may not.
    pub async fn try_arrive(&self, transport: Transport, name: &str) -> Result<Member, Refused> {
        self.enter(transport, name, json!({})).await
    }

    /// Comes back with token and position, by the same transport as before or another one.
    pub async fn back(&self, transport: Transport, ticket: &Ticket) -> Member {
        let proof = json!({ "token": ticket.token, "after": ticket.position });
        let back = self.enter(transport, &ticket.name, proof).await;
        back.unwrap_or_else(|refused| panic!("{} is not let in again: {refused:?}", ticket.name))
    }

    async fn enter(
        &self,
        transport: Transport,
        name: &str,
        mut join: Value,
    ) -> Result<Member, Refused> {
        if transport.is_socket() {
            join["type"] = json!("join");
            let mut socket = self.open(transport, name).await;
            socket.send_json(join).await;
            let answer = socket.next().await;
            return match answer["type"].as_str() {
                Some("welcome") => Ok(Member::new(answer, Way::Socket(socket))),
                _ => Err(Refused::told(&answer)),
            };
        }
        join["client_id"] = json!(name);
        let api = self.api.over(self.line(transport).await);
        let answer = api.ask("POST", "sessions", None, Some(&join)).await;
        if answer.status != 201 {
            return Err(Refused::told(&answer.json()));
        }
        let session = HttpMember { api, welcome: answer.json() };
        let welcome = session.welcome.clone();
        let way = Way::of_session(session, transport).await;
        Ok(Member::new(welcome, way))
    }

    /// What carries the requests of somebody new.
    async fn line(&self, transport: Transport) -> Line {
        let address = self.server.address();
        match transport {
            Transport::SseH2 | Transport::LongPollingH2 => {
                Line::Http2(H2::connect_tls(address).await)
            }
            Transport::SseH3 => Line::Http3(H3::connect(address).await),
            _ => Line::Http1(self.server.door()),
        }
    }

    /// Opens a WebSocket, without joining.
    pub async fn open(&self, transport: Transport, name: &str) -> V1Client {
        let address = self.server.address();
        let path = format!("/ws/{}/{}", super::encode(ROOM), super::encode(name));
        let protocol = "hamhame.v1";
        let socket = match transport {
            Transport::WsH2 => H2::connect_tls(address).await.open(&path, Some(protocol)).await,
            Transport::WsH3 => H3::connect(address).await.open(&path, Some(protocol)).await,
            _ => {
                let connect = self.server.connect(&path).protocol(protocol).narrow();
                connect.tls(&Trust::default()).open().await
            }
        };
        assert_eq!(socket.protocol(), Some(protocol));
        V1Client::over(name, socket.into_client(name))
    }
}
