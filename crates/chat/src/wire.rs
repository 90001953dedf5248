//! A WebSocket to the server: bytes on one side, text messages on the other.

use std::collections::VecDeque;
use std::io;
use std::ops::ControlFlow;
use std::time::Duration;

use anyhow::{Context, anyhow};
use hamhame_ws::handshake::{BadResponse, Offer};
use hamhame_ws::{
    Closing, Incoming, Limits, NO_CODE, Opcode, Receiver, Role, write_masked_close,
    write_masked_frame,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::address::Address;
use crate::tls::Tls;

/// How long a server has to open the connection.
const OPENING: Duration = Duration::from_secs(10);

/// How long it has to answer our close frame.
const CLOSING: Duration = Duration::from_secs(2);

const PROTOCOL: &str = "hamhame.v1";

trait Stream: AsyncRead + AsyncWrite + Unpin {}

impl<T: AsyncRead + AsyncWrite + Unpin> Stream for T {}

/// An open connection.
pub struct Wire {
    stream: Box<dyn Stream>,
    receiver: Receiver,
    closing: Closing,
    heard: VecDeque<Heard>,
    out: Vec<u8>,
    buffer: Vec<u8>,
}

/// What came.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Text(String),
    /// Something that only shows that the server is there.
    Sign,
    /// The end, with the code of the close frame (1006 if there was none) and its reason.
    Closed(u16, String),
}

/// Why there is no connection.
#[derive(Debug)]
pub enum NotOpened {
    /// It may be there later.
    Later(anyhow::Error),
    /// Trying again does not help.
    Never(anyhow::Error),
}

impl Wire {
    /// Opens a connection for who joins as `name`.
    ///
    /// # Errors
    /// Whether it helps to try again, and why it failed.
    pub async fn open(address: &Address, tls: &Tls, name: &str) -> Result<Wire, NotOpened> {
        match timeout(OPENING, Wire::dial(address, tls, name)).await {
            Ok(result) => result,
            Err(_) => Err(NotOpened::Later(anyhow!(
                "{} did not answer in {OPENING:?}",
                address.authority()
            ))),
        }
    }

    async fn dial(address: &Address, tls: &Tls, name: &str) -> Result<Wire, NotOpened> {
        let tcp = TcpStream::connect((address.host.as_str(), address.port))
            .await
            .with_context(|| format!("cannot connect to {}", address.authority()))
            .map_err(NotOpened::Later)?;
        // Without it short messages may wait for the peer's acknowledgement; they arrive either way.
        let _ = tcp.set_nodelay(true);
        let stream: Box<dyn Stream> = if address.tls {
            Box::new(tls.connect(tcp, &address.host).await.map_err(NotOpened::Never)?)
        } else {
            Box::new(tcp)
        };
        Wire::shake_hands(stream, address, name).await
    }

