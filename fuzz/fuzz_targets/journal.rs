//! The journal of a run whose program was killed: whatever is left of it, what is read can be kept; and what was read of its
//! beginning is not lost by what follows.
#![no_main]

use std::sync::LazyLock;

use gregaria_record::store::{change_of, decode, encode, journal_of, read_journal};
use libfuzzer_sys::fuzz_target;

static BEGUN: LazyLock<Vec<u8>> = LazyLock::new(journal_of_nothing);

/// A journal of a run in which nothing has happened.
fn journal_of_nothing() -> Vec<u8> {
    journal_of(&gregaria_record::store::StoredRun::default()).unwrap()
}

fuzz_target!(|data: &[u8]| {
    // As a file of its own, and behind the check sums: pieces whose lengths stand before them.
    let mut pieces = BEGUN.clone();
    let mut rest = data;
    while let Some((&length, more)) = rest.split_first() {
        let (piece, more) = more.split_at((usize::from(length) * 4).min(more.len()));
        pieces.extend(change_of(piece).unwrap());
        rest = more;
    }
    for bytes in [data, &pieces] {
        if let Ok(run) = read_journal(bytes) {
            let again = decode(&encode(&run, &run.summary).unwrap()).unwrap();
            assert_eq!(again.course.total.to_bytes(), run.course.total.to_bytes());
            let _ = run.detail();
            for end in [bytes.len() / 2, bytes.len().saturating_sub(1)] {
                if let Ok(before) = read_journal(&bytes[..end]) {
                    assert!(before.summary.cut_off && before.names.len() <= run.names.len());
                }
            }
        }
    }
});
