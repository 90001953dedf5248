//! Variables of the environment: those that no option has are typing errors, and a bad value is named as the variable's.

use std::ffi::OsStr;

use anyhow::bail;
use clap::parser::ValueSource;
use clap::{ArgMatches, Command};

use super::file;

/// What is logged, in the syntax of `tracing_subscriber`'s `Targets`.
pub const FILTER_VARIABLE: &str = "HAMHAME_LOG_FILTER";

/// How all of them begin.
const PREFIX: &str = "HAMHAME_";

/// Of the project's own tests, which start servers.
const OF_TESTS: [&str; 2] = ["HAMHAME_BIN", "HAMHAME_HTTP"];

/// Checks what the environment says.
///
/// # Errors
/// A variable that no option has, or a value that cannot be read and that no flag stands before.
pub fn check(command: &Command, flags: &ArgMatches) -> anyhow::Result<()> {
    let options: Vec<_> =
        command.get_arguments().filter_map(|arg| Some((arg.get_env()?, arg))).collect();
    let mut found: Vec<_> = std::env::vars_os().collect();
    found.sort();
    for (name, value) in found {
        let Some(shown) = name.to_str().filter(|name| name.starts_with(PREFIX)) else { continue };
        let Some((_, arg)) = options.iter().find(|(env, _)| *env == name) else {
            if is_known(shown, &value) {
                continue;
            }
            let known = options.iter().filter_map(|(env, _)| env.to_str());
            match nearest(shown, known) {
                Some(nearest) => bail!("there is no variable {shown}; did you mean {nearest}?"),
                None => bail!("there is no variable {shown}; `hamhame --help` lists them"),
            }
        };
        if flags.value_source(arg.get_id().as_str()) == Some(ValueSource::CommandLine) {
            continue;
        }
        let Some(value) = value.to_str() else { bail!("{shown} is no text (UTF-8)") };
        let values: Vec<String> = match arg.get_value_delimiter() {
            Some(delimiter) => value.split(delimiter).map(str::to_owned).collect(),
            None => vec![value.to_owned()],
        };
        file::check_value(arg, shown, &values)?;
    }
    Ok(())
}

/// What is no option and yet no error.
fn is_known(name: &str, value: &OsStr) -> bool {
    // Kubernetes and Docker say so where a service of this name is.
    let of_service = name.starts_with("HAMHAME_SERVICE_")
        || name.starts_with("HAMHAME_PORT_")
        || (name == "HAMHAME_PORT" && value.to_string_lossy().contains("://"));
    of_service || name == FILTER_VARIABLE || OF_TESTS.contains(&name)
}

/// The name that is most like it, if one is.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &&str| {
        (strsim::jaro_winkler(&name[PREFIX.len()..], &other[PREFIX.len()..]) * 1000.0) as u32
    };
    known.max_by_key(likeness).filter(|other| likeness(other) > 700)
}
