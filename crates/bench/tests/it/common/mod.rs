//! The generator as a process, and what it reports.

use std::process::{Command, Output};

use serde_json::Value;

/// The generator's binary.
pub const BENCH: &str = env!("CARGO_BIN_EXE_hamhame-bench");

/// Runs it to its end.
pub fn bench(arguments: &[&str]) -> Output {
    Command::new(BENCH).args(arguments).arg("--quiet").output().expect("the generator")
}

/// A short run at an open rate; its report and its exit code.
pub fn run_fanout(url: &str, more: &[&str]) -> (Value, Option<i32>) {
    run("fanout", url, &[&["--seconds", "0.4", "--warmup", "0.1", "--members", "3"], more].concat())
}

/// A run of a workload; its report and its exit code.
pub fn run(workload: &str, url: &str, more: &[&str]) -> (Value, Option<i32>) {
    static COUNT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);
    let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let name = format!("hamhame-bench-{}-{number}.json", std::process::id());
    let json = std::env::temp_dir().join(name);
    let path = json.to_str().unwrap();
    let output = bench(&[&[workload, "--url", url, "--json", path], more].concat());
    let text = std::fs::read_to_string(&json)
        .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
    std::fs::remove_file(json).unwrap();
    (serde_json::from_str(&text).unwrap(), output.status.code())
}
