//! `_engine.WebServer`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gregaria_record::{Numbers, Recording, Showing, Told, report_of};
use gregaria_web::{Config, Flask, Host, Level, Server, StartError, document};
use pyo3::exceptions::{PyAssertionError, PyOSError, PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::command::WebCommand;
use super::inbox::{Inbox, Item};
use crate::stats::RequestStats;

/// Commands for which greenlets are started in one turn of the hub.
const BATCH: usize = 64;
/// Longer than the grace that is given, for the last look at the numbers and for keeping the run.
const LAST_LOOK: Duration = Duration::from_secs(5);

/// Status, headers and body.
type Whole<'py> = (u16, Vec<(String, String)>, Bound<'py, PyBytes>);

/// The web interface's server. Nothing listens before `start()`.
#[pyclass(frozen, weakref, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct WebServer {
    handler: Py<PyAny>,
    numbers: Numbers,
    config: Config,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// What is asked for after the end, too.
    port: Option<u16>,
    last_run: Option<String>,
    recording: Option<Recording>,
}

#[derive(Debug)]
struct Running {
    server: Server,
    inbox: Arc<Inbox>,
    watcher: Py<PyAny>,
}

impl WebServer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, f: impl FnOnce(&Server) -> T) -> Option<T> {
        self.lock().running.as_ref().map(|running| f(&running.server))
    }

    /// Calls the handler at once, for the few commands that are still answered while the server ends.
    fn answer_last(&self, py: Python<'_>, inbox: &Inbox) {
        for item in inbox.take(BATCH) {
            let done = match item {
                Item::Log(level, message) => log(py, level, &message),
                Item::Command(command) => {
                    if !matches!(command.ask.kind(), "status" | "run_info" | "exceptions") {
                        continue;
                    }
                    Py::new(py, WebCommand::new(command))
                        .and_then(|command| self.handler.bind(py).call1((command,)).map(drop))
                }
            };
            if let Err(error) = done {
                error.write_unraisable(py, Some(self.handler.bind(py)));
            }
        }
    }
}

/// One turn of the hub: greenlets that were started for a question must have answered it before this thread waits for
/// the last look, which may be waiting for that answer.
fn let_greenlets_answer(py: Python<'_>) -> PyResult<()> {
    match py.import(intern!(py, "gevent"))?.call_method1(intern!(py, "sleep"), (0,)) {
        // Called in the hub itself, which cannot take turns.
        Err(error) if error.is_instance_of::<PyAssertionError>(py) => Ok(()),
        other => other.map(drop),
    }
}

fn log(py: Python<'_>, level: Level, message: &str) -> PyResult<()> {
    let level = match level {
        Level::Info => 20,
        Level::Warning => 30,
        Level::Error => 40,
    };
    let logger =
        py.import(intern!(py, "logging"))?.call_method1(intern!(py, "getLogger"), ("locust.web",))?;
    logger.call_method1(intern!(py, "log"), (level, "%s", message)).map(drop)
}

fn to_python(error: StartError) -> PyErr {
    let words = error.to_string();
    match error {
        StartError::Bind { source, .. } | StartError::System(source) => match source.raw_os_error() {
            Some(number) => PyOSError::new_err((number, words)),
            None => PyOSError::new_err(words),
        },
        StartError::Tls(_) | StartError::Setting(_) => PyValueError::new_err(words),
    }
}

