//! Evolves inputs for the opening handshake; what must hold of them stands beside the tests that use random ones.
#![no_main]

#[path = "../../crates/ws/tests/it/checks/mod.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    checks::handshake::check(input);
});
