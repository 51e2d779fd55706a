//! A hierarchical timer wheel: what every waiting user sits on.
//!
//! Waits are many (one per user), mostly run to their end, and are seldom cancelled, so inserting and firing have to cost
//! nothing worth mentioning however many timers there are. Eleven levels of 64 slots cover the whole range of a `u64`
//! count of ticks, so there is no overflow list and no longest wait. A timer moves down at most one level at a time and
//! ten times in the worst case, in practice two or three.
//!
//! Time is rounded up to whole ticks of [`RESOLUTION`]: a timer never fires early, and at most one tick late if
//! [`TimerWheel::expire`] is called in time.

use std::time::{Duration, Instant};

/// The length of a tick: the most that a timer can be late because of rounding.
///
/// Short against any wait a script can measure, long enough that 10,000 users who wait a second each do not cause 10,000
/// wake-ups a second.
pub const RESOLUTION: Duration = Duration::from_micros(250);

const TICK_NANOS: u64 = RESOLUTION.as_nanos() as u64;
const BITS: u32 = 6;
const SLOTS: usize = 1 << BITS;
const LEVELS: usize = 64_usize.div_ceil(BITS as usize);
const NIL: u32 = u32::MAX;

/// Names one timer in its wheel; stays unique when the place of a finished timer is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TimerKey {
    index: u32,
    generation: u32,
}

impl TimerKey {
    /// The key as one number, for callers that store it in an atomic or hand it to another language.
    pub fn to_bits(self) -> u64 {
        (u64::from(self.generation) << 32) | u64::from(self.index)
    }

    /// The inverse of [`TimerKey::to_bits`].
    pub fn from_bits(bits: u64) -> Self {
        Self { index: bits as u32, generation: (bits >> 32) as u32 }
    }
}

#[derive(Debug)]
struct Node<T> {
    value: Option<T>,
    /// The first tick at which the timer may fire.
    when: u64,
    generation: u32,
    previous: u32,
    next: u32,
    /// Level and slot in one number (`level * SLOTS + slot`).
    place: u16,
}

/// The timers of one slot, oldest first.
#[derive(Clone, Copy, Debug)]
struct Slot {
    head: u32,
    tail: u32,
    /// Not later than the earliest `when` in the slot; exact unless timers were cancelled.
    earliest: u64,
}

const EMPTY: Slot = Slot { head: NIL, tail: NIL, earliest: u64::MAX };

/// Timers carrying a `T` each, ordered by deadline.
///
/// All operations but [`TimerWheel::expire`] take constant time; `expire` takes time in proportion to what it returns
/// (amortised). The wheel never looks at a clock.
///
/// ```ignore
/// let mut wheel = TimerWheel::new(now);
/// let key = wheel.insert(now + Duration::from_secs(1), user);
/// let mut due = Vec::new();
/// wheel.expire(now + Duration::from_secs(1), &mut due);
/// ```
#[derive(Debug)]
pub struct TimerWheel<T> {
    origin: Instant,
    /// All timers with an earlier tick have fired.
    elapsed: u64,
    slots: Box<[Slot]>,
    /// One bit for each slot that holds timers.
    occupied: [u64; LEVELS],
    nodes: Vec<Node<T>>,
    free: u32,
    len: usize,
}

impl<T> TimerWheel<T> {
    /// An empty wheel. `now` is where its time begins: deadlines before it count as already reached.
    pub fn new(now: Instant) -> Self {
        Self {
            origin: now,
            elapsed: 0,
            slots: vec![EMPTY; LEVELS * SLOTS].into_boxed_slice(),
            occupied: [0; LEVELS],
            nodes: Vec::new(),
            free: NIL,
            len: 0,
        }
    }

    /// The number of timers that have neither fired nor been cancelled.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no timer is waiting.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Arms a timer. A deadline in the past fires at the next [`TimerWheel::expire`]; timers of the same tick fire in the
    /// order they were inserted.
    pub fn insert(&mut self, deadline: Instant, value: T) -> TimerKey {
        let when = self.tick_at_or_after(deadline).max(self.elapsed);
        let index = self.allocate(value, when);
        self.link(index);
        self.len += 1;
        TimerKey { index, generation: self.nodes[index as usize].generation }
    }

    /// Disarms a timer and gives its value back; `None` if it has fired or was cancelled before.
    pub fn cancel(&mut self, key: TimerKey) -> Option<T> {
        let node = self.nodes.get(key.index as usize)?;
        if node.generation != key.generation || node.value.is_none() {
            return None;
        }
        self.unlink(key.index);
        self.release(key.index)
    }

    /// The value of an armed timer.
    pub fn get(&self, key: TimerKey) -> Option<&T> {
        let node = self.nodes.get(key.index as usize)?;
        if node.generation == key.generation { node.value.as_ref() } else { None }
    }

    /// When [`TimerWheel::expire`] should be called next. Never later than the first deadline rounded up to a tick; it may
    /// be earlier after a cancellation, in which case `expire` finds nothing to do.
    pub fn next_deadline(&self) -> Option<Instant> {
        let (level, slot) = self.first_occupied()?;
        self.instant_of(self.slots[level * SLOTS + slot].earliest)
    }