#[pymethods]
impl WebServer {
    #[new]
    #[expect(clippy::too_many_arguments, reason = "named in Python")]
    #[pyo3(signature = (
        stats, handler, *, host = String::new(), port = 8089, base_path = String::new(), tls_cert = None, tls_key = None,
        token = None, open_door = false, login = false, trusted_hosts = Vec::new(), build_path = None, store_dir = None,
        store_max_bytes = 256 << 20, listen = true,
    ))]
    fn new(
        stats: &Bound<'_, RequestStats>,
        handler: Py<PyAny>,
        host: String,
        port: u16,
        base_path: String,
        tls_cert: Option<PathBuf>,
        tls_key: Option<PathBuf>,
        token: Option<String>,
        open_door: bool,
        login: bool,
        trusted_hosts: Vec<String>,
        build_path: Option<PathBuf>,
        store_dir: Option<PathBuf>,
        store_max_bytes: u64,
        listen: bool,
    ) -> Self {
        let config = Config {
            host,
            port,
            base_path,
            tls: tls_cert.zip(tls_key),
            token,
            open_door,
            login,
            trusted_hosts,
            build_path,
            store: store_dir,
            store_max_bytes,
            record_only: !listen,
            ..Config::default()
        };
        Self { handler, numbers: Numbers::new(stats.get().table()), config, state: Mutex::default() }
    }

    /// Listens. Commands arrive at the hub of the calling thread from now on.
    fn start(this: &Bound<'_, Self>) -> PyResult<()> {
        let (py, me) = (this.py(), this.get());
        if me.lock().running.is_some() {
            return Err(PyRuntimeError::new_err("the web interface is running already"));
        }
        let inbox = Arc::new(Inbox::new()?);
        let (config, numbers) = (me.config.clone(), me.numbers.clone());
        let listening = !config.record_only;
        let host = Arc::clone(&inbox) as Arc<dyn Host>;
        let server = py.detach(|| Server::start(config, numbers, host)).map_err(to_python)?;
        let hub = py.import(intern!(py, "gevent"))?.call_method0(intern!(py, "get_hub"))?;
        let watcher =
            hub.getattr(intern!(py, "loop"))?.call_method1(intern!(py, "io"), (inbox.descriptor(), 1))?;
        watcher.call_method1(intern!(py, "start"), (this.getattr(intern!(py, "_drain"))?,))?;
        let mut state = me.lock();
        state.port = listening.then(|| server.port());
        state.recording = Some(server.recording());
        state.running = Some(Running { server, inbox, watcher: watcher.unbind() });
        Ok(())
    }

    /// Starts a greenlet for each command that waits. The hub calls this.
    fn _drain(&self, py: Python<'_>) -> PyResult<()> {
        let Some(inbox) = self.lock().running.as_ref().map(|running| Arc::clone(&running.inbox)) else {
            return Ok(());
        };
        let items = inbox.take(BATCH);
        if items.is_empty() {
            return Ok(());
        }
        let spawn = py.import(intern!(py, "gevent"))?.getattr(intern!(py, "spawn"))?;
        for item in items {
            let done = match item {
                Item::Log(level, message) => log(py, level, &message),
                Item::Command(command) => Py::new(py, WebCommand::new(command))
                    .and_then(|command| spawn.call1((&self.handler, command)).map(drop)),
            };
            // Those behind it are owed an answer all the same.
            if let Err(error) = done {
                error.write_unraisable(py, Some(self.handler.bind(py)));
            }
        }
        Ok(())
    }

    /// Ends: a run is kept, streams are told, requests that are being answered get at most `grace` seconds.
    #[pyo3(signature = (grace = 1.0))]
    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<()> {
        let Some(running) = self.lock().running.take() else { return Ok(()) };
        let Running { server, inbox, watcher } = running;
        watcher.bind(py).call_method0(intern!(py, "stop"))?;
        let_greenlets_answer(py)?;
        server.begin_end();
        let until = Instant::now() + LAST_LOOK;
        while !server.has_ended() && Instant::now() < until {
            self.answer_last(py, &inbox);
            py.detach(|| std::thread::sleep(Duration::from_millis(2)));
        }
        self.answer_last(py, &inbox);
        self.lock().last_run = server.last_run();
        inbox.close();
        let grace = Duration::try_from_secs_f64(grace).unwrap_or_default();
        py.detach(|| server.stop(grace));
        Ok(())
    }

    /// Whether it listens.
    #[getter]
    fn running(&self) -> bool {
        self.lock().running.is_some()
    }

    /// Port it listens on; the one asked for before the start.
    #[getter]
    fn port(&self) -> u16 {
        self.lock().port.unwrap_or(self.config.port)
    }

    /// Addresses it listens on, as `host:port`.
    #[getter]
    fn addresses(&self) -> Vec<String> {
        self.with(|server| server.addresses().iter().map(ToString::to_string).collect()).unwrap_or_default()
    }

    /// `http` or `https`.
    #[getter]
    fn scheme(&self) -> &'static str {
        if self.config.tls.is_some() { "https" } else { "http" }
    }

    /// The access token; None before the start, or if nobody needs one.
    #[getter]
    fn token(&self) -> Option<String> {
        self.with(|server| server.token().map(str::to_owned)).flatten()
    }

    /// Where the page is; empty before the start.
    #[getter]
    fn url(&self) -> String {
        self.with(|server| server.url().to_owned()).unwrap_or_default()
    }

    /// The same with the access token in it, for those who need one.
    #[getter]
    fn link(&self) -> String {
        self.with(Server::link).unwrap_or_default()
    }

    /// Says that the state of the run has changed: all pages are told at once.
    fn notify(&self) {
        self.with(Server::notify);
    }

    /// Forgets the answer of `/stats/requests`, which is kept for two seconds.
    fn clear_cache(&self) {
        self.with(Server::forget);
    }

    /// Adds a record of the log, as formatted. `at`: unix seconds.
    #[pyo3(signature = (line, level = 20, node = "master".to_owned(), at = None))]
    fn log(&self, line: String, level: i32, node: String, at: Option<f64>) {
        self.with(|server| server.log(at, level, node, line));
    }

    /// Shows other statistics from now on.
    fn set_stats(&self, stats: &Bound<'_, RequestStats>) {
        self.numbers.replace(stats.get().table());
    }

    /// What goes to the Flask app: "none", "unmatched" or "all".
    fn set_flask(&self, mode: &str) -> PyResult<()> {
        let mode = match mode {
            "none" => Flask::None,
            "unmatched" => Flask::Unmatched,
            "all" => Flask::All,
            other => {
                return Err(PyValueError::new_err(format!(
                    "{other:?} is none of \"none\", \"unmatched\", \"all\""
                )));
            }
        };
        self.with(|server| server.set_flask(mode));
        Ok(())
    }

    /// What a route of the server's own answers, given the answer to the command `status`: status, headers, body.
    fn builtin<'py>(&self, py: Python<'py>, path: &str, status: &str) -> PyResult<Whole<'py>> {
        let found = document(path, &self.numbers, status.as_bytes());
        let found = found.map_err(|error| PyValueError::new_err(format!("status: {error}")))?;
        let Some(found) = found else {
            return Err(PyValueError::new_err(format!("there is no document {path:?}")));
        };
        let mut headers = vec![("Content-Type".to_owned(), found.kind.to_owned())];
        headers.extend(found.disposition.map(|value| ("Content-Disposition".to_owned(), value)));
        Ok((200, headers, PyBytes::new(py, found.body.as_bytes())))
    }

    /// The data of the report as JSON, with all numbers as they are now; also after `stop()`. `status`, `info` and
    /// `exceptions` are the answers to the commands `status`, `run_info` and `exceptions`.
    fn report_args(
        &self,
        py: Python<'_>,
        status: &str,
        info: &str,
        exceptions: &str,
        theme: Option<String>,
        download: Option<String>,
    ) -> PyResult<String> {
        let (told, showing) = (Told { status, info, exceptions }, Showing { theme, download });
        let recording = self.lock().recording.clone();
        let made = py.detach(|| match recording {
            Some(recording) => recording.report(told, &showing),
            None => report_of(self.numbers.current(), told, &showing),
        });
        made.map_err(|error| PyValueError::new_err(error.to_string()))
    }

    /// In the store: the last run that was kept.
    fn run_id(&self) -> Option<String> {
        self.with(Server::last_run).flatten().or_else(|| self.lock().last_run.clone())
    }

    fn __repr__(&self) -> String {
        self.with(|server| format!("<WebServer at {}>", server.url()))
            .unwrap_or_else(|| "<WebServer, not running>".to_owned())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.handler)?;
        if let Ok(state) = self.state.try_lock()
            && let Some(running) = &state.running
        {
            visit.call(&running.watcher)?;
        }
        Ok(())
    }
}
