//! A server with a host that answers at once, and a client that sees every byte.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use gregaria_record::store::Store;
use gregaria_record::{Answer as Told, Numbers, OwnerFirst, Question, Record, Recorder, Source};
use gregaria_stats::{ErrorSeed, RequestStats};
use gregaria_web::{Answer, Ask, Command, Config, Flask, Host, Level, Outcome, Server};
use serde_json::{Value, json};

/// Nothing here takes longer, however busy the machine is.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64()
}

/// The program that is shown.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) stats: Arc<OwnerFirst<RequestStats>>,
    state: Mutex<(&'static str, u32)>,
    exceptions: Mutex<Vec<Value>>,
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) logged: Mutex<Vec<(Level, String)>>,
    /// Whoever holds it keeps the program from answering.
    pub(crate) busy: Mutex<()>,
    pub(crate) table_fractions: Mutex<Vec<f64>>,
}

impl Program {
    pub(crate) fn set_state(&self, state: &'static str) {
        let mut own = self.state.lock().unwrap();
        own.1 += u32::from(state == "spawning");
        own.0 = state;
    }

    fn status(&self) -> Value {
        let (state, run) = *self.state.lock().unwrap();
        let users = if matches!(state, "running" | "spawning") { 3 } else { 0 };
        json!({
            "state": state, "user_count": users, "run": run, "started": null,
            "percentiles_to_statistics": *self.table_fractions.lock().unwrap(), "percentiles_to_chart": [0.5, 0.95],
            "percentiles_to_report": [0.5, 0.95, 1.0], "host": "http://target", "locustfile": "x.py",
            "exceptions_version": self.exceptions.lock().unwrap().len(), "file_stem": "Locust_now_x.py",
            "full_history_csv": null,
        })
    }

    pub(crate) fn raise(&self, words: &str) {
        let row = json!({"count": 1, "msg": words, "traceback": "Traceback\n  line", "nodes": "local"});
        self.exceptions.lock().unwrap().push(row);
    }

    fn answer(&self, ask: &Ask) -> Outcome {
        let json = |value: Value| Outcome::Whole(Answer::of(value.to_string()));
        match ask {
            Ask::Index => json(json!({"version": "</script><script>alert(1)</script>"})),
            Ask::Swarm(form) => {
                self.set_state("spawning");
                self.stats.own().clear_all(now());
                json(json!({"success": true, "message": "Swarming started", "form": form}))
            }
            Ask::Stop { .. } => {
                self.set_state("stopped");
                json(json!({"success": true, "message": "Test stopped"}))
            }
            Ask::Reset => {
                self.stats.own().reset_all(now());
                Outcome::Whole(Answer::of("ok"))
            }
            Ask::UpdateUser(body) if body.starts_with(b"{}") => {
                Outcome::Failed { status: 500, message: "no <class>".into() }
            }
            Ask::UpdateUser(_) => json(json!({})),
            Ask::Tasks => json(json!({"total": {}, "per_class": {"U": {"ratio": 1.0}}})),
            Ask::Logs => json(json!({"master": ["a"], "workers": {}})),
            Ask::Report(query) => Outcome::Whole(Answer::of(format!("<html>{query:?}"))),
            Ask::Wsgi(request) => {
                let headers = vec![("X-Path".to_owned(), request.path.clone())];
                Outcome::Whole(Answer { status: 203, headers, body: request.body.clone() })
            }
            Ask::Auth(request) => {
                let cookie = request.headers.iter().any(|(name, _)| name == "cookie");
                let headers = vec![("Set-Cookie".to_owned(), "session=new".to_owned())];
                // 0 is the word for "logged in"; no script can answer with it.
                let hook = request.headers.iter().any(|(_, value)| value == b"hook=204");
                let (status, headers) = match (hook, cookie) {
                    (true, _) => (204, headers),
                    (_, true) => (0, headers),
                    _ => (302, vec![("Location".into(), "/login".into())]),
                };
                Outcome::Whole(Answer { status, headers, ..Answer::default() })
            }
        }
    }
}

