use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use gregaria_testkit::control::ControlLoad;
use gregaria_testkit::delay::DelayServer;

fn connect(server: &DelayServer) -> TcpStream {
    let stream = TcpStream::connect(server.address()).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

fn get(stream: &mut TcpStream, target: &str) -> String {
    ask(stream, target);
    answer(stream)
}

fn ask(stream: &mut TcpStream, target: &str) {
    stream.write_all(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).unwrap();
}

fn answer(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = match stream.read(&mut chunk) {
            // As when the process was stopped and goes on.
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.unwrap(),
        };
        assert!(count > 0, "closed within an answer");
        all.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&all);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length: usize =
                head.split("Content-Length: ").nth(1).unwrap().split("\r\n").next().unwrap().parse().unwrap();
            if body.len() == length {
                return text.into_owned();
            }
        }
    }
}

#[test]
fn answers_are_never_early_and_hardly_late() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    let mut stream = connect(&server);
    for _ in 0..200 {
        assert!(get(&mut stream, "/1ms").ends_with("\r\n\r\nok\n"));
    }
    let services = server.services();
    assert_eq!(services.len(), 200);
    // The median on a quiet machine is under 20 µs (`gregaria-testkit calibrate`); tests run on busy ones, where only
    // the best of many shows that the server itself adds nothing.
    let late = services.iter().map(|s| s.took.checked_sub(s.planned).expect("an answer came early")).min();
    assert!(late < Some(Duration::from_micros(200)), "at best {late:?} late");
}

#[test]
fn the_log_tells_each_answer_and_can_be_emptied() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    let mut stream = connect(&server);
    get(&mut stream, "/us/500");
    get(&mut stream, "/10ms?name=x");
    let log = get(&mut stream, "/log");
    let lines: Vec<&str> = log.split("\r\n\r\n").nth(1).unwrap().lines().collect();
    assert_eq!(lines[0], "target,arrived_us,planned_us,took_us");
    assert!(lines[1].starts_with("/us/500,") && lines[1].contains(",500.000,"), "{lines:?}");
    assert!(lines[2].starts_with("/10ms?name=x,") && lines[2].contains(",10000.000,"), "{lines:?}");
    assert_eq!(lines.len(), 3);
    get(&mut stream, "/log/clear");
    assert!(server.services().is_empty());
}

#[test]
fn many_connections_wait_at_the_same_time() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    let start = Instant::now();
    let mut streams: Vec<TcpStream> = (0..200).map(|_| connect(&server)).collect();
    for stream in &mut streams {
        stream.write_all(b"GET /100ms HTTP/1.1\r\n\r\n").unwrap();
    }
    for stream in &mut streams {
        let mut some = [0; 15];
        stream.read_exact(&mut some).unwrap();
        assert_eq!(&some, b"HTTP/1.1 200 OK");
    }
    let took = start.elapsed();
    assert!(took < Duration::from_secs(18), "200 answers of 100 ms each took {took:?}");
    assert_eq!(server.services().len(), 200);
}

#[test]
fn a_freeze_holds_every_answer_back() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    let mut stream = connect(&server);
    let frozen = Duration::from_millis(500);
    let start = Instant::now();
    assert!(get(&mut stream, "/freeze?ms=500").ends_with("frozen\n"));
    ask(&mut stream, "/1ms");
    let asked = start.elapsed();
    answer(&mut stream);
    assert!(start.elapsed() >= frozen);
    let services = server.services();
    assert!(services[0].took + asked >= frozen, "{services:?}, asked after {asked:?}");
    assert_eq!(services[0].planned, Duration::from_millis(1));
}

#[test]
fn a_client_that_leaves_while_it_waits_harms_nobody() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    for _ in 0..20 {
        let mut stream = connect(&server);
        stream.write_all(b"GET /10ms HTTP/1.1\r\n\r\n").unwrap();
    }
    thread::sleep(Duration::from_millis(30));
    assert!(get(&mut connect(&server), "/1ms").starts_with("HTTP/1.1 200 OK"));
}

#[test]
fn garbage_is_answered_with_400() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    let mut stream = connect(&server);
    stream.write_all(b"\x16\x03\x01\x00 hello\r\n\r\n").unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert!(all.starts_with("HTTP/1.1 400 "), "{all}");
}

#[test]
fn the_control_measures_each_answer_that_is_in_the_log() {
    let server = DelayServer::start("127.0.0.1:0").unwrap();
    let load = ControlLoad::start(server.address(), "/us/2000?control", 3, Duration::from_millis(5)).unwrap();
    let until = Instant::now() + Duration::from_secs(30);
    while server.services().len() < 6 && Instant::now() < until {
        thread::sleep(Duration::from_millis(10));
    }
    let mut measured = load.stop().unwrap();
    let services = server.services();
    assert_eq!(measured.len(), services.len());
    assert!(measured.len() >= 6, "{} answers", measured.len());
    let mut served: Vec<Duration> = services.iter().map(|service| service.took).collect();
    measured.sort();
    served.sort();
    for (measured, served) in measured.iter().zip(&served) {
        assert!(measured >= served, "{measured:?} measured, {served:?} in the log");
    }
}
