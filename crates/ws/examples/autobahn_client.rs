//! Runs the cases of an Autobahn fuzzing server against the client's side of this crate.
//!
//! ```sh
//! kosoku -m fuzzingserver -o reports 127.0.0.1:9001
//! cargo run --release -p hamhame-ws --example autobahn_client -- 127.0.0.1:9001
//! ```
//!
//! Every message is sent back as it came, compressed if that was agreed. The verdict is the server's: it writes its report
//! when all cases are through.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::ops::ControlFlow;
use std::time::Duration;

use hamhame_ws::handshake::Offer;
use hamhame_ws::{
    Closing, Deflater, Incoming, Limits, Opcode, Receiver, Role, apply_mask, masked_frame_header,
    write_masked_close, write_masked_frame,
};

/// The name in the report.
const AGENT: &str = "hamhame-ws";

/// What the cases need: they send messages of 16 MiB in any number of fragments.
const LIMITS: Limits = Limits { frame: 16 << 20, message: 16 << 20, fragments: u32::MAX };

/// A server that says nothing for so long is not going to.
const PATIENCE: Duration = Duration::from_secs(60);

fn main() -> io::Result<()> {
    let server =
        std::env::args().nth(1).ok_or_else(|| io::Error::other("name the server: HOST:PORT"))?;
    let mut count = String::new();
    converse(&server, "/getCaseCount", |text| count.push_str(text))?;
    let count: u32 = count.parse().map_err(io::Error::other)?;
    for case in 1..=count {
        // A case may end the connection in any way; what that was worth stands in the report.
        if let Err(error) =
            converse(&server, &format!("/runCase?case={case}&agent={AGENT}"), |_| {})
        {
            eprintln!("case {case}: {error}");
        }
    }
    converse(&server, &format!("/updateReports?agent={AGENT}"), |_| {})?;
    println!("{count} cases ran");
    Ok(())
}

/// Opens a WebSocket and sends back what comes, until it ends.
fn converse(server: &str, target: &str, mut heard: impl FnMut(&str)) -> io::Result<()> {
    let mut stream = TcpStream::connect(server)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let (mut echo, mut bytes) = Echo::open(&mut stream, server, target)?;
    loop {
        let mut out = Vec::new();
        echo.take_in(&mut bytes, &mut out, &mut heard);
        stream.write_all(&out)?;
        if echo.closing.is_done() {
            return Ok(());
        }
        bytes.resize(64 * 1024, 0);
        let read = stream.read(&mut bytes)?;
        if read == 0 {
            return Ok(());
        }
        bytes.truncate(read);
    }
}

struct Echo {
    receiver: Receiver,
    deflater: Option<Deflater>,
    closing: Closing,
}

impl Echo {
    /// Does the handshake; gives what came behind it as well.
    fn open(stream: &mut TcpStream, server: &str, target: &str) -> io::Result<(Echo, Vec<u8>)> {
        let mut nonce = [0; 16];
        nonce[..8].copy_from_slice(&random().to_ne_bytes());
        nonce[8..].copy_from_slice(&random().to_ne_bytes());
        let offer =
            Offer { host: server, target, origin: None, protocols: &[], deflate: true, nonce };
        stream.write_all(offer.request_head().map_err(io::Error::other)?.as_bytes())?;
        let mut bytes = Vec::new();
        loop {
            let mut piece = [0; 4096];
            let read = stream.read(&mut piece)?;
            bytes.extend_from_slice(&piece[..read]);
            if let Some(accepted) = offer.read(&bytes).map_err(io::Error::other)? {
                let deflater =
                    accepted.deflate.map(|agreed| Deflater::new(3, agreed.window_bits()));
                let receiver = Receiver::new(Role::Client, LIMITS);
                let receiver = if deflater.is_some() { receiver.with_deflate() } else { receiver };
                let rest = bytes.split_off(accepted.head_len);
                return Ok((Echo { receiver, deflater, closing: Closing::new() }, rest));
            }
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    fn take_in(&mut self, bytes: &mut [u8], out: &mut Vec<u8>, heard: &mut impl FnMut(&str)) {
        let (closing, deflater) = (&mut self.closing, &mut self.deflater);
        let fed = self.receiver.feed(bytes, |incoming| {
            match incoming {
                Incoming::Close(frame) => {
                    if let Some(code) = closing.answer(frame) {
                        write_masked_close(out, code, "", mask());
                    }
                }
                _ if !closing.may_send() => {}
                Incoming::Text(text) => {
                    heard(text);
                    send(out, deflater, Opcode::Text, text.as_bytes());
                }
                Incoming::Binary(data) => send(out, deflater, Opcode::Binary, data),
                Incoming::Ping(payload) => write_masked_frame(out, Opcode::Pong, payload, mask()),
                Incoming::Pong(_) => {}
            }
            ControlFlow::Continue(())
        });
        if let Err(violation) = fed
            && let Some(code) = closing.fail(&violation)
        {
            write_masked_close(out, code, &violation.to_string(), mask());
        }
    }
}

/// Appends a message, compressed if that was agreed, shorter or not: the cases are about compression.
fn send(out: &mut Vec<u8>, deflater: &mut Option<Deflater>, opcode: Opcode, message: &[u8]) {
    let Some(compressed) = deflater.as_mut().and_then(|deflater| deflater.compress_anyway(message))
    else {
        return write_masked_frame(out, opcode, message, mask());
    };
    let key = mask();
    out.extend_from_slice(&masked_frame_header(opcode, compressed.len(), true, key).compressed());
    let start = out.len();
    out.extend_from_slice(compressed);
    apply_mask(&mut out[start..], key);
}

fn mask() -> [u8; 4] {
    (random() as u32).to_ne_bytes()
}

/// Drawn anew each time: the standard library seeds its hashes at random.
fn random() -> u64 {
    RandomState::new().hash_one(())
}
