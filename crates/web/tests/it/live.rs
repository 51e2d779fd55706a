//! The live stream.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use gregaria_web::Config;
use serde_json::Value;

use crate::fixture::{GET_HEADERS, PATIENCE, Site, dechunk, now, until};

/// An open stream.
struct Page {
    lines: BufReader<Dechunk>,
    last_id: String,
    opened: Instant,
}

/// Takes the chunks of a body apart as they come.
struct Dechunk {
    stream: BufReader<TcpStream>,
    left: usize,
}

impl std::io::Read for Dechunk {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            let mut line = String::new();
            self.stream.read_line(&mut line)?;
            self.left = usize::from_str_radix(line.trim(), 16).unwrap_or(0);
            if self.left == 0 {
                return Ok(0);
            }
        }
        let most = out.len().min(self.left);
        let read = self.stream.read(&mut out[..most])?;
        self.left -= read;
        if self.left == 0 {
            self.stream.read_exact(&mut [0; 2])?;
        }
        Ok(read)
    }
}

impl Page {
    fn open(site: &Site, last: Option<&str>) -> Self {
        let mut stream = site.connect();
        let resume = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        stream.write_all(format!("GET /live HTTP/1.1\r\n{GET_HEADERS}{resume}\r\n").as_bytes()).unwrap();
        let mut stream = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(stream.read_line(&mut head).unwrap() > 0, "{head}");
        }
        assert!(head.starts_with("HTTP/1.1 200") && head.contains("text/event-stream"), "{head}");
        Self {
            lines: BufReader::new(Dechunk { stream, left: 0 }),
            last_id: String::new(),
            opened: Instant::now(),
        }
    }

    /// The next event; `None` at the end of the stream.
    fn next(&mut self) -> Option<(String, Value)> {
        let (mut kind, mut data) = (String::new(), Value::Null);
        loop {
            // Ticks come for ever.
            assert!(self.opened.elapsed() < 2 * PATIENCE, "waited in vain");
            let mut line = String::new();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            match line.trim_end().split_once(": ") {
                Some(("event", value)) => value.clone_into(&mut kind),
                Some(("id", value)) => value.clone_into(&mut self.last_id),
                Some(("data", value)) => data = serde_json::from_str(value).unwrap(),
                _ if line == "\n" && !kind.is_empty() => return Some((kind, data)),
                _ => {}
            }
        }
    }

    /// The next event of that kind.
    fn wait(&mut self, kind: &str) -> Value {
        loop {
            let (found, data) = self.next().expect("the stream goes on");
            if found == kind {
                return data;
            }
        }
    }

    fn wait_tick(&mut self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let tick = self.wait("tick");
            if wanted(&tick) {
                return tick;
            }
        }
    }
}

#[test]
fn a_page_gets_all_then_what_changes() {
    let site = Site::plain();
    let mut page = Page::open(&site, None);
    let kinds: Vec<String> = (0..5).map(|_| page.next().unwrap().0).collect();
    assert_eq!(kinds, ["hello", "history", "tick", "exceptions", "logs"]);
    site.swarm();
    let tick = page.wait_tick(|tick| tick["status"]["state"] == "running");
    assert_eq!(tick["run"], 1);
    site.requests("/a", 4);
    site.failure("/b", "bad");
    site.program.raise("oops");
    site.server().log(Some(now()), 30, "master".into(), "watch <out>".into());
    site.server().notify();
    // Which comes first depends on where in its second the server is.
    let (mut names, mut rows, mut errors) = (Vec::new(), [0; 2], Vec::new());
    let (mut line, mut exception) = (Value::Null, Value::Null);
    while rows != [4, 1] || errors.is_empty() || line.is_null() || exception.is_null() {
        let (kind, data) = page.next().unwrap();
        match kind.as_str() {
            "tick" => {
                names.extend(data["names"].as_array().unwrap().iter().map(|name| name["name"].clone()));
                errors.extend(data["errors"].as_array().unwrap().iter().map(|error| error["error"].clone()));
                for (at, id) in data["rows"]["id"].as_array().unwrap().iter().enumerate() {
                    rows[id.as_u64().unwrap() as usize] = data["rows"]["requests"][at].as_u64().unwrap();
                }
            }
            "logs" => {
                assert_eq!(data["append"], true);
                line = data["lines"][0]["level"].clone();
            }
            "exceptions" => exception = data["exceptions"][0]["msg"].clone(),
            other => panic!("{other}"),
        }
    }
    assert_eq!((names, errors), (vec!["/a".into(), "/b".into()], vec![Value::from("bad")]));
    assert_eq!((line, exception), (30.into(), "oops".into()));
    // Only what changes is sent again.
    site.requests("/b", 1);
    let tick = page.wait_tick(|tick| tick["total"]["requests"][0] == 6);
    assert_eq!(tick["names"].as_array().unwrap().len(), 0);
    assert!(tick["rows"]["id"].as_array().unwrap().contains(&Value::from(1)));
}

