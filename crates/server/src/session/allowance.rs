//! How much a session may ask for.

use hamhame_core::limits::TokenBucket;

use crate::config::Options;

/// Commands other than messages that a session may send at once, and per second; pings and what is empty count too.
const COMMAND_BURST: u32 = 100;
/// See [`COMMAND_BURST`].
const COMMAND_RATE: f64 = 20.0;

/// Refusals that a session is told, at once and per second. Who goes on beyond is closed.
const REFUSAL_BURST: u32 = 100;
/// See [`REFUSAL_BURST`].
const REFUSAL_RATE: f64 = 10.0;

/// What one session may do before it is asked to slow down.
pub struct Allowance {
    /// Messages.
    pub messages: TokenBucket,
    /// Everything else that it asks.
    pub commands: TokenBucket,
    /// Refusals that it is told.
    pub refusals: TokenBucket,
}

impl Allowance {
    /// All of it.
    pub fn new(options: &Options) -> Allowance {
        Allowance {
            messages: TokenBucket::new(options.message_burst, options.message_rate),
            commands: TokenBucket::new(COMMAND_BURST, COMMAND_RATE),
            refusals: TokenBucket::new(REFUSAL_BURST, REFUSAL_RATE),
        }
    }
}
