//! That the load generator sees what a server does wrong.

mod api_checks;
mod checks;
mod common;
mod failover;
mod transports;