    /// Moves every timer whose deadline has been reached into `due`, in order of deadline, and returns how many.
    pub fn expire(&mut self, now: Instant, due: &mut Vec<T>) -> usize {
        let before = due.len();
        let target = now.saturating_duration_since(self.origin).as_nanos() / u128::from(TICK_NANOS);
        let target = u64::try_from(target).unwrap_or(u64::MAX);
        while let Some((level, slot)) = self.first_occupied() {
            let start = self.start_of(level, slot);
            if start > target {
                break;
            }
            self.elapsed = start.max(self.elapsed);
            self.empty_slot(level, slot, due);
        }
        // Every slot left begins after `target`, so its timers still differ from `elapsed` first in the digit of their level.
        self.elapsed = self.elapsed.max(target);
        due.len() - before
    }

    /// Disarms every timer, giving the values to `out` in no particular order.
    pub fn drain(&mut self, out: &mut Vec<T>) {
        for index in 0..self.nodes.len() {
            if self.nodes[index].value.is_some() {
                self.unlink(index as u32);
                out.extend(self.release(index as u32));
            }
        }
    }

    fn empty_slot(&mut self, level: usize, slot: usize, due: &mut Vec<T>) {
        let place = level * SLOTS + slot;
        let mut index = std::mem::replace(&mut self.slots[place], EMPTY).head;
        self.occupied[level] &= !(1 << slot);
        while index != NIL {
            let next = self.nodes[index as usize].next;
            if level == 0 {
                due.extend(self.release(index));
            } else {
                self.link(index);
            }
            index = next;
        }
    }

    /// The slot holding the earliest timers. A timer of a lower level is always before one of a higher level, since it
    /// agrees with the present time in more digits.
    fn first_occupied(&self) -> Option<(usize, usize)> {
        let level = self.occupied.iter().position(|bits| *bits != 0)?;
        Some((level, self.occupied[level].trailing_zeros() as usize))
    }

    /// The first tick of a slot.
    fn start_of(&self, level: usize, slot: usize) -> u64 {
        let shift = BITS * level as u32;
        let above = self.elapsed.checked_shr(shift + BITS).and_then(|high| high.checked_shl(shift + BITS));
        above.unwrap_or(0) | ((slot as u64) << shift)
    }

    /// Puts a node into the slot for its tick.
    fn link(&mut self, index: u32) {
        let when = self.nodes[index as usize].when;
        let difference = when ^ self.elapsed;
        let level = difference.checked_ilog2().map_or(0, |bit| (bit / BITS) as usize);
        let slot = (when >> (BITS * level as u32)) as usize & (SLOTS - 1);
        let place = level * SLOTS + slot;
        self.occupied[level] |= 1 << slot;
        let tail = std::mem::replace(&mut self.slots[place].tail, index);
        self.slots[place].earliest = self.slots[place].earliest.min(when);
        if tail == NIL {
            self.slots[place].head = index;
        } else {
            self.nodes[tail as usize].next = index;
        }
        let node = &mut self.nodes[index as usize];
        node.previous = tail;
        node.next = NIL;
        node.place = place as u16;
    }

    fn unlink(&mut self, index: u32) {
        let Node { previous, next, place, .. } = self.nodes[index as usize];
        let place = usize::from(place);
        if previous == NIL {
            self.slots[place].head = next;
        } else {
            self.nodes[previous as usize].next = next;
        }
        if next == NIL {
            self.slots[place].tail = previous;
        } else {
            self.nodes[next as usize].previous = previous;
        }
        if self.slots[place].head == NIL {
            self.slots[place] = EMPTY;
            self.occupied[place / SLOTS] &= !(1 << (place % SLOTS));
        }
    }

    fn allocate(&mut self, value: T, when: u64) -> u32 {
        if self.free == NIL {
            let index = self.nodes.len() as u32;
            let node = Node { value: Some(value), when, generation: 0, previous: NIL, next: NIL, place: 0 };
            self.nodes.push(node);
            return index;
        }
        let index = self.free;
        let node = &mut self.nodes[index as usize];
        self.free = node.next;
        node.value = Some(value);
        node.when = when;
        index
    }

    fn release(&mut self, index: u32) -> Option<T> {
        let free = std::mem::replace(&mut self.free, index);
        let node = &mut self.nodes[index as usize];
        node.generation = node.generation.wrapping_add(1);
        node.next = free;
        self.len -= 1;
        node.value.take()
    }

    fn tick_at_or_after(&self, deadline: Instant) -> u64 {
        let nanos = deadline.saturating_duration_since(self.origin).as_nanos();
        u64::try_from(nanos.div_ceil(u128::from(TICK_NANOS))).unwrap_or(u64::MAX)
    }

    fn instant_of(&self, tick: u64) -> Option<Instant> {
        let seconds = tick / (1_000_000_000 / TICK_NANOS);
        let nanos = tick % (1_000_000_000 / TICK_NANOS) * TICK_NANOS;
        self.origin.checked_add(Duration::new(seconds, nanos as u32))
    }
}

#[cfg(test)]
mod tests;
