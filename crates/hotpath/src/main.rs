//! `./test guards`: counts the instructions of each step and holds them against the figures that are kept.
#![forbid(unsafe_code)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use hamhame_hotpath::count::{self, profile_path};
use hamhame_hotpath::figures::{BOUND, Figures, Finding, change};
use hamhame_hotpath::growth::{CASES, MOST};
use hamhame_hotpath::steps::STEPS;

const FIGURES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/instructions.json");

const USAGE: &str =
    "usage: hamhame-hotpath          count all steps, compare with testdata/instructions.json
       UPDATE=1 hamhame-hotpath count all steps, write the file anew
       hamhame-hotpath grow     only how the cost of what a peer sends grows
       hamhame-hotpath list     the names of the steps
       hamhame-hotpath run STEP do one step: for perf, valgrind and the like";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        [] => guard().and_then(|holds| Ok(grow()? && holds)),
        ["list"] => {
            STEPS.iter().for_each(|step| println!("{}", step.name));
            Ok(true)
        }
        ["run", name] => run(name),
        ["grow"] => grow(),
        ["grow", name, bytes] => run_case(name, bytes),
        _ => Err(anyhow::anyhow!(USAGE)),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(name: &str) -> Result<bool> {
    let step = STEPS.iter().find(|step| step.name == name);
    count::run(step.with_context(|| format!("there is no step {name:?}"))?);
    Ok(true)
}

fn run_case(name: &str, bytes: &str) -> Result<bool> {
    let case = CASES.iter().find(|case| case.name == name);
    count::run_case(case.with_context(|| format!("there is no case {name:?}"))?, bytes.parse()?);
    Ok(true)
}

/// False if the cost of a case grows faster than its bytes.
fn grow() -> Result<bool> {
    let folder = profiles()?;
    let mut holds = true;
    println!("{:<56}{:>10}{:>12}{:>8}", "instructions for so many bytes", "once", "4 times", "");
    for case in CASES {
        let small = count::growth(case, case.bytes, &folder)?;
        let large = count::growth(case, 4 * case.bytes, &folder)?;
        let factor = large as f64 / small as f64;
        println!("{:<56}{small:>10}{large:>12}{factor:>8.2}", case.name);
        if factor > MOST {
            holds = false;
            eprintln!(
                "{}: four times the bytes take {factor:.2} times the instructions",
                case.name
            );
        }
    }
    Ok(holds)
}

/// False if a step takes more than it may.
fn guard() -> Result<bool> {
    let update = std::env::var_os("UPDATE").is_some();
    let before = kept()?;
    let folder = profiles()?;
    let (compiler, libc, cpu) = (compiler()?, libc()?, cpu());
    let mut now = Figures { compiler, libc, cpu, instructions: BTreeMap::new() };
    println!("{:<40}{:>10}{:>10}{:>9}", "instructions each time", "before", "now", "");
    for step in STEPS {
        let name = step.name;
        let instructions = count::instructions(step, &folder)?;
        let figure = before.as_ref().and_then(|before| before.instructions.get(name));
        match figure {
            Some(&figure) => println!(
                "{name:<40}{figure:>10}{instructions:>10}{:>+7.1} %",
                change(figure, instructions)
            ),
            None => println!("{name:<40}{:>10}{instructions:>10}", ""),
        }
        now.instructions.insert(name.into(), instructions);
    }
    if update {
        fs::write(FIGURES, serde_json::to_string_pretty(&now)? + "\n").context(FIGURES)?;
        println!("testdata/instructions.json is written anew");
        return Ok(true);
    }
    let Some(before) = before else {
        bail!("there is no testdata/instructions.json: UPDATE=1 ./test guards")
    };
    Ok(judge(&before, &now, &folder))
}

/// Tells what has changed, and what to do about it. False if it must not stay so.
fn judge(before: &Figures, now: &Figures, folder: &Path) -> bool {
    if !now.is_comparable_to(before) {
        println!(
            "NOT compared: the figures were counted with {}; this is {}.",
            before.tools().join(", "),
            now.tools().join(", ")
        );
        return true;
    }
    let (failures, fallen): (Vec<Finding>, Vec<Finding>) =
        now.since(before).into_iter().partition(Finding::fails);
    if !fallen.is_empty() {
        println!(
            "More than {BOUND} % below its figure; UPDATE=1 ./test guards keeps what was won:"
        );
        fallen.iter().for_each(|finding| println!("  {finding}"));
    }
    for finding in &failures {
        eprintln!("{finding}");
        if let Finding::Risen { step, .. } = finding {
            let profile = profile_path(folder, step);
            eprintln!(
                "  where they go: callgrind_annotate --inclusive=yes {} | head -60",
                profile.display()
            );
        }
    }
    if !failures.is_empty() {
        eprintln!(
            "A step may take {BOUND} % more instructions than testdata/instructions.json says. If this is meant, write the \
             new figures with UPDATE=1 ./test guards, and say in the commit what they buy."
        );
    }
    failures.is_empty()
}

fn kept() -> Result<Option<Figures>> {
    match fs::read_to_string(FIGURES) {
        Ok(text) => serde_json::from_str(&text).context(FIGURES).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).context(FIGURES),
    }
}

/// The folder for profiles, beside the one that this program was built into.
fn profiles() -> Result<PathBuf> {
    let program = std::env::current_exe()?;
    let target = program.ancestors().nth(2).context("the program stands in no target folder")?;
    let folder = target.join("callgrind");
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// `rustc 1.95`: the compiler that cargo uses here.
fn compiler() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output().context("cannot run rustc")?;
    let version = String::from_utf8_lossy(&output.stdout).into_owned();
    let number = version.split(' ').nth(1).context("rustc says no version")?;
    let parts: Vec<&str> = number.split('.').take(2).collect();
    Ok(format!("rustc {}", parts.join(".")))
}

/// `glibc 2.36`.
fn libc() -> Result<String> {
    let output = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let output = output.context("cannot run getconf")?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// `x86_64 with AVX2`.
fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx2") {
        return "x86_64 with AVX2".into();
    }
    std::env::consts::ARCH.into()
}
