//! Certificates: read from files, or made here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::Path;
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::InconsistentKeys;
use rustls::crypto::ring;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};

use crate::config::Options;
use crate::net::lan;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a certificate made here is valid. It is made anew at each start; Apple's systems refuse longer ones than 825 days.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Reads a certificate with its chain, and its key.
///
/// # Errors
/// Which file is wrong, and how.
pub fn load(cert: &Path, key: &Path) -> anyhow::Result<CertifiedKey> {
    let (cert_shown, key_shown) = (cert.display(), key.display());
    let chain: Result<Vec<CertificateDer<'static>>, PemError> =
        CertificateDer::pem_file_iter(cert).and_then(Iterator::collect);
    let chain = chain.with_context(|| format!("cannot read --tls-cert {cert_shown}"))?;
    if chain.is_empty() {
        bail!(
            "--tls-cert {cert_shown} has no certificate in PEM form (-----BEGIN CERTIFICATE-----)"
        );
    }
    let private = match PrivateKeyDer::from_pem_file(key) {
        Ok(private) => private,
        Err(PemError::NoItemsFound) => bail!(
            "--tls-key {key_shown} has no private key in PEM form (-----BEGIN PRIVATE KEY-----); one with a passphrase \
             cannot be used"
        ),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read --tls-key {key_shown}"));
        }
    };
    let provider = ring::default_provider();
    let signing = provider
        .key_provider
        .load_private_key(private)
        .map_err(|error| anyhow::anyhow!("--tls-key {key_shown} cannot be used: {error}"))?;
    let pair = CertifiedKey::new(chain, signing);
    match pair.keys_match() {
        Ok(()) | Err(rustls::Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(_)) => {
            bail!(
                "the key in --tls-key {key_shown} is not that of the certificate in --tls-cert {cert_shown}"
            )
        }
        Err(error) => bail!("the certificate in --tls-cert {cert_shown} cannot be used: {error}"),
    }
}

/// The names that people may reach this machine by.
pub fn names(options: &Options) -> Vec<String> {
    let local = [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];
    let listening = options.listen.ip();
    let others = [(!listening.is_unspecified()).then_some(listening), lan::own_address()];
    let mut addresses = local.to_vec();
    for address in others.into_iter().flatten() {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    let addresses = addresses.iter().map(IpAddr::to_string);
    std::iter::once("localhost".to_owned()).chain(addresses).collect()
}

/// Makes a certificate that vouches for itself.
///
/// # Errors
/// If the system gives no randomness.
pub fn make(names: &[String]) -> anyhow::Result<CertifiedKey> {
    let failed = "cannot make a certificate";
    let mut params = CertificateParams::new(names).context(failed)?;
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "hamhame");
    let epoch = rcgen::date_time_ymd(1970, 1, 1);
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    // From yesterday on: the clocks of those who come may be slow.
    params.not_before = epoch + now.saturating_sub(DAY);
    params.not_after = epoch + now + VALIDITY;
    let key = KeyPair::generate().context(failed)?;
    let certificate = params.self_signed(&key).context(failed)?;
    let private = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let signing = ring::sign::any_supported_type(&private).context(failed)?;
    Ok(CertifiedKey::new(vec![certificate.der().clone()], signing))
}

/// SHA-256 of the certificate itself, in pairs of hexadecimal digits.
pub fn fingerprint(key: &CertifiedKey) -> String {
    let certificate = key.cert.first().map_or(&[][..], |certificate| certificate.as_ref());
    let digest = Sha256::digest(certificate);
    digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
}
