//! Options: a flag, an environment variable and a line in a file each, checked here and nowhere else.

mod address;
mod broker;
mod environment;
mod file;
mod machine;
mod memory;
mod options;
mod proxy;
mod tls;
pub(crate) mod values;

pub use address::AddressOptions;
pub use broker::BrokerChoice;
pub use environment::FILTER_VARIABLE;
pub use memory::MemoryOptions;
pub use options::*;
pub use proxy::{Network, ProxyHeader, ProxyOptions};
pub use tls::{TlsMode, TlsOptions};
