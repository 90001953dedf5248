//! HTTP/3 from the client's side, each WebSocket on it made to look like a TCP connection.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use h3::client::{RequestStream, SendRequest};
use h3::error::{Code, StreamError};
use h3::ext::Protocol;
use h3_quinn::OpenStreams;
use hamhame_client::h3::Received;
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig, VarInt};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::server::metric;
use super::tunnel::pair;
use super::{Body, SeedClient, Socket, TestServer, Trust, V1Client, within};

/// A stream whose request was sent.
pub type Stream = RequestStream<h3_quinn::BidiStream<Bytes>, Bytes>;

/// One connection of HTTP/3, on which requests are made and WebSockets opened. It ends with the last clone of it, and the
/// last WebSocket.
#[derive(Clone)]
pub struct H3 {
    sender: SendRequest<OpenStreams, Bytes>,
    quic: Connection,
    authority: String,
    ended: Arc<watch::Sender<Option<String>>>,
}

/// What the server may send on a stream before it is read, in bytes: little, so that who stalls is felt.
pub const STREAM_WINDOW: u32 = 16 * 1024;

/// How the tests speak QUIC: with a window for each stream, and a large one for the connection, so that no stream feels it when
/// another is not read.
pub fn quic_config(trust: &Trust, stream_window: u32) -> ClientConfig {
    let crypto = QuicClientConfig::try_from(trust.config(&[b"h3"])).expect("TLS 1.3 is there");
    let mut config = ClientConfig::new(Arc::new(crypto));
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(VarInt::from_u32(stream_window));
    config.transport_config(Arc::new(transport));
    config
}

impl H3 {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> H3 {
        H3::connect_with(address, quic_config(&Trust::default(), STREAM_WINDOW)).await
    }

    /// Connects in another way.
    pub async fn connect_with(address: SocketAddr, config: ClientConfig) -> H3 {
        let endpoint = Endpoint::client(([127, 0, 0, 1], 0).into()).expect("there is a free port");
        let connecting = endpoint.connect_with(config, address, "localhost");
        let connecting = connecting.expect("the configuration is in order");
        let quic = within("QUIC", connecting).await.expect("the server speaks QUIC");
        H3::over(quic, address).await
    }

    async fn over(quic: Connection, address: SocketAddr) -> H3 {
        let mut builder = h3::client::builder();
        builder.enable_extended_connect(true);
        let connection = h3_quinn::Connection::new(quic.clone());
        let (mut driver, sender) =
            within("HTTP/3", builder.build(connection)).await.expect("the server speaks HTTP/3");
        let ended = Arc::new(watch::Sender::new(None));
        let ending = ended.clone();
        tokio::spawn(async move {
            let end = driver.wait_idle().await;
            let end = if end.is_h3_no_error() { String::new() } else { end.to_string() };
            ending.send_replace(Some(end));
        });
        H3 { sender, quic, authority: address.to_string(), ended }
    }

    /// The QUIC connection itself.
    pub fn quic(&self) -> &Connection {
        &self.quic
    }

    /// Waits until the connection has ended, and gives the error that it ended with, or nothing.
    pub async fn end(&self) -> String {
        let mut ended = self.ended.subscribe();
        let end = within("the end of the connection", ended.wait_for(Option::is_some)).await;
        end.expect("its task ends after it says so").clone().expect("it was waited for")
    }

    /// A request, to be changed by the test.
    pub fn request(&self, method: &str, path: &str) -> http::Request<()> {
        let uri = format!("https://{}{path}", self.authority);
        http::Request::builder().method(method).uri(uri).body(()).expect("a request")
    }

    /// The request that opens a WebSocket, to be changed by the test.
    pub fn handshake(&self, path: &str) -> http::Request<()> {
        let mut request = self.request("CONNECT", path);
        request.extensions_mut().insert(Protocol::WEBSOCKET);
        request.headers_mut().insert("sec-websocket-version", http::HeaderValue::from_static("13"));
        request
    }

    /// Sends a request whose stream stays open.
    pub async fn send(&self, request: http::Request<()>) -> Stream {
        self.try_send(request).await.expect("the connection is open")
    }

    /// The same, if the connection still takes requests.
    pub async fn try_send(&self, request: http::Request<()>) -> Result<Stream, StreamError> {
        within("a stream", self.sender.clone().send_request(request)).await
    }

    /// Sends a request whose stream stays open, and waits for the head of the response.
    pub async fn ask(&self, request: http::Request<()>) -> (http::Response<()>, Stream) {
        let mut stream = self.send(request).await;
        let response = within("a response", stream.recv_response()).await;
        (response.expect("the server answers"), stream)
    }

