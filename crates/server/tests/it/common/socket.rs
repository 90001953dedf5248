//! One WebSocket, as raw as a test wants it.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::ops::ControlFlow;

use hamhame_ws::handshake::{BadResponse, Offer};
use hamhame_ws::{
    FrameHead, Incoming, Limits, Opcode, Receiver, Role, write_masked_close, write_masked_frame,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::client::{Client, Frame};
use super::door::narrow;
use super::{Trust, loopback, within};

/// The mask of all frames: a test has nothing to hide from a proxy (RFC 6455, section 10.3).
pub const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// A WebSocket to be opened.
pub struct Connect {
    address: SocketAddr,
    path: String,
    protocols: Vec<String>,
    origin: Option<String>,
    receive_buffer: Option<u32>,
    narrow: bool,
    deflate: bool,
    trailing: Vec<u8>,
    trust: Option<Trust>,
}

/// An open WebSocket without a task behind it: nothing is read or answered but by what the test calls.
pub struct Socket {
    stream: TcpStream,
    receiver: Receiver,
    frames: VecDeque<Frame>,
    /// All bytes that came behind the handshake.
    wire: Vec<u8>,
    head: String,
    protocol: Option<String>,
}

impl Connect {
    /// To this address.
    pub fn new(address: SocketAddr, path: &str) -> Connect {
        Connect {
            address,
            path: path.to_owned(),
            protocols: Vec::new(),
            origin: None,
            receive_buffer: None,
            narrow: false,
            deflate: false,
            trailing: Vec::new(),
            trust: None,
        }
    }

    /// Through TLS.
    pub fn tls(mut self, trust: &Trust) -> Connect {
        self.trust = Some(trust.clone());
        self
    }

    /// Offers a subprotocol.
    pub fn protocol(mut self, protocol: &str) -> Connect {
        self.protocols.push(protocol.to_owned());
        self
    }

    /// Offers compression.
    pub fn deflate(mut self) -> Connect {
        self.deflate = true;
        self
    }

    /// Says from which page it comes.
    pub fn origin(mut self, origin: &str) -> Connect {
        self.origin = Some(origin.to_owned());
        self
    }

    /// Has the kernel hold no more than about this much for us.
    pub fn receive_buffer(mut self, bytes: u32) -> Connect {
        self.receive_buffer = Some(bytes);
        self
    }

    /// Has the kernel hold little in either direction, so that a reader that stalls is felt soon.
    pub fn narrow(mut self) -> Connect {
        self.narrow = true;
        self
    }

    /// Sends these text messages in one piece with the request, without waiting for its answer.
    pub fn trailing(mut self, texts: &[&str]) -> Connect {
        for text in texts {
            write_masked_frame(&mut self.trailing, Opcode::Text, text.as_bytes(), MASK);
        }
        self
    }

    /// Opens it.
    pub async fn open(self) -> Socket {
        match self.try_open().await {
            Ok(socket) => socket,
            Err((error, head)) => panic!("the WebSocket does not open: {error}\n{head}"),
        }
    }

    /// Opens it, or gives why not, with what the server answered.
    pub async fn try_open(self) -> Result<Socket, (BadResponse, String)> {
        let mut stream = self.connect().await;
        let host = self.address.to_string();
        let protocols: Vec<&str> = self.protocols.iter().map(String::as_str).collect();
        let offer = Offer {
            host: &host,
            target: &self.path,
            origin: self.origin.as_deref(),
            protocols: &protocols,
            deflate: self.deflate,
            nonce: *b"a nonce of tests",
        };
        let mut request = offer.request_head().expect("the offer can be written").into_bytes();
        request.extend_from_slice(&self.trailing);
        within("the server to take the request", stream.write_all(&request))
            .await
            .expect("it is open");
        let mut bytes = Vec::new();
        loop {
            let read = within("the answer to the handshake", stream.read_buf(&mut bytes)).await;
            let ended = read.is_err() || read.is_ok_and(|n| n == 0);
            match offer.read(&bytes) {
                Ok(Some(accepted)) => {
                    let protocol = accepted.protocol.map(str::to_owned);
                    let deflate = accepted.deflate.is_some();
                    let rest = bytes.split_off(accepted.head_len);
                    return Ok(Socket::new(stream, &bytes, protocol, deflate, rest));
                }
                Ok(None) if !ended => {}
                Err(_) if !ended && !is_whole(&bytes) => {}
                Ok(None) => return Err((BadResponse::Malformed, lossy(&bytes))),
                Err(error) => return Err((error, lossy(&bytes))),
            }
        }
    }

    async fn connect(&self) -> TcpStream {
        let socket = TcpSocket::new_v4().expect("a socket can be made");
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes).expect("the buffer's size can be set");
        }
        if self.narrow {
            narrow(&socket);
        }
        let stream = within("the connection", socket.connect(self.address)).await;
        let stream = stream.expect("the server listens");
        stream.set_nodelay(true).expect("the socket is open");
        match &self.trust {
            Some(trust) => loopback(trust.open(stream, &[b"http/1.1"]).await).await,
            None => stream,
        }
    }
}

impl Socket {
    /// Over a stream of HTTP/2 on which a WebSocket was opened.
    pub(super) fn over(stream: TcpStream, protocol: Option<String>) -> Socket {
        Socket::new(stream, &[], protocol, false, Vec::new())
    }

