//! Where a tracker is: `segment://host:22236#key`.

use std::fmt;
use std::str::FromStr;

use segment_proto::DeviceId;

/// The port of a tracker when none is given.
pub const DEFAULT_PORT: u16 = 22236;
/// The scheme of an invite.
pub const SCHEME: &str = "segment://";
/// The longest URL that is read.
pub const URL_BYTES_MAX: usize = 512;

/// The address of a tracker, and its key if the invite carried one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TrackerUrl {
    /// A DNS name or an IP address, without brackets, in lower case.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// The key to expect; `None` means trust on first use.
    pub key: Option<DeviceId>,
}

/// Why a URL is not one of a tracker.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Longer than [`URL_BYTES_MAX`].
    #[error("the address has more than {URL_BYTES_MAX} bytes; write segment://host:port#key")]
    TooLong,
    /// Another scheme than ours.
    #[error("{0:?} is not a scheme of ours; write segment://host:port#key")]
    Scheme(String),
    /// No host.
    #[error("the host is missing; write segment://host:port#key")]
    NoHost,
    /// A host with characters that no host has.
    #[error("{0:?} is not a host name or an IP address; an IPv6 address goes into [brackets]")]
    Host(String),
    /// Not a number from 1 to 65535.
    #[error("{0:?} is not a port; a port is a number from 1 to 65535 (default {DEFAULT_PORT})")]
    Port(String),
    /// Not 64 hexadecimal digits.
    #[error("the key after # must be 64 hexadecimal digits; copy the whole invite again")]
    Key,
}

impl FromStr for TrackerUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        if text.len() > URL_BYTES_MAX {
            return Err(UrlError::TooLong);
        }
        let (address, key) = split_key(without_scheme(text)?)?;
        let address = address.strip_suffix('/').unwrap_or(address);
        let (host, port) = split_port(address)?;
        let host = checked_host(host)?;
        Ok(Self { host, port, key })
    }
}

fn without_scheme(text: &str) -> Result<&str, UrlError> {
    match text.split_once("://") {
        None => Ok(text),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("segment") => Ok(rest),
        Some((scheme, _)) => Err(UrlError::Scheme(scheme.to_owned())),
    }
}

fn split_key(text: &str) -> Result<(&str, Option<DeviceId>), UrlError> {
    match text.split_once('#') {
        None => Ok((text, None)),
        Some((address, key)) => Ok((address, Some(DeviceId::from_hex(key).ok_or(UrlError::Key)?))),
    }
}

fn split_port(address: &str) -> Result<(&str, u16), UrlError> {
    if let Some(rest) = address.strip_prefix('[') {
        let (host, after) = rest.split_once(']').ok_or_else(|| UrlError::Host(address.to_owned()))?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, parse_port(port)?)),
            None if after.is_empty() => Ok((host, DEFAULT_PORT)),
            None => Err(UrlError::Host(address.to_owned())),
        };
    }
    match address.split_once(':') {
        None => Ok((address, DEFAULT_PORT)),
        Some((_, port)) if port.contains(':') => Err(UrlError::Host(address.to_owned())),
        Some((host, port)) => Ok((host, parse_port(port)?)),
    }
}

fn parse_port(text: &str) -> Result<u16, UrlError> {
    crate::names::positive(text)
        .and_then(|number| u16::try_from(number).ok())
        .ok_or_else(|| UrlError::Port(text.to_owned()))
}

fn checked_host(host: &str) -> Result<String, UrlError> {
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if host.chars().all(named) || host.parse::<std::net::Ipv6Addr>().is_ok() {
        return Ok(host.to_ascii_lowercase());
    }
    Err(UrlError::Host(host.to_owned()))
}

impl TrackerUrl {
    /// `host:port`, with brackets around an IPv6 address: what is dialled and pinned.
    #[must_use]
    pub fn address(&self) -> String {
        if self.host.contains(':') {
            return format!("[{}]:{}", self.host, self.port);
        }
        format!("{}:{}", self.host, self.port)
    }
}

impl fmt::Display for TrackerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{}", self.address())?;
        match self.key {
            Some(key) => write!(f, "#{key}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
#[path = "url_tests.rs"]
mod tests;
