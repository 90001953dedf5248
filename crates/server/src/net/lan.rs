//! `--lan`: a class finds the server by a QR code in the terminal, and by the page of who started it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::config::{Lan, Lang, Options};
use crate::qr;

/// Where to listen: with `--lan` on all interfaces.
pub fn listen_address(options: &Options) -> SocketAddr {
    match options.lan {
        Lan::Off => options.listen,
        Lan::Port(port) => (Ipv4Addr::UNSPECIFIED, port).into(),
    }
}

/// An address that one can open: with `--lan` the one for others, if there is one.
pub fn shown_address(options: &Options, bound: SocketAddr) -> SocketAddr {
    match others_address(options).filter(|_| options.lan.is_on()) {
        Some(ip) => SocketAddr::new(ip, bound.port()),
        None => bound,
    }
}

/// The address by which others in the network reach this server, if it listens for them.
pub fn others_address(options: &Options) -> Option<IpAddr> {
    match listen_address(options).ip() {
        ip if ip.is_unspecified() => own_address(),
        ip => (!ip.is_loopback()).then_some(ip),
    }
}

/// What to show with `--lan`: the address for the others, with its QR code and what to do with it.
pub fn invitation(options: &Options, port: u16) -> Option<String> {
    if !options.lan.is_on() {
        return None;
    }
    let Some(ip) = others_address(options) else {
        return Some(
            "This machine has no address on a network; others cannot reach it yet.".into(),
        );
    };
    let scheme = if options.tls.is_on() { "https" } else { "http" };
    let url = format!("{scheme}://{}", SocketAddr::new(ip, port));
    let code = qr::terminal(&url).unwrap_or_default();
    let persian = "این نشانی را در مرورگر باز کنید، یا کد بالا را با دوربین گوشی بخوانید.";
    let english = "Open this address in a browser, or scan the code with a phone.";
    // In a class there is always somebody who reads only one of them.
    let words = match options.lang {
        Lang::Fa | Lang::Auto => format!("{persian}\n{english}"),
        Lang::En => format!("{english}\n{persian}"),
    };
    Some(format!("{code}\n\n  {url}\n\n{words}\n"))
}

/// The address by which this machine would reach others. Connecting a UDP socket chooses it and sends nothing.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737): any that is not ours will do.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}
