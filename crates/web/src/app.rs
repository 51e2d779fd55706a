//! What all requests share, and what they may ask of it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode};
use gregaria_record::{HostStatus, Question, Record};
use http_body_util::BodyExt as _;

use crate::answer::{self, Form, from_host};
use crate::came::as_it_came;
use crate::hints::Hints;
use crate::host::{Ask, Host, ask_source};
use crate::intake::Room;
use crate::kept::Kept;
use crate::live::Live;
use crate::security::Door;

/// What goes to the script's own application.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[repr(u8)]
pub enum Flask {
    /// Nothing.
    #[default]
    None,
    /// What our routes do not know.
    Unmatched,
    /// Everything but the live stream, the runs and the page's files.
    All,
}

/// All that requests share.
pub(crate) struct App {
    pub(crate) host: Arc<dyn Host>,
    pub(crate) record: Arc<Record>,
    pub(crate) live: Arc<Live>,
    pub(crate) base_path: String,
    pub(crate) build_path: Option<PathBuf>,
    pub(crate) login: bool,
    pub(crate) scheme: &'static str,
    pub(crate) door: Door,
    pub(crate) report_policy: HeaderValue,
    pub(crate) flask: AtomicU8,
    pub(crate) kept: Kept,
    pub(crate) hints: Hints,
    pub(crate) room: Room,
    /// Whose turn it is to have something large worked out.
    pub(crate) turns: tokio::sync::Semaphore,
    pub(crate) locust_version: String,
    /// What the script's application says of its routes.
    pub(crate) script: RwLock<ScriptRoutes>,
}

/// What we have to know of the routes of the script's own application.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptRoutes {
    /// Those of our paths that it answers itself: `/healthz`, `/readyz`, `/metrics`.
    pub own: Vec<String>,
    /// Paths to which pages of other sites send somebody who logs in.
    pub logins: Vec<String>,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App").field("base_path", &self.base_path).finish_non_exhaustive()
    }
}

impl App {
    pub(crate) fn set_flask(&self, mode: Flask) {
        self.flask.store(mode as u8, Ordering::Relaxed);
    }

    /// Whether what we do not know goes to the script's application.
    pub(crate) fn unknown_goes_on(&self) -> bool {
        self.login || self.flask.load(Ordering::Relaxed) != Flask::None as u8
    }

    /// Whether everything goes there that it may have.
    pub(crate) fn all_goes_on(&self) -> bool {
        self.login || self.flask.load(Ordering::Relaxed) == Flask::All as u8
    }

    /// The main thread's word on the run, asked now; the last one if it takes longer than `patience`.
    pub(crate) async fn fresh_status(&self, patience: Duration) -> HostStatus {
        if let Ok(told) = ask_source(&self.record, Question::Status, patience).await
            && let Some(status) = self.record.take_status(&told)
        {
            return status;
        }
        self.record.status().0
    }

    /// Works something out where it holds up no other request.
    pub(crate) async fn compute<T>(&self, work: impl FnOnce() -> T + Send + 'static) -> T
    where
        T: Default + Send + 'static,
    {
        // It fails only when `work` panics, which has been printed then.
        tokio::task::spawn_blocking(work).await.unwrap_or_default()
    }

    /// Has the script's own application answer.
    pub(crate) async fn wsgi(&self, request: axum::extract::Request) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let Ok(body) = body.collect().await else { return answer::page(StatusCode::BAD_REQUEST) };
        let came = as_it_came(&parts, self.scheme, body.to_bytes());
        from_host(&*self.host, Ask::Wsgi(Box::new(came)), Form::Html).await
    }

    /// Whether the script's application answers that path of ours.
    pub(crate) fn script_has(&self, path: &str) -> bool {
        let script = self.script.read().unwrap_or_else(PoisonError::into_inner);
        self.unknown_goes_on() && script.own.iter().any(|own| own == path)
    }

    /// Whether pages of other sites send somebody there who logs in.
    pub(crate) fn is_login(&self, path: &str) -> bool {
        self.script.read().unwrap_or_else(PoisonError::into_inner).logins.iter().any(|login| login == path)
    }
}
