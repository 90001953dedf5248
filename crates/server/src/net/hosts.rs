//! Which hosts a server answers for. A page that any site had loaded from its own name can have that name mean this machine a
//! moment later (DNS rebinding): to the browser it is still the same origin, and firewalls and loopback addresses keep nothing
//! from it. The name that it calls is all that shows it.

use std::net::IpAddr;

use crate::authority::{Authority, Host};
use crate::config::Options;
use crate::net::lan;

/// Longest name that is repeated to who asked for it, and in the log (RFC 1035, section 2.3.4).
const LONGEST: usize = 255;

/// What is asked for is answered, or refused.
#[derive(Debug)]
pub struct Hosts {
    /// `None` if any host will do.
    names: Option<Vec<String>>,
}

impl Hosts {
    /// As the options say. Where they name hosts, those count. Where they do not, a server for this machine or its network
    /// answers for the machine's own names, and one for all the world, or behind a proxy, for any.
    pub fn new(options: &Options) -> Hosts {
        let named = &options.hosts;
        let listens = lan::listen_address(options).ip();
        let guarded = !named.is_empty()
            || (options.proxy.trusted.is_empty() && (options.lan.is_on() || is_near(listens)));
        if !guarded || named.iter().any(|name| name == "*") {
            return Hosts { names: None };
        }
        let mut names = named.clone();
        names.extend(own_names());
        Hosts { names: Some(names) }
    }

    /// Whether a request for this host is answered. Addresses are, as no page can have one of ours that was loaded from
    /// elsewhere; and so is what names nothing, as no browser sends that.
    pub fn answer_for(&self, asked: Option<&Authority<'_>>) -> bool {
        let (Some(names), Some(asked)) = (&self.names, asked) else { return true };
        let Host::Name(name) = asked.host() else { return true };
        let name = name.strip_suffix('.').unwrap_or(name);
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        is("localhost") || ends_in_localhost(name) || names.iter().any(|other| is(other))
    }

    /// What is said to who asks for another host, which the log tells too.
    pub fn refuse(&self, asked: Option<&Authority<'_>>) -> String {
        let host = asked.map(|asked| asked.host().to_string()).unwrap_or_default();
        let host: String = host.chars().take(LONGEST).collect();
        tracing::warn!(
            host,
            "refused a request for a host that is not this server's; --host NAME allows it"
        );
        format!(
            "this server does not answer for {host}; if it should, its operator starts it with --host {host}"
        )
    }
}

/// Whether only this machine or its network can reach an address: loopback, private (RFC 1918, RFC 4193), link-local, and what
/// a carrier shares out (RFC 6598).
fn is_near(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || (first == 100 && second & 0xc0 == 64)
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// `*.localhost` never leaves the machine (RFC 6761, section 6.3).
fn ends_in_localhost(name: &str) -> bool {
    let end = ".localhost";
    name.len() > end.len()
        && name.is_char_boundary(name.len() - end.len())
        && name[name.len() - end.len()..].eq_ignore_ascii_case(end)
}

/// What this machine calls itself, as others in its network find it.
fn own_names() -> Vec<String> {
    let system = rustix::system::uname();
    let Ok(name) = system.nodename().to_str() else { return Vec::new() };
    let name = name.to_ascii_lowercase();
    let short = name.split('.').next().unwrap_or_default().to_owned();
    if short.is_empty() {
        return Vec::new();
    }
    vec![format!("{short}.local"), short, name]
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn answers(arguments: &[&str], host: &str) -> bool {
        let options = Options::parse_from([&["hamhame"], arguments].concat());
        let authority = Authority::read(host.as_bytes()).expect("a host");
        Hosts::new(&options).answer_for(Some(&authority))
    }

    const GUARDED: [&[&str]; 9] = [
        &[],
        &["--listen", "[::1]:0"],
        &["--listen", "192.168.1.4:80"],
        &["--listen", "10.0.0.4:80"],
        &["--listen", "100.64.0.1:80"],
        &["--listen", "169.254.3.3:80"],
        &["--listen", "[fd00::1]:80"],
        &["--listen", "[fe80::1]:80"],
        &["--lan"],
    ];

    #[test]
    fn who_serves_this_machine_or_its_network_answers_for_its_own_names() {
        for arguments in GUARDED {
            for host in [
                "localhost",
                "LOCALHOST.:8000",
                "chat.localhost",
                "127.0.0.1",
                "192.168.1.4:8000",
                "[::1]:8000",
                "[2001:db8::1]",
            ] {
                assert!(answers(arguments, host), "{arguments:?} {host}");
            }
            for own in own_names() {
                assert!(answers(arguments, &format!("{own}:8000")), "{own}");
            }
            for host in [
                "rebind.example",
                "rebind.example:8000",
                "localhost.rebind.example",
                "notlocalhost",
                "127.0.0.1.rebind.example",
                "2130706433",
                "127.1",
                "0x7f.1",
                "local",
                "%6cocalhost",
                "*",
            ] {
                assert!(!answers(arguments, host), "{arguments:?} {host}");
            }
        }
    }

    #[test]
    fn who_serves_all_the_world_or_stands_behind_a_proxy_answers_for_any() {
        for arguments in [
            &["--listen", "0.0.0.0:80"][..],
            &["--listen", "[::]:80"],
            &["--listen", "203.0.113.4:80"],
            &["--trusted-proxy", "127.0.0.1"],
            &["--host", "*"],
            &["--host", "a.example,*", "--lan"],
        ] {
            assert!(answers(arguments, "any.example"), "{arguments:?}");
        }
    }

    #[test]
    fn whoever_names_hosts_means_them_and_no_others() {
        for arguments in [
            &["--host", "Chat.Example."][..],
            &["--host", "a.example,chat.example", "--listen", "0.0.0.0:80"],
            &["--host", "a.example", "--host", "chat.example", "--trusted-proxy", "127.0.0.1"],
        ] {
            assert!(answers(arguments, "chat.example:80"), "{arguments:?}");
            assert!(answers(arguments, "CHAT.example."), "{arguments:?}");
            assert!(answers(arguments, "203.0.113.9"), "{arguments:?}");
            assert!(!answers(arguments, "other.example"), "{arguments:?}");
            assert!(!answers(arguments, "sub.chat.example"), "{arguments:?}");
        }
    }
}
