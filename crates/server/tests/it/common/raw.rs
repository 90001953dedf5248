//! A TCP connection of somebody who does not keep to any rule.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::{HttpResponse, within};

/// The headers of a handshake that is in order, but for `Host`.
pub const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Bytes out, bytes in, and nothing understood of them but where an HTTP answer ends.
pub struct Raw {
    stream: TcpStream,
    bytes: Vec<u8>,
}

impl Raw {
    /// Connects.
    pub async fn connect(address: SocketAddr) -> Raw {
        let stream = within("the connection", TcpStream::connect(address)).await;
        let stream = stream.expect("the server listens");
        stream.set_nodelay(true).expect("the socket is open");
        Raw::over(stream)
    }

    /// Over a connection that is open.
    pub fn over(stream: TcpStream) -> Raw {
        Raw { stream, bytes: Vec::new() }
    }

    /// Connects and writes `bytes`.
    pub async fn send(address: SocketAddr, bytes: impl AsRef<[u8]>) -> Raw {
        let mut raw = Raw::connect(address).await;
        raw.write(bytes).await;
        raw
    }

    /// Writes as far as the server takes it: one who is sent away need not be read to the end.
    pub async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = within("the server to take bytes", self.stream.write_all(bytes.as_ref())).await;
    }

    /// The next HTTP answer, without what follows it.
    pub async fn answer(&mut self) -> HttpResponse {
        loop {
            if let Some(response) = self.cut_answer() {
                return response;
            }
            assert!(self.read_more().await, "an answer was to come, not {:?}", self.text());
        }
    }

    /// What comes until the server ends the connection.
    pub async fn rest(&mut self) -> Vec<u8> {
        while self.read_more().await {}
        std::mem::take(&mut self.bytes)
    }

    /// What has come and is not understood yet, once it is `len` bytes.
    pub async fn exactly(&mut self, len: usize) -> Vec<u8> {
        while self.bytes.len() < len {
            assert!(self.read_more().await, "more was to come after {:?}", self.text());
        }
        self.bytes.drain(..len).collect()
    }

    /// The TCP connection.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    async fn read_more(&mut self) -> bool {
        let read = within("bytes or the end", self.stream.read_buf(&mut self.bytes)).await;
        read.is_ok_and(|n| n > 0)
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn cut_answer(&mut self) -> Option<HttpResponse> {
        let end = self.bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
        let head = String::from_utf8_lossy(&self.bytes[..end]).into_owned();
        let mut answer = HttpResponse::new(head, String::new());
        let length: usize =
            answer.header("content-length").map_or(0, |length| length.parse().expect("a number"));
        let whole = end + 4 + length;
        if self.bytes.len() < whole {
            return None;
        }
        answer.body = String::from_utf8_lossy(&self.bytes[end + 4..whole]).into_owned();
        self.bytes.drain(..whole);
        Some(answer)
    }
}

impl HttpResponse {
    /// Of this head and this body.
    pub fn new(head: String, body: String) -> HttpResponse {
        let status = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
        HttpResponse { status, head, body }
    }

    /// The body, which is JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}
