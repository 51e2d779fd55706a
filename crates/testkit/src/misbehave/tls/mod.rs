//! TLS for the misbehaving server, when it is built in.

#[cfg(not(feature = "tls"))]
mod disabled;
#[cfg(feature = "tls")]
mod enabled;

#[cfg(not(feature = "tls"))]
pub(super) use self::disabled::Acceptor;
#[cfg(feature = "tls")]
pub(super) use self::enabled::Acceptor;
