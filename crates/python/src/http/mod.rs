//! The HTTP clients of users, as Python sees them.
//!
//! A verb of `self.client` comes in at `session.rs` and goes on in `send.rs`. What it asks for is either simple enough
//! to be turned into a request here (`call.rs`), or goes through requests' own code in `locust/clients.py`, whose
//! adapter (`locust/_http/adapter.py`) sends by `transfer.rs` over the same connections. `exchange.rs` waits for the
//! answer, `response.rs` is what the script gets, `verdict.rs` records it.

mod again;
mod bounds;
mod by_python;
mod call;
mod connections;
mod convert;
mod cookies;
mod decoded;
mod exchange;
mod form;
mod hops;
pub(crate) mod json;
mod json_copy;
mod json_encode;
mod limits;
mod provided;
mod response;
mod send;
mod session;
mod settings;
mod spare;
mod steps;
mod target;
mod text;
mod told;
mod transfer;
mod verdict;
mod watched;
mod way;

pub(crate) use bounds::out_of_bounds;
pub(crate) use limits::client_options;
pub(crate) use response::ResponseCore;

use pyo3::prelude::*;

/// Adds the native names of this folder to the module.
pub(crate) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    bounds::register(m)?;
    by_python::register(m)?;
    session::register(m)?;
    connections::register(m)?;
    limits::register(m)?;
    steps::register(m)?;
    cookies::register(m)?;
    response::register(m)?;
    form::register(m)?;
    json::register(m)?;
    text::register(m)?;
    told::register(m)?;
    verdict::register(m)?;
    transfer::register(m)
}
