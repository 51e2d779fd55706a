//! What a worker tells of its seconds: whatever the bytes, they are bounded and can be placed, and nothing is lost on the way.
#![no_main]

use gregaria_stats::{Number, Of, Placing, Report, RequestStats, Slices};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some(seconds) = Slices::from_bytes(data) else { return };
    assert_eq!(Slices::from_bytes(&seconds.to_bytes()).as_ref(), Some(&seconds));
    let mut stats = RequestStats::new(false, 1_000.0);
    let mut report = Report::default();
    for name in seconds.names.iter().take(20) {
        let id = stats.entry_id(&name.method, &name.name, 1_000.0);
        // Sums that do not fit the seconds: they are what counts.
        for us in data.iter().take(50) {
            assert!(stats.record(id, Some(f64::from(*us)), 1, 1_000.0));
        }
    }
    let taken = stats.take_report(1_004.0);
    report.entries.extend(taken.entries);
    report.total = taken.total;
    if let Some(total) = &mut report.total {
        total.total_response_time = Number::float(data.len() as f64);
    }
    let expected = report.total.as_ref().map_or(0, |total| total.num_requests);
    let shift = data.first().map_or(0, |&first| i64::from(first) * 1_000);
    let placed = report.place(&Placing { shift, clock: 0.0, from: 990, at: 1_004.5 }, Some(&seconds));
    let mut master = RequestStats::new(true, 1_000.0);
    assert!(master.take_pieces().is_empty());
    master.merge_placed(&report, placed);
    let pieces = master.take_pieces();
    let of_total = pieces.iter().filter(|piece| piece.of == Of::Total);
    assert_eq!(of_total.map(|piece| piece.slice.requests).sum::<u64>(), expected);
    assert!(pieces.iter().all(|piece| (990..=1_004).contains(&piece.second)));
});
