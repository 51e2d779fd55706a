//! `gregaria-testkit`: the servers of the test kit, for tests that are not written in Rust.
#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command's output")]

use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use gregaria_demo::BlogServer;
use gregaria_testkit::control::ControlLoad;
use gregaria_testkit::delay::DelayServer;
use gregaria_testkit::misbehave::{MisbehavingServer, PATHS};

const USAGE: &str = "\
Usage: gregaria-testkit SERVER [--listen ADDRESS] [--tls FOLDER]
       gregaria-testkit control URL [--users N] [--wait MS]
       gregaria-testkit calibrate

Starts a server, prints its base URL as the first line of standard output and serves until standard input ends.

Servers:
  blog        the sample blog of `make demo`
  delay       answers after an exact time; GET /log is its own account of each answer (CSV, microseconds)
  misbehave   does what servers should not; with --tls FOLDER over TLS, its authority in FOLDER/ca.pem

control       asks URL with N plain blocking clients (default 10, pause 50 ms) until standard input ends, then prints what each
              request took, a line each, in milliseconds
calibrate     measures the delay server on this machine and prints how late its answers are

--listen      address and port; default 127.0.0.1:0, a free port

Paths of `delay`: / (at once), /1ms, /10ms, /100ms, /us/N (N microseconds), /bimodal (5 ms, each tenth 50 ms), /stall (5 s),
/freeze?ms=N (holds all answers back for N ms, default 5000), /log, /log/clear.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{USAGE}\nPaths of `misbehave`:\n");
        for (path, what) in PATHS {
            println!("  {path:28} {what}");
        }
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("gregaria-testkit: {message}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<(), String> {
    let (mut server, mut listen, mut tls) = (None, "127.0.0.1:0".to_owned(), None);
    let (mut url, mut users, mut wait) = (None, 10, 50);
    let number = |text: String| text.parse().map_err(|_| format!("{text:?} is not a number"));
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || rest.next().cloned().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--listen" => listen = value()?,
            "--tls" => tls = Some(PathBuf::from(value()?)),
            "--users" => users = number(value()?)?,
            "--wait" => wait = number(value()?)?,
            name if server.is_none() && !name.starts_with('-') => server = Some(name.to_owned()),
            name if server.as_deref() == Some("control") && url.is_none() && !name.starts_with('-') => {
                url = Some(name.to_owned());
            }
            other => return Err(format!("unknown argument {other:?}; see --help")),
        }
    }
    let failed = |error: io::Error| error.to_string();
    match server.as_deref() {
        Some("blog") => {
            let blog = BlogServer::start(listen.as_str()).map_err(failed)?;
            serve("http", blog.address().port(), blog)
        }
        Some("delay") => {
            let delay = DelayServer::start(listen.as_str()).map_err(failed)?;
            serve("http", delay.address().port(), delay)
        }
        Some("misbehave") => {
            let scheme = if tls.is_some() { "https" } else { "http" };
            let server = MisbehavingServer::start(listen.as_str(), tls.as_deref()).map_err(failed)?;
            serve(scheme, server.address().port(), server)
        }
        Some("control") => control(url.as_deref().unwrap_or_default(), users, Duration::from_millis(wait)),
        Some("calibrate") => calibrate().map_err(failed),
        Some(other) => Err(format!("unknown server {other:?}; see --help")),
        None => Err("which server? see --help".to_owned()),
    }
}

/// Keeps `_server` until standard input ends, so that no server outlives a test that was killed.
fn serve<T>(scheme: &str, port: u16, _server: T) -> Result<(), String> {
    println!("{scheme}://127.0.0.1:{port}");
    io::stdout().flush().map_err(|error| error.to_string())?;
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map_err(|error| error.to_string())?;
    Ok(())
}

fn control(url: &str, users: u64, wait: Duration) -> Result<(), String> {
    let rest = url.strip_prefix("http://").ok_or("control needs an http:// URL")?;
    let (address, path) = rest.split_once('/').unwrap_or((rest, ""));
    let address = address.parse().map_err(|_| format!("{address:?} is not an address with a port"))?;
    let failed = |error: io::Error| error.to_string();
    let users = usize::try_from(users).map_err(|error| error.to_string())?;
    let load = ControlLoad::start(address, &format!("/{path}"), users, wait).map_err(failed)?;
    io::copy(&mut io::stdin().lock(), &mut io::sink()).map_err(failed)?;
    let mut out = io::stdout().lock();
    for time in load.stop().map_err(failed)? {
        writeln!(out, "{:.4}", time.as_secs_f64() * 1e3).map_err(failed)?;
    }
    Ok(())
}

fn calibrate() -> io::Result<()> {
    let server = DelayServer::start("127.0.0.1:0")?;
    println!("{:>8} {:>10} {:>10} {:>10} {:>14}", "planned", "p50 late", "p99 late", "worst", "client p50 +");
    for (path, planned, count) in [("/us/200", 200, 2000), ("/1ms", 1_000, 1000), ("/10ms", 10_000, 200)] {
        let planned = Duration::from_micros(planned);
        let mut stream = std::net::TcpStream::connect(server.address())?;
        stream.set_nodelay(true)?;
        let mut seen = Vec::new();
        let already = server.services().len();
        for _ in 0..count {
            let start = Instant::now();
            stream.write_all(format!("GET {path} HTTP/1.1\r\n\r\n").as_bytes())?;
            let mut answer = [0; 512];
            if stream.read(&mut answer)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            seen.push(start.elapsed().saturating_sub(planned));
        }
        let mut late: Vec<_> =
            server.services()[already..].iter().map(|s| s.took.saturating_sub(s.planned)).collect();
        late.sort();
        seen.sort();
        let at = |values: &[Duration], share: f64| {
            let index = (values.len() as f64 * share) as usize;
            values.get(index.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
        };
        println!(
            "{:>8} {:>10} {:>10} {:>10} {:>14}",
            format!("{planned:?}"),
            format!("{:.1?}", at(&late, 0.5)),
            format!("{:.1?}", at(&late, 0.99)),
            format!("{:.1?}", at(&late, 1.0)),
            format!("{:.1?}", at(&seen, 0.5)),
        );
    }
    Ok(())
}
