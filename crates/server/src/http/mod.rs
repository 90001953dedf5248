//! The doors: connections are accepted, HTTP is spoken in three versions, and requests find their way by one route table.

mod answer;
pub mod assets;
mod body;
mod control_frames;
pub mod fast_path;
pub mod handshake;
pub mod health;
mod http2;
pub mod http3;
pub mod listen;
mod pages;
mod redirect;
pub mod routes;
mod usage;
