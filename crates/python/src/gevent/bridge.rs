//! Where greenlets block and where they are woken: one completion queue, one descriptor, one drain.
//!
//! Each thread that runs a gevent hub has its own [`Bridge`] (in practice: the main thread). A greenlet that has to wait
//! opens an entry, hands the entry's token to whoever will complete it, and switches to the hub. I/O threads push
//! completions on a queue and make the descriptor readable; the hub calls [`Bridge::drain`], which switches straight
//! into each greenlet. No future, event object or Python frame stands in between.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gregaria_engine::wheel::{TimerKey, TimerWheel};
use gregaria_http::{Client, Completion};
use gregaria_wake::Alarm;
use pyo3::exceptions::PyRuntimeError;
use pyo3::intern;
use pyo3::prelude::*;

use super::capi::{Greenlets, keep_large_blocks};
use super::counts;
use super::entries::{Entries, Ready, Signal, Token};
use super::wake::WakeUp;

/// Completions taken from the queue in one drain; other greenlets and watchers of the hub get their turn after that.
const BATCH: usize = 512;

thread_local! {
    // Never dropped: a thread's destructors run when the interpreter is gone.
    static BRIDGE: ManuallyDrop<RefCell<Option<Rc<Bridge>>>> = const { ManuallyDrop::new(RefCell::new(None)) };
    static AT_THREAD_END: AtThreadEnd = const { AtThreadEnd };
}

/// Ends a thread's I/O threads with it. The bridge itself is left behind: it holds Python objects, and the thread may no
/// longer touch those.
struct AtThreadEnd;

impl Drop for AtThreadEnd {
    fn drop(&mut self) {
        if let Some(bridge) = BRIDGE.with(|bridge| bridge.take()) {
            bridge.client.shutdown();
            std::mem::forget(bridge);
        }
    }
}

/// Bridges started by this process and those it was forked from.
static STARTED: AtomicU64 = AtomicU64::new(1);

/// The bridge of one thread between its gevent hub and the I/O threads.
pub(crate) struct Bridge {
    number: u64,
    greenlets: Greenlets,
    hub: Py<PyAny>,
    watcher: Py<PyAny>,
    alarm_watcher: Py<PyAny>,
    callback: Py<PyAny>,
    client: Client,
    wake: Arc<WakeUp>,
    entries: RefCell<Entries>,
    timers: RefCell<TimerWheel<Ready>>,
    alarm: Alarm,
    ready: RefCell<VecDeque<Ready>>,
    completions: RefCell<Vec<Completion>>,
    // When the alarm rings, or has rung.
    armed: Cell<Option<Instant>>,
    // When the next iteration of an open run is due.
    arrival: Cell<Option<Instant>>,
    // How many greenlets and users wait here: the hub must not believe that there is nothing left to wait for.
    waiting: Cell<usize>,
    referenced: Cell<bool>,
    turns: Cell<u64>,
    // What of the present drain has not had its turn.
    left: Cell<usize>,
    // A drain is among the hub's callbacks already.
    called: Cell<bool>,
    // Whether everybody has been told that an I/O thread has died.
    told: Cell<bool>,
}

impl std::fmt::Debug for Bridge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bridge").field("waiting", &self.waiting.get()).finish_non_exhaustive()
    }
}

impl Bridge {
    /// The bridge of the calling thread, made at its first use.
    ///
    /// Errors: ImportError without gevent or greenlet; OSError if no descriptor or thread can be had.
    pub(crate) fn current(py: Python<'_>) -> PyResult<Rc<Self>> {
        if let Some(bridge) = BRIDGE.with(|bridge| bridge.borrow().clone()) {
            return Ok(bridge);
        }
        let bridge = Rc::new(Self::start(py)?);
        AT_THREAD_END.with(|_| ());
        BRIDGE.with(|place| place.replace(Some(Rc::clone(&bridge))));
        Ok(bridge)
    }

