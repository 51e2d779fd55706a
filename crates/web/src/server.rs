//! The server: sockets, TLS, connections, beginning and end.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gregaria_record::Record;
use gregaria_record::dto::LogLine;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::app::{App, Flask, ScriptRoutes};
use crate::bind::{bind, shown_address};
use crate::connection::{Connections, accept};
use crate::hints::Hints;
use crate::host::Host;
use crate::intake::Room;
use crate::kept::Kept;
use crate::live::{Live, Stream};
use crate::patient::Patience;
use crate::security::{Door, random_token, report_policy};
use crate::start_error::StartError;
use crate::tls;
use crate::{assets, metrics, routes};

/// What the server is started with.
#[derive(Debug, Clone, Default)]
pub struct Config {
    /// Name or address to listen on; empty or `*` for all.
    pub host: String,
    /// Port; 0 for a free one.
    pub port: u16,
    /// Path below which everything is, with a slash before and none behind; empty for the root.
    pub base_path: String,
    /// Files of certificate and key, for HTTPS.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// The access token; one is made if there is none.
    pub token: Option<String>,
    /// Nobody needs the token.
    pub open_door: bool,
    /// Programs of private networks may read the numbers without it.
    pub read_open: bool,
    /// Users of this machine (their numbers) who need no token; `None`: all of them.
    pub local_users: Option<Vec<u32>>,
    /// The script's application asks for a login; nobody needs the token.
    pub login: bool,
    /// Names by which local browsers may call us, besides those of loopback.
    pub trusted_hosts: Vec<String>,
    /// A page of the script's own.
    pub build_path: Option<PathBuf>,
    /// How long a peer is waited for.
    pub patience: Patience,
    /// No page: only what a Prometheus server and whoever watches over the program ask for.
    pub metrics_only: bool,
    /// Version of the Locust that the program stands for, as it is told to them.
    pub locust_version: String,
}

/// A server that runs. Dropped, it ends at once.
pub struct Server {
    app: Arc<App>,
    addresses: Vec<SocketAddr>,
    token: Option<String>,
    url: String,
    runtime: Option<Runtime>,
    ending: watch::Sender<bool>,
    connections: Arc<Connections>,
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Server {
    /// Listens, and answers from then on: the numbers are those of `record`, all else is asked of `host`.
    pub fn start(config: Config, record: Arc<Record>, host: Arc<dyn Host>) -> Result<Self, StartError> {
        let base_path = base_path(&config.base_path)?;
        let tls = config.tls.as_ref().map(|(cert, key)| tls::acceptor(cert, key)).transpose();
        let tls = tls.map_err(StartError::Tls)?;
        let option = if config.metrics_only { "--metrics-port" } else { "--web-port" };
        let listeners = bind(&config.host, config.port, option)?;
        let addresses: Vec<SocketAddr> = listeners
            .iter()
            .map(std::net::TcpListener::local_addr)
            .collect::<Result<_, _>>()
            .map_err(StartError::System)?;
        let port = addresses.first().map_or(config.port, SocketAddr::port);
        let token = match (config.open_door || config.login, config.token) {
            (true, _) => None,
            (false, Some(token)) if token.len() < 8 => {
                let words = "the access token (LOCUST_WEB_TOKEN) has to have 8 characters at least";
                return Err(StartError::Setting(words.to_owned()));
            }
            (false, Some(token)) => Some(token),
            (false, None) => Some(random_token().map_err(|error| StartError::System(error.into()))?),
        };
        let scheme = if tls.is_some() { "https" } else { "http" };
        let mut names = config.trusted_hosts;
        names.push(config.host.clone());
        let boot = random_token().map_err(|error| StartError::System(error.into()))?;
        let live = Arc::new(Live::new(Arc::clone(&record), boot[..8].to_owned()));
        if !config.metrics_only {
            record.add(Box::new(Stream(Arc::clone(&live))));
        }
        let report = assets::built_in("report.html").and_then(|page| std::str::from_utf8(page).ok());
        let app = Arc::new(App {
            host,
            record,
            live,
            base_path: base_path.clone(),
            build_path: config.build_path,
            login: config.login,
            scheme,
            door: Door::new(token.clone(), &names, config.local_users, port).with_reading(config.read_open),
            report_policy: report_policy(report),
            flask: std::sync::atomic::AtomicU8::new(Flask::None as u8),
            kept: Kept::default(),
            hints: Hints::default(),
            room: Room::default(),
            turns: tokio::sync::Semaphore::new(2),
            script: std::sync::RwLock::default(),
            locust_version: config.locust_version,
        });
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .max_blocking_threads(4)
            .thread_name("gregaria-web")
            .enable_io()
            .enable_time()
            .build()
            .map_err(StartError::System)?;
        let (ending, end) = watch::channel(false);
        let router = if config.metrics_only { metrics::router } else { routes::router };
        let connections =
            Arc::new(Connections::new(router(Arc::clone(&app)), Arc::clone(&app), tls, config.patience));
        for listener in listeners {
            let listener = {
                let _within = runtime.enter();
                tokio::net::TcpListener::from_std(listener).map_err(StartError::System)?
            };
            runtime.spawn(accept(Arc::clone(&connections), listener, end.clone()));
        }
        let url = format!("{scheme}://{}:{port}{base_path}/", shown_address(&config.host));
        Ok(Self { app, addresses, token, url, runtime: Some(runtime), ending, connections })
    }

    /// Addresses it listens on.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Port it listens on.
    pub fn port(&self) -> u16 {
        self.addresses.first().map_or(0, SocketAddr::port)
    }

    /// `http` or `https`.
    pub fn scheme(&self) -> &'static str {
        self.app.scheme
    }

