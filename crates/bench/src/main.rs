//! The command `hamhame-bench`.
#![forbid(unsafe_code)]

use std::fs;
use std::io::Write;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use hamhame_bench::options::{Command, Options};
use hamhame_bench::{floor, page, table, workload};

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(2),
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `false` if the server broke a promise.
fn run(options: &Options) -> Result<bool> {
    if let Command::Floor(options) = &options.command {
        floor::serve(options.listen)?;
        return Ok(true);
    }
    let Some((report, common)) = workload::run(&options.command)? else { return Ok(true) };
    std::io::stdout().write_all(table::render(&report).as_bytes())?;
    if let Some(path) = &common.json {
        let mut text = serde_json::to_string_pretty(&report)?;
        text.push('\n');
        fs::write(path, text).with_context(|| format!("writing {}", path.display()))?;
    }
    if let Some(path) = &common.html {
        let page = page::render(&report);
        fs::write(path, page).with_context(|| format!("writing {}", path.display()))?;
    }
    Ok(report.is_clean())
}
