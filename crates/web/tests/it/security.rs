//! Who gets in, and what nobody may do.

use std::io::{Read as _, Write as _};
use std::net::Ipv4Addr;

use gregaria_web::{Config, Flask, Patience, StartError};

use crate::fixture::{FORM, PAGE, REMOTE, Site, exchange, guarded, parse, until};

#[test]
fn another_machine_needs_the_token() {
    let site = guarded();
    assert_eq!(site.get("/stats/requests").status, 200);
    for path in ["/stats/requests", "/live", "/runs", "/assets/x.js", "/nothing", "/swarm"] {
        let refused = site.send("GET", path, &[REMOTE], b"");
        assert_eq!(refused.status, 401, "{path}");
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        assert!(refused.text().starts_with("{\"error\":"), "{path}");
    }
    let other = site.send("GET", "/stats/report", &[REMOTE, PAGE], b"");
    assert!(other.status == 401 && other.text().contains("name=token"));
    // A probe of the port finds the page that asks for it, as it finds Locust's page.
    let probe = site.send("GET", "/", &[REMOTE, ("user-agent", "kube-probe/1.31"), ("accept", "*/*")], b"");
    assert!(probe.status == 200 && probe.text().contains("name=token"), "{probe:?}");
    assert_eq!(site.send("HEAD", "/", &[REMOTE], b"").status, 200);
    assert_eq!(site.send("POST", "/", &[REMOTE], b"").status, 401);
    let page = site.send("GET", "/?tab=charts", &[REMOTE, PAGE], b"");
    assert_eq!(page.status, 200);
    assert!(page.text().contains("name=token") && page.text().contains("value=\"/?tab=charts\""));
    assert!(!page.text().contains("right-token") && page.header("set-cookie").is_none());
    // The recorder asks for those by itself.
    assert!(site.program.asked.lock().unwrap().iter().all(|kind| kind == "exceptions"));
    let bearer = ("authorization", "Bearer right-token");
    assert_eq!(site.send("GET", "/stats/requests", &[REMOTE, bearer], b"").status, 200);
    assert_eq!(site.send("GET", "/stats/requests?token=right-token", &[REMOTE], b"").status, 200);
}

#[test]
fn the_link_becomes_a_cookie_and_a_clean_address() {
    let site = guarded();
    let link = site.server().link();
    assert!(link.ends_with("/?token=right-token") && link.starts_with("http://127.0.0.1:"), "{link}");
    let hello = site.send("GET", "/?a=1&token=right-token&b=2", &[REMOTE, PAGE], b"");
    assert_eq!((hello.status, hello.header("location")), (303, Some("/?a=1&b=2")));
    let cookie = hello.header("set-cookie").unwrap().to_owned();
    assert!(cookie.contains("; HttpOnly; SameSite=Strict") && !cookie.contains("Secure"), "{cookie}");
    let value = cookie.split(';').next().unwrap();
    assert_eq!(site.send("GET", "/stats/requests", &[REMOTE, ("cookie", value)], b"").status, 200);
    let cross =
        site.send("GET", "/?token=right-token", &[REMOTE, PAGE, ("sec-fetch-site", "cross-site")], b"");
    assert_eq!((cross.status, cross.header("location")), (200, None));
    assert!(cross.text().contains("http-equiv=refresh") && cross.header("set-cookie").is_some());
}

#[test]
fn the_token_page_lets_in_and_leads_nowhere_else() {
    let site = guarded();
    let post = |body: &str| site.send("POST", "/token", &[REMOTE, FORM], body.as_bytes());
    let right = post("token=+right-token+&next=%2Fstats%2Freport%3Ftheme%3Ddark");
    assert_eq!((right.status, right.header("location")), (303, Some("/stats/report?theme=dark")));
    let link = post("token=http%3A%2F%2Fbox%3A8089%2F%3Ftoken%3Dright-token&next=%2F");
    assert_eq!(link.status, 303, "the whole link will do");
    assert_eq!(post("token=right-token&next=https://evil.example").header("location"), Some("/"));
    assert_eq!(post("token=right-token&next=//evil.example").header("location"), Some("/"));
    let wrong = post("token=wrong&next=/");
    assert_eq!((wrong.status, wrong.header("set-cookie")), (401, None));
    assert_eq!(site.send("GET", "/token", &[REMOTE], b"").status, 405);
}

