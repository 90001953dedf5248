//! `--lan`: a class finds the server by a QR code in the terminal.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use crate::options::Options;
use crate::qr;

/// Where to listen: with `--lan` on all interfaces, unless `--listen` names one that is not loopback.
pub fn listen_address(options: &Options) -> SocketAddr {
    let mut address = options.listen;
    if options.lan && address.ip().is_loopback() {
        address.set_ip(Ipv4Addr::UNSPECIFIED.into());
    }
    address
}

/// What to show with `--lan`: the address for the others, with its QR code.
pub fn invitation(options: &Options, port: u16) -> Option<String> {
    if !options.lan {
        return None;
    }
    let ip = match listen_address(options).ip() {
        ip if ip.is_unspecified() => match own_address() {
            Some(ip) => ip,
            None => {
                return Some(
                    "This machine has no address on a network; others cannot reach it yet.".into(),
                );
            }
        },
        ip => ip,
    };
    let scheme = if options.tls.is_on() { "https" } else { "http" };
    let url = format!("{scheme}://{}", SocketAddr::new(ip, port));
    let code = qr::terminal(&url).unwrap_or_default();
    Some(format!("{code}\n\n  {url}\n"))
}

/// The address by which this machine would reach others. Connecting a UDP socket chooses it and sends nothing.
pub fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    // An address for documentation (RFC 5737): any that is not ours will do.
    socket.connect((Ipv4Addr::new(192, 0, 2, 1), 9)).ok()?;
    let ip = socket.local_addr().ok()?.ip();
    (!ip.is_loopback() && !ip.is_unspecified()).then_some(ip)
}
