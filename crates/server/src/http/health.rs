//! `hamhame health`: asks a server on this machine whether it is up, for who has nothing else to ask with, as a container.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail};

/// How long each step may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// Asks at the address that is given, or at that of `HAMHAME_LISTEN`, or at port 8000. The exit code is 0 if the server
/// answers, over TLS by its answer to a request without it.
pub fn run(mut arguments: impl Iterator<Item = OsString>) -> ExitCode {
    let given = arguments.next().or_else(|| std::env::var_os("HAMHAME_LISTEN"));
    let given = given.map_or("127.0.0.1:8000".into(), |text| text.to_string_lossy().into_owned());
    match ask(&given) {
        Ok(status) => {
            println!("{status}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("hamhame health: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The first line of the answer.
fn ask(address: &str) -> anyhow::Result<String> {
    let listens = address.parse::<SocketAddr>();
    let mut address = listens.with_context(|| format!("{address} is not like 127.0.0.1:8000"))?;
    // Who listens everywhere is asked on this machine.
    if address.ip().is_unspecified() {
        let here = match address.ip() {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        };
        address.set_ip(here);
    }
    let asking = || format!("nobody answers at {address}");
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE).with_context(asking)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).with_context(asking)?;
    let mut answer = Vec::new();
    stream.take(1024).read_to_end(&mut answer).with_context(asking)?;
    let text = String::from_utf8_lossy(&answer);
    let line = text.lines().next().unwrap_or_default();
    let is_up = line.strip_prefix("HTTP/1.1 ").is_some_and(|status| !status.starts_with('5'));
    if !is_up {
        bail!("what listens at {address} says {line:?}");
    }
    Ok(line.to_owned())
}
