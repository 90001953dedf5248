//! What a room has beside its log and its seats: small texts that are replaced as a whole.

use std::sync::Arc;

/// Which of a room's documents.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// What the room's owners have set.
    Settings,
    /// Who may not come in.
    Bans,
    /// What was edited, taken back or reacted to, by offset.
    Revisions,
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Counts its changes. A room that has none is at 0.
    pub version: u64,
    /// What it says.
    pub text: Arc<str>,
}

/// All of a room's. Most rooms have none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Documents(Box<[(Kind, Document)]>);

impl FromIterator<(Kind, Document)> for Documents {
    fn from_iter<I: IntoIterator<Item = (Kind, Document)>>(all: I) -> Documents {
        Documents(all.into_iter().collect())
    }
}

impl Documents {
    /// The document of this kind, if there is one.
    pub fn get(&self, kind: Kind) -> Option<&Document> {
        self.all().find(|(other, _)| *other == kind).map(|(_, document)| document)
    }

    /// Its version; 0 if there is none.
    pub fn version(&self, kind: Kind) -> u64 {
        self.get(kind).map_or(0, |document| document.version)
    }

    /// All of them.
    pub fn all(&self) -> impl Iterator<Item = (Kind, &Document)> {
        self.0.iter().map(|(kind, document)| (*kind, document))
    }

    /// The document says this now: its next version.
    pub fn replace(&mut self, kind: Kind, text: Arc<str>) {
        match self.0.iter_mut().find(|(other, _)| *other == kind) {
            Some((_, document)) => *document = Document { version: document.version + 1, text },
            None => {
                let first = (kind, Document { version: 1, text });
                self.0 = std::mem::take(&mut self.0).into_iter().chain([first]).collect();
            }
        }
    }
}