impl Host for Program {
    fn send(&self, command: Command) {
        self.asked.lock().unwrap().push(command.ask.kind().to_owned());
        drop(self.busy.lock().unwrap());
        let outcome = self.answer(&command.ask);
        command.reply.send(outcome);
    }

    fn log(&self, level: Level, message: String) {
        self.logged.lock().unwrap().push((level, message));
    }
}

impl Source for Program {
    fn ask(&self, question: Question, answer: Told) {
        if question != Question::Status {
            self.asked.lock().unwrap().push(question.kind().to_owned());
        }
        drop(self.busy.lock().unwrap());
        let told = match question {
            Question::Status => self.status(),
            Question::Info => json!({"command": "locust -f x.py"}),
            Question::Exceptions => Value::from(self.exceptions.lock().unwrap().clone()),
        };
        answer.give(told.to_string().as_bytes());
    }

    fn warn(&self, message: String) {
        self.log(Level::Warning, message);
    }

    fn stop(&self, threshold: String) {
        self.log(Level::Error, threshold);
    }
}

/// A server and its program.
#[derive(Debug)]
pub(crate) struct Site {
    pub(crate) recorder: Recorder,
    pub(crate) server: Option<Server>,
    pub(crate) program: Arc<Program>,
    pub(crate) address: SocketAddr,
}

impl Site {
    pub(crate) fn start(config: Config) -> Self {
        Self::keeping(config, None)
    }

    /// One that keeps its runs.
    pub(crate) fn keeping(config: Config, store: Option<Store>) -> Self {
        let stats = Arc::new(OwnerFirst::new(RequestStats::new(true, now())));
        let program = Arc::new(Program {
            stats: Arc::clone(&stats),
            state: Mutex::new(("ready", 0)),
            exceptions: Mutex::default(),
            asked: Mutex::default(),
            logged: Mutex::default(),
            busy: Mutex::default(),
            table_fractions: Mutex::new(vec![0.95, 0.99]),
        });
        let config = Config { host: "127.0.0.1".into(), port: 0, ..config };
        let source = Arc::clone(&program) as Arc<dyn Source>;
        let record = Arc::new(Record::new(Numbers::new(stats), source, store.map(Arc::new)));
        let recorder = Recorder::start(Arc::clone(&record)).unwrap();
        let server = Server::start(config, record, Arc::clone(&program) as Arc<dyn Host>).unwrap();
        let address = server.addresses()[0];
        Self { recorder, server: Some(server), program, address }
    }

    /// What a second server of the same program is started with.
    pub(crate) fn record(&self) -> Arc<Record> {
        Arc::clone(self.recorder.record())
    }

    pub(crate) fn plain() -> Self {
        Self::start(Config::default())
    }

    pub(crate) fn server(&self) -> &Server {
        self.server.as_ref().unwrap()
    }

    pub(crate) fn set_flask(&self, mode: Flask) {
        self.server().set_flask(mode);
    }

    /// Counts requests of 10, 20, … ms under a name.
    pub(crate) fn requests(&self, name: &str, count: u32) {
        let mut stats = self.program.stats.own();
        let id = stats.entry_id("GET", name, now());
        for i in 1..=count {
            assert!(stats.record(id, Some(f64::from(i * 10)), 100, now()));
        }
    }

    /// Counts one failure.
    pub(crate) fn failure(&self, name: &str, text: &str) {
        let mut stats = self.program.stats.own();
        let id = stats.entry_id("GET", name, now());
        assert!(stats.record(id, Some(5.0), 0, now()));
        if stats.record_error(id, text, now()) == Some(false) {
            let seed = ErrorSeed {
                key: format!("{name}{text}").into(),
                method: "GET".into(),
                name: name.into(),
                text: text.into(),
                display: text.into(),
            };
            stats.insert_error(seed, now());
        }
    }

