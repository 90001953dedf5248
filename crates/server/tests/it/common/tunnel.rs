//! TLS and HTTP/2 from the client's side, each made to look like a TCP connection, so that every client of the tests can use it.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use h2::RecvStream;
use h2::client::SendRequest;
use h2::ext::Protocol;
use hamhame_client::h2::Stream;
use hamhame_client::tls::AnyCertificate;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::{Body, Socket, within};

/// A TCP connection on this machine that carries what `stream` carries, and ends with it.
pub async fn loopback(
    mut stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
) -> TcpStream {
    let (near, mut far) = pair().await;
    tokio::spawn(async move {
        let _ = tokio::io::copy_bidirectional(&mut far, &mut stream).await;
    });
    near
}

/// Both ends of a TCP connection on this machine. It holds little, so that who stalls at the near one is felt at the far one.
pub async fn pair() -> (TcpStream, TcpStream) {
    let (listener, near) = (TcpSocket::new_v4(), TcpSocket::new_v4());
    let (listener, near) = (listener.expect("a socket"), near.expect("a socket"));
    listener.set_send_buffer_size(4096).expect("the size can be set");
    near.set_recv_buffer_size(4096).expect("the size can be set");
    listener.bind(([127, 0, 0, 1], 0).into()).expect("there is a free port");
    let listener = listener.listen(1).expect("it is bound");
    let address = listener.local_addr().expect("it is bound");
    let (near, far) = tokio::join!(near.connect(address), listener.accept());
    (near.expect("it listens"), far.expect("somebody connects").0)
}

/// Speaks TLS with whoever is there, and notes the certificate that was shown.
#[derive(Clone, Debug, Default)]
pub struct Trust(AnyCertificate);

impl Trust {
    /// Does the handshake on `stream`, with these protocols on offer.
    pub async fn open(&self, stream: TcpStream, protocols: &[&[u8]]) -> TlsStream<TcpStream> {
        self.try_open(stream, protocols).await.expect("the server speaks TLS")
    }

    /// Does the handshake, or says why it failed.
    pub async fn try_open(
        &self,
        stream: TcpStream,
        protocols: &[&[u8]],
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let config = self.config(protocols);
        let name = ServerName::try_from("localhost").expect("a name");
        within("TLS", TlsConnector::from(Arc::new(config)).connect(name, stream)).await
    }

    /// What a client of TLS needs, with these protocols on offer.
    pub fn config(&self, protocols: &[&[u8]]) -> ClientConfig {
        self.0.config(protocols)
    }

    /// SHA-256 of the certificate that was shown last, as the server prints it.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.0.shown());
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }
}

/// One connection of HTTP/2, on which requests are made and WebSockets opened.
#[derive(Clone)]
pub struct H2 {
    sender: SendRequest<Bytes>,
    authority: String,
    ended: Arc<tokio::sync::watch::Sender<Option<String>>>,
}

/// A TCP connection that sends at once: small frames that make room for more would wait for the server's acknowledgement else.
async fn dial(address: SocketAddr) -> TcpStream {
    let stream = within("the connection", TcpStream::connect(address)).await;
    let stream = stream.expect("the server listens");
    stream.set_nodelay(true).expect("the socket is open");
    stream
}

impl H2 {
    /// By prior knowledge.
    pub async fn connect(address: SocketAddr) -> H2 {
        H2::over(dial(address).await, address).await
    }

    /// Over TLS, by ALPN.
    pub async fn connect_tls(address: SocketAddr) -> H2 {
        let stream = Trust::default().open(dial(address).await, &[b"h2", b"http/1.1"]).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        H2::over(stream, address).await
    }

    async fn over(
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        address: SocketAddr,
    ) -> H2 {
        let handshake = h2::client::Builder::new()
            .initial_window_size(16 * 1024)
            // One stream that is not read from must not hold up the others on our side either.
            .initial_connection_window_size(16 << 20)
            .handshake(stream);
        let (sender, connection) =
            within("HTTP/2", handshake).await.expect("the server speaks HTTP/2");
        let ended = Arc::new(tokio::sync::watch::Sender::new(None));
        let ending = ended.clone();
        tokio::spawn(async move {
            let end = connection.await.map_or_else(|error| error.to_string(), |()| String::new());
            ending.send_replace(Some(end));
        });
        let h2 = H2 { sender, authority: address.to_string(), ended };
        // The server's settings come with the first answer at the latest.
        h2.get("/healthz").await;
        h2
    }

