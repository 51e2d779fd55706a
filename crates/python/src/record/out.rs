//! `_engine.Out`: seconds of runs for a receiver, brought there by a client of their own.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use gregaria_http::{
    Client, ClientOptions, Event, Headers, Method, Request, RequestOptions, Session, SessionOptions, Url,
    Wake,
};
use gregaria_record::Source;
use gregaria_record::out::{Feed, Form, NoForm, Post, Remote, Trouble};
use pyo3::exceptions::{PyOSError, PyValueError};
use pyo3::prelude::*;

/// To connect; for each silence; for all of it.
const PATIENCE: [Duration; 3] = [Duration::from_secs(5), Duration::from_secs(10), Duration::from_secs(20)];

/// Somebody who waits for the client.
#[derive(Debug, Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Wake for Bell {
    fn wake(&self) {
        *self.rung.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.changed.notify_all();
    }
}

impl Bell {
    fn wait(&self) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.changed.wait_timeout_while(rung, PATIENCE[2], |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }
}

/// A receiver, and the way to it.
#[derive(Debug)]
struct Receiver {
    client: Client,
    session: Session,
    bell: Arc<Bell>,
    url: Arc<Url>,
    headers: Arc<Headers>,
    options: Arc<RequestOptions>,
    sent: u64,
}

impl Receiver {
    fn start(url: Url, headers: Headers) -> std::io::Result<Self> {
        let bell = Arc::<Bell>::default();
        let client = Client::start(ClientOptions::default(), Arc::<Bell>::clone(&bell))?;
        let session = client.session(SessionOptions::default());
        let options = RequestOptions {
            connect_timeout: Some(PATIENCE[0]),
            read_timeout: Some(PATIENCE[1]),
            total_timeout: Some(PATIENCE[2]),
            max_body: 1 << 20,
            ..RequestOptions::default()
        };
        let (url, headers, options) = (Arc::new(url), Arc::new(headers), Arc::new(options));
        Ok(Self { client, session, bell, url, headers, options, sent: 0 })
    }
}

impl Post for Receiver {
    fn post(&mut self, body: &[u8]) -> Result<(), Trouble> {
        self.sent += 1;
        let request = Request {
            method: Method::Post,
            url: Arc::clone(&self.url),
            headers: Arc::clone(&self.headers),
            body: Bytes::copy_from_slice(body),
            upload: None,
            options: Arc::clone(&self.options),
        };
        self.session.send(request, self.sent);
        let mut batch = Vec::new();
        loop {
            self.bell.wait();
            self.client.drain(&mut batch, 16);
            for completion in batch.drain(..) {
                let Event::Done(done) = completion.event else { continue };
                if completion.token == self.sent {
                    return match done {
                        Ok(exchange) => verdict(exchange.response.status, &exchange.response.body),
                        Err(error) => Err(Trouble::Passing(error.to_string())),
                    };
                }
            }
        }
    }
}

/// What a status says: 5xx and 429 may pass.
fn verdict(status: u16, body: &[u8]) -> Result<(), Trouble> {
    let words = || {
        let said: String = String::from_utf8_lossy(body).chars().take(200).collect();
        format!("{status} {}", said.trim())
    };
    match status {
        200..=299 => Ok(()),
        429 | 500.. => Err(Trouble::Passing(words())),
        _ => Err(Trouble::Lasting(words())),
    }
}

fn form_of(name: &str) -> PyResult<Form> {
    name.parse().map_err(|wrong: NoForm| PyValueError::new_err(wrong.to_string()))
}

/// Sends what a recorder sees of each second to a receiver.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct Out {
    form: Form,
    feed: Feed,
    /// The threads are that process's.
    process: u32,
}

impl Out {
    /// To be told of the runs.
    pub(super) fn remote(&self, source: Arc<dyn Source>) -> Remote {
        Remote::new(self.form, self.feed.clone(), source)
    }
}

#[pymethods]
impl Out {
    /// `form`: `prometheus-rw` or `influxdb`. `place` is how the log calls the address. `ValueError`: the address is none.
    #[new]
    #[pyo3(signature = (form, url, place, authorization = None))]
    fn new(form: &str, url: &str, place: String, authorization: Option<String>) -> PyResult<Self> {
        let form = form_of(form)?;
        let url = Url::parse(url).map_err(|wrong| PyValueError::new_err(wrong.to_string()))?;
        let mut headers = Headers::new();
        headers.push("User-Agent", concat!("gregaria/", env!("CARGO_PKG_VERSION")));
        for (name, value) in form.headers() {
            headers.push(name, *value);
        }
        if let Some(authorization) = authorization {
            headers.push("Authorization", authorization);
        }
        let receiver =
            Receiver::start(url, headers).map_err(|error| PyOSError::new_err(error.to_string()))?;
        let feed = Feed::start(receiver, place).map_err(|error| PyOSError::new_err(error.to_string()))?;
        Ok(Self { form, feed, process: std::process::id() })
    }

    /// How a token is shown to a receiver of that form at that path.
    #[staticmethod]
    fn scheme(form: &str, path: &str) -> PyResult<&'static str> {
        Ok(form_of(form)?.scheme(path))
    }

    /// Waits until everything is sent, or so many seconds. What the user has to know, and how many messages were not taken.
    fn finish(&self, py: Python<'_>, patience: f64) -> (Vec<String>, u64) {
        if self.process == std::process::id() {
            py.detach(|| self.feed.finish(Duration::from_secs_f64(patience.clamp(0.0, 3_600.0))));
        }
        (self.feed.take_words(), self.feed.lost())
    }
}
