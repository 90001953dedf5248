//! A WebSocket that a task reads in the background and whose pings it answers, as in a browser.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use hamhame_ws::{Opcode, Receiver, write_masked_close, write_masked_frame};
use tokio::net::TcpStream;
use tokio::sync::{Mutex, mpsc, watch};
use tokio::task::JoinHandle;

use super::socket::{MASK, take_in};
use super::within;

/// What comes from the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// A text message.
    Text(String),
    /// A binary message.
    Binary(Vec<u8>),
    /// A ping.
    Ping(Vec<u8>),
    /// A pong.
    Pong(Vec<u8>),
    /// A close frame, with code and reason if it has any.
    Close(Option<(u16, String)>),
    /// The end of the TCP connection.
    End {
        /// By a RST, not a FIN.
        reset: bool,
    },
}

#[derive(Clone, Copy)]
struct Mode {
    reads: bool,
    answers: bool,
}

/// One WebSocket with a task behind it. Dropping it closes the TCP connection without a word.
pub struct Client {
    label: String,
    wire: Arc<Wire>,
    frames: mpsc::UnboundedReceiver<Frame>,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

struct Wire {
    stream: TcpStream,
    /// Frames of two tasks must not be mixed.
    writing: Mutex<()>,
}

impl Wire {
    async fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        let _writing = self.writing.lock().await;
        while !bytes.is_empty() {
            self.stream.writable().await?;
            match self.stream.try_write(bytes) {
                Ok(n) => bytes = &bytes[n..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Client {
    pub(super) fn new(
        label: &str,
        stream: TcpStream,
        receiver: Receiver,
        early: VecDeque<Frame>,
    ) -> Client {
        let wire = Arc::new(Wire { stream, writing: Mutex::default() });
        let (sender, frames) = mpsc::unbounded_channel();
        let (mode, watching) = watch::channel(Mode { reads: true, answers: true });
        let reader = Reader { wire: wire.clone(), receiver, frames: sender, mode: watching };
        let task = tokio::spawn(reader.run(early));
        Client { label: label.to_owned(), wire, frames, mode, task }
    }

    /// The next frame of whatever kind, or the end.
    pub async fn next_frame(&mut self) -> Frame {
        let what = format!("{} to get something", self.label);
        // The task's last word is the end; after it the end is all there is.
        within(&what, self.frames.recv()).await.unwrap_or(Frame::End { reset: false })
    }

    /// The next text message; pings and pongs are passed over.
    pub async fn next_text(&mut self) -> String {
        match self.next_but_control().await {
            Frame::Text(text) => text,
            other => panic!("{} expected a text message, got {other:?}", self.label),
        }
    }

    /// The next frame that is no ping or pong.
    pub async fn next_but_control(&mut self) -> Frame {
        let what = format!("{} to get more than pings", self.label);
        let reading = async {
            loop {
                match self.next_frame().await {
                    Frame::Ping(_) | Frame::Pong(_) => {}
                    frame => return frame,
                }
            }
        };
        within(&what, reading).await
    }

    /// Code and reason of the close frame; messages before it are passed over.
    pub async fn closed(&mut self) -> (u16, String) {
        let what = format!("{} to be closed", self.label);
        let reading = async {
            loop {
                match self.next_frame().await {
                    Frame::Close(close) => return close.unwrap_or((1005, String::new())),
                    Frame::End { .. } => panic!("{} was lost without a close frame", self.label),
                    _ => {}
                }
            }
        };
        within(&what, reading).await
    }

    /// Waits until the TCP connection has ended.
    pub async fn ended(&mut self) {
        let what = format!("the end of {}'s connection", self.label);
        within(&what, async { while !matches!(self.next_frame().await, Frame::End { .. }) {} })
            .await
    }

    /// Writes bytes as they are.
    pub async fn write(&self, bytes: &[u8]) {
        if let Err(error) = self.try_write(bytes).await {
            panic!("{} cannot send: {error}", self.label);
        }
    }

    /// Writes bytes as they are, if the connection still takes them.
    pub async fn try_write(&self, bytes: &[u8]) -> io::Result<()> {
        let what = format!("the server to take what {} sends", self.label);
        within(&what, self.wire.write(bytes)).await
    }

    /// Sends a whole frame.
    pub async fn send_frame(&self, opcode: Opcode, payload: &[u8]) {
        let mut frame = Vec::new();
        write_masked_frame(&mut frame, opcode, payload, MASK);
        self.write(&frame).await;
    }

    /// Sends a text message.
    pub async fn send(&self, text: &str) {
        self.send_frame(Opcode::Text, text.as_bytes()).await;
    }

    /// Sends several text messages in one piece.
    pub async fn send_together(&self, texts: &[&str]) {
        let mut bytes = Vec::new();
        for text in texts {
            write_masked_frame(&mut bytes, Opcode::Text, text.as_bytes(), MASK);
        }
        self.write(&bytes).await;
    }

    /// Sends a close frame; the connection is to be dropped after it, or read to its end.
    pub async fn send_close(&self, code: u16) {
        let mut frame = Vec::new();
        write_masked_close(&mut frame, code, "", MASK);
        self.write(&frame).await;
    }

    /// Closes with `code` and waits for the end.
    pub async fn close(mut self, code: u16) {
        self.send_close(code).await;
        self.ended().await;
    }

    /// From now on pings are not answered: the connection is there, but nobody is.
    pub fn mute(&self) {
        self.mode.send_modify(|mode| mode.answers = false);
    }

    /// From now on nothing is read from the socket.
    pub fn stall(&self) {
        self.mode.send_modify(|mode| mode.reads = false);
    }

    /// Reading goes on.
    pub fn read_on(&self) {
        self.mode.send_modify(|mode| mode.reads = true);
    }

    /// Cuts the connection: with a RST, as a crash does it, nothing that is under way arrives any more.
    pub async fn abort(self) {
        let _ = self.wire.stream.set_zero_linger();
        self.task.abort();
        let _ = self.task.await;
    }

    /// Ends the TCP connection with a FIN and without a close frame.
    pub async fn hang_up(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

struct Reader {
    wire: Arc<Wire>,
    receiver: Receiver,
    frames: mpsc::UnboundedSender<Frame>,
    mode: watch::Receiver<Mode>,
}

impl Reader {
    async fn run(mut self, mut frames: VecDeque<Frame>) {
        let mut bytes = vec![0; 16 * 1024];
        let mut closing = false;
        loop {
            for frame in frames.drain(..) {
                let mut answer = Vec::new();
                match &frame {
                    Frame::Ping(payload) if self.mode.borrow().answers && !closing => {
                        write_masked_frame(&mut answer, Opcode::Pong, payload, MASK);
                    }
                    Frame::Close(close) => {
                        closing = true;
                        let code = close.as_ref().map_or(1000, |(code, _)| *code);
                        write_masked_close(&mut answer, code, "", MASK);
                    }
                    _ => {}
                }
                let _ = self.frames.send(frame);
                // Who is gone needs no answer. While this waits, nothing is read, as it should be.
                let _ = self.wire.write(&answer).await;
            }
            match self.read(&mut bytes).await {
                Ok(0) => break drop(self.frames.send(Frame::End { reset: false })),
                Ok(n) => take_in(&mut self.receiver, &mut bytes[..n], &mut frames),
                Err(_) => break drop(self.frames.send(Frame::End { reset: true })),
            }
        }
    }

    async fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            if !self.mode.borrow_and_update().reads {
                // The client is gone if nobody can change its mode: then its task ends with it.
                if self.mode.changed().await.is_err() {
                    return Ok(0);
                }
                continue;
            }
            tokio::select! {
                changed = self.mode.changed() => if changed.is_err() { return Ok(0) },
                ready = self.wire.stream.readable() => {
                    ready?;
                    match self.wire.stream.try_read(bytes) {
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        read => return read,
                    }
                }
            }
        }
    }
}
