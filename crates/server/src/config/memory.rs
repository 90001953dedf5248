//! The options of memory.

use clap::Args;

use super::machine;

/// The least that may be asked for, in bytes.
const LEAST_ASKED: u64 = 1 << 20;

/// The least that is taken by itself, in bytes.
const LEAST: u64 = 64 << 20;

/// The share of what the machine has that is taken where nobody says how much: one part of so many.
const SHARE: u64 = 4;

/// What the operator says about memory.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Rooms and their past")]
pub struct MemoryOptions {
    /// Memory for what is kept: the events of all rooms, and messages that have come or gone in part. Above it the oldest events
    /// of the rooms that hold most go first [default: a quarter of what the machine or its cgroup has, 64M or more]
    #[arg(long, env = "HAMHAME_MEMORY", value_name = "SIZE", value_parser = parse_size)]
    pub memory: Option<u64>,
}

impl MemoryOptions {
    /// The budget in bytes.
    pub fn budget(&self) -> u64 {
        self.memory.unwrap_or_else(|| (machine::memory() / SHARE).max(LEAST))
    }
}

/// A size as `512M`: bytes, or so many K, M, G or T (powers of 1024).
fn parse_size(text: &str) -> Result<u64, String> {
    let malformed = || "must be bytes, or a number with K, M or G behind it, such as 512M or 2G";
    let text = text.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let shift = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "k" | "kb" | "kib" => 10,
        "m" | "mb" | "mib" => 20,
        "g" | "gb" | "gib" => 30,
        "t" | "tb" | "tib" => 40,
        _ => return Err(malformed().into()),
    };
    let number: u64 = digits.trim_end().parse().map_err(|_| malformed())?;
    let bytes = number.checked_mul(1 << shift).ok_or("is more than any machine has")?;
    if bytes < LEAST_ASKED { Err("must be 1M or more".into()) } else { Ok(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_has_memory_and_a_share_of_it_is_the_budget() {
        let budget = MemoryOptions { memory: None }.budget();
        assert!(budget >= LEAST, "{budget}");
        assert_eq!(MemoryOptions { memory: Some(5 << 20) }.budget(), 5 << 20);
    }

    #[test]
    fn a_size_is_bytes_or_a_number_with_a_letter() {
        for (text, bytes) in [
            ("1048576", 1 << 20),
            ("2048K", 2 << 20),
            ("512M", 512 << 20),
            ("512m", 512 << 20),
            ("2 GiB", 2 << 30),
            ("1T", 1 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "M", "-1M", "1.5G", "512X", "1023K", "0", "99999999999999T", "ten"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
