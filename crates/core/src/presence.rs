//! Who is in a room: the roster in order of joining, with a version, and the differences between versions.
//!
//! Presence is a versioned snapshot, never a queue: a client that is behind gets the difference if the journal still
//! has it, else the whole list.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::id::Id;

/// Changes kept for differences. A client further behind gets a snapshot.
const JOURNAL: usize = 512;

/// One member as everyone may see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Present {
    /// The public identifier.
    pub member: Id,
    /// The display name.
    pub name: Box<str>,
}

/// What changed between two versions, with comings and goings that cancel out left away.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Difference {
    /// Those who came, in order.
    pub joined: Vec<Present>,
    /// Those who went.
    pub left: Vec<Id>,
}

#[derive(Debug)]
enum Change {
    Joined(Present),
    Left(Id),
}

#[derive(Debug)]
struct Row {
    present: Present,
    key: Box<str>,
}

/// The members of a room in order of joining.
#[derive(Debug, Default)]
pub struct Roster {
    /// Counts changes; the roster of version 0 is empty.
    version: u64,
    /// By the version at which they joined, which is the order of joining.
    rows: BTreeMap<u64, Row>,
    by_member: HashMap<Id, u64>,
    by_key: HashMap<Box<str>, Id>,
    journal: VecDeque<Change>,
}

impl Roster {
    /// Counts every change.
    pub fn version(&self) -> u64 {
        self.version
    }

    /// Members present.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// Everyone, in order of joining.
    pub fn iter(&self) -> impl Iterator<Item = &Present> {
        self.rows.values().map(|row| &row.present)
    }

    /// Whether this member is here.
    pub fn contains(&self, member: Id) -> bool {
        self.by_member.contains_key(&member)
    }

    /// Who holds the name with this key. Names without a key of their own (`anonymous`) are nobody's.
    pub fn holder(&self, key: &str) -> Option<Id> {
        self.by_key.get(key).copied()
    }

    /// Adds a member. `key` is `None` for a name that is nobody's. The caller has seen to it that the name is free.
    pub fn join(&mut self, member: Id, name: &str, key: Option<&str>) {
        self.version += 1;
        let present = Present { member, name: name.into() };
        if let Some(key) = key {
            self.by_key.insert(key.into(), member);
        }
        self.by_member.insert(member, self.version);
        self.note(Change::Joined(present.clone()));
        self.rows.insert(self.version, Row { present, key: key.unwrap_or_default().into() });
    }

    /// Removes a member and gives its name; `None` if it was not here.
    pub fn leave(&mut self, member: Id) -> Option<Box<str>> {
        let row = self.rows.remove(&self.by_member.remove(&member)?)?;
        if self.by_key.get(&row.key) == Some(&member) {
            self.by_key.remove(&row.key);
        }
        self.version += 1;
        self.note(Change::Left(member));
        Some(row.present.name)
    }

    /// What changed since `base`; `None` if the journal does not reach back that far.
    pub fn since(&self, base: u64) -> Option<Difference> {
        let steps = usize::try_from(self.version.checked_sub(base)?).ok()?;
        let start = self.journal.len().checked_sub(steps)?;
        let mut difference = Difference::default();
        for change in self.journal.range(start..) {
            match change {
                Change::Joined(present) => difference.joined.push(present.clone()),
                Change::Left(member) => {
                    match difference.joined.iter().position(|p| p.member == *member) {
                        Some(at) => drop(difference.joined.remove(at)),
                        None => difference.left.push(*member),
                    }
                }
            }
        }
        Some(difference)
    }

    fn note(&mut self, change: Change) {
        if self.journal.len() == JOURNAL {
            self.journal.pop_front();
        }
        self.journal.push_back(change);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(roster: &Roster) -> Vec<&str> {
        roster.iter().map(|p| &*p.name).collect()
    }

    #[test]
    fn members_stand_in_order_of_joining() {
        let mut roster = Roster::default();
        for (id, name) in [(9, "c"), (1, "a"), (5, "b")] {
            roster.join(Id::new(id), name, Some(name));
        }
        assert_eq!(names(&roster), ["c", "a", "b"]);
        roster.leave(Id::new(1));
        roster.join(Id::new(1), "a", Some("a"));
        assert_eq!(names(&roster), ["c", "b", "a"]);
    }

    #[test]
    fn a_name_is_free_again_after_its_holder_left() {
        let mut roster = Roster::default();
        roster.join(Id::new(1), "a", Some("a"));
        assert_eq!(roster.holder("a"), Some(Id::new(1)));
        assert_eq!(roster.leave(Id::new(1)).as_deref(), Some("a"));
        assert_eq!(roster.holder("a"), None);
        assert_eq!(roster.leave(Id::new(1)), None);
    }

    #[test]
    fn anonymous_may_be_here_more_than_once() {
        let mut roster = Roster::default();
        roster.join(Id::new(1), "anonymous", None);
        roster.join(Id::new(2), "anonymous", None);
        assert_eq!((roster.count(), roster.holder("anonymous")), (2, None));
    }

    #[test]
    fn a_difference_leaves_out_who_came_and_went() {
        let mut roster = Roster::default();
        roster.join(Id::new(1), "a", Some("a"));
        let base = roster.version();
        roster.join(Id::new(2), "b", Some("b"));
        roster.join(Id::new(3), "c", Some("c"));
        roster.leave(Id::new(2));
        roster.leave(Id::new(1));
        let difference = roster.since(base).unwrap();
        assert_eq!(difference.left, [Id::new(1)]);
        assert_eq!(difference.joined, [Present { member: Id::new(3), name: "c".into() }]);
        assert_eq!(roster.since(roster.version()), Some(Difference::default()));
    }

    #[test]
    fn one_who_left_and_came_back_stands_in_both_lists() {
        let mut roster = Roster::default();
        roster.join(Id::new(1), "a", Some("a"));
        let base = roster.version();
        roster.leave(Id::new(1));
        roster.join(Id::new(1), "a", Some("a"));
        let difference = roster.since(base).unwrap();
        assert_eq!(
            (difference.left.len(), difference.joined.len()),
            (1, 1),
            "left first, then joined"
        );
    }

    #[test]
    fn a_base_that_the_journal_no_longer_reaches_needs_a_snapshot() {
        let mut roster = Roster::default();
        for id in 0..JOURNAL as u64 + 1 {
            roster.join(Id::new(id), "x", None);
        }
        assert_eq!(roster.since(0), None);
        assert!(roster.since(1).is_some());
        assert_eq!(roster.since(99_999), None, "a version of the future is none of ours");
    }
}
