//! The codec's tests: the examples of the RFCs, what is forbidden, and inputs from a seeded generator (`fuzz_*`).

mod checks;
mod deflate;
mod extensions;
mod fuzz_commands;
mod fuzz_deflate;
mod fuzz_frames;
mod fuzz_handshake;
mod handshake;
mod messages;
mod peer;
mod rfc_examples;
mod runner;
mod violations;