#[test]
fn a_name_made_to_point_here_does_not_help() {
    let site = guarded();
    for host in ["evil.example", "evil.example:8089", "localhost.evil.example", "127.0.0.1.evil.example", ""]
    {
        let reply = site.send("POST", "/stop", &[("host", host)], b"");
        assert_eq!(reply.status, 401, "{host:?}");
    }
    let site = Site::start(Config { trusted_hosts: vec!["Box.lan".into()], ..Config::default() });
    assert_eq!(site.send("GET", "/tasks", &[("host", "box.LAN:8089")], b"").status, 200);
    assert!(site.program.asked.lock().unwrap().iter().all(|kind| kind != "stop"));
}

#[test]
fn pages_of_other_sites_change_nothing() {
    let site = guarded();
    for (method, path) in [
        ("POST", "/swarm"),
        ("POST", "/stop"),
        ("GET", "/stop"),
        ("GET", "/stats/reset"),
        ("POST", "/stats/reset"),
        ("POST", "/user"),
        ("DELETE", "/runs/x"),
        ("HEAD", "/stop"),
    ] {
        for header in [
            ("origin", "http://evil.example"),
            ("origin", "null"),
            ("referer", "http://evil.example/page"),
            ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"),
        ] {
            let reply = site.send(method, path, &[header, FORM], b"");
            assert_eq!(reply.status, 403, "{method} {path} {header:?}");
        }
    }
    assert!(site.program.asked.lock().unwrap().iter().all(|kind| kind == "exceptions"));
    let own = [("sec-fetch-site", "same-origin"), ("origin", "http://localhost"), FORM];
    assert_eq!(site.send("POST", "/stop", &own, b"").status, 200);
    let preflight = site.send("OPTIONS", "/swarm", &[("origin", "http://evil.example")], b"");
    assert!(preflight.header("access-control-allow-origin").is_none());
}

#[test]
fn no_other_way_to_write_a_path_gets_past_the_rule() {
    let site = Site::plain();
    let foreign = [("sec-fetch-site", "cross-site"), FORM];
    for mode in [Flask::None, Flask::Unmatched, Flask::All] {
        site.set_flask(mode);
        for (method, path) in [
            ("GET", "/%73top"),
            ("GET", "//stop"),
            ("GET", "/stats%2freset"),
            ("GET", "/stats//reset"),
            ("POST", "/%73warm"),
            ("POST", "//user"),
        ] {
            assert_eq!(site.send(method, path, &foreign, b"").status, 403, "{mode:?} {method} {path}");
        }
    }
    assert!(site.program.asked.lock().unwrap().iter().all(|kind| kind == "exceptions"));
    // Nor does it take anything from those who may: scripts put "$BASE/" and "/swarm" together.
    site.set_flask(Flask::None);
    assert_eq!(site.send("POST", "//stop", &[], b"").text(), site.send("POST", "/stop", &[], b"").text());
}

#[test]
fn an_image_on_another_site_stops_nothing() {
    // Over plain HTTP to an address of a network, and with `referrerpolicy=no-referrer`, this is all that a browser sends.
    let image =
        [("host", "192.0.2.7:8089"), ("user-agent", "Mozilla/5.0 (X11) Gecko/20100101 Firefox/140.0")];
    let open = Site::start(Config { open_door: true, ..Config::default() });
    let site = guarded();
    for path in ["/stop", "/stats/reset"] {
        assert_eq!(open.send("GET", path, &image, b"").status, 403);
        assert_eq!(site.send("GET", path, &image, b"").status, 403);
    }
    assert_eq!(open.send("GET", "/tasks", &image, b"").status, 200);
    // The cookie is not sent from other sites, so somebody has typed the address.
    let welcome = site.send("GET", "/?token=right-token", &[REMOTE, PAGE], b"");
    let cookie = welcome.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(site.send("GET", "/stop", &[image[0], image[1], ("cookie", &cookie)], b"").status, 200);
}

