//! What is seen of a connection beside the library: how much of what means nothing, and what is wrong with a request.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use h3::error::Code;
use quinn::VarInt;
use tokio::sync::Notify;

use super::fault::Fault;
use crate::http::control_frames::Allowance;

/// One connection.
pub struct Watch {
    connection: quinn::Connection,
    allowance: Mutex<Allowance>,
}

impl Watch {
    /// Of a connection that begins.
    pub fn new(connection: quinn::Connection) -> Watch {
        Watch { connection, allowance: Mutex::new(Allowance::new(Instant::now())) }
    }

    /// Notes frames, streams or instructions that carry nothing.
    ///
    /// # Errors
    /// If they are more than a peer may send.
    pub fn count(&self, frames: u32) -> Result<(), Fault> {
        if frames == 0 {
            return Ok(());
        }
        let mut allowance = self.allowance.lock().unwrap_or_else(PoisonError::into_inner);
        match allowance.allows(frames, Instant::now()) {
            true => Ok(()),
            false => Err(Fault::excess("too many frames of control")),
        }
    }

    /// Ends the connection.
    pub fn end(&self, fault: Fault) {
        self.connection.close(number(fault.code), fault.reason.as_bytes());
    }
}

/// A code of HTTP/3, all of which QUIC can write.
pub fn number(code: Code) -> VarInt {
    VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX)
}

/// Whether a request has turned out to be malformed.
#[derive(Default)]
pub struct Verdict {
    malformed: AtomicBool,
    found: Notify,
}

impl Verdict {
    /// It is.
    pub fn condemn(&self) {
        self.malformed.store(true, Ordering::Relaxed);
        self.found.notify_one();
    }

    /// Whether it is as far as it was read.
    pub fn is_malformed(&self) -> bool {
        self.malformed.load(Ordering::Relaxed)
    }

    /// Waits until it is.
    pub async fn found(&self) {
        while !self.is_malformed() {
            self.found.notified().await;
        }
    }
}
