//! The web interface's server.
//!
//! Locust's endpoints with Locust's shapes, a live stream, past runs, and the embedded page. The numbers are those of a
//! [`gregaria_record::Record`]; everything else it asks of a [`Host`], which answers when it likes. No Python here.
//! Design: `docs/design/0005-the-web-interface.md`.
#![forbid(unsafe_code)]

mod answer;
mod app;
mod assets;
mod bind;
mod body;
mod came;
mod connection;
mod entrance;
mod full_history;
mod health;
mod hints;
mod host;
mod intake;
mod json;
mod kept;
mod legacy;
mod live;
mod live_routes;
mod metrics;
mod paths;
mod patient;
mod query;
mod routes;
mod run_routes;
mod seats;
mod security;
mod server;
mod start_error;
mod tls;
mod way;

pub use app::{Flask, ScriptRoutes};
pub use assets::{all_built_in, built_in, missing};
pub use host::{Answer, Ask, Command, Host, Level, Outcome, Pieces, Reply, Streamed, WebRequest, pieces};
pub use legacy::{Document, document};
pub use patient::Patience;
pub use query::{form, pairs};
pub use security::cookie_value;
pub use server::{Config, Server};
pub use start_error::StartError;
