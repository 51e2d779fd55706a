//! Responses in every shape, cut anywhere, and those that are none.

use std::sync::Arc;
use std::time::Duration;

use gregaria_http::{ClientOptions, ErrorKind, Headers, Method, Phase, Request, RequestOptions};

use crate::harness::{Harness, get, milliseconds, post, request};
use crate::server::Server;

/// What comes of a `GET` that is answered with exactly these bytes and then the end of the connection.
fn answer(bytes: &'static [u8]) -> crate::harness::Outcome {
    let server = Server::start(move |peer, _| {
        peer.request();
        peer.send(bytes);
    });
    let harness = Harness::new();
    harness.run(&harness.session(), get(&server.url("/")))
}

#[test]
fn a_response_may_come_byte_by_byte() {
    let server = Server::start(|peer, _| {
        while peer.request().is_some() {
            let response = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n6\r\n world\r\n0\r\nTrailer: t\r\n\r\n";
            for byte in response.as_bytes() {
                peer.send([*byte]);
                std::thread::sleep(Duration::from_micros(300));
            }
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for number in 0..2 {
        let exchange = harness.fetch(&session, &server.url("/"));
        assert_eq!(&exchange.response.body[..], b"hello world");
        assert_eq!(exchange.reused, number == 1);
        assert!(exchange.timings.receive >= milliseconds(5));
    }
}

#[test]
fn the_end_of_the_connection_may_be_the_end_of_the_body() {
    let exchange = answer(b"HTTP/1.0 200 Fine\r\n\r\nall of it").unwrap();
    assert_eq!(&exchange.response.body[..], b"all of it");
    assert_eq!(exchange.response.reason.to_text(), "Fine");
}

#[test]
fn interim_responses_are_passed_over() {
    let exchange = answer(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
    )
    .unwrap();
    assert_eq!((exchange.response.status, exchange.response.body.len()), (204, 0));
}

#[test]
fn a_head_has_no_body_whatever_it_announces() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let body = if asked.method() == "HEAD" { "" } else { "12345" };
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{body}"));
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let head = request(Method::Head, &server.url("/"), RequestOptions::default());
    let exchange = harness.run(&session, head).unwrap();
    assert_eq!(exchange.response.headers.get("content-length"), Some(&b"5"[..]));
    assert!(exchange.response.body.is_empty());
    let exchange = harness.fetch(&session, &server.url("/"));
    assert!(exchange.reused);
    assert_eq!(&exchange.response.body[..], b"12345");
}

#[test]
fn what_ends_early_is_truncated() {
    for bytes in [&b"HTT"[..], b"HTTP/1.1 200 OK\r\nContent-Le"] {
        let error = answer(bytes).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Truncated { received: 0, missing: None });
        assert_eq!(error.phase, Phase::Receive);
    }
    let error = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345").unwrap_err();
    assert_eq!(error.kind, ErrorKind::Truncated { received: 5, missing: Some(5) });
    let error = answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel").unwrap_err();
    assert!(matches!(error.kind, ErrorKind::Truncated { received: 3, .. }), "{error:?}");
    assert_eq!(answer(b"").unwrap_err().kind, ErrorKind::ClosedWithoutResponse);
}

#[test]
fn what_is_not_http_is_malformed() {
    for bytes in [
        &b"SSH-2.0-OpenSSH_9.2\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\n12345",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ] {
        let error = answer(bytes).unwrap_err();
        assert_eq!(error.kind, ErrorKind::Malformed, "{error:?}");
        assert!(!error.message.is_empty());
    }
}

#[test]
fn a_head_without_end_is_too_large() {
    let server = Server::start(|peer, _| {
        peer.request();
        peer.send("HTTP/1.1 200 OK\r\n");
        while peer.try_send(&[b'x'; 4096]) {}
    });
    let harness = Harness::new();
    let error = harness.run(&harness.session(), get(&server.url("/"))).unwrap_err();
    assert!(matches!(error.kind, ErrorKind::HeadTooLarge | ErrorKind::Malformed), "{error:?}");
}

#[test]
fn a_body_over_the_limit_is_refused_announced_or_not() {
    for head in ["Content-Length: 1000001\r\n", "Transfer-Encoding: chunked\r\n"] {
        let server = Server::start(move |peer, _| {
            peer.request();
            peer.send(format!("HTTP/1.1 200 OK\r\n{head}\r\n"));
            let chunk = format!("1000\r\n{}\r\n", "x".repeat(4096));
            while peer.try_send(chunk.as_bytes()) {}
        });
        let harness = Harness::new();
        let options = RequestOptions { max_body: 1_000_000, ..RequestOptions::default() };
        let error =
            harness.run(&harness.session(), request(Method::Get, &server.url("/"), options)).unwrap_err();
        assert_eq!(error.kind, ErrorKind::BodyTooLarge);
    }
}

#[test]
fn large_bodies_go_both_ways() {
    let size = 5_000_000;
    let server = Server::start(move |peer, _| {
        while let Some(asked) = peer.request() {
            assert!(asked.body.iter().enumerate().all(|(index, byte)| *byte == index as u8));
            peer.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", asked.body.len()));
            peer.send(&asked.body);
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    let body: Vec<u8> = (0..size).map(|index| index as u8).collect();
    for number in 0..2 {
        let exchange = harness.run(&session, post(&server.url("/"), body.clone())).unwrap();
        assert_eq!(exchange.reused, number == 1);
        assert!(exchange.response.body == body);
    }
}

#[test]
fn an_answer_before_the_body_is_out_counts() {
    let server = Server::start(|peer, _| {
        peer.more();
        peer.respond("413 Too Large", "Connection: close\r\n", "no");
        peer.closed_by_client();
    });
    let harness = Harness::new();
    let exchange = harness.run(&harness.session(), post(&server.url("/"), vec![0; 20_000_000])).unwrap();
    assert_eq!(exchange.response.status, 413);
}

#[test]
fn a_request_goes_out_as_it_was_given() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let head = asked.head.clone();
            peer.respond("200 OK", "", &head);
        }
    });
    let harness = Harness::new();
    let mut headers = Headers::new();
    headers.push("X-Odd", "a");
    headers.push("accept", "*/*");
    let request = Request { headers: Arc::new(headers), ..post(&server.url("/p?q=1"), "body") };
    let exchange = harness.run(&harness.session(), request).unwrap();
    let expected = format!(
        "POST /p?q=1 HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nX-Odd: a\r\naccept: */*\r\nContent-Length: 4\r\n\r\n",
        server.port()
    );
    assert_eq!(exchange.response.body, expected);
    assert_eq!(exchange.request.headers.len(), 2);
}

