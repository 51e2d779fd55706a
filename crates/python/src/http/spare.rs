//! Exchanges that no response has any more, kept for the requests to come: the I/O thread fills them anew. Else each would be asked
//! of the allocator by one thread and given back to it by another, which is what allocators like least.

use std::cell::RefCell;

use bytes::Bytes;
use gregaria_http::{Exchange, Headers};

/// As a rule a response goes away before the same thread makes its next request.
const KEPT: usize = 64;
/// Bytes of a head or body beyond which its memory is not kept.
const LARGE: usize = 16 * 1024;

thread_local! {
    #[expect(clippy::vec_box, reason = "they come and go as boxes")]
    static SPARE: RefCell<Vec<Box<Exchange>>> = const { RefCell::new(Vec::new()) };
}

/// One to be filled anew, if there is any.
pub(super) fn take() -> Option<Box<Exchange>> {
    SPARE.with_borrow_mut(Vec::pop)
}

/// Keeps one that nobody needs any more.
pub(super) fn give(mut exchange: Box<Exchange>) {
    exchange.request.body = Bytes::new();
    exchange.request.cookie = None;
    exchange.history = Vec::new();
    let response = &mut exchange.response;
    if response.headers.heap_size() > LARGE {
        response.headers = Headers::new();
    }
    if response.body.len() > LARGE {
        response.body = Bytes::new();
    }
    // At the end of a thread there is nowhere to keep it.
    let _ = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut()
            && spare.len() < KEPT
        {
            spare.push(exchange);
        }
    });
}
