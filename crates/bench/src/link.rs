//! One connection to the server, as a state and its buffers.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use hamhame_ws::handshake::Offer;
use hamhame_ws::{FrameHead, Opcode, Role, write_masked_close, write_masked_frame};
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use crate::guest::{End, Outbox};
use crate::target::{Target, Transport};

/// Keys to mask frames with. They need not be secret here (RFC 6455 section 10.3 protects proxies from
/// scripts), only different, so a xorshift does.
#[derive(Debug)]
pub struct Keys(u64);

impl Keys {
    /// A sequence of its own for each seed.
    pub fn new(seed: u64) -> Self {
        Self(seed | 1)
    }

    /// The next 64 bits.
    pub fn draw(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn key(&mut self) -> [u8; 4] {
        (self.draw() as u32).to_be_bytes()
    }
}

/// Where frames for one connection are put; they leave when its turn is over.
#[derive(Debug)]
pub(crate) struct Frames<'a> {
    /// Frames not yet written.
    pub(crate) bytes: &'a mut Vec<u8>,
    /// Masks for them.
    pub(crate) keys: &'a mut Keys,
}

impl Outbox for Frames<'_> {
    fn text(&mut self, payload: &[u8]) {
        write_masked_frame(self.bytes, Opcode::Text, payload, self.keys.key());
    }
}

impl Frames<'_> {
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        write_masked_frame(self.bytes, Opcode::Pong, payload, self.keys.key());
    }

    /// Says goodbye: code 1000.
    pub(crate) fn close(&mut self) {
        write_masked_close(self.bytes, 1000, "", self.keys.key());
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// No connection.
    Down,
    /// TCP is being made.
    Connecting,
    /// The request is out.
    Upgrading,
    /// Frames go both ways.
    Open,
}

#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) state: State,
    pub(crate) stream: Option<TcpStream>,
    /// What has come and is not yet a whole frame, or a whole head.
    pub(crate) unread: Vec<u8>,
    /// What is not yet written.
    pub(crate) out: Vec<u8>,
    /// Whether the poller watches for space to write.
    pub(crate) waits_for_space: bool,
    nonce: [u8; 16],
}

impl Link {
    pub(crate) fn down() -> Self {
        Self {
            state: State::Down,
            stream: None,
            unread: Vec::new(),
            out: Vec::new(),
            waits_for_space: false,
            nonce: [0; 16],
        }
    }