    fn start(py: Python<'_>) -> PyResult<Self> {
        let greenlets = Greenlets::import(py)?;
        keep_large_blocks();
        let hub = py.import(intern!(py, "gevent"))?.call_method0(intern!(py, "get_hub"))?;
        let (wake, alarm) = (Arc::new(WakeUp::new()?), Alarm::new()?);
        let callback = pyo3::wrap_pyfunction!(drain, py)?;
        let watch = |descriptor: i32| {
            let watcher =
                hub.getattr(intern!(py, "loop"))?.call_method1(intern!(py, "io"), (descriptor, 1))?;
            // Referenced only while somebody waits here: an idle bridge must not keep the hub from noticing a dead end.
            watcher.setattr(intern!(py, "ref"), false)?;
            watcher.call_method1(intern!(py, "start"), (&callback,))?;
            PyResult::Ok(watcher.unbind())
        };
        let (watcher, alarm_watcher) = (watch(wake.descriptor())?, watch(alarm.descriptor())?);
        let options = crate::http::client_options()?;
        let client = Client::start(options, Arc::clone(&wake) as Arc<dyn gregaria_http::Wake>)?;
        Ok(Self {
            number: STARTED.fetch_add(1, Ordering::Relaxed),
            greenlets,
            hub: hub.unbind(),
            watcher,
            alarm_watcher,
            callback: callback.into_any().unbind(),
            client,
            wake,
            entries: RefCell::default(),
            timers: RefCell::new(TimerWheel::new(Instant::now())),
            alarm,
            ready: RefCell::default(),
            completions: RefCell::default(),
            armed: Cell::new(None),
            arrival: Cell::new(None),
            waiting: Cell::new(0),
            referenced: Cell::new(false),
            turns: Cell::new(0),
            left: Cell::new(0),
            called: Cell::new(false),
            told: Cell::new(false),
        })
    }

