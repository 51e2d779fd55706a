//! Why the server cannot start, and the way out.

/// Why the server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The address cannot be had.
    #[error("cannot listen on {address}: {source}{}", hint(source, option))]
    Bind {
        /// Which.
        address: String,
        /// Why.
        source: std::io::Error,
        /// The option that takes another port.
        option: &'static str,
    },
    /// The certificate or key is of no use.
    #[error("{0}")]
    Tls(String),
    /// A setting makes no sense.
    #[error("{0}")]
    Setting(String),
    /// No thread, no random numbers.
    #[error("the web interface cannot start: {0}")]
    System(std::io::Error),
}

/// The way out of an error of binding.
fn hint(error: &std::io::Error, option: &str) -> String {
    match error.kind() {
        std::io::ErrorKind::AddrInUse => format!(
            ". Another program (perhaps another locust) listens there: end it, or choose another port with {option}"
        ),
        std::io::ErrorKind::PermissionDenied => {
            format!(". Ports below 1024 are for root: choose another one with {option}")
        }
        std::io::ErrorKind::AddrNotAvailable => {
            ". --web-host has to be an address of this machine, or '*' for all of them".to_owned()
        }
        _ => String::new(),
    }
}