    fn new(
        stream: TcpStream,
        head: &[u8],
        protocol: Option<String>,
        deflate: bool,
        mut rest: Vec<u8>,
    ) -> Socket {
        let limits = Limits { frame: 16 << 20, message: 16 << 20, fragments: 1024 };
        let receiver = Receiver::new(Role::Client, limits);
        let mut socket = Socket {
            stream,
            receiver: if deflate { receiver.with_deflate() } else { receiver },
            frames: VecDeque::new(),
            wire: rest.clone(),
            head: lossy(head),
            protocol,
        };
        take_in(&mut socket.receiver, &mut rest, &mut socket.frames);
        socket
    }

    /// The head of the server's 101 response.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// The subprotocol that the server chose.
    pub fn protocol(&self) -> Option<&str> {
        self.protocol.as_deref()
    }

    /// All frames that came whole so far, as they stood on the wire: the header, and header and payload.
    pub fn wire(&self) -> Vec<(FrameHead, &[u8])> {
        let mut frames = Vec::new();
        let mut rest = &self.wire[..];
        while let Ok(Some((head, len))) = FrameHead::read_deflated(rest, Role::Client)
            && let Some((frame, later)) = rest.split_at_checked(len + head.payload_len as usize)
        {
            frames.push((head, frame));
            rest = later;
        }
        frames
    }

    /// The TCP connection itself.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Gives reading and the answering of pings to a task.
    pub fn into_client(self, label: &str) -> Client {
        Client::new(label, self.stream, self.receiver, self.frames)
    }

    /// Writes bytes as they are.
    pub async fn write(&mut self, bytes: &[u8]) {
        let written = within("the server to take bytes", self.stream.write_all(bytes)).await;
        written.expect("the connection is open");
    }

    /// Writes bytes as they are, and reads the next frame meanwhile.
    pub async fn exchange(&mut self, bytes: &[u8]) -> Frame {
        let (mut reading, mut writing) = self.stream.split();
        let (receiver, frames) = (&mut self.receiver, &mut self.frames);
        let read = async {
            let mut bytes = [0; 16 * 1024];
            while frames.is_empty() {
                let n = reading.read(&mut bytes).await.expect("the connection is open");
                assert!(n > 0, "the connection ended");
                take_in(receiver, &mut bytes[..n], frames);
            }
        };
        let write = async { writing.write_all(bytes).await.expect("the connection is open") };
        within("a frame", async { tokio::join!(read, write) }).await;
        self.next().await
    }

    /// Sends a whole frame.
    pub async fn send_frame(&mut self, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::new();
        write_masked_frame(&mut frame, opcode, payload, MASK);
        self.write(&frame).await;
    }

    /// Sends a text message.
    pub async fn send(&mut self, text: &str) {
        self.send_frame(Opcode::Text, text.as_bytes()).await;
    }

    /// Sends a close frame.
    pub async fn close(&mut self, code: u16) {
        let mut frame = Vec::new();
        write_masked_close(&mut frame, code, "", MASK);
        self.write(&frame).await;
    }

    /// The next frame of whatever kind, or the end. Pings are not answered.
    pub async fn next(&mut self) -> Frame {
        within("a frame", async {
            loop {
                if let Some(frame) = self.frames.pop_front() {
                    return frame;
                }
                let mut bytes = [0; 16 * 1024];
                match self.stream.read(&mut bytes).await {
                    Ok(0) => return Frame::End { reset: false },
                    Ok(n) => {
                        self.wire.extend_from_slice(&bytes[..n]);
                        take_in(&mut self.receiver, &mut bytes[..n], &mut self.frames);
                    }
                    Err(_) => return Frame::End { reset: true },
                }
            }
        })
        .await
    }

    /// Code and reason of the close frame that the server sends sooner or later; `None` if it ends without one.
    pub async fn closed(&mut self) -> Option<(u16, String)> {
        loop {
            match self.next().await {
                Frame::Close(close) => return Some(close.unwrap_or((1005, String::new()))),
                Frame::End { .. } => return None,
                _ => {}
            }
        }
    }

    /// The code alone.
    pub async fn close_code(&mut self) -> Option<u16> {
        self.closed().await.map(|(code, _)| code)
    }

    /// Cuts the connection with a RST, as a crash does.
    pub fn abort(self) {
        let _ = self.stream.set_zero_linger();
    }
}

/// Whether an HTTP response has come with all its body, so that a test can tell what it says.
fn is_whole(response: &[u8]) -> bool {
    let text = lossy(response).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:"));
    length
        .and_then(|length| length.trim().parse().ok())
        .is_none_or(|length: usize| body.len() >= length)
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Feeds bytes to a receiver and keeps what they complete.
pub(super) fn take_in(receiver: &mut Receiver, bytes: &mut [u8], frames: &mut VecDeque<Frame>) {
    let fed = receiver.feed(bytes, |incoming| {
        frames.push_back(match incoming {
            Incoming::Text(text) => Frame::Text(text.to_owned()),
            Incoming::Binary(data) => Frame::Binary(data.to_vec()),
            Incoming::Ping(payload) => Frame::Ping(payload.to_vec()),
            Incoming::Pong(payload) => Frame::Pong(payload.to_vec()),
            Incoming::Close(close) => {
                Frame::Close(close.map(|close| (close.code, close.reason.to_owned())))
            }
        });
        ControlFlow::Continue(())
    });
    if let Err(violation) = fed {
        panic!("the server broke the WebSocket protocol: {violation}");
    }
}
