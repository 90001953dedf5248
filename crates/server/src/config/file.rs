//! The file of `--config`: TOML, with the options by their long names.

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Arg, Command};

/// `command`, with what the file says as the defaults.
///
/// # Errors
/// If it cannot be read, is no TOML, or has a key or a value that no option has.
pub fn defaults(mut command: Command, file: &Path) -> anyhow::Result<Command> {
    let shown = file.display();
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read --config {shown}"))?;
    let table: toml::Table =
        text.parse().with_context(|| format!("--config {shown} is not valid TOML"))?;
    for (key, value) in table {
        let known = command
            .get_arguments()
            .find(|arg| arg.get_long() == Some(key.as_str()) && key != "config")
            .cloned();
        let Some(arg) = known else {
            bail!("{shown}: there is no option `{key}`; `hamhame --help` lists them");
        };
        let values = plain_values(&value).with_context(|| {
            format!(
                "{shown}: `{key}` must be a string, a number, true or false, or a list of strings"
            )
        })?;
        check_value(&arg, &format!("`{key}`"), &values).with_context(|| shown.to_string())?;
        command = command.mut_arg(arg.get_id(), |arg| arg.default_values(values));
    }
    Ok(command)
}

/// Parses the values of an option alone, so that an error names the place where they stand and not a flag that nobody wrote.
pub fn check_value(arg: &Arg, place: &str, values: &[String]) -> anyhow::Result<()> {
    let long = arg.get_long().unwrap_or_default();
    if !arg.get_action().takes_values() {
        return match values {
            [one] if one == "true" || one == "false" => Ok(()),
            _ => bail!("{place} must be true or false"),
        };
    }
    let arguments = values.iter().map(|value| format!("--{long}={value}"));
    let alone = Command::new("hamhame").arg(arg.clone());
    match alone.try_get_matches_from(std::iter::once("hamhame".to_owned()).chain(arguments)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or("bad value").trim_start_matches("error: ");
            // clap names the flag: 'for '--history <N>'', and behind it what is wrong.
            let named = format!("'--{long}");
            let words = first.split_once(&named).and_then(|(before, behind)| {
                let (_, behind) = behind.split_once('\'')?;
                Some(format!("{before}{place}{behind}"))
            });
            bail!("{}", words.unwrap_or_else(|| format!("{place}: {first}")))
        }
    }
}

/// A value as the command line would have it.
fn plain_values(value: &toml::Value) -> Option<Vec<String>> {
    match value {
        toml::Value::String(text) => Some(vec![text.clone()]),
        toml::Value::Integer(number) => Some(vec![number.to_string()]),
        toml::Value::Float(number) => Some(vec![number.to_string()]),
        toml::Value::Boolean(on) => Some(vec![on.to_string()]),
        toml::Value::Array(list) => list.iter().map(|v| v.as_str().map(str::to_owned)).collect(),
        _ => None,
    }
}
