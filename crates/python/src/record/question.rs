//! `_engine.RecordQuestion`: what a record asks of the program.

use std::sync::{Mutex, PoisonError};

use gregaria_record::{Answer, Question};
use pyo3::prelude::*;

/// Something a record wants to know. To be answered once, with JSON; if it never is, the record goes on without.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(super) struct RecordQuestion {
    question: Question,
    answer: Mutex<Option<Answer>>,
}

impl RecordQuestion {
    pub(super) fn new(question: Question, answer: Answer) -> Self {
        Self { question, answer: Mutex::new(Some(answer)) }
    }
}

#[pymethods]
impl RecordQuestion {
    /// What is asked: `status`, `run_info` or `exceptions`.
    #[getter]
    fn kind(&self) -> &'static str {
        self.question.kind()
    }

    /// Answers with JSON.
    fn reply(&self, json: &str) {
        let answer = self.answer.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(answer) = answer {
            answer.give(json.as_bytes());
        }
    }

    fn __repr__(&self) -> String {
        format!("<RecordQuestion {}>", self.question.kind())
    }
}
