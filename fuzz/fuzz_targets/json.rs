//! Bodies of responses: what the engine parses is what `json.loads` makes of it, to the last bit and in the same order.
#![no_main]

use _engine::parse_json;
use libfuzzer_sys::fuzz_target;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

fuzz_target!(|data: &[u8]| {
    Python::initialize();
    Python::attach(|py| {
        let Some(parsed) = parse_json(py, data) else { return };
        let loads = py.import("json").unwrap().getattr("loads").unwrap();
        let text = PyBytes::new(py, data).call_method1("decode", ("utf-8",)).expect("what was parsed is UTF-8");
        let expected = loads.call1((text,)).expect("what was parsed is JSON to Python, too");
        // The text of a value says its types, its order, and all the bits of its numbers.
        assert_eq!(parsed.repr().unwrap().to_string(), expected.repr().unwrap().to_string());
    });
});