#[test]
fn percentiles_are_there_from_the_first_page_on_and_others_are_told_of() {
    let site = Site::plain();
    // Before the program has been asked for anything.
    let mut page = Page::open(&site, None);
    let fractions = page.wait("hello")["fractions"].as_array().unwrap().len();
    assert!(fractions >= 10, "{fractions}");
    let tick = page.wait("tick");
    assert_eq!(tick["total"]["percentiles"].as_array().unwrap().len(), fractions);
    // A script sets them after pages have been opened.
    site.program.table_fractions.lock().unwrap().push(0.123);
    site.server().notify();
    let hello = page.wait("hello");
    assert_eq!(hello["fractions"].as_array().unwrap().len(), fractions + 1);
    assert_eq!(page.next().unwrap().0, "history");
    let (kind, tick) = page.next().unwrap();
    assert_eq!((kind.as_str(), &tick["full"]), ("tick", &Value::from(true)));
    assert_eq!(tick["total"]["percentiles"].as_array().unwrap().len(), fractions + 1);
}

#[test]
fn the_course_is_there_for_latecomers_and_those_who_come_back() {
    let site = Site::plain();
    site.swarm();
    let mut early = Page::open(&site, None);
    site.requests("/a", 10);
    let point = early.wait_tick(|tick| tick["points"][0]["requests"] == 10)["points"][0].clone();
    assert_eq!(point["stride"], 1);
    let left_with = early.last_id.clone();
    drop(early);
    site.requests("/c", 7);
    until(|| (site.json("/live/history")["requests"].as_array()?.last()? == &Value::from(17)).then_some(()));
    let mut late = Page::open(&site, None);
    let history = late.wait("history");
    assert_eq!(history["append"], false);
    let sum: f64 = history["requests"].as_array().unwrap().last().unwrap().as_f64().unwrap();
    assert_eq!(sum, 17.0);
    assert_eq!(late.wait("tick")["names"].as_array().unwrap().len(), 2);
    let mut back = Page::open(&site, Some(&left_with));
    assert_eq!(back.wait("hello")["resumed"], true);
    let missing = back.wait("history");
    assert_eq!(missing["append"], true);
    // What the page has seen is not sent again, but for the second that was not over then.
    assert!(missing["at"][0].as_f64().unwrap() >= point["at"].as_f64().unwrap(), "{missing} after {point}");
    assert_eq!(missing["requests"].as_array().unwrap().last().unwrap(), &Value::from(17));
    let tick = back.wait("tick");
    assert_eq!((tick["full"].as_bool(), tick["names"][0]["name"].as_str()), (Some(false), Some("/c")));
    for strange in ["other.1.5", "x", "", "..", &format!("{left_with}9")] {
        assert_eq!(Page::open(&site, Some(strange)).wait("hello")["resumed"], false, "{strange}");
    }
}

