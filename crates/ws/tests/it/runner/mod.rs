//! Runs a check on many random inputs, and says which one broke it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use crate::checks::random::Random;

/// Calls `check` on as many inputs of `generate` as the environment variable `HAMHAME_FUZZ_INPUTS` says, else on
/// `usual`. `HAMHAME_FUZZ_SEED` (0 if unset) chooses which.
pub fn run(
    name: &str,
    usual: u64,
    check: impl Fn(&[u8]) -> bool,
    mut generate: impl FnMut(&mut Random) -> Vec<u8>,
) {
    let inputs = number("HAMHAME_FUZZ_INPUTS").unwrap_or(usual);
    let seed = number("HAMHAME_FUZZ_SEED").unwrap_or(0);
    let began = Instant::now();
    let (mut bytes, mut accepted) = (0, 0);
    for index in 0..inputs {
        // Each input has a seed of its own, so that one can be run again without those before it.
        let mut random = Random::new(seed.wrapping_shl(40).wrapping_add(index));
        let input = generate(&mut random);
        bytes += input.len();
        match catch_unwind(AssertUnwindSafe(|| check(&input))) {
            Ok(true) => accepted += 1,
            Ok(false) => {}
            Err(panic) => {
                eprintln!("{name}: input {index} of seed {seed} fails: {input:02x?}");
                std::panic::resume_unwind(panic);
            }
        }
    }
    println!(
        "{name}: {inputs} inputs, {bytes} bytes, {accepted} accepted, {:.1} s",
        began.elapsed().as_secs_f64()
    );
    assert!(
        inputs < 1000 || (inputs / 5..inputs * 4 / 5).contains(&accepted),
        "{accepted} of {inputs} were accepted: the inputs are one-sided"
    );
}

fn number(variable: &str) -> Option<u64> {
    let value = std::env::var(variable).ok()?;
    match value.parse() {
        Ok(number) => Some(number),
        Err(_) => panic!("{variable} must be a whole number, not {value:?}"),
    }
}