    /// Starts a run as the page does.
    pub(crate) fn swarm(&self) {
        let answer = self.send("POST", "/swarm", &[FORM], b"user_count=3&spawn_rate=1");
        assert_eq!(answer.status, 200, "{answer:?}");
        self.program.set_state("running");
        self.server().notify();
    }

    pub(crate) fn get(&self, path: &str) -> Reply {
        self.send("GET", path, &[], b"")
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let reply = self.get(path);
        assert_eq!(reply.status, 200, "{path}: {reply:?}");
        serde_json::from_slice(&reply.body).unwrap()
    }

    pub(crate) fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        exchange(self.connect(), method, path, headers, body)
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address)
    }
}

/// Headers of a request whose answer does not end.
pub(crate) const GET_HEADERS: &str = "Host: localhost\r\n";
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

pub(crate) fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_write_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }
}

/// Sends a request, with `Host: localhost` unless headers say otherwise, and reads the answer to its end.
pub(crate) fn exchange(
    mut stream: impl Read + Write,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Reply {
    // Browsers keep connections: one that says where it comes from and closes would be a proxy.
    let keeps = headers.iter().any(|(name, _)| name.starts_with("sec-fetch"));
    let close = if keeps { "" } else { "Connection: close\r\n" };
    let mut head = format!("{method} {path} HTTP/1.1\r\n{close}Content-Length: {}\r\n", body.len());
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        head.push_str("Host: localhost\r\n");
    }
    for (name, value) in headers {
        head.extend([name, ": ", value, "\r\n"]);
    }
    head.push_str("\r\n");
    // A server that refuses early closes while we still write; its answer is there all the same.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    let mut bytes = Vec::new();
    if !keeps {
        let _ = stream.read_to_end(&mut bytes);
    }
    let mut piece = [0; 4_096];
    while keeps && !is_whole(&bytes, method) {
        match stream.read(&mut piece) {
            Ok(0) | Err(_) => break,
            Ok(count) => bytes.extend_from_slice(&piece[..count]),
        }
    }
    parse(&bytes)
}

/// Whether that is a whole answer.
fn is_whole(bytes: &[u8], method: &str) -> bool {
    if !bytes.windows(4).any(|window| window == b"\r\n\r\n") {
        return false;
    }
    let head = String::from_utf8_lossy(bytes).to_lowercase();
    if head.contains("transfer-encoding: chunked") {
        return bytes.ends_with(b"0\r\n\r\n");
    }
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok());
    let reply = parse(bytes);
    method == "HEAD" || reply.body.len() >= length.unwrap_or(0_usize)
}

pub(crate) fn parse(bytes: &[u8]) -> Reply {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or_else(|| {
        panic!("no head in {:?}", String::from_utf8_lossy(bytes));
    });
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers =
        lines.filter_map(|line| line.split_once(": ")).map(|(a, b)| (a.to_owned(), b.to_owned())).collect();
    let reply = Reply { status, headers, body: bytes[end + 4..].to_vec() };
    if reply.header("transfer-encoding") == Some("chunked") {
        let body = dechunk(&reply.body);
        return Reply { body, ..reply };
    }
    reply
}

pub(crate) fn dechunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let rest = &bytes[end + 2..];
        if size == 0 || rest.len() < size {
            break;
        }
        out.extend_from_slice(&rest[..size]);
        bytes = rest.get(size + 2..).unwrap_or_default();
    }
    out
}

/// Waits until something is so.
pub(crate) fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// What a proxy says of somebody on another machine.
pub(crate) const REMOTE: (&str, &str) = ("x-forwarded-for", "192.0.2.1");
/// As browsers ask for pages.
pub(crate) const PAGE: (&str, &str) = ("accept", "text/html,*/*");

/// A server whose token is known.
pub(crate) fn guarded() -> Site {
    Site::start(Config { token: Some("right-token".into()), ..Config::default() })
}
