//! How much CPU a request costs: `cargo run --release --example loopback -- URL [USERS] [SECONDS] [THREADS] [unstamped]`.
//!
//! Drives a server with so many users, each of whom asks again as soon as it is answered, from an event loop that
//! stands for the caller's. Prints requests, and CPU time per request for the caller's thread and for the I/O
//! threads, by the operating system's accounting. Compare with `wrk -t1 -c USERS` on the same core.

use std::error::Error;
use std::io::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gregaria_http::{
    Client, ClientOptions, Event, Headers, Method, Request, RequestOptions, SessionOptions, TlsOptions, Url,
    Wake,
};
use mio::{Events, Poll, Token, Waker};

struct Hub(Waker);

impl Wake for Hub {
    fn wake(&self) {
        let _ = self.0.wake();
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "http://127.0.0.1:8080/".to_owned());
    let users: usize = arguments.next().map_or(Ok(50), |text| text.parse())?;
    let seconds: u64 = arguments.next().map_or(Ok(5), |text| text.parse())?;
    let threads: usize = arguments.next().map_or(Ok(1), |text| text.parse())?;

    let kernel_stamps = arguments.next().is_none_or(|text| text != "unstamped");

    let mut poll = Poll::new()?;
    let hub = Arc::new(Hub(Waker::new(poll.registry(), Token(0))?));
    let client = Client::start(ClientOptions { threads, kernel_stamps, ..ClientOptions::default() }, hub)?;
    let sessions: Vec<_> = (0..users).map(|_| client.session(SessionOptions::default())).collect();
    let mut headers = Headers::new();
    headers.push("User-Agent", "python-requests/2.32.3");
    headers.push("Accept-Encoding", "gzip, deflate");
    headers.push("Accept", "*/*");
    headers.push("Connection", "keep-alive");
    let options = RequestOptions {
        connect_timeout: Some(Duration::from_mins(1)),
        read_timeout: Some(Duration::from_mins(1)),
        tls: TlsOptions::unverified(),
        ..RequestOptions::default()
    };
    let request = Request {
        method: Method::Get,
        url: Arc::new(Url::parse(&url)?),
        headers: Arc::new(headers),
        body: bytes::Bytes::new(),
        upload: None,
        options: Arc::new(options),
    };
    for (token, session) in sessions.iter().enumerate() {
        session.send(request.clone(), token as u64);
    }

    let end = Instant::now() + Duration::from_secs(seconds);
    let mut events = Events::with_capacity(8);
    let mut batch = Vec::new();
    let (mut finished, mut failed, mut longest) = (0_u64, 0_u64, Duration::ZERO);
    while Instant::now() < end {
        poll.poll(&mut events, Some(Duration::from_millis(100)))?;
        while client.drain(&mut batch, 256) > 0 {
            for completion in batch.drain(..) {
                match completion.event {
                    Event::Done(Ok(exchange)) => {
                        finished += 1;
                        longest = longest.max(exchange.timings.total);
                    }
                    Event::Done(Err(_)) => failed += 1,
                    _ => {}
                }
                sessions[completion.token as usize].send(request.clone(), completion.token);
            }
        }
    }
    report(finished, failed, longest, seconds)
}

fn report(finished: u64, failed: u64, longest: Duration, seconds: u64) -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{finished} requests ({failed} failed), {} per second, longest {longest:?}",
        finished / seconds
    )?;
    let mut sum = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let task = task?.path();
        let name = std::fs::read_to_string(task.join("comm"))?;
        let accounting = std::fs::read_to_string(task.join("schedstat"))?;
        let nanoseconds: f64 = accounting.split(' ').next().unwrap_or("0").parse()?;
        let each = nanoseconds / 1000.0 / finished.max(1) as f64;
        sum += each;
        writeln!(out, "{:<20} {each:.2} µs per request", name.trim())?;
    }
    writeln!(out, "{:<20} {sum:.2} µs per request", "all")?;
    let status = std::fs::read_to_string("/proc/self/status")?;
    let resident = status.lines().find(|line| line.starts_with("VmRSS")).unwrap_or("VmRSS: ?");
    writeln!(out, "{resident}")?;
    Ok(())
}
