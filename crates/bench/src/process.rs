//! What a process costs, as Linux counts it under `/proc`.

use std::fs;

use anyhow::{Context, Result};

/// The processes of the server under load.
#[derive(Debug, Clone, Default)]
pub struct Server {
    pids: Vec<u32>,
}

/// Memory in bytes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Memory {
    /// All resident pages.
    pub rss: u64,
    /// The same, shared pages divided among those who share them.
    pub pss: u64,
    /// Pages that stand for no file: heap and stacks.
    pub anonymous: u64,
}

impl Server {
    /// These processes; none if nothing is to be measured of them.
    ///
    /// # Errors
    ///
    /// One of them does not exist, or may not be looked at.
    pub fn new(pids: Vec<u32>) -> Result<Self> {
        let server = Self { pids };
        server.cpu()?;
        Ok(server)
    }

    /// Whether there is something to measure.
    pub fn is_known(&self) -> bool {
        !self.pids.is_empty()
    }

    /// Nanoseconds of CPU that all threads have used so far, in user space and in the kernel.
    ///
    /// # Errors
    ///
    /// A process is gone.
    pub fn cpu(&self) -> Result<u64> {
        let mut total = 0;
        for pid in &self.pids {
            let tasks = format!("/proc/{pid}/task");
            let entries = fs::read_dir(&tasks).with_context(|| format!("process {pid}"))?;
            for entry in entries.flatten() {
                // A thread may end between the listing and the reading.
                let text = fs::read_to_string(entry.path().join("schedstat")).unwrap_or_default();
                total += on_cpu(&text);
            }
        }
        Ok(total)
    }

    /// Resident bytes of all processes together; cheap enough to be asked often.
    ///
    /// # Errors
    ///
    /// A process is gone.
    pub fn resident(&self) -> Result<u64> {
        let mut total = 0;
        for pid in &self.pids {
            let path = format!("/proc/{pid}/status");
            let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
            total += kibibytes(&text, "VmRSS:") * 1024;
        }
        Ok(total)
    }

    /// The memory of all processes together.
    ///
    /// # Errors
    ///
    /// A process is gone.
    pub fn memory(&self) -> Result<Memory> {
        let mut total = Memory::default();
        for pid in &self.pids {
            let path = format!("/proc/{pid}/smaps_rollup");
            let text = fs::read_to_string(&path).with_context(|| format!("reading {path}"))?;
            total.rss += kibibytes(&text, "Rss:") * 1024;
            total.pss += kibibytes(&text, "Pss:") * 1024;
            total.anonymous += kibibytes(&text, "Anonymous:") * 1024;
        }
        Ok(total)
    }
}

/// Nanoseconds of CPU that the calling thread has used so far; 0 where the system does not tell.
pub fn own_cpu() -> u64 {
    on_cpu(&fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default())
}

fn on_cpu(schedstat: &str) -> u64 {
    schedstat.split_ascii_whitespace().next().and_then(|ns| ns.parse().ok()).unwrap_or_default()
}

fn kibibytes(text: &str, name: &str) -> u64 {
    text.lines()
        .find_map(|line| line.strip_prefix(name))
        .and_then(|rest| rest.split_ascii_whitespace().next()?.parse().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_of_a_process_are_read_from_proc() {
        let me = Server::new(vec![std::process::id()]).unwrap();
        let before = me.cpu().unwrap();
        let mut work = 1_u64;
        while me.cpu().unwrap() < before + 5_000_000 {
            work = std::hint::black_box(work.wrapping_mul(3));
        }
        let memory = me.memory().unwrap();
        assert!(me.resident().unwrap() > 0);
        assert!(memory.rss >= memory.pss && memory.anonymous > 0, "{memory:?}");
        assert!(Server::new(vec![u32::MAX]).is_err());
    }

    #[test]
    fn the_first_number_of_schedstat_is_the_time_on_a_cpu() {
        assert_eq!(on_cpu("1234567 89 10\n"), 1_234_567);
        assert_eq!(on_cpu(""), 0);
    }
}