    /// Begins to connect; the poller tells when it is done.
    pub(crate) fn connect(
        &mut self,
        target: &Target,
        address: std::net::SocketAddr,
        source: Option<std::net::IpAddr>,
    ) -> io::Result<&TcpStream> {
        let socket = new_socket(target, source)?;
        match socket.connect(&address.into()) {
            Ok(()) => {}
            Err(error)
                if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        self.state = State::Connecting;
        self.unread.clear();
        self.out.clear();
        self.waits_for_space = false;
        Ok(self.stream.insert(socket.into()))
    }

    /// TCP is there: asks for the upgrade.
    pub(crate) fn ask(&mut self, target: &Target, path: &str, keys: &mut Keys) -> Result<(), End> {
        let made = self.stream.as_ref().map(TcpStream::take_error);
        if let Some(Ok(Some(error)) | Err(error)) = made {
            return Err(End::Broken(error.to_string()));
        }
        self.nonce[..8].copy_from_slice(&keys.draw().to_be_bytes());
        self.nonce[8..].copy_from_slice(&keys.draw().to_be_bytes());
        let head = offer(target, path, self.nonce)
            .request_head()
            .map_err(|error| End::Refused(error.to_string()))?;
        self.out.extend_from_slice(head.as_bytes());
        self.state = State::Upgrading;
        Ok(())
    }

    /// Reads the answer to the upgrade in `bytes`: the length of its head once it is whole.
    pub(crate) fn read_answer(&self, target: &Target, bytes: &[u8]) -> Result<Option<usize>, End> {
        let offer = offer(target, "/", self.nonce);
        let accepted = offer.read(bytes).map_err(|error| End::Refused(error.to_string()))?;
        let Some(accepted) = accepted else { return Ok(None) };
        target.dialect.accept(accepted.protocol)?;
        Ok(Some(accepted.head_len))
    }

    /// Writes what is to be written. `true` if nothing is left.
    pub(crate) fn write(&mut self) -> Result<bool, End> {
        let Some(mut stream) = self.stream.as_ref() else { return Ok(true) };
        let mut written = 0;
        while written < self.out.len() {
            match stream.write(&self.out[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(End::Broken(error.to_string())),
            }
        }
        self.out.drain(..written);
        Ok(self.out.is_empty())
    }

    /// Reads once into `buffer` behind what was left over last time; the number of bytes in it then, or
    /// `None` if there is nothing to read.
    pub(crate) fn read(&mut self, buffer: &mut Vec<u8>) -> Result<Option<usize>, End> {
        let Some(mut stream) = self.stream.as_ref() else { return Ok(None) };
        let kept = self.unread.len();
        if kept >= buffer.len() / 2 {
            buffer.resize(kept * 4, 0); // a frame larger than the buffer
        }
        buffer[..kept].copy_from_slice(&self.unread);
        match stream.read(&mut buffer[kept..]) {
            Ok(0) => Err(End::Broken("the server went without a close frame".to_owned())),
            Ok(count) => Ok(Some(kept + count)),
            Err(error)
                if matches!(
                    error.kind(),
                    io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(End::Broken(error.to_string())),
        }
    }

    /// Ends the connection with a reset, so that no port has to rest afterwards.
    pub(crate) fn reset(&mut self) {
        if let Some(stream) = self.stream.take() {
            // Fails only on a socket that is gone already.
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        self.state = State::Down;
    }
}

/// A socket that can be connected to the server, without waiting.
pub(crate) fn new_socket(target: &Target, source: Option<std::net::IpAddr>) -> io::Result<Socket> {
    let domain = Domain::for_address(target.address);
    let socket = Socket::new(domain, Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    if let Some(source) = source {
        socket.bind(&std::net::SocketAddr::new(source, 0).into())?;
    }
    Ok(socket)
}

/// The request that opens a WebSocket by HTTP/1.1.
pub(crate) fn offer<'a>(target: &'a Target, path: &'a str, nonce: [u8; 16]) -> Offer<'a> {
    let protocols = target.dialect.subprotocols();
    let deflate = target.transport == Transport::WsDeflate;
    Offer { host: &target.host, target: path, origin: None, protocols, deflate, nonce }
}

/// Walks over the server's frames at the start of `bytes`, passes texts on and answers pings; the number
/// of bytes walked over.
pub(crate) fn walk_frames(
    bytes: &[u8],
    outbox: &mut Frames<'_>,
    mut text: impl FnMut(&[u8], &mut Frames<'_>),
) -> Result<usize, End> {
    let mut at = 0;
    loop {
        let head = FrameHead::read(&bytes[at..], Role::Client)
            .map_err(|violation| End::Unfit(violation.to_string()))?;
        let Some((head, head_len)) = head else { return Ok(at) };
        let start = at + head_len;
        let end = usize::try_from(head.payload_len).ok().and_then(|len| start.checked_add(len));
        let Some(payload) = end.and_then(|end| bytes.get(start..end)) else { return Ok(at) };
        at = start + payload.len();
        match head.opcode {
            Opcode::Text if head.fin => text(payload, outbox),
            Opcode::Ping => outbox.pong(payload),
            Opcode::Pong => {}
            Opcode::Close => {
                let code = payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code));
                return Err(End::Closed(code));
            }
            Opcode::Text | Opcode::Binary | Opcode::Continuation => {
                return Err(End::Unfit("a fragment or a binary message".to_owned()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hamhame_ws::{write_close, write_frame};

    fn walk(bytes: &[u8]) -> (Result<usize, End>, Vec<String>, Vec<u8>) {
        let mut keys = Keys::new(7);
        let (mut out, mut texts) = (Vec::new(), Vec::new());
        let mut outbox = Frames { bytes: &mut out, keys: &mut keys };
        let walked = walk_frames(bytes, &mut outbox, |text, _| {
            texts.push(String::from_utf8_lossy(text).into_owned());
        });
        (walked, texts, out)
    }

    #[test]
    fn whole_frames_are_walked_over_and_the_rest_is_left() {
        let mut bytes = Vec::new();
        let long = "x".repeat(70_000);
        for text in ["a", &"b".repeat(200), &long] {
            write_frame(&mut bytes, Opcode::Text, text.as_bytes());
        }
        for cut in [0, 1, 2, 3, 5, 6, 7, 207, 208, bytes.len() - 1, bytes.len()] {
            let (walked, texts, _) = walk(&bytes[..cut]);
            let walked = walked.unwrap();
            assert_eq!(walked, [0, 3, 207, bytes.len()][texts.len()], "cut at {cut}");
        }
    }

    #[test]
    fn a_ping_is_answered_and_a_close_ends_it() {
        let mut bytes = Vec::new();
        write_frame(&mut bytes, Opcode::Ping, b"beat");
        write_close(&mut bytes, 4001, "slow");
        let (walked, texts, out) = walk(&bytes);
        assert_eq!((walked, texts.len()), (Err(End::Closed(4001)), 0));
        let (head, head_len) = FrameHead::read(&out, Role::Server).unwrap().unwrap();
        assert_eq!((head.opcode, out.len()), (Opcode::Pong, head_len + 4));
    }
}