#[test]
fn a_run_ends_with_its_final_numbers() {
    let site = Site::plain();
    site.swarm();
    let mut page = Page::open(&site, None);
    page.wait_tick(|tick| tick["status"]["state"] == "running");
    site.requests("/a", 25);
    assert_eq!(site.send("POST", "/stop", &[], b"").status, 200);
    site.server().notify();
    let last = page.wait_tick(|tick| tick["status"]["state"] == "stopped");
    assert_eq!((last["full"].as_bool(), last["total"]["requests"][0].as_i64()), (Some(true), Some(25)));
    let end = page.wait("end");
    assert_eq!(
        (end["requests"].as_i64(), end["run"].as_i64(), end["id"].is_null()),
        (Some(25), Some(1), true)
    );
    assert_eq!(end["total"], last["total"]);
    assert_eq!(site.json("/stats/requests")["stats"][1]["num_requests"], 25);
    // The next run starts from nothing.
    site.swarm();
    let first = page.wait_tick(|tick| tick["run"] == 2);
    assert_eq!((first["full"].as_bool(), first["total"]["requests"][0].as_i64()), (Some(true), Some(0)));
    assert_eq!(Page::open(&site, None).wait("hello")["runs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_reset_empties_pages_at_once() {
    let site = Site::plain();
    site.swarm();
    site.requests("/a", 5);
    let mut page = Page::open(&site, None);
    page.wait_tick(|tick| tick["total"]["requests"][0] == 5);
    assert_eq!(site.send("POST", "/stats/reset", &[], b"").status, 200);
    site.server().notify();
    let tick = page.wait_tick(|tick| tick["full"] == true);
    assert_eq!(tick["total"]["requests"][0], 0);
    let counted = site.json("/live/history")["requests"].as_array().unwrap().clone();
    assert!(counted.iter().all(|count| count == 0), "{counted:?}");
}

#[test]
fn pages_are_told_when_the_server_goes() {
    let mut site = Site::plain();
    let mut page = Page::open(&site, None);
    page.wait("logs");
    let server = site.server.take().unwrap();
    let stopping = std::thread::spawn(move || server.stop(Duration::from_secs(2)));
    assert_eq!(page.wait("bye")["reason"], "shutdown");
    assert_eq!(page.next(), None);
    stopping.join().unwrap();
}

#[test]
fn the_stream_can_be_compressed() {
    let site = Site::plain();
    site.requests("/a", 3);
    let mut stream = site.connect();
    let head = format!("GET /live HTTP/1.1\r\n{GET_HEADERS}Accept-Encoding: gzip\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let mut bytes = Vec::new();
    let text = until(|| {
        let mut piece = [0; 4096];
        let read = stream.read(&mut piece).unwrap();
        bytes.extend_from_slice(&piece[..read]);
        let begin = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
        assert!(String::from_utf8_lossy(&bytes[..begin]).to_lowercase().contains("content-encoding: gzip"));
        let mut text = Vec::new();
        // It ends in the middle: that is an error only at its end.
        let _ = flate2::read::GzDecoder::new(&dechunk(&bytes[begin..])[..]).read_to_end(&mut text);
        let text = String::from_utf8(text).unwrap();
        text.contains("event: logs").then_some(text)
    });
    assert!(text.starts_with("retry: 1000\n\nevent: hello\nid: "), "{text}");
}

#[test]
fn windows_names_and_phases_are_there_on_demand() {
    let site = Site::plain();
    site.swarm();
    site.requests("/a", 10);
    site.requests("/b", 2);
    until(|| (site.json("/live/window")["requests"] == 12).then_some(()));
    let all = site.json("/live/window");
    assert_eq!((all["min"].as_f64(), all["requests"].as_i64()), (Some(10.0), Some(12)));
    assert_eq!(all["bins"].as_array().unwrap().iter().map(|bin| bin[2].as_i64().unwrap()).sum::<i64>(), 12);
    assert_eq!(site.json("/live/window?id=1")["requests"], 2);
    assert_eq!(site.json("/live/window?from=1&to=2")["requests"], 0);
    let name = until(|| {
        let name = site.json("/live/name?method=GET&name=%2Fb");
        (!name["at"].as_array().unwrap().is_empty()).then_some(name)
    });
    assert_eq!((name["name"].as_str(), name["at"].as_array().unwrap().len()), (Some("/b"), 1));
    assert_eq!(site.get("/live/name?name=x").status, 404);
    assert_eq!(site.json("/live/phases")["count"], serde_json::json!([0, 0, 0]));
    assert_eq!(site.get("/live/history?run=7").status, 404);
}

#[test]
fn a_record_shows_even_without_a_page() {
    let site = Site::start(Config::default());
    site.server().log(None, 20, "master".into(), "early".into());
    let mut page = Page::open(&site, None);
    let line = loop {
        let logs = page.wait("logs");
        if let Some(line) = logs["lines"].get(0) {
            break line.clone();
        }
    };
    assert_eq!((line["line"].as_str(), line["at"].is_null()), (Some("early"), true));
}

#[test]
fn a_run_too_short_to_be_seen_is_a_run_all_the_same() {
    let site = Site::plain();
    let mut page = Page::open(&site, None);
    page.wait("logs");
    // Both within one look: nobody is told in between.
    site.program.set_state("spawning");
    site.requests("/a", 2);
    site.program.set_state("stopped");
    site.server().notify();
    let end = page.wait("end");
    assert_eq!((end["run"].as_i64(), end["requests"].as_i64()), (Some(1), Some(2)));
}