#[test]
fn a_method_that_would_be_two_lines_is_not_sent() {
    let server = Server::start(|peer, _| peer.echo());
    let harness = Harness::new();
    let method = Method::Other("GET / HTTP/1.1\r\nX:".into());
    let error = harness
        .run(&harness.session(), request(method, &server.url("/"), RequestOptions::default()))
        .unwrap_err();
    assert_eq!(error.kind, ErrorKind::InvalidRequest);
    assert_eq!(server.connections(), 0);
}

#[test]
fn cookies_set_by_a_server_are_sent_back_to_it() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let cookie = asked.header("cookie").unwrap_or("none").to_owned();
            peer.respond("200 OK", "Set-Cookie: a=1; Path=/\r\nset-cookie: b=2\r\n", &cookie);
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    assert!(session.cookies().is_empty());
    assert_eq!(&harness.fetch(&session, &server.url("/")).response.body[..], b"none");
    assert!(!session.cookies().is_empty());
    let exchange = harness.fetch(&session, &server.url("/"));
    assert_eq!(&exchange.response.body[..], b"a=1; b=2");
    assert_eq!(exchange.request.cookie.as_deref(), Some(&b"a=1; b=2"[..]));
    let options = RequestOptions { use_cookies: false, ..RequestOptions::default() };
    let exchange = harness.run(&session, request(Method::Get, &server.url("/"), options)).unwrap();
    assert_eq!(&exchange.response.body[..], b"none");
    // Another session has a jar of its own.
    assert_eq!(&harness.fetch(&harness.session(), &server.url("/")).response.body[..], b"none");
    session.cookies().with(gregaria_http::CookieJar::clear);
    assert_eq!(&harness.fetch(&session, &server.url("/")).response.body[..], b"none");
}

#[test]
fn bodies_together_have_a_limit_and_give_back_what_they_took() {
    const MIB: usize = 1 << 20;
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            if asked.target() == "/endless" {
                peer.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
                let chunk = [b"10000\r\n", &vec![b'x'; 0x1_0000][..], b"\r\n"].concat();
                while peer.try_send(&chunk) {}
                return;
            }
            peer.respond("200 OK", "", &"x".repeat(5 * MIB));
        }
    });
    let harness = Harness::with(ClientOptions { body_budget: 12 * MIB as u64, ..ClientOptions::default() });
    let session = harness.session();
    for _ in 0..4 {
        session.send(get(&server.url("/endless")), 0);
    }
    for _ in 0..4 {
        let error = harness.done().unwrap_err();
        assert_eq!(error.kind, ErrorKind::BodyTooLarge);
        assert!(error.message.contains("together"), "{}", error.message);
    }
    let two = [harness.fetch(&session, &server.url("/")), harness.fetch(&session, &server.url("/"))];
    assert_eq!(harness.run(&session, get(&server.url("/"))).unwrap_err().kind, ErrorKind::BodyTooLarge);
    assert_eq!(two[0].response.body.len(), 5 * MIB);
    drop(two);
    assert_eq!(harness.fetch(&session, &server.url("/")).response.body.len(), 5 * MIB);
}

/// CPU time of the I/O threads of this process, in seconds.
fn io_cpu_seconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().map(|task| task.unwrap().path());
    let is_io = |task: &std::path::PathBuf| {
        std::fs::read_to_string(task.join("comm")).is_ok_and(|name| name.starts_with("gregaria-io"))
    };
    let nanos = tasks.filter(is_io).map(|task| {
        let told = std::fs::read_to_string(task.join("schedstat")).unwrap();
        told.split(' ').next().unwrap().parse::<f64>().unwrap()
    });
    nanos.sum::<f64>() / 1e9
}

#[test]
fn what_drips_costs_no_more_than_what_flows() {
    let server = Server::start(|peer, _| {
        while let Some(asked) = peer.request() {
            let (before, after) = ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "0\r\n");
            let long = format!("X-Long: {}", "x".repeat(100 << 10));
            let (first, dripping, last) = match asked.target() {
                "/head" => (before.to_owned(), long, format!("\r\n\r\n{after}\r\n")),
                _ => (format!("{before}\r\n{after}"), long, "\r\n\r\n".to_owned()),
            };
            peer.send(first);
            for byte in dripping.as_bytes() {
                peer.send([*byte]);
            }
            peer.send(last);
        }
    });
    let harness = Harness::new();
    let session = harness.session();
    for path in ["/head", "/trailers"] {
        let before = io_cpu_seconds();
        assert_eq!(harness.fetch(&session, &server.url(path)).response.status, 200);
        // It was 100 KiB copied, and searched, for each byte: a minute. What is left is waking up for each.
        let taken = io_cpu_seconds() - before;
        assert!(taken < 1.0, "{path} {taken} s");
    }
}
