//! A past run's file: what can be read can be written and read again, the same.
#![no_main]

use gregaria_record::store::{decode, encode};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    if let Ok(run) = decode(data) {
        let again = decode(&encode(&run, &run.summary).unwrap()).unwrap();
        assert_eq!(again.course.total.to_bytes(), run.course.total.to_bytes());
        let _ = run.detail();
    }
    // Behind the check sums.
    if let Some(series) = gregaria_record::Series::from_bytes(data) {
        let bytes = series.to_bytes();
        assert_eq!(gregaria_record::Series::from_bytes(&bytes).map(|s| s.to_bytes()), Some(bytes));
    }
});