    /// Whether WebSockets may be opened on it (RFC 8441, section 3).
    pub fn takes_websockets(&self) -> bool {
        self.sender.is_extended_connect_protocol_enabled()
    }

    /// How many streams may be open at once.
    pub fn most_streams(&self) -> usize {
        self.sender.current_max_send_streams()
    }

    /// Waits until the connection has ended, and gives the error that it ended with, or nothing.
    pub async fn end(&self) -> String {
        let mut ended = self.ended.subscribe();
        let end = within("the end of the connection", ended.wait_for(Option::is_some)).await;
        end.expect("its task ends after it says so").clone().expect("it was waited for")
    }

    /// `GET path`: status and body.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let (head, mut body) = self.fetch(path).await.into_parts();
        let mut bytes = Vec::new();
        while let Some(data) = within("a body", body.data()).await {
            let data = data.expect("the body comes whole");
            let _ = body.flow_control().release_capacity(data.len());
            bytes.extend_from_slice(&data);
        }
        (head.status.as_u16(), String::from_utf8_lossy(&bytes).into_owned())
    }

    /// A request, to be changed by the test.
    pub fn request(&self, method: &str, path: &str) -> http::Request<()> {
        let uri = format!("http://{}{path}", self.authority);
        http::Request::builder().method(method).uri(uri).body(()).expect("a request")
    }

    /// Sends a request with a body and waits for the head of the response.
    pub async fn begin(&self, request: http::Request<()>, body: String) -> http::Response<Body> {
        let mut sender = within("a stream", self.sender.clone().ready()).await.expect("it is open");
        let sent = sender.send_request(request, body.is_empty());
        let (response, mut send) = sent.expect("it is open");
        if !body.is_empty() {
            send.send_data(body.into(), true).expect("it is open");
        }
        let response = within("a response", response).await.expect("the server answers");
        response.map(|receive| Box::pin(Stream::new(send, receive)) as Body)
    }

    /// `GET path`: the head of the response, and the stream that its body comes on.
    pub async fn fetch(&self, path: &str) -> http::Response<RecvStream> {
        let request = self.request("GET", path);
        let mut sender = within("a stream", self.sender.clone().ready()).await.expect("it is open");
        let (response, _) = sender.send_request(request, true).expect("it is open");
        within("a response", response).await.expect("the server answers")
    }

    /// The request that opens a WebSocket, to be changed by the test.
    pub fn handshake(&self, path: &str) -> http::Request<()> {
        let mut request = self.request("CONNECT", path);
        request.extensions_mut().insert(Protocol::from_static("websocket"));
        let version = http::HeaderValue::from_static("13");
        request.headers_mut().insert("sec-websocket-version", version);
        request
    }

    /// Makes a request whose stream stays open.
    pub async fn ask(&self, request: http::Request<()>) -> (http::response::Parts, Stream) {
        let mut sender = within("a stream", self.sender.clone().ready()).await.expect("it is open");
        let (response, send) = sender.send_request(request, false).expect("it is open");
        let response = within("a response", response).await.expect("the server answers");
        let (parts, receive) = response.into_parts();
        (parts, Stream::new(send, receive))
    }

    /// Opens a WebSocket.
    pub async fn open(&self, path: &str, protocol: Option<&str>) -> Socket {
        let mut request = self.handshake(path);
        if let Some(protocol) = protocol {
            let value = protocol.parse().expect("a value");
            request.headers_mut().insert("sec-websocket-protocol", value);
        }
        let (response, stream) = self.ask(request).await;
        assert_eq!(response.status, 200);
        let chosen = response.headers.get("sec-websocket-protocol");
        let chosen = chosen.map(|value| value.to_str().expect("text").to_owned());
        Socket::over(loopback(stream).await, chosen)
    }
}
