//! Where a client is in a room's log. Whatever it is told is held against that: no hole, no repeat, and what is gone with its
//! exact number.

use serde_json::Value;

/// The position of the last event that a client got, or at which it began.
#[derive(Default)]
pub struct Bookmark {
    name: String,
    epoch: String,
    offset: u64,
    gaps: Vec<u64>,
    recovered: Option<bool>,
}

impl Bookmark {
    /// Of the client with this name, which has not begun to read.
    pub fn new(name: &str) -> Bookmark {
        Bookmark { name: name.to_owned(), ..Bookmark::default() }
    }

    /// Moves over `message`, which is one of `hamhame.v1`, or the `position` that a stream begins with. Panics unless it is what
    /// had to come.
    pub fn take(&mut self, message: &Value) {
        match message["type"].as_str() {
            Some("welcome") => self.begin(message),
            Some("position") => {
                let before = (self.epoch.clone(), self.offset);
                self.begin(message);
                let kept = self.recovered == Some(false) || before == split(&message["position"]);
                assert!(kept, "{}: begins elsewhere than at {before:?}: {message}", self.name);
            }
            Some("message" | "system") => {
                let offset = message["offset"].as_u64().expect("an event has an offset");
                let name = &self.name;
                assert_eq!(offset, self.offset + 1, "{name}: a hole or a repeat: {message}");
                self.offset = offset;
            }
            Some("gap") => self.note_gap(message),
            _ => {}
        }
    }

    fn begin(&mut self, message: &Value) {
        (self.epoch, self.offset) = split(&message["position"]);
        self.recovered = message["recovered"].as_bool();
    }

    /// The first gap may stand right behind the beginning, whose position it repeats. One into another epoch counts nothing.
    fn note_gap(&mut self, gap: &Value) {
        let (epoch, offset) = split(&gap["position"]);
        let missed = gap["missed"].as_u64().expect("a number");
        if missed == 0 {
            assert_ne!(epoch, self.epoch, "{}: nothing is missing: {gap}", self.name);
            (self.epoch, self.offset) = (epoch, offset);
            return self.gaps.push(0);
        }
        assert_eq!(epoch, self.epoch, "a gap that counts is within an epoch: {gap}");
        let first = self.recovered == Some(false) && offset == self.offset;
        let exact = first || self.offset + missed == offset;
        assert!(exact, "{}: at {}: {gap}", self.name, self.offset);
        self.offset = offset;
        self.gaps.push(missed);
    }

    /// As a client says it.
    pub fn position(&self) -> String {
        format!("{}:{}", self.epoch, self.offset)
    }

    /// Which life of the log it is in.
    pub fn epoch(&self) -> &str {
        &self.epoch
    }

    /// The offset of the last event.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// What each `gap` said is missing.
    pub fn gaps(&self) -> &[u64] {
        &self.gaps
    }
}

/// A position's epoch and offset.
fn split(position: &Value) -> (String, u64) {
    let text = position.as_str().expect("a position is a string");
    let (epoch, offset) = text.split_once(':').expect("a position has two parts");
    (epoch.to_owned(), offset.parse().expect("an offset is a number"))
}
