use proptest::prelude::*;

use super::*;

fn names(roster: &Roster<()>) -> Vec<&str> {
    roster.iter().map(|p| &*p.name).collect()
}

fn join(roster: &mut Roster<()>, member: u64, name: &str, key: Option<&str>) {
    roster.join(Id::new(member), name.into(), key, ());
}

#[test]
fn members_stand_in_order_of_joining() {
    let mut roster = Roster::default();
    for (id, name) in [(9, "c"), (1, "a"), (5, "b")] {
        join(&mut roster, id, name, Some(name));
    }
    assert_eq!(names(&roster), ["c", "a", "b"]);
    roster.leave(Id::new(1));
    join(&mut roster, 1, "a", Some("a"));
    assert_eq!(names(&roster), ["c", "b", "a"]);
}

#[test]
fn a_name_is_free_again_after_its_holder_left() {
    let mut roster = Roster::default();
    join(&mut roster, 1, "a", Some("a"));
    assert_eq!(roster.holder("a"), Some(Id::new(1)));
    assert_eq!(roster.leave(Id::new(1)).as_deref(), Some("a"));
    assert_eq!(roster.holder("a"), None);
    assert_eq!(roster.leave(Id::new(1)), None);
}

#[test]
fn anonymous_may_be_here_more_than_once() {
    let mut roster = Roster::default();
    join(&mut roster, 1, "anonymous", None);
    join(&mut roster, 2, "anonymous", None);
    assert_eq!((roster.count(), roster.holder("anonymous")), (2, None));
}

#[test]
fn a_difference_leaves_out_who_came_and_went() {
    let mut roster = Roster::default();
    join(&mut roster, 1, "a", Some("a"));
    let base = roster.version();
    join(&mut roster, 2, "b", Some("b"));
    join(&mut roster, 3, "c", Some("c"));
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
    join(&mut roster, 1, "a", Some("a"));
    let base = roster.version();
    roster.leave(Id::new(1));
    join(&mut roster, 1, "a", Some("a"));
    let difference = roster.since(base).unwrap();
    assert_eq!((difference.left.len(), difference.joined.len()), (1, 1), "left first, then joined");
}

#[test]
fn a_base_that_the_journal_no_longer_reaches_needs_a_snapshot() {
    let mut roster = Roster::default();
    for id in 0..JOURNAL + 1 {
        join(&mut roster, id, "x", None);
    }
    assert_eq!(roster.since(0), None);
    assert!(roster.since(1).is_some());
    assert_eq!(roster.since(99_999), None, "a version of the future is none of ours");
}

#[test]
fn a_large_room_finds_its_members_and_a_small_one_that_was_large_too() {
    let mut roster = Roster::default();
    let name = |n: u64| format!("n{n}");
    for n in 0..1_000 {
        roster.join(Id::new(n), name(n).into(), Some(&name(n)), n);
    }
    for n in (0..1_000).filter(|n| n % 100 != 7) {
        assert_eq!(roster.leave(Id::new(n)).as_deref(), Some(&*name(n)));
        assert_eq!(roster.leave(Id::new(n)), None);
        assert_eq!(roster.holder(&name(n)), None);
    }
    let left: Vec<u64> = (0..10).map(|n| n * 100 + 7).collect();
    assert_eq!(roster.count(), left.len());
    assert_eq!(roster.seats().map(|(_, seat)| *seat).collect::<Vec<_>>(), left);
    for n in left {
        assert_eq!(roster.holder(&name(n)), Some(Id::new(n)));
        assert_eq!(roster.seat(Id::new(n)), Some(&n));
    }
}

/// What the roster tells, done without any cleverness.
#[derive(Default)]
struct Plain {
    changes: Vec<(u64, bool)>,
    here: Vec<u64>,
}

impl Plain {
    fn since(&self, base: usize) -> (Vec<u64>, Vec<u64>) {
        let (mut joined, mut left) = (Vec::new(), Vec::new());
        for (member, came) in &self.changes[base..] {
            if *came {
                joined.push(*member);
            } else if let Some(at) = joined.iter().position(|other| other == member) {
                joined.remove(at);
            } else {
                left.push(*member);
            }
        }
        (joined, left)
    }
}

proptest! {
    #[test]
    fn every_difference_is_what_the_changes_come_to(
        steps in prop::collection::vec((0u64..60, 0usize..200), 1..400),
    ) {
        let (mut roster, mut plain) = (Roster::default(), Plain::default());
        for (member, back) in steps {
            let came = !plain.here.contains(&member);
            if came {
                join(&mut roster, member, "n", Some(&member.to_string()));
                plain.here.push(member);
            } else {
                prop_assert!(roster.leave(Id::new(member)).is_some());
                plain.here.retain(|other| *other != member);
            }
            plain.changes.push((member, came));
            let ids = |members: Vec<u64>| members.into_iter().map(Id::new).collect::<Vec<_>>();
            let base = plain.changes.len().saturating_sub(back);
            let (joined, left) = plain.since(base);
            let difference = roster.since(base as u64).unwrap();
            let came: Vec<Id> = difference.joined.iter().map(|p| p.member).collect();
            prop_assert_eq!(came, ids(joined));
            prop_assert_eq!(difference.left, ids(left));
            let here: Vec<Id> = roster.iter().map(|p| p.member).collect();
            prop_assert_eq!(here, ids(plain.here.clone()));
            let holder = roster.holder(&member.to_string());
            prop_assert_eq!(holder, plain.here.contains(&member).then_some(Id::new(member)));
        }
    }
}
