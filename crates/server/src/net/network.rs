//! What counts as one address.

use std::net::{IpAddr, Ipv6Addr};

/// Of an address of IPv6, the bits that say whose it is: a household gets all that begin with them (RFC 6177, section 2).
const NETWORK: u128 = !((1 << 64) - 1);

/// What is counted as one address: of IPv4 an address, of IPv6 a network of 64 bits.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & NETWORK).into(),
        address => address,
    }
}
