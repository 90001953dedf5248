//! The options of what one address may.

use clap::Args;

/// What one address may, which may stand for many people.
#[derive(Args, Clone, Debug)]
pub struct AddressOptions {
    /// Open connections at once from one address, in IPv6 one network of 64 bits (a class of 300 behind one router opens some
    /// 2,000 while it loads the page)
    #[arg(help_heading = "Connections", long, env = "HAMHAME_MAX_CONNECTIONS_PER_ADDRESS", default_value_t = 4_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_connections_per_address: u32,

    /// Messages that all sessions of one address together may send at once
    #[arg(help_heading = "Connections", long, env = "HAMHAME_ADDRESS_MESSAGE_BURST", default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub address_message_burst: u32,

    /// Messages per second that they may send in the long run
    #[arg(help_heading = "Connections", long, env = "HAMHAME_ADDRESS_MESSAGE_RATE", default_value_t = 200.0, value_name = "N", value_parser = crate::config::values::rate)]
    pub address_message_rate: f64,

    /// Rooms at once that one address may have opened
    #[arg(help_heading = "Connections", long, env = "HAMHAME_MAX_ROOMS_PER_ADDRESS", default_value_t = 1_000, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_rooms_per_address: u32,
}