#[test]
fn the_way_on_after_the_token_stays_on_this_server() {
    let site = guarded();
    for path in ["//evil.example/x", "/\\evil.example", "///evil.example"] {
        let reply = site.send("GET", &format!("{path}?token=right-token"), &[REMOTE, PAGE], b"");
        let place = reply.header("location").unwrap_or("/");
        assert!(place.starts_with('/') && !place.starts_with("//") && !place.starts_with("/\\"), "{reply:?}");
        assert!(!reply.text().contains("url=//"), "{reply:?}");
    }
}

#[test]
fn an_open_door_is_open_but_other_sites_still_change_nothing() {
    let site = Site::start(Config { open_door: true, ..Config::default() });
    assert_eq!(site.server().token(), None);
    assert_eq!(site.server().link(), site.server().url());
    assert_eq!(site.send("GET", "/tasks", &[REMOTE, ("host", "any.name")], b"").status, 200);
    assert_eq!(site.send("POST", "/stop", &[("origin", "http://evil.example")], b"").status, 403);
}

#[test]
fn a_login_stands_before_the_stream_and_the_runs() {
    let site = Site::start(Config { login: true, ..Config::default() });
    for path in ["/live", "/live/history", "/runs"] {
        let away = site.send("GET", path, &[REMOTE], b"");
        assert_eq!((away.status, away.header("location")), (302, Some("/login")), "{path}");
    }
    let within = site.send("GET", "/live/history", &[REMOTE, ("cookie", "session=1")], b"");
    assert_eq!((within.status, within.header("set-cookie")), (200, Some("session=new")));
    // The application itself guards the rest.
    assert_eq!(site.send("GET", "/tasks", &[REMOTE], b"").status, 203);
}

