//! Counting instructions: the step runs under callgrind, which is switched on only inside of `measured`.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use crate::growth::Case;
use crate::steps::Step;
use crate::work::Work;

/// What callgrind knows [`measured`] by.
const MEASURED: &str = "hamhame_hotpath::count::measured";

/// Times that a step is done before it is counted: until then buffers grow and tables are made.
const WARM_UP: usize = 128;

/// Times that a step is counted. Enough that a table that grows now and then weighs the same in every count.
const TIMES: usize = 2_048;

/// Times that a step is counted which is prepared anew each time: it is a long one.
const TIMES_ONE_BY_ONE: usize = 256;

/// Does the step. Callgrind counts what happens between the beginning of this function and its end.
#[inline(never)]
fn measured(work: &mut dyn Work, times: usize) {
    work.run(times);
    // As the last thing in the function the call would become a jump, and callgrind would not see the end.
    black_box(());
}

/// What runs inside of callgrind.
pub fn run(step: &Step) {
    let mut work = (step.set_up)();
    for _ in 0..WARM_UP / step.at_once {
        work.prepare(step.at_once);
        work.run(step.at_once);
    }
    for _ in 0..times(step) / step.at_once {
        work.prepare(step.at_once);
        measured(&mut *work, step.at_once);
    }
}

fn times(step: &Step) -> usize {
    if step.at_once == 1 { TIMES_ONE_BY_ONE } else { TIMES }
}

/// The file in `folder` that the profile of the step `name` is kept in.
pub fn profile_path(folder: &Path, name: &str) -> PathBuf {
    let letters = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    folder.join(format!("{}.callgrind", letters.collect::<Vec<_>>().join("-")))
}

/// What runs inside of callgrind to see how a cost grows.
pub fn run_case(case: &Case, bytes: usize) {
    let mut work = (case.set_up)(bytes);
    for _ in 0..2 {
        work.prepare(1);
        work.run(1);
    }
    work.prepare(1);
    measured(&mut *work, 1);
}

/// Instructions that the step takes, each time. Its profile is written into `folder`.
///
/// # Errors
/// If valgrind cannot be run, or counted nothing.
pub fn instructions(step: &Step, folder: &Path) -> Result<u64> {
    let profile = profile_path(folder, step.name);
    let sum = count(&["run", step.name], &profile)?;
    Ok((sum as f64 / times(step) as f64).round() as u64)
}

/// Instructions that the case takes with so many bytes.
///
/// # Errors
/// If valgrind cannot be run, or counted nothing.
pub fn growth(case: &Case, bytes: usize, folder: &Path) -> Result<u64> {
    let size = bytes.to_string();
    let profile = profile_path(folder, &format!("growth {} {size}", case.name));
    count(&["grow", case.name, &size], &profile)
}

/// Runs this program under callgrind, and says how many instructions were counted.
fn count(arguments: &[&str], profile: &Path) -> Result<u64> {
    let name = arguments.join(" ");
    let mut out = std::ffi::OsString::from("--callgrind-out-file=");
    out.push(profile);
    let output = Command::new("valgrind")
        .args(["--quiet", "--tool=callgrind", "--collect-atstart=no"])
        .arg(format!("--toggle-collect={MEASURED}*"))
        .arg(out)
        .arg(std::env::current_exe()?)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot run valgrind")?;
    let words = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "valgrind failed at {name:?}:\n{words}");
    let text = fs::read_to_string(profile)
        .with_context(|| format!("valgrind wrote no profile to {}", profile.display()))?;
    let sum = sum(&text).with_context(|| format!("{} has no sum", profile.display()))?;
    ensure!(
        sum > 0,
        "callgrind counted nothing at {name:?}: it did not find the function {MEASURED}"
    );
    Ok(sum)
}

/// The sum of a profile in callgrind's format: its last `totals:` line.
fn sum(profile: &str) -> Option<u64> {
    profile.lines().rev().find_map(|line| line.strip_prefix("totals: ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_one_at_the_end_of_a_profile() {
        assert_eq!(sum("events: Ir\nsummary: 0\nfn=(1)\n3 4\n\ntotals: 4711\n"), Some(4711));
        assert_eq!(sum("events: Ir\n"), None);
    }

    #[test]
    fn a_profile_has_a_name_that_a_shell_takes() {
        let path = profile_path(Path::new("out"), "next batch, 8 events");
        assert_eq!(path, Path::new("out/next-batch-8-events.callgrind"));
    }
}
