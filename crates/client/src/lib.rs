//! The client's side of what the server speaks, as far as the tests and the load generator both need it.

pub mod h2;
pub mod h3;
pub mod tls;
