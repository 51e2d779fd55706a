//! `_engine.TerminalBlock`: a run's figures at the foot of the terminal.

use gregaria_record::Output;
use gregaria_terminal::{Settings, Terminal};
use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;

/// The terminal that stdout and stderr are, with a block of figures at its foot. It is the process's that opened it: children that were
/// forked do nothing to it.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct TerminalBlock {
    terminal: Terminal,
    process: u32,
}

impl TerminalBlock {
    /// To be told of the runs.
    pub(super) fn output(&self) -> impl Output + use<> {
        self.terminal.output()
    }

    fn ours(&self) -> Option<&Terminal> {
        (self.process == std::process::id()).then_some(&self.terminal)
    }
}

#[pymethods]
impl TerminalBlock {
    /// `OSError`: stdout and stderr are not the same terminal.
    #[new]
    #[pyo3(signature = (*, colours, unicode, keys, page = None))]
    fn new(py: Python<'_>, colours: bool, unicode: bool, keys: bool, page: Option<String>) -> PyResult<Self> {
        let terminal = py.detach(|| Terminal::open(Settings { colours, unicode, keys, page }))?;
        let terminal =
            terminal.ok_or_else(|| PyOSError::new_err("stdout and stderr are not the same terminal"))?;
        Ok(Self { terminal, process: std::process::id() })
    }

    /// Takes the block away until `resume()`.
    fn pause(&self, py: Python<'_>) {
        if let Some(terminal) = self.ours() {
            py.detach(|| terminal.pause());
        }
    }

    /// Shows it again, in a terminal that somebody else may have had.
    fn resume(&self, py: Python<'_>) {
        if let Some(terminal) = self.ours() {
            py.detach(|| terminal.resume());
        }
    }

    /// The terminal may have another size.
    fn resized(&self) {
        if let Some(terminal) = self.ours() {
            terminal.resized();
        }
    }

    /// Takes the block away for good.
    fn close(&self, py: Python<'_>) {
        if let Some(terminal) = self.ours() {
            py.detach(|| terminal.close());
        }
    }
}
