//! What strangers cost, how they may guess, and who is taken for one.

use std::io::{Read as _, Write as _};

use gregaria_web::{Config, Flask, ScriptRoutes};

use crate::fixture::{FORM, REMOTE, Site, guarded, parse, until};

#[test]
fn guessing_is_slow() {
    let site = guarded();
    let guess = |token: &str| {
        let value = format!("Bearer {token}");
        site.send("GET", "/tasks", &[REMOTE, ("authorization", &value)], b"")
    };
    for i in 0..10 {
        assert_eq!(guess(&format!("guess-{i}")).status, 401);
    }
    let barred = guess("one-more");
    assert_eq!(barred.status, 429);
    assert!(barred.header("retry-after").unwrap().parse::<u64>().unwrap() <= 61);
    // Whoever has it gets in all the same, and not at all delayed with what the browser has.
    assert_eq!(guess("right-token").status, 200);
    let welcome = site.send("POST", "/token", &[REMOTE, FORM], b"token=right-token&next=/");
    let cookie = welcome.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(site.send("GET", "/tasks", &[REMOTE, ("cookie", &cookie)], b"").status, 200);
    // Behind the proxy, the others are others.
    let other = [("x-forwarded-for", "192.0.2.9"), ("authorization", "Bearer wrong")];
    assert_eq!(site.send("GET", "/tasks", &other, b"").status, 401);
}

#[test]
fn guesses_in_cookies_count_and_a_stale_one_counts_once() {
    let site = guarded();
    let name = format!("gregaria-token-{}", site.address.port());
    let guess = |value: &str| {
        site.send("GET", "/tasks", &[REMOTE, ("cookie", &format!("{name}={value}"))], b"").status
    };
    for _ in 0..50 {
        assert_eq!(guess("stale"), 401);
    }
    for i in 0..9 {
        assert_eq!(guess(&format!("guess-{i}")), 401);
    }
    assert_eq!(guess("the-eleventh"), 429);
    // The cookie is not the token.
    assert_ne!(guess("right-token"), 200);
}

#[test]
fn pages_of_other_sites_guess_nothing_and_lock_nobody_out() {
    let site = guarded();
    let image =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
    for i in 0..15 {
        site.send("GET", &format!("/?token=guess-{i}"), &image, b"");
        let remote: Vec<_> = image.iter().copied().chain([REMOTE]).collect();
        site.send("GET", &format!("/?token=guess-{i}"), &remote, b"");
    }
    let right = ("authorization", "Bearer right-token");
    assert_eq!(site.send("GET", "/tasks", &[right], b"").status, 200);
    let wrong = site.send("GET", "/tasks", &[REMOTE, ("authorization", "Bearer wrong")], b"");
    assert_eq!(wrong.status, 401, "none of them counted");
}

#[test]
fn pages_of_other_sites_have_nothing_made_for_them() {
    let site = Site::plain();
    let said = |site: &'static str, mode: &'static str, to: &'static str| {
        [("sec-fetch-site", site), ("sec-fetch-mode", mode), ("sec-fetch-dest", to)]
    };
    for path in ["/stats/report", "/stats/requests", "/live/window", "/live/history", "/"] {
        let image = site.send("GET", path, &said("cross-site", "no-cors", "image"), b"");
        assert_eq!(image.status, 403, "{path}");
        let link = site.send("GET", path, &said("cross-site", "navigate", "document"), b"");
        assert_eq!(link.status, 200, "{path}");
        let own = site.send("GET", path, &said("same-origin", "cors", "empty"), b"");
        assert_eq!(own.status, 200, "{path}");
    }
    // What a script adds may be for other sites.
    site.set_flask(Flask::Unmatched);
    assert_eq!(site.send("GET", "/badge", &said("cross-site", "no-cors", "image"), b"").status, 203);
    // … and so may all, where it looks at every request (as flask-cors does).
    site.set_flask(Flask::All);
    assert_eq!(site.send("GET", "/tasks", &said("cross-site", "cors", "empty"), b"").status, 203);
    assert_eq!(site.send("GET", "/live/history", &said("cross-site", "cors", "empty"), b"").status, 403);
}

#[test]
fn a_strangers_form_costs_nothing() {
    let site = guarded();
    let kind = format!("multipart/form-data; boundary={}x", "-".repeat(60_000));
    let body = vec![b'-'; 1 << 20];
    let begin = std::time::Instant::now();
    for _ in 0..20 {
        let reply = site.send("POST", "/token", &[REMOTE, ("content-type", &kind)], &body);
        assert_eq!(reply.status, 413);
    }
    // It was more than a second for each.
    assert!(begin.elapsed() < std::time::Duration::from_secs(15), "{:?}", begin.elapsed());
    assert_eq!(site.send("POST", "/token", &[REMOTE, ("content-type", &kind)], b"token=x").status, 400);
    assert_eq!(site.send("POST", "/token", &[REMOTE, FORM], &vec![b'a'; 9 << 10]).status, 413);
    let long = format!("multipart/form-data; boundary={}", "-".repeat(71));
    assert_eq!(site.send("POST", "/swarm", &[("content-type", &long)], b"").status, 400);
}

