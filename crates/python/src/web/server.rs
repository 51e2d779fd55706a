//! `_engine.WebServer`.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use gregaria_wake::Mailbox;
use gregaria_web::{Command, Config, Flask, Host, Level, ScriptRoutes, Server, StartError, document};
use pyo3::exceptions::{PyOSError, PyRuntimeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::command::WebCommand;
use crate::attended::{self, Attended, Call};
use crate::http::out_of_bounds;
use crate::record::Recorder;

/// Something for the hub.
#[derive(Debug)]
enum Item {
    Command(Command),
    Log(Level, String),
}

/// The main thread as a host.
#[derive(Debug)]
struct MainThread(Arc<Mailbox<Item>>);

impl Host for MainThread {
    fn send(&self, command: Command) {
        // One that finds no place is dropped, which its sender sees.
        drop(self.0.put(Item::Command(command)));
    }

    fn log(&self, level: Level, message: String) {
        drop(self.0.put(Item::Log(level, message)));
    }
}

/// Status, headers and body.
type Whole<'py> = (u16, Vec<(String, String)>, Bound<'py, PyBytes>);

/// The web interface's server, which shows what a `Recorder` records. Nothing listens before `start()`.
#[pyclass(frozen, weakref, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct WebServer {
    handler: Py<PyAny>,
    recorder: Py<Recorder>,
    config: Config,
    state: Mutex<State>,
    /// The threads are that process's.
    process: u32,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// What is asked for after the end, too.
    port: Option<u16>,
}

#[derive(Debug)]
struct Running {
    server: Server,
    inbox: Attended<Item>,
}

impl WebServer {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// In a child that was forked, where the threads are not and their locks may be held for ever.
    fn is_elsewhere(&self) -> bool {
        self.process != std::process::id()
    }

    fn with<T>(&self, f: impl FnOnce(&Server) -> T) -> Option<T> {
        if self.is_elsewhere() {
            return None;
        }
        self.lock().running.as_ref().map(|running| f(&running.server))
    }

