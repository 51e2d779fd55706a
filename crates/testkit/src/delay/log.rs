//! The server's own account of each answer.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Some 400 MB; a run that needs more is not one this server is for.
const MOST: usize = 8_000_000;

/// One answered request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The request target as sent.
    pub target: Arc<str>,
    /// When the kernel had the request, since the server's start.
    pub arrived: Duration,
    /// The time the answer was to take.
    pub planned: Duration,
    /// The time it took, until the answer was handed to the kernel.
    pub took: Duration,
}

/// The log, shared between the serving thread and its owner.
#[derive(Debug, Clone, Default)]
pub(super) struct Log {
    services: Arc<Mutex<Vec<Service>>>,
}

impl Log {
    /// Runs `serve` and keeps what it returns. Readers wait meanwhile, so a client that has its answer finds it in the log.
    pub(super) fn record(&self, serve: impl FnOnce() -> Service) {
        let mut services = self.locked();
        let service = serve();
        if services.len() < MOST {
            services.push(service);
        }
    }

    pub(super) fn clear(&self) {
        self.locked().clear();
    }

    pub(super) fn all(&self) -> Vec<Service> {
        self.locked().clone()
    }

    /// `target,arrived_us,planned_us,took_us`, one line each in order of answering; times with three decimals.
    pub(super) fn csv(&self) -> String {
        let services = self.locked();
        let mut text = String::with_capacity(32 + services.len() * 48);
        text.push_str("target,arrived_us,planned_us,took_us\n");
        for service in services.iter() {
            let us = |time: Duration| time.as_nanos() as f64 / 1e3;
            let (arrived, planned, took) = (us(service.arrived), us(service.planned), us(service.took));
            let _ = writeln!(text, "{},{arrived:.3},{planned:.3},{took:.3}", service.target);
        }
        text
    }

    fn locked(&self) -> MutexGuard<'_, Vec<Service>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
