//! Taking one thing at a time from a queue of somebody else's, which rings a bell of ours.

use crate::bell::Bell;

/// There is nothing, and nothing will come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// The next thing, if there is one. The bell's line stays readable while there may be more, and for ever once the queue is
/// closed, which everybody who waits is to see. `receive` takes from the queue; whoever puts something in, or closes it, rings
/// afterwards.
pub fn next<T>(
    bell: &Bell,
    receive: impl Fn() -> Option<T>,
    is_closed: impl Fn() -> bool,
) -> Result<Option<T>, Closed> {
    if let Some(item) = receive() {
        return Ok(Some(item));
    }
    if is_closed() {
        return Err(Closed);
    }
    bell.acknowledge();
    // Whatever came since the first look is found by the second, or makes the line readable again.
    let item = receive();
    if item.is_some() || is_closed() {
        bell.ring();
    }
    Ok(item)
}
