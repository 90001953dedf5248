//! Bytes from and to peers: sockets and streams, who may open how many, for which hosts and origins, and TLS.

pub mod admission;
pub mod deadline;
pub mod hosts;
pub mod lan;
pub mod network;
pub mod origin;
pub mod partial;
pub mod peer;
pub mod polled;
pub mod socket;
pub mod stream;
pub mod tls;
