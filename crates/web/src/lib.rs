//! The web interface's server.
//!
//! Locust's endpoints with Locust's shapes, a live stream, a store of past runs, and the embedded page. It reads the
//! statistics itself, on its own threads; everything else it asks of a [`Host`], which answers when it likes. No Python here.
//! Design: `docs/design/0005-the-web-interface.md`.
#![forbid(unsafe_code)]

mod answer;
mod app;
mod assets;
mod bind;
mod body;
mod connection;
pub mod dto;
mod full_history;
mod host;
mod json;
mod keep;
mod kept;
mod legacy;
mod live;
mod live_routes;
mod patient;
mod query;
mod report;
mod routes;
mod run_routes;
mod security;
mod server;
mod snapshot;
mod status;
pub mod store;
mod tls;

pub use app::Flask;
pub use assets::{all_built_in, built_in, missing};
pub use host::{Answer, Ask, Command, Host, Level, Outcome, Pieces, Reply, Streamed, WebRequest, pieces};
pub use legacy::{Document, document};
pub use live::{Numbers, course, series};
pub use patient::Patience;
pub use query::{form, pairs};
pub use report::{Recording, ReportError, Showing, Told, report_of};
pub use security::cookie_value;
pub use server::{Config, Server, StartError};
pub use status::HostStatus;
