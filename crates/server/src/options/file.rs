//! The file of `--config`: TOML, with the options by their long names.

use std::path::Path;

use anyhow::{Context, bail};
use clap::{Command, Id};

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
            .map(|arg| (arg.get_id().clone(), arg.get_action().takes_values()));
        let Some((id, takes_value)) = known else {
            bail!("{shown}: there is no option `{key}`; `hamhame --help` lists them");
        };
        let values = plain_values(&value).with_context(|| {
            format!(
                "{shown}: `{key}` must be a string, a number, true or false, or a list of strings"
            )
        })?;
        check_value(&command, &id, takes_value, &key, &values)
            .with_context(|| shown.to_string())?;
        command = command.mut_arg(id, |arg| arg.default_values(values));
    }
    Ok(command)
}

/// Parses one value alone, so that an error names the file's key and not a flag nobody wrote.
fn check_value(
    command: &Command,
    id: &Id,
    takes_value: bool,
    key: &str,
    values: &[String],
) -> anyhow::Result<()> {
    if !takes_value {
        return match values {
            [one] if one == "true" || one == "false" => Ok(()),
            _ => bail!("`{key}` must be true or false"),
        };
    }
    let arguments = values.iter().map(|value| format!("--{key}={value}"));
    let alone = Command::new("hamhame").arg(
        command.get_arguments().find(|arg| arg.get_id() == id).expect("found just before").clone(),
    );
    match alone.try_get_matches_from(std::iter::once("hamhame".to_owned()).chain(arguments)) {
        Ok(_) => Ok(()),
        Err(error) => {
            let text = error.to_string();
            bail!("{}", text.lines().next().unwrap_or("bad value").trim_start_matches("error: "))
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