    async fn shake_hands(
        mut stream: Box<dyn Stream>,
        address: &Address,
        name: &str,
    ) -> Result<Wire, NotOpened> {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce)
            .map_err(|error| NotOpened::Never(anyhow!("no randomness: {error}")))?;
        let (host, target) = (address.authority(), address.target(name));
        let offer = Offer {
            host: &host,
            target: &target,
            origin: None,
            protocols: &[PROTOCOL],
            deflate: true,
            nonce,
        };
        let head = offer.request_head().map_err(|error| NotOpened::Never(error.into()))?;
        let lost = |error: io::Error| {
            NotOpened::Later(
                anyhow::Error::new(error).context("the connection was lost while it was opened"),
            )
        };
        stream.write_all(head.as_bytes()).await.map_err(lost)?;
        let mut bytes = Vec::new();
        loop {
            if stream.read_buf(&mut bytes).await.map_err(lost)? == 0 {
                return Err(lost(io::ErrorKind::UnexpectedEof.into()));
            }
            let Some(accepted) = offer.read(&bytes).map_err(|bad| refused(bad, &bytes))? else {
                continue;
            };
            if accepted.protocol != Some(PROTOCOL) {
                return Err(NotOpened::Never(anyhow!("{host} does not speak {PROTOCOL}")));
            }
            let receiver = Receiver::new(Role::Client, Limits::default());
            let receiver =
                if accepted.deflate.is_some() { receiver.with_deflate() } else { receiver };
            let mut behind = bytes.split_off(accepted.head_len);
            let mut wire = Wire {
                stream,
                receiver,
                closing: Closing::new(),
                heard: VecDeque::new(),
                out: Vec::new(),
                buffer: vec![0; 16 * 1024],
            };
            wire.take_in(&mut behind);
            return Ok(wire);
        }
    }

    /// Queues a message; [`hear`](Self::hear) sends it.
    pub fn send(&mut self, text: &str) {
        write_masked_frame(&mut self.out, Opcode::Text, text.as_bytes(), mask());
    }

    /// Sends what is queued, and waits for what comes. May be dropped and called again without losing anything.
    pub async fn hear(&mut self) -> Heard {
        loop {
            // What must go out first does: a pong, or the answer to a close frame.
            while !self.out.is_empty() {
                match self.stream.write(&self.out).await {
                    Ok(0) | Err(_) => return Heard::Closed(1006, String::new()),
                    Ok(written) => drop(self.out.drain(..written)),
                }
            }
            if let Some(heard) = self.heard.pop_front() {
                return heard;
            }
            if self.stream.flush().await.is_err() {
                return Heard::Closed(1006, String::new());
            }
            match self.stream.read(&mut self.buffer).await {
                Ok(0) | Err(_) => return Heard::Closed(1006, String::new()),
                Ok(read) => {
                    let mut bytes = std::mem::take(&mut self.buffer);
                    self.take_in(&mut bytes[..read]);
                    self.buffer = bytes;
                }
            }
        }
    }

    /// Leaves for good, and waits a moment for the server's goodbye.
    pub async fn leave(mut self) {
        if self.closing.start() {
            write_masked_close(&mut self.out, 1000, "", mask());
        }
        let goodbye = async { while !matches!(self.hear().await, Heard::Closed(..)) {} };
        let _ = timeout(CLOSING, goodbye).await;
    }

    fn take_in(&mut self, bytes: &mut [u8]) {
        let (closing, heard, out) = (&mut self.closing, &mut self.heard, &mut self.out);
        let fed = self.receiver.feed(bytes, |incoming| {
            heard.push_back(match incoming {
                Incoming::Text(text) => Heard::Text(text.to_owned()),
                Incoming::Ping(payload) => {
                    write_masked_frame(out, Opcode::Pong, payload, mask());
                    Heard::Sign
                }
                Incoming::Close(frame) => {
                    if let Some(code) = closing.answer(frame) {
                        write_masked_close(out, code, "", mask());
                    }
                    let (code, reason) =
                        frame.map_or((NO_CODE, ""), |frame| (frame.code, frame.reason));
                    Heard::Closed(code, reason.to_owned())
                }
                Incoming::Pong(_) | Incoming::Binary(_) => Heard::Sign,
            });
            ControlFlow::Continue(())
        });
        if let Err(violation) = fed {
            if let Some(code) = closing.fail(&violation) {
                write_masked_close(out, code, &violation.to_string(), mask());
            }
            heard.push_back(Heard::Closed(1006, violation.to_string()));
        }
    }
}

/// What a refusal means, with the server's own words if it gave any.
fn refused(bad: BadResponse, bytes: &[u8]) -> NotOpened {
    let text = String::from_utf8_lossy(bytes);
    let words =
        text.split_once("\r\n\r\n").map(|(_, body)| body.trim()).filter(|body| !body.is_empty());
    let words = words.map(|body| format!(": {}", body.chars().take(300).collect::<String>()));
    let error = anyhow!("{bad}{}", words.unwrap_or_default());
    match bad {
        BadResponse::Status(408 | 429 | 500..) => NotOpened::Later(error),
        _ => NotOpened::Never(error),
    }
}

/// A key nobody can foresee (RFC 6455, section 5.3).
fn mask() -> [u8; 4] {
    let mut key = [0; 4];
    // Where the system has no randomness the handshake failed already.
    let _ = getrandom::fill(&mut key);
    key
}