    /// Sends a request with a body and waits for all of the response.
    pub async fn exchange(
        &self,
        request: http::Request<()>,
        body: impl Into<Bytes>,
    ) -> http::Response<String> {
        let (head, mut body) = self.begin(request, body).await.into_parts();
        let mut text = String::new();
        within("a body", body.read_to_string(&mut text)).await.expect("the body comes whole");
        http::Response::from_parts(head, text)
    }

    /// Sends a request with a body and waits for the head of the response.
    pub async fn begin(
        &self,
        request: http::Request<()>,
        body: impl Into<Bytes>,
    ) -> http::Response<Body> {
        let mut stream = self.send(request).await;
        let body = body.into();
        // It may be refused before it is there.
        if body.is_empty() || stream.send_data(body).await.is_ok() {
            let _ = stream.finish().await;
        }
        let response = within("a response", stream.recv_response()).await;
        response.expect("the server answers").map(|()| {
            let coming = Coming { stream, read: Received::default(), _connection: self.clone() };
            Box::pin(coming) as Body
        })
    }

    /// `GET path`: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let response = self.exchange(self.request("GET", path), "").await;
        (response.status().as_u16(), response.into_body())
    }

    /// The value of a metric, given as it stands in `/metrics` before the value.
    pub async fn metric(&self, name: &str) -> f64 {
        metric(&self.get("/metrics").await.1, name)
    }

    /// Opens a WebSocket.
    pub async fn open(&self, path: &str, protocol: Option<&'static str>) -> Socket {
        let mut request = self.handshake(path);
        if let Some(protocol) = protocol {
            let value = http::HeaderValue::from_static(protocol);
            request.headers_mut().insert("sec-websocket-protocol", value);
        }
        let (response, stream) = self.ask(request).await;
        assert_eq!(response.status(), 200);
        let chosen = response.headers().get("sec-websocket-protocol");
        let chosen = chosen.map(|value| value.to_str().expect("text").to_owned());
        let (near, far) = pair().await;
        tokio::spawn(carry(far, stream, self.clone()));
        Socket::over(near, chosen)
    }

    /// A client of `hamhame.v1` that has not joined yet.
    pub async fn v1(&self, room: &str, name: &str) -> V1Client {
        let path = format!("/ws/{}/{}", super::encode(room), super::encode(name));
        let socket = self.open(&path, Some("hamhame.v1")).await;
        assert_eq!(socket.protocol(), Some("hamhame.v1"));
        V1Client::over(name, socket.into_client(name))
    }

    /// A client of the seeds that is on its way into a room.
    pub async fn seed(&self, room: &str, name: &str) -> SeedClient {
        let path = format!("/ws/{}/{}", super::encode(room), super::encode(name));
        SeedClient::new(self.open(&path, None).await.into_client(name))
    }

    /// A client of `hamhame.v1` that has joined.
    pub async fn member(&self, room: &str, name: &str) -> V1Client {
        let mut client = self.v1(room, name).await;
        client.join().await;
        client
    }
}

impl TestServer {
    /// A connection of HTTP/3 to it, if it was started with `--http3`.
    pub async fn h3(&self) -> H3 {
        H3::connect(self.address()).await
    }
}

/// What comes on a stream.
struct Coming {
    stream: Stream,
    read: Received,
    _connection: H3,
}

impl AsyncRead for Coming {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let Coming { stream, read, .. } = &mut *self;
        read.poll_read(stream, context, buffer)
    }
}

/// Carries what comes on the one to the other until both directions have ended. If `socket` is cut, so is the stream. The
/// connection stays open as long.
async fn carry(socket: TcpStream, stream: Stream, _connection: H3) {
    let (mut reading, mut writing) = socket.into_split();
    let (mut sending, mut receiving) = stream.split();
    let (cut, mut is_cut) = watch::channel(false);
    let out = async {
        let mut bytes = [0; 4096];
        loop {
            match reading.read(&mut bytes).await {
                Ok(0) => return drop(sending.finish().await),
                Ok(n) => {
                    if sending.send_data(Bytes::copy_from_slice(&bytes[..n])).await.is_err() {
                        return;
                    }
                }
                Err(_) => {
                    sending.stop_stream(Code::H3_REQUEST_CANCELLED);
                    cut.send_replace(true);
                    return;
                }
            }
        }
    };
    let back = async {
        loop {
            let data = tokio::select! {
                data = receiving.recv_data() => data,
                _ = is_cut.wait_for(|cut| *cut) => return receiving.stop_sending(Code::H3_REQUEST_CANCELLED),
            };
            let Ok(Some(mut data)) = data else { break };
            if writing.write_all_buf(&mut data).await.is_err() {
                break;
            }
        }
        let _ = writing.shutdown().await;
    };
    tokio::join!(out, back);
}
