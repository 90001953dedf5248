//! Streams in one direction that the peer opens (RFC 9114, section 6.2). The library has the control stream alone; it would leave the
//! others unread.

use std::sync::Arc;

use h3::error::Code;
use quinn::{ReadError, RecvStream};
use tokio::sync::mpsc::Sender;

use super::fault::Fault;
use super::instructions::{Instructions, StreamNumber};
use super::number::Number;
use super::watch::{Watch, number};

/// Types of streams (RFC 9114, section 11.2.4; RFC 9204, section 8.2).
const CONTROL: u64 = 0;
const PUSH: u64 = 1;
const ENCODER: u64 = 2;
const DECODER: u64 = 3;

/// What a peer opens once.
#[derive(Default)]
struct Opened {
    control: bool,
    encoder: bool,
    decoder: bool,
}

/// Takes what the peer opens until the connection ends, and passes the control stream on.
pub async fn accept(connection: quinn::Connection, watch: Arc<Watch>, control: Sender<RecvStream>) {
    let opened = std::rc::Rc::new(std::cell::RefCell::new(Opened::default()));
    while let Ok(stream) = connection.accept_uni().await {
        let (watch, control, opened) = (watch.clone(), control.clone(), opened.clone());
        tokio::task::spawn_local(async move {
            if let Err(fault) = attend(stream, &watch, control, &opened).await {
                watch.end(fault);
            }
        });
    }
}

async fn attend(
    mut stream: RecvStream,
    watch: &Watch,
    control: Sender<RecvStream>,
    opened: &std::cell::RefCell<Opened>,
) -> Result<(), Fault> {
    // One that ends before its type means nothing.
    let Some(kind) = read_type(&mut stream).await else { return watch.count(1) };
    let first = |is_open: &mut bool| match std::mem::replace(is_open, true) {
        false => Ok(()),
        true => Err(Fault::new(Code::H3_STREAM_CREATION_ERROR, "a second stream of a kind")),
    };
    let instructions = match kind {
        CONTROL => {
            first(&mut opened.borrow_mut().control)?;
            let _ = control.send(stream).await;
            return Ok(());
        }
        PUSH => return Err(Fault::new(Code::H3_STREAM_CREATION_ERROR, "only servers push")),
        ENCODER => {
            first(&mut opened.borrow_mut().encoder)?;
            Instructions::Encoder
        }
        DECODER => {
            first(&mut opened.borrow_mut().decoder)?;
            Instructions::Decoder(StreamNumber::default())
        }
        _ => {
            let _ = stream.stop(number(Code::H3_STREAM_CREATION_ERROR));
            return watch.count(1);
        }
    };
    drop(control);
    obey(stream, watch, instructions).await
}

async fn read_type(stream: &mut RecvStream) -> Option<u64> {
    let mut kind = Number::default();
    loop {
        let chunk = stream.read_chunk(1, true).await.ok()??;
        if let Some(kind) = chunk.bytes.first().and_then(|byte| kind.take(*byte)) {
            return Some(kind);
        }
    }
}

/// Reads instructions, for as long as the connection lasts.
async fn obey(
    mut stream: RecvStream,
    watch: &Watch,
    mut instructions: Instructions,
) -> Result<(), Fault> {
    loop {
        match stream.read_chunk(usize::MAX, true).await {
            Ok(Some(chunk)) => watch.count(instructions.pass(&chunk.bytes)?)?,
            Ok(None) | Err(ReadError::Reset(_)) => {
                return Err(Fault::new(Code::H3_CLOSED_CRITICAL_STREAM, "QPACK needs its streams"));
            }
            Err(_) => return Ok(()),
        }
    }
}