    /// What the server says goes to the log; a command is for the handler.
    fn read<'py>(&self, py: Python<'py>, item: Item) -> PyResult<Option<Call<'py>>> {
        match item {
            Item::Log(level, message) => {
                let level = match level {
                    Level::Info => 20,
                    Level::Warning => 30,
                    Level::Error => 40,
                };
                attended::log(py, "locust.web", level, &message).map(|()| None)
            }
            Item::Command(command) => {
                let command = Bound::new(py, WebCommand::new(command))?.into_any();
                Ok(Some((self.handler.bind(py).clone(), command)))
            }
        }
    }
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
    #[expect(clippy::too_many_arguments, clippy::fn_params_excessive_bools, reason = "named in Python")]
    #[pyo3(signature = (
        recorder, handler, *, host = String::new(), port = 8089, base_path = String::new(), tls_cert = None,
        tls_key = None, token = None, open_door = false, login = false, trusted_hosts = Vec::new(), build_path = None,
        local_users = None, read_open = false,
        metrics_only = false, locust_version = String::new(),
    ))]
    fn new(
        recorder: Py<Recorder>,
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
        local_users: Option<Vec<u32>>,
        read_open: bool,
        metrics_only: bool,
        locust_version: String,
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
            local_users,
            read_open,
            build_path,
            metrics_only,
            locust_version,
            ..Config::default()
        };
        Self { handler, recorder, config, state: Mutex::default(), process: std::process::id() }
    }

    /// Listens; the recorder has to run. Commands arrive at the hub of the calling thread from now on.
    fn start(this: &Bound<'_, Self>) -> PyResult<()> {
        let (py, me) = (this.py(), this.get());
        if me.is_elsewhere() || me.lock().running.is_some() {
            return Err(PyRuntimeError::new_err("the web interface is running already"));
        }
        let inbox = attended::mailbox()?;
        let record = me.recorder.get().record();
        let record = record.ok_or_else(|| PyRuntimeError::new_err("the recorder does not run"))?;
        let (config, host) = (me.config.clone(), Arc::new(MainThread(Arc::clone(&inbox))));
        let server = py.detach(|| Server::start(config, record, host)).map_err(to_python)?;
        // The server under test must not come here by its clients, which are friends on this machine.
        out_of_bounds().add(server.addresses().iter().copied());
        let inbox = Attended::begin(inbox, &this.getattr(intern!(py, "_drain"))?)?;
        let mut state = me.lock();
        state.port = Some(server.port());
        state.running = Some(Running { server, inbox });
        Ok(())
    }

    /// Starts a greenlet for each command that waits. The hub calls this.
    fn _drain(&self, py: Python<'_>) -> PyResult<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        let Some(inbox) = self.lock().running.as_ref().map(|running| running.inbox.mailbox()) else {
            return Ok(());
        };
        attended::in_greenlets(&inbox, self.handler.bind(py), |item| self.read(py, item))
    }

    /// Ends: streams are told, requests that are being answered get at most `grace` seconds.
    #[pyo3(signature = (grace = 1.0))]
    fn stop(&self, py: Python<'_>, grace: f64) -> PyResult<()> {
        if self.is_elsewhere() {
            return Ok(());
        }
        let Some(running) = self.lock().running.take() else { return Ok(()) };
        let Running { server, inbox } = running;
        out_of_bounds().remove(server.addresses());
        drop(inbox.end(py)?.close());
        let grace = Duration::try_from_secs_f64(grace).unwrap_or_default();
        py.detach(|| server.stop(grace));
        Ok(())
    }

    /// Whether it listens.
    #[getter]
    fn running(&self) -> bool {
        self.with(|_| ()).is_some()
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

    /// Forgets the answer of `/stats/requests`, which is kept for two seconds.
    fn clear_cache(&self) {
        self.with(Server::forget);
    }

    /// Adds a record of the log, as formatted. `at`: unix seconds.
    #[pyo3(signature = (line, level = 20, node = "master".to_owned(), at = None))]
    fn log(&self, line: String, level: i32, node: String, at: Option<f64>) {
        self.with(|server| server.log(at, level, node, line));
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

    /// What the server has to know of the Flask app's routes: those of the server's paths that the app answers itself, and paths to
    /// which pages of other sites send somebody who logs in.
    fn set_script_routes(&self, own: Vec<String>, logins: Vec<String>) {
        self.with(|server| server.set_script_routes(ScriptRoutes { own, logins }));
    }

    /// What a route of the server's own answers, given the answer to the question `status`: status, headers, body.
    fn builtin<'py>(&self, py: Python<'py>, path: &str, status: &str) -> PyResult<Whole<'py>> {
        let found = document(path, self.recorder.get().numbers(), status.as_bytes());
        let found = found.map_err(|error| PyValueError::new_err(format!("status: {error}")))?;
        let Some(found) = found else {
            return Err(PyValueError::new_err(format!("there is no document {path:?}")));
        };
        let mut headers = vec![("Content-Type".to_owned(), found.kind.to_owned())];
        headers.extend(found.disposition.map(|value| ("Content-Disposition".to_owned(), value)));
        Ok((200, headers, PyBytes::new(py, found.body.as_bytes())))
    }

    fn __repr__(&self) -> String {
        self.with(|server| format!("<WebServer at {}>", server.url()))
            .unwrap_or_else(|| "<WebServer, not running>".to_owned())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.handler)?;
        visit.call(&self.recorder)?;
        if let Ok(state) = self.state.try_lock()
            && let Some(running) = &state.running
        {
            running.inbox.traverse(&visit)?;
        }
        Ok(())
    }
}

impl Drop for WebServer {
    fn drop(&mut self) {
        if self.is_elsewhere()
            && let Ok(mut state) = self.state.try_lock()
        {
            // Whatever of it is dropped may want a lock that nobody gives back.
            std::mem::forget(state.running.take());
        }
    }
}
