//! The figures that are kept, and what has become of them.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How far a count may be from its figure before it is told, in percent.
pub const BOUND: u64 = 5;

/// Instructions that each step takes, and what they were counted with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Without the last part, which changes no code: `rustc 1.95`.
    pub compiler: String,
    /// What copies and, unless the server brings its own, allocates: `glibc 2.36`.
    pub libc: String,
    /// Of which some code asks what it can do: `x86_64 with AVX2`.
    pub cpu: String,
    /// By the name of the step.
    pub instructions: BTreeMap<String, u64>,
}

/// What is worth telling of a step.
#[derive(Clone, Debug, PartialEq)]
pub enum Finding {
    /// It takes more than the bound allows.
    Risen {
        /// The step.
        step: String,
        /// Its figure.
        before: u64,
        /// Its count.
        now: u64,
    },
    /// It takes so much less that the figure guards it no longer.
    Fallen {
        /// The step.
        step: String,
        /// Its figure.
        before: u64,
        /// Its count.
        now: u64,
    },
    /// There is no figure for it.
    New {
        /// The step.
        step: String,
    },
    /// There is a figure, and no step of the name.
    Gone {
        /// The step.
        step: String,
    },
}

impl Finding {
    /// Whether it must not stay so.
    pub fn fails(&self) -> bool {
        !matches!(self, Finding::Fallen { .. })
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Risen { step, before, now } | Finding::Fallen { step, before, now } => {
                write!(f, "{step}: {before} before, {now} now ({:+.1} %)", change(*before, *now))
            }
            Finding::New { step } => write!(f, "{step}: there is no figure for it yet"),
            Finding::Gone { step } => {
                write!(f, "{step}: there is a figure for it, but no such step")
            }
        }
    }
}

/// The difference in percent.
pub fn change(before: u64, now: u64) -> f64 {
    (now as f64 / before.max(1) as f64 - 1.0) * 100.0
}

impl Figures {
    /// Whether both were counted with the same tools: else their difference says nothing about our code.
    pub fn is_comparable_to(&self, other: &Figures) -> bool {
        self.tools() == other.tools()
    }

    /// What they were counted with.
    pub fn tools(&self) -> [&str; 3] {
        [&self.compiler, &self.libc, &self.cpu]
    }

    /// What has changed since `before` beyond the bound, by name.
    pub fn since(&self, before: &Figures) -> Vec<Finding> {
        let counted = self.instructions.iter().filter_map(|(step, &now)| {
            let step = step.clone();
            match before.instructions.get(&step) {
                None => Some(Finding::New { step }),
                Some(&before) if now * 100 > before * (100 + BOUND) => {
                    Some(Finding::Risen { step, before, now })
                }
                Some(&before) if now * 100 < before * (100 - BOUND) => {
                    Some(Finding::Fallen { step, before, now })
                }
                Some(_) => None,
            }
        });
        let gone = before.instructions.keys().filter(|step| !self.instructions.contains_key(*step));
        counted.chain(gone.map(|step| Finding::Gone { step: step.clone() })).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(instructions: &[(&str, u64)]) -> Figures {
        Figures {
            compiler: "rustc 1.95".into(),
            libc: "glibc 2.36".into(),
            cpu: "x86_64 with AVX2".into(),
            instructions: instructions.iter().map(|(step, n)| ((*step).into(), *n)).collect(),
        }
    }

    #[test]
    fn a_step_may_move_by_five_percent_and_no_further() {
        let before = figures(&[("append", 1000)]);
        let findings = |now| figures(&[("append", now)]).since(&before);
        assert_eq!(findings(1050), []);
        assert_eq!(findings(950), []);
        let step = || "append".to_owned();
        assert_eq!(findings(1051), [Finding::Risen { step: step(), before: 1000, now: 1051 }]);
        assert_eq!(findings(949), [Finding::Fallen { step: step(), before: 1000, now: 949 }]);
        assert!(findings(1051)[0].fails());
        assert!(!findings(949)[0].fails(), "what got better fails nobody");
    }

    #[test]
    fn a_step_without_a_figure_and_a_figure_without_a_step_do_not_pass() {
        let findings = figures(&[("new", 1)]).since(&figures(&[("old", 1)]));
        let (new, gone) = ("new".to_owned(), "old".to_owned());
        assert_eq!(findings, [Finding::New { step: new }, Finding::Gone { step: gone }]);
        assert!(findings.iter().all(Finding::fails));
    }

    #[test]
    fn counts_of_other_tools_are_not_compared() {
        let mine = figures(&[]);
        assert!(mine.is_comparable_to(&mine));
        assert!(!mine.is_comparable_to(&Figures { compiler: "rustc 1.96".into(), ..mine.clone() }));
        assert!(!mine.is_comparable_to(&Figures { libc: "glibc 2.41".into(), ..mine.clone() }));
        assert!(!mine.is_comparable_to(&Figures { cpu: "x86_64".into(), ..mine.clone() }));
    }
}