    /// The access token, unless nobody needs one.
    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    /// Where the page is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The same with the access token.
    pub fn link(&self) -> String {
        match &self.token {
            Some(token) => {
                let token: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
                format!("{}?token={token}", self.url)
            }
            None => self.url.clone(),
        }
    }

    /// Says that the state of the run has changed: pages are told at once.
    pub fn notify(&self) {
        self.forget();
        self.app.record.poke();
    }

    /// Forgets the answer of `/stats/requests`.
    pub fn forget(&self) {
        self.app.kept.forget();
    }

    /// Adds a record of the log. `at`: unix seconds, `level`: Python's number.
    pub fn log(&self, at: Option<f64>, level: i32, node: String, line: String) {
        self.app.live.log(LogLine { seq: 0, at, level, node, line });
    }

    /// What goes to the script's own application.
    pub fn set_flask(&self, mode: Flask) {
        self.app.set_flask(mode);
    }

    /// What we have to know of the routes of the script's own application.
    pub fn set_script_routes(&self, routes: ScriptRoutes) {
        *self.app.script.write().unwrap_or_else(std::sync::PoisonError::into_inner) = routes;
    }

    /// Ends: streams are told, requests that are being answered get at most `grace`.
    pub fn stop(mut self, grace: Duration) {
        self.end(grace);
    }

    fn end(&mut self, grace: Duration) {
        let Some(runtime) = self.runtime.take() else { return };
        self.app.live.bye();
        self.ending.send_replace(true);
        let until = Instant::now() + grace;
        while self.connections.open() > 0 && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        runtime.shutdown_timeout(Duration::from_millis(100));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end(Duration::ZERO);
    }
}

/// A base path in its one form.
fn base_path(given: &str) -> Result<String, StartError> {
    let path = given.trim_end_matches('/');
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#%\\\"<>".contains(&byte));
    if !(given.is_empty() || given.starts_with('/')) || !plain || path.contains("//") {
        return Err(StartError::Setting(format!(
            "Invalid format for --web-base-path argument ({given}): the url path must start with a slash."
        )));
    }
    Ok(path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_paths_begin_with_a_slash() {
        for (given, expected) in [("", ""), ("/", ""), ("/a", "/a"), ("/a/b/", "/a/b")] {
            assert_eq!(base_path(given).unwrap(), expected);
        }
        for bad in ["a", "a/", "/a b", "/a?b", "/%2e", "http://x", "/a//b"] {
            assert!(base_path(bad).is_err(), "{bad}");
        }
    }
}