#[test]
fn files_outside_the_pages_folder_cannot_be_had() {
    let folder = std::env::temp_dir().join(format!("gregaria-web-{}", std::process::id()));
    let assets = folder.join("page/assets");
    std::fs::create_dir_all(&assets).unwrap();
    std::fs::write(folder.join("secret.txt"), "secret").unwrap();
    std::fs::write(assets.join("own.js"), "own").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(folder.join("secret.txt"), assets.join("link.txt")).unwrap();
    let site = Site::start(Config { build_path: Some(folder.join("page")), ..Config::default() });
    assert_eq!(site.get("/assets/own.js").text(), "own");
    for path in [
        "/assets/../../secret.txt",
        "/assets/..%2f..%2fsecret.txt",
        "/assets/%2e%2e/%2e%2e/secret.txt",
        "/assets/....//secret.txt",
        "/assets/link.txt",
        "/assets//etc/passwd",
        "/assets/%2fetc%2fpasswd",
        "/assets/own.js%00.png",
        "/assets/",
        "/assets/..\\..\\secret.txt",
    ] {
        let reply = site.get(path);
        assert!(matches!(reply.status, 404 | 400), "{path}: {}", reply.status);
        assert!(!String::from_utf8_lossy(&reply.body).contains("secret\n"), "{path}");
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn runs_outside_the_store_cannot_be_had() {
    let folder = std::env::temp_dir().join(format!("gregaria-runs-{}", std::process::id()));
    let site = Site::keeping(Config::default(), Some(gregaria_record::store::Store::new(folder, 1)));
    for id in ["..%2f..%2fetc%2fpasswd", "%2e%2e", "a.b", "a%00", "nothing", "%20", "compare%2f"] {
        for path in [format!("/runs/{id}"), format!("/runs/{id}/window"), format!("/runs/{id}/name?id=0")] {
            assert_eq!(site.get(&path).status, 404, "{path}");
        }
        assert_eq!(site.send("DELETE", &format!("/runs/{id}"), &[], b"").status, 404);
    }
    assert_eq!(site.get("/runs/compare").status, 400);
}

#[test]
fn too_much_is_refused() {
    let site = Site::plain();
    let body = vec![b'a'; (1 << 20) + 1];
    assert_eq!(site.send("POST", "/swarm", &[FORM], &body).status, 413);
    let long = "x".repeat(100_000);
    let reply = site.send("GET", "/tasks", &[("x-long", &long)], b"");
    assert_eq!(reply.status, 431);
    assert!(site.program.asked.lock().unwrap().iter().all(|kind| kind == "exceptions"));
    assert_eq!(site.get("/tasks").status, 200);
}

#[test]
fn what_is_no_request_is_refused() {
    let site = Site::plain();
    for bytes in [
        &b"nonsense\r\n\r\n"[..],
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x00\xff\xfe\r\n\r\n",
    ] {
        let mut stream = site.connect();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || parse(&answer).status == 400, "{:?}", String::from_utf8_lossy(&answer));
    }
    for form in [&b"%"[..], b"%zz=%", b"\xff\xfe=\x00", b"&&&==="] {
        assert_eq!(site.send("POST", "/swarm", &[FORM], form).status, 200);
    }
    let broken = ("content-type", "multipart/form-data; boundary=x");
    assert_eq!(site.send("POST", "/swarm", &[broken], b"--x\r\nbroken").status, 400);
    for query in ["from=nan", "from=5&to=1", "id=x", "from=1e999"] {
        assert_eq!(site.get(&format!("/live/window?{query}")).status, 400, "{query}");
    }
    assert_eq!(site.get("/live/window?id=77").status, 404);
}

#[test]
fn every_answer_says_what_browsers_may_not_do() {
    let site = Site::plain();
    for path in ["/", "/stats/requests", "/nothing", "/stats/report", "/live/history"] {
        let reply = site.get(path);
        assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
        assert_eq!(reply.header("cross-origin-resource-policy"), Some("same-origin"), "{path}");
        assert_eq!(reply.header("access-control-allow-origin"), None, "{path}");
    }
}

#[test]
fn a_busy_program_holds_up_only_those_who_ask_it() {
    let site = Site::plain();
    let busy = site.program.busy.lock().unwrap();
    assert_eq!(site.get("/live/history").status, 200);
    drop(busy);
}

#[test]
fn settings_without_sense_are_refused_at_the_start() {
    let start = |config: Config| {
        let site = Site::plain();
        gregaria_web::Server::start(config, site.record(), site.program)
    };
    let short = Config { host: "127.0.0.1".into(), token: Some("short".into()), ..Config::default() };
    assert!(matches!(start(short), Err(StartError::Setting(words)) if words.contains("LOCUST_WEB_TOKEN")));
    let base = Config { host: "127.0.0.1".into(), base_path: "no-slash".into(), ..Config::default() };
    assert!(matches!(start(base), Err(StartError::Setting(words)) if words.contains("--web-base-path")));
    let taken = Site::plain();
    let port =
        Config { host: Ipv4Addr::LOCALHOST.to_string(), port: taken.address.port(), ..Config::default() };
    let error = start(port).unwrap_err().to_string();
    assert!(error.contains("--web-port") && error.contains(&taken.address.port().to_string()), "{error}");
}

#[test]
fn all_addresses_are_listened_on_by_default() {
    let site = Site::plain();
    let server = gregaria_web::Server::start(Config::default(), site.record(), site.program).unwrap();
    let address = (Ipv4Addr::LOCALHOST, server.port()).into();
    let reply = exchange(crate::fixture::connect(address), "GET", "/tasks", &[], b"");
    assert_eq!(reply.status, 200);
    assert!(
        server.url().starts_with("http://localhost:")
            && server.token().is_some_and(|token| token.len() == 32)
    );
}

#[test]
fn whoever_still_sends_sees_the_refusal() {
    let site = Site::start(Config { token: Some("open-sesame".into()), ..Config::default() });
    let huge = vec![b'a'; 8 << 20];
    for (headers, expected) in
        [(vec![FORM], 413), (vec![FORM, REMOTE], 401), (vec![FORM, ("origin", "http://evil.example")], 403)]
    {
        // As a program does that sends all before it reads.
        let mut stream = site.connect();
        let mut head =
            format!("POST /swarm HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n", huge.len());
        for (name, value) in headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        stream.write_all(format!("{head}\r\n").as_bytes()).unwrap();
        for piece in huge.chunks(256 << 10) {
            stream.write_all(piece).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(2));
        }
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        assert_eq!(parse(&answer).status, expected);
    }
}

