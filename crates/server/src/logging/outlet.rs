//! Where lines go: a thread of its own writes them, and whoever has one never waits for it.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

/// Lines that may wait. A line has a few hundred bytes, and `line` bounds it.
const QUEUE: usize = 1024;

/// Time between two looks at what was left out or lost.
const LOOK: Duration = Duration::from_secs(10);

/// How long the end of the process waits for its last lines.
const LAST: Duration = Duration::from_secs(1);

/// Lines lost since the start, and those of them that no line has told of.
static LOST: AtomicU64 = AtomicU64::new(0);
static UNTOLD: AtomicU64 = AtomicU64::new(0);

enum Entry {
    Line(String),
    /// Everything before it is written when the sender hears of it.
    End(SyncSender<()>),
}

/// The way to the thread that writes.
#[derive(Clone)]
pub struct Outlet {
    queue: SyncSender<Entry>,
}

impl Outlet {
    /// Lines go to `out` from now on; `look` gives further ones; it is asked now and then, and at the end, and
    /// told which of both it is.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn open(
        out: impl Write + Send + 'static,
        look: impl FnMut(bool) -> Vec<String> + Send + 'static,
    ) -> io::Result<Outlet> {
        let (queue, entries) = sync_channel(QUEUE);
        std::thread::Builder::new()
            .name("log".into())
            .spawn(move || write_all(&entries, out, look))?;
        Ok(Outlet { queue })
    }

    /// Writes a line soon, or loses it where too many wait.
    pub fn write(&self, line: String) {
        if self.queue.try_send(Entry::Line(line)).is_err() {
            LOST.fetch_add(1, Relaxed);
            UNTOLD.fetch_add(1, Relaxed);
        }
    }

    /// Waits until everything is written, or until it takes too long.
    pub fn close(&self) {
        let deadline = Instant::now() + LAST;
        let (written, wait) = sync_channel(1);
        while self.queue.try_send(Entry::End(written.clone())).is_err() {
            if Instant::now() > deadline {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = wait.recv_timeout(deadline.saturating_duration_since(Instant::now()));
    }
}

/// Lines lost since the start.
pub fn lost() -> u64 {
    LOST.load(Relaxed)
}

/// Lines lost since it was asked last, if any.
pub fn take_lost() -> Option<u64> {
    Some(UNTOLD.swap(0, Relaxed)).filter(|lines| *lines > 0)
}

fn write_all(
    entries: &Receiver<Entry>,
    mut out: impl Write,
    mut look: impl FnMut(bool) -> Vec<String>,
) {
    let mut looked = Instant::now();
    loop {
        let entry = entries.recv_timeout(LOOK);
        let mut end = None;
        match entry {
            // A log that cannot be written is lost; there is nowhere to say so.
            Ok(Entry::Line(line)) => drop(out.write_all(line.as_bytes())),
            Ok(Entry::End(written)) => end = Some(written),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        if end.is_some() || looked.elapsed() >= LOOK {
            looked = Instant::now();
            for line in look(end.is_some()) {
                drop(out.write_all(line.as_bytes()));
            }
        }
        if let Some(written) = end {
            drop(out.flush());
            let _ = written.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Condvar, Mutex};

    use super::*;

    /// Takes what is written once it is opened.
    #[derive(Clone, Default)]
    struct Gate(Arc<(Mutex<Taken>, Condvar)>);

    type Taken = (bool, Vec<u8>);

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let (state, opened) = &*self.0;
            let mut state = opened.wait_while(state.lock().unwrap(), |(open, _)| !*open).unwrap();
            state.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn who_logs_never_waits_and_what_was_lost_is_counted_and_told() {
        let gate = Gate::default();
        let look = |_| take_lost().map(|lost| format!("lost {lost}\n")).into_iter().collect();
        let outlet = Outlet::open(gate.clone(), look).unwrap();
        for line in 0..2 * QUEUE {
            outlet.write(format!("{line}\n"));
        }
        // One may be in the hands of the thread.
        let lost = lost();
        assert!((QUEUE as u64 - 1..=QUEUE as u64).contains(&lost), "{lost}");
        let (state, opened) = &*gate.0;
        state.lock().unwrap().0 = true;
        opened.notify_all();
        outlet.close();
        let text = String::from_utf8(state.lock().unwrap().1.clone()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 2 * QUEUE - lost as usize + 1);
        assert!(lines.starts_with(&["0", "1"]) && lines.ends_with(&[&format!("lost {lost}")]));
    }
}