#[test]
fn strangers_bodies_take_no_memory() {
    let memory = || {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
    };
    let login = Site::start(Config { login: true, ..Config::default() });
    let before = memory();
    // With a login nobody is known yet. Bodies that are announced too large are not read at all.
    let held: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = login.connect();
            let head =
                format!("POST /upload HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", 32 << 20);
            stream.write_all(head.as_bytes()).unwrap();
            let _ = stream.write_all(&vec![b'a'; 1 << 20]);
            stream
        })
        .collect();
    for mut stream in held {
        let mut answer = [0; 64];
        let count = stream.read(&mut answer).unwrap();
        assert!(answer[..count].starts_with(b"HTTP/1.1 302 "), "{}", String::from_utf8_lossy(&answer));
    }
    // Those that are not announced have a small room, and then are told so.
    let mut busy = 0;
    let mut held = Vec::new();
    for _ in 0..40 {
        let mut stream = login.connect();
        stream
            .write_all(b"POST /upload HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            .unwrap();
        let _ = stream.write_all(b"e0000\r\n").and_then(|()| stream.write_all(&vec![b'a'; 0xe_0000]));
        stream.set_read_timeout(Some(std::time::Duration::from_millis(150))).unwrap();
        let mut answer = [0; 64];
        let count = stream.read(&mut answer).unwrap_or(0);
        busy += usize::from(answer[..count].starts_with(b"HTTP/1.1 503 "));
        held.push(stream);
    }
    let grown = memory().saturating_sub(before);
    assert!(busy >= 10, "{busy} of 40 were refused");
    assert!(grown < 70, "{grown} MiB");
    // Small forms still get in, and so does a large body of somebody who is logged in.
    assert_eq!(login.send("POST", "/login", &[FORM], b"user=x").status, 203);
    let large = vec![b'a'; 20 << 20];
    assert_eq!(login.send("POST", "/upload", &[("cookie", "session=1")], &large).status, 203);
    drop(held);
}

#[test]
fn a_script_s_own_log_in_is_not_taken_for_ours_and_only_named_paths_take_foreign_forms() {
    let site = Site::start(Config { login: true, ..Config::default() });
    site.server()
        .set_script_routes(ScriptRoutes { logins: vec!["/oidc/callback".into()], ..ScriptRoutes::default() });
    let foreign = [("sec-fetch-site", "cross-site"), ("cookie", "session=1"), FORM];
    assert_eq!(site.send("POST", "/change", &foreign, b"").status, 403);
    assert_eq!(site.send("POST", "/oidc/callback", &foreign, b"").status, 203);
    assert_eq!(site.send("GET", "/change", &foreign, b"").status, 203);
    // 204 by a hook of the script says nothing of a login.
    let hooked = [("cookie", "hook=204")];
    assert_eq!(site.send("GET", "/live/history", &hooked, b"").status, 204);
}

#[test]
fn whoever_watches_needs_no_token() {
    for config in [
        Config { token: Some("right-token".into()), ..Config::default() },
        Config { login: true, ..Config::default() },
        Config { base_path: "/base".into(), ..Config::default() },
    ] {
        let base = config.base_path.clone();
        let site = Site::start(config);
        assert_eq!(site.send("GET", &format!("{base}/healthz"), &[REMOTE], b"").text(), "ok\n");
        until(|| (site.send("GET", &format!("{base}/readyz"), &[REMOTE], b"").status == 200).then_some(()));
        assert_eq!(site.send("HEAD", &format!("{base}/healthz"), &[REMOTE], b"").status, 200);
        assert_eq!(site.send("POST", &format!("{base}/healthz"), &[REMOTE], b"").status, 405);
    }
    let site = Site::plain();
    // A busy program is not asked; one without a runner is not ready.
    let busy = site.program.busy.lock().unwrap();
    assert_eq!(site.get("/healthz").status, 200);
    drop(busy);
    site.program.set_state("missing");
    site.server().notify();
    until(|| (site.get("/readyz").status == 503).then_some(()));
    // A route that a script adds under the name wins, and is guarded as its other routes are.
    site.set_flask(Flask::Unmatched);
    site.server().set_script_routes(ScriptRoutes { own: vec!["/healthz".into()], ..ScriptRoutes::default() });
    assert_eq!((site.get("/healthz").status, site.get("/readyz").status), (203, 503));
    assert_eq!(site.send("GET", "/healthz", &[REMOTE], b"").status, 401);
}

#[test]
fn what_comes_through_a_proxy_is_not_local_and_the_log_says_so_once() {
    let site = guarded();
    for header in [
        "forwarded",
        "via",
        "x-real-ip",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-port",
        "x-forwarded-server",
        "x-client-ip",
        "x-cluster-client-ip",
        "true-client-ip",
        "cf-connecting-ip",
        "cf-ray",
        "x-envoy-external-address",
        "fly-client-ip",
        "x-original-host",
        "fastly-client-ip",
    ] {
        assert_eq!(site.send("GET", "/tasks", &[(header, "192.0.2.1")], b"").status, 401, "{header}");
    }
    let told = || {
        let logged = site.program.logged.lock().unwrap();
        logged.iter().filter(|(_, words)| words.contains("proxy")).count()
    };
    assert_eq!(told(), 1);
    // nginx as its manual begins.
    let mut stream = site.connect();
    let head = "POST /stop HTTP/1.0\r\nHost: 127.0.0.1:8089\r\nConnection: close\r\nOrigin: https://load.example\r\n\
                Sec-Fetch-Site: same-origin\r\nUser-Agent: Mozilla/5.0 (X11) Firefox/140.0\r\nContent-Length: 0\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    assert_eq!(parse(&answer).status, 401);
    assert_eq!(told(), 1);
    assert!(site.program.asked.lock().unwrap().iter().all(|kind| kind != "stop"));
}

#[test]
fn other_users_of_this_machine_need_the_token() {
    let site = Site::start(Config {
        token: Some("right-token".into()),
        local_users: Some(vec![u32::MAX - 7]),
        ..Config::default()
    });
    assert_eq!(site.get("/tasks").status, 401);
    assert_eq!(site.send("GET", "/tasks", &[("authorization", "Bearer right-token")], b"").status, 200);
    let logged = site.program.logged.lock().unwrap();
    assert!(logged.iter().any(|(_, words)| words.contains("--web-local-open")), "{logged:?}");
}