#[test]
fn whoever_asks_first_need_not_send_what_is_too_large() {
    let site = Site::plain();
    let mut stream = site.connect();
    let head =
        "POST /swarm HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000000\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert!(answer.starts_with(b"HTTP/1.1 413 "), "{}", String::from_utf8_lossy(&answer));
    assert_eq!(parse(&answer).header("connection"), Some("close"));
}

#[test]
fn whoever_does_not_read_is_given_up() {
    let patience = Patience { unread: std::time::Duration::from_millis(300), ..Patience::default() };
    let site = Site::start(Config { patience, ..Config::default() });
    site.set_flask(Flask::Unmatched);
    // The program's answer is what it was sent; more than the system keeps for a peer that does not read.
    let body = vec![b'a'; 24 << 20];
    let mut stream = site.connect();
    let head = format!("POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&body).unwrap();
    // The system tells when the server has closed; until then nothing is read here.
    let (ours, theirs) = (stream.local_addr().unwrap().port(), site.address.port());
    let ends = [format!(":{theirs:04X}"), format!(":{ours:04X}"), "01".to_owned()];
    until(|| {
        let sockets = std::fs::read_to_string("/proc/net/tcp").unwrap();
        let is_open = sockets
            .lines()
            .any(|line| line.split_whitespace().skip(1).zip(&ends).all(|(a, b)| a.ends_with(b)));
        (!is_open).then_some(())
    });
    let mut got = Vec::new();
    let _ = stream.read_to_end(&mut got);
    assert!(got.len() < body.len());
}

#[test]
fn programs_of_private_networks_read_the_numbers_where_that_is_open() {
    // All of these come from loopback, as the containers of one pod do; the name is another's.
    const SERVICE: (&str, &str) = ("host", "load-master.tests.svc:8089");
    let numbers = [
        "/stats/requests",
        "/stats/requests/csv",
        "/stats/failures/csv",
        "/exceptions",
        "/exceptions/csv",
        "/tasks",
        "/worker-count",
        "/metrics",
    ];
    let site = Site::start(Config {
        token: Some("right-token".into()),
        read_open: true,
        // Another user of this machine, as the exporter beside it may be.
        local_users: Some(vec![u32::MAX - 7]),
        ..Config::default()
    });
    let closed = guarded();
    for path in numbers {
        assert_eq!(site.send("GET", path, &[SERVICE], b"").status, 200, "{path}");
        assert_eq!(site.send("HEAD", path, &[SERVICE], b"").status, 200, "{path}");
        assert_eq!(closed.send("GET", path, &[SERVICE], b"").status, 401, "{path}");
        let wrong = [SERVICE, ("authorization", "Bearer wrong")];
        assert_eq!(site.send("GET", path, &wrong, b"").status, 401, "{path}");
        for sign in [
            ("x-forwarded-for", "10.0.0.1"),
            ("via", "1.1 proxy"),
            ("forwarded", "for=10.0.0.1"),
            ("x-real-ip", "10.0.0.1"),
        ] {
            assert_eq!(site.send("GET", path, &[SERVICE, sign], b"").status, 401, "{path} {sign:?}");
        }
        assert_eq!(
            site.send("GET", path, &[SERVICE, ("user-agent", "Mozilla/5.0")], b"").status,
            401,
            "{path}"
        );
    }
    for (method, path) in [
        ("GET", "/stop"),
        ("POST", "/stop"),
        ("POST", "/swarm"),
        ("GET", "/stats/reset"),
        ("POST", "/user"),
        ("GET", "/logs"),
        ("GET", "/runs"),
        ("GET", "/live"),
        ("GET", "/stats/report"),
        ("GET", "/stats/requests/../../logs"),
        ("POST", "/stats/requests"),
    ] {
        assert_eq!(site.send(method, path, &[SERVICE], b"user_count=1").status, 401, "{method} {path}");
    }
}