    /// Tells this bridge from all others: what belongs to one cannot be waited for at another.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The HTTP client whose completions arrive here.
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// The greenlet that runs now.
    pub(crate) fn current_greenlet<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.greenlets.current(py)
    }

    /// Opens an entry for one thing to wait for; [`Bridge::close`] ends it.
    pub(crate) fn open(&self) -> Token {
        self.entries.borrow_mut().open()
    }

    /// Ends an entry: signals that still arrive for it are dropped.
    pub(crate) fn close(&self, token: Token) {
        self.entries.borrow_mut().close(token);
    }

    /// As [`Bridge::close`], for the calling thread's bridge if it is the one with this number.
    pub(crate) fn forget(number: u64, token: Token) {
        if let Some(bridge) = BRIDGE.with(|bridge| bridge.borrow().clone())
            && bridge.number == number
        {
            bridge.close(token);
        }
    }

    /// Blocks the calling greenlet until a signal for `token` arrives. Errors: what is thrown into the greenlet
    /// meanwhile (a kill, a `gevent.Timeout`); BlockingSwitchOutError in the hub itself.
    pub(crate) fn wait(&self, py: Python<'_>, token: Token) -> PyResult<Signal> {
        if let Some(signal) = self.take(token) {
            return Ok(signal);
        }
        let me = self.greenlets.current(py)?;
        if me.is(&self.hub) {
            return Err(blocked_in_hub(py));
        }
        if let Some(entry) = self.entries.borrow_mut().find(token) {
            entry.waiter = Some(me.unbind());
        }
        self.begin_wait(py)?;
        let result = loop {
            // A switch without a signal is somebody's stray `greenlet.switch()`: go on waiting.
            if let Err(error) = self.greenlets.switch(self.hub.bind(py)) {
                break Err(error);
            }
            if let Some(signal) = self.take(token) {
                break Ok(signal);
            }
        };
        let waiter = self.entries.borrow_mut().find(token).and_then(|entry| entry.waiter.take());
        drop(waiter);
        self.turns.set(self.turns.get().wrapping_add(1));
        self.end_wait();
        if result.is_err() {
            // Thrown into from outside a drain: one is needed to notice that nobody waits any more.
            gregaria_http::Wake::wake(&*self.wake);
        }
        result
    }

    /// Blocks the calling greenlet until `deadline` (or for one turn of the hub if it has passed). Errors: as `wait`.
    pub(crate) fn sleep_until(&self, py: Python<'_>, deadline: Instant, now: Instant) -> PyResult<()> {
        let token = self.open();
        let timer = if deadline <= now {
            self.make_ready(py, Ready::Sleeper(token));
            None
        } else {
            Some(self.schedule(deadline, Ready::Sleeper(token)))
        };
        let result = loop {
            match self.wait(py, token) {
                Ok(Signal::Broken) => {}
                other => break other,
            }
        };
        if let (Err(_), Some(timer)) = (&result, timer) {
            self.cancel_timer(timer);
        }
        self.close(token);
        result.map(drop)
    }

    /// Switches to the hub without waiting for anything of this bridge: the caller has arranged for somebody to switch back.
    pub(crate) fn switch_to_hub(&self, py: Python<'_>) -> PyResult<()> {
        self.greenlets.switch(self.hub.bind(py))
    }

    /// Has `what` handled in the next turn of the hub, in its place among gevent's own callbacks. Hub's thread only.
    pub(crate) fn make_ready(&self, py: Python<'_>, what: Ready) {
        self.ready.borrow_mut().push_back(what);
        self.call_soon(py);
    }

    fn call_soon(&self, py: Python<'_>) {
        if self.called.replace(true) {
            return;
        }
        let called = self
            .hub
            .bind(py)
            .getattr(intern!(py, "loop"))
            .and_then(|hub| hub.call_method1(intern!(py, "run_callback"), (&self.callback,)));
        if called.is_err() {
            // The loop is being destroyed: what is due can only wait for the descriptor.
            self.called.set(false);
            gregaria_http::Wake::wake(&*self.wake);
        }
    }

    /// Has `what` handled when `deadline` has passed.
    pub(crate) fn schedule(&self, deadline: Instant, what: Ready) -> TimerKey {
        let (key, next) = {
            let mut timers = self.timers.borrow_mut();
            let key = timers.insert(deadline, what);
            (key, timers.next_deadline())
        };
        // One that has rung brings a drain, and that asks for the next.
        if let Some(next) = next.filter(|next| self.armed.get().is_none_or(|armed| *next < armed)) {
            self.arm(next);
        }
        key
    }

    fn arm(&self, deadline: Instant) {
        self.armed.set(Some(deadline));
        self.alarm.ring_after(deadline.saturating_duration_since(Instant::now()));
    }

    /// Has [`crate::user::arrive`] called at that moment, or no more. To be said within a drain.
    pub(crate) fn arrival_at(&self, moment: Option<Instant>) {
        self.arrival.set(moment);
    }

    /// Has [`crate::user::arrive`] called in the next turn of the hub.
    pub(crate) fn arrive_soon(&self) {
        let now = Instant::now();
        self.arrival.set(Some(now));
        self.arm(now);
    }

    /// Has `what` handled in the present drain.
    pub(crate) fn is_due(&self, what: Ready) {
        self.ready.borrow_mut().push_back(what);
    }

    /// Forgets a timer. False: it has fired, so what it stands for is being handled or about to be.
    pub(crate) fn cancel_timer(&self, key: TimerKey) -> bool {
        self.timers.borrow_mut().cancel(key).is_some()
    }

    /// Says that one more greenlet or user waits for this bridge.
    pub(crate) fn begin_wait(&self, py: Python<'_>) -> PyResult<()> {
        self.waiting.set(self.waiting.get() + 1);
        if !self.referenced.replace(true) {
            self.watcher.bind(py).setattr(intern!(py, "ref"), true)?;
        }
        Ok(())
    }

    /// The opposite of [`Bridge::begin_wait`]; the hub hears of it at the end of the drain, if nobody waits by then.
    pub(crate) fn end_wait(&self) {
        self.waiting.set(self.waiting.get().saturating_sub(1));
    }

    /// How often a greenlet has come back from a wait here: tells whether a task has let others run.
    pub(crate) fn turns(&self) -> u64 {
        self.turns.get()
    }

    /// Whether nothing else is known to wait for the calling greenlet to let go.
    pub(crate) fn is_calm(&self) -> bool {
        self.left.get() == 0 && !self.called.get()
    }

    fn take(&self, token: Token) -> Option<Signal> {
        self.entries.borrow_mut().take(token)
    }

    /// Hands a signal to its entry; the greenlet that waits for it, if any.
    fn post(&self, py: Python<'_>, token: Token, signal: Signal) -> Option<Py<PyAny>> {
        let mut entries = self.entries.borrow_mut();
        let entry = entries.put(token, signal)?;
        entry.waiter.as_ref().map(|greenlet| greenlet.clone_ref(py))
    }

    /// One turn: expired timers, completions, users that are due. Runs in the hub.
    fn drain(&self, py: Python<'_>) -> PyResult<()> {
        self.called.set(false);
        self.wake.acknowledge();
        let now = (self.armed.get().is_some() || counts::is_looked_at()).then(Instant::now);
        if let Some(now) = now
            && self.armed.get().is_some_and(|armed| armed <= now)
        {
            let mut due = Vec::new();
            self.timers.borrow_mut().expire(now, &mut due);
            self.ready.borrow_mut().extend(due);
            if self.arrival.get().is_some_and(|arrival| arrival <= now) {
                crate::user::arrive(py, self, now);
            }
        }
        // Taken out of their cells: what is switched into may come back here with news of its own.
        let mut batch = self.completions.take();
        let (taken, since) = self.client.drain_stamped(&mut batch, BATCH);
        counts::taken_up(taken, since, now);
        self.left.set(taken + self.ready.borrow().len());
        for completion in batch.drain(..) {
            self.left.set(self.left.get() - 1);
            let Completion { token, event, .. } = completion;
            if let Some(greenlet) = self.post(py, Token::from_bits(token), Signal::Http(event)) {
                self.run(greenlet.bind(py))?;
            }
        }
        self.completions.replace(batch);
        if let Some(fault) = self.client.fault()
            && !self.told.replace(true)
        {
            self.tell_of_fault(py, fault)?;
        }
        let due = self.ready.borrow().len();
        for left in (0..due).rev() {
            self.left.set(left);
            let next = self.ready.borrow_mut().pop_front();
            match next {
                Some(Ready::Sleeper(token)) => {
                    if let Some(greenlet) = self.post(py, token, Signal::Due) {
                        self.run(greenlet.bind(py))?;
                    }
                }
                Some(Ready::User(slot)) => crate::user::resume(py, self, slot)?,
                None => break,
            }
        }
        if taken >= BATCH || !self.ready.borrow().is_empty() {
            self.call_soon(py);
        }
        let next = self.timers.borrow().next_deadline();
        let next = match self.arrival.get() {
            Some(arrival) => Some(next.map_or(arrival, |next| next.min(arrival))),
            None => next,
        };
        if next != self.armed.get() {
            if let Some(deadline) = next {
                self.arm(deadline);
            } else {
                self.armed.set(None);
                self.alarm.silence();
            }
        }
        if self.waiting.get() == 0 && self.referenced.replace(false) {
            self.watcher.bind(py).setattr(intern!(py, "ref"), false)?;
        }
        Ok(())
    }

    /// An I/O thread has died. Whoever still waits for a request gets no answer; `locust._io_fault` ends the runs.
    #[cold]
    fn tell_of_fault(&self, py: Python<'_>, fault: &str) -> PyResult<()> {
        let end = py.import(intern!(py, "locust._io_fault"))?.getattr(intern!(py, "end_runs"))?;
        py.import(intern!(py, "gevent"))?.call_method1(intern!(py, "spawn"), (end, fault))?;
        let open = self.entries.borrow().open_ones();
        for token in open {
            if let Some(greenlet) = self.post(py, token, Signal::Broken) {
                self.run(greenlet.bind(py))?;
            }
        }
        Ok(())
    }

    /// Switches into a greenlet from the hub; what escapes it is the hub's to report, as for any other callback.
    /// Errors: GreenletExit if the hub itself is killed meanwhile; it ends the drain.
    pub(crate) fn run(&self, greenlet: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = greenlet.py();
        match self.greenlets.switch(greenlet) {
            // A greenlet's own GreenletExit does not leave it, so this one was thrown into the hub.
            Err(error) if crate::user::is_greenlet_exit(py, &error) => Err(error),
            Err(error) => {
                self.report(py, greenlet, &error);
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    /// Has gevent's hub report an error that escaped `context`, as it does for greenlets of its own.
    pub(crate) fn report(&self, py: Python<'_>, context: &Bound<'_, PyAny>, error: &PyErr) {
        let arguments = (context, error.get_type(py), error.value(py), error.traceback(py));
        if let Err(second) = self.hub.bind(py).call_method1(intern!(py, "handle_error"), arguments) {
            second.write_unraisable(py, Some(context));
        }
    }
}

/// What gevent raises when its hub is asked to wait.
fn blocked_in_hub(py: Python<'_>) -> PyErr {
    let raised = py
        .import(intern!(py, "gevent.exceptions"))
        .and_then(|m| m.getattr(intern!(py, "BlockingSwitchOutError")))
        .and_then(|class| {
            class.call1(("a request or wait cannot block inside a callback of the event loop",))
        });
    match raised {
        Ok(value) => PyErr::from_value(value),
        Err(error) => error,
    }
}

/// The hub's callback for the wake-up descriptor.
#[pyfunction]
fn drain(py: Python<'_>) -> PyResult<()> {
    match BRIDGE.with(|bridge| bridge.borrow().clone()) {
        Some(bridge) => bridge.drain(py),
        None => Err(PyRuntimeError::new_err("the bridge of this thread is closed")),
    }
}

/// Ends the I/O threads of the calling thread's bridge; called at interpreter exit. A later request starts new ones.
#[pyfunction]
fn shutdown(py: Python<'_>) -> PyResult<()> {
    let Some(bridge) = BRIDGE.with(|bridge| bridge.take()) else { return Ok(()) };
    bridge.watcher.bind(py).call_method0(intern!(py, "stop"))?;
    bridge.alarm_watcher.bind(py).call_method0(intern!(py, "stop"))?;
    bridge.client.shutdown();
    Ok(())
}

/// Called in the child after a fork: the I/O threads are gone and their locks are in an unknown state, so all of it is left
/// alone, and the next request starts anew.
#[pyfunction]
fn after_fork() {
    std::mem::forget(BRIDGE.with(|bridge| bridge.take()));
    counts::forget();
}

/// Blocks the calling greenlet for `seconds` (at least one turn of the hub), timed by the engine's wheel.
#[pyfunction]
fn sleep(py: Python<'_>, seconds: f64) -> PyResult<()> {
    let now = Instant::now();
    let deadline = crate::user::after(now, seconds);
    Bridge::current(py)?.sleep_until(py, deadline, now)
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_function(wrap_pyfunction!(sleep, m)?)?;
    m.add_function(wrap_pyfunction!(shutdown, m)?)?;
    m.add_function(wrap_pyfunction!(after_fork, m)?)?;
    counts::register(m)?;
    m.py().import("atexit")?.call_method1("register", (m.getattr("shutdown")?,))?;
    let hook = pyo3::types::PyDict::new(m.py());
    hook.set_item("after_in_child", m.getattr("after_fork")?)?;
    m.py().import("os")?.call_method("register_at_fork", (), Some(&hook))?;
    Ok(())
}
