//! Locust's endpoints: statuses, shapes, number kinds, base path.

use gregaria_web::{Config, Flask};
use serde_json::Value;

use crate::fixture::{FORM, Site};

#[test]
fn the_statistics_have_locusts_shape_and_number_kinds() {
    let site = Site::plain();
    let empty = site.get("/stats/requests").text();
    assert!(empty.contains("\"current_rps\": 0,") && empty.contains("\"total_rps\": 0.0,"), "{empty}");
    assert!(empty.starts_with("{\n  \"current_fail_per_sec\": 0,\n") && empty.ends_with("}\n"));
    site.requests("/b", 10);
    site.requests("/a", 1);
    site.failure("/a", "broken <b>");
    site.server().notify();
    let text = site.get("/stats/requests").text();
    let report: Value = serde_json::from_str(&text).unwrap();
    let names: Vec<&str> =
        report["stats"].as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["/a", "/b", "Aggregated"]);
    let row = &report["stats"][1];
    for (key, expected) in [
        ("num_requests", "10"),
        ("num_failures", "0"),
        ("min_response_time", "10.0"),
        ("max_response_time", "100.0"),
        ("avg_response_time", "55.0"),
        ("median_response_time", "60"),
        ("avg_content_length", "100.0"),
        ("response_time_percentile_0.95", "100"),
    ] {
        assert_eq!(row[key].to_string(), expected, "{key}");
    }
    assert_eq!(report["errors"][0]["error"], "broken <b>");
    assert_eq!(report["errors"][0]["occurrences"].to_string(), "1");
    assert_eq!(report["state"], "ready");
    assert!(report["fail_ratio"].is_f64() && report.get("workers").is_none());
    assert!(report["current_response_time_percentiles"].get("response_time_percentile_0.5").is_some());
}

#[test]
fn a_stop_and_a_reset_are_seen_at_once() {
    let site = Site::plain();
    site.swarm();
    site.requests("/", 5);
    assert_eq!(site.json("/stats/requests")["state"], "running");
    assert_eq!(site.send("POST", "/stop", &[], b"").status, 200);
    assert_eq!(site.json("/stats/requests")["state"], "stopped");
    assert_eq!(site.send("POST", "/stats/reset", &[], b"").text(), "ok");
    assert_eq!(site.json("/stats/requests")["stats"][0]["num_requests"], 0);
}

#[test]
fn old_scripts_may_stop_and_reset_by_get() {
    let site = Site::plain();
    assert_eq!(site.get("/stop").text(), "{\n  \"message\": \"Test stopped\",\n  \"success\": true\n}\n");
    assert_eq!(site.get("/stats/reset").text(), "ok");
    let asked = site.program.asked.lock().unwrap().clone();
    let changes: Vec<&str> = asked.iter().map(String::as_str).filter(|kind| *kind != "exceptions").collect();
    assert_eq!(changes, ["stop", "reset"]);
}

#[test]
fn forms_reach_the_host_in_order_and_json_does_not() {
    let site = Site::plain();
    let form = |reply: &str| serde_json::from_str::<Value>(reply).unwrap()["form"].to_string();
    let reply = site.send("POST", "/swarm", &[FORM], b"user_classes=A&user_count=1&user_classes=B+C");
    assert_eq!(form(&reply.text()), r#"[["user_classes","A"],["user_count","1"],["user_classes","B C"]]"#);
    let json = site.send("POST", "/swarm", &[("content-type", "application/json")], b"{\"user_count\": 1}");
    assert_eq!(form(&json.text()), "[]");
    assert_eq!(site.get("/swarm").status, 405);
    assert_eq!(site.send("OPTIONS", "/swarm", &[], b"").header("allow"), Some("OPTIONS, POST"));
}

#[test]
fn errors_are_words() {
    let site = Site::plain();
    let reply = site.send("POST", "/user", &[], b"{}");
    assert_eq!((reply.status, reply.text().as_str()), (500, "no &lt;class&gt;"));
    assert_eq!(site.send("POST", "/user", &[], b"[1]").status, 400);
    assert_eq!(site.send("POST", "/user", &[], b"{\"user_class_name\": \"U\"}").status, 201);
    assert_eq!(site.get("/nothing").status, 404);
    let reply = site.get("/stats/requests_full_history/csv");
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (404, "Error: Server was not started with option to generate full history.")
    );
}

#[test]
fn downloads_are_csv_with_locusts_names() {
    let site = Site::plain();
    site.requests("/a,b", 3);
    site.failure("/x", "bad \"thing\"");
    site.program.raise("oh, no");
    for (path, kind, begin, row) in [
        (
            "/stats/requests/csv",
            "requests",
            "Type,Name,Request Count,",
            "GET,\"/a,b\",3,0,20,20.0,10.0,30.0,100.0,",
        ),
        ("/stats/failures/csv", "failures", "Method,Name,Error,", "GET,/x,\"bad \"\"thing\"\"\",1,"),
        (
            "/exceptions/csv",
            "exceptions",
            "Count,Message,Traceback,Nodes\r\n",
            "1,\"oh, no\",\"Traceback\n  line\",local\r\n",
        ),
    ] {
        let reply = site.get(path);
        assert_eq!(reply.header("content-type"), Some("text/csv"));
        let name = format!("attachment;filename=Locust_now_x.py_{kind}.csv");
        assert_eq!(reply.header("content-disposition"), Some(name.as_str()));
        let text = reply.text();
        assert!(text.starts_with(begin) && text.contains(row), "{text}");
    }
}

#[test]
fn small_endpoints_pass_on_what_the_host_says() {
    let site = Site::plain();
    assert_eq!(site.json("/tasks")["per_class"]["U"]["ratio"].to_string(), "1.0");
    assert_eq!(site.json("/logs")["master"][0], "a");
    assert_eq!(site.json("/worker-count")["worker_count"], 0);
    assert_eq!(site.json("/exceptions")["exceptions"], Value::Array(vec![]));
    let login = site.get("/login");
    assert_eq!((login.status, login.header("location")), (302, Some("/")));
    let head = site.send("HEAD", "/stats/requests", &[], b"");
    assert_eq!((head.status, head.body.len()), (200, 0));
    let report = site.get("/stats/report?theme=dark&download=1");
    assert!(report.text().contains("(\"theme\", \"dark\")"));
    assert!(report.header("content-security-policy").unwrap().starts_with("default-src 'none'"));
}

#[test]
fn everything_lives_below_the_base_path() {
    let site = Site::start(Config { base_path: "/locust/".into(), ..Config::default() });
    assert_eq!(site.json("/locust/stats/requests")["state"], "ready");
    let bare = site.get("/locust?a=1");
    assert_eq!((bare.status, bare.header("location")), (308, Some("/locust/?a=1")));
    for outside in ["/", "/stats/requests", "/locustx/"] {
        assert_eq!(site.get(outside).status, 404, "{outside}");
    }
    site.set_flask(Flask::Unmatched);
    assert_eq!(site.get("/added").header("x-path"), Some("/added"));
    assert_eq!(site.get("/locust/added").header("x-path"), Some("/locust/added"));
}

#[test]
fn the_scripts_application_gets_what_it_wants() {
    let site = Site::plain();
    assert_eq!(site.get("/added?x=1").status, 404);
    site.set_flask(Flask::Unmatched);
    let reply = site.send("POST", "/added", &[], b"body");
    assert_eq!((reply.status, reply.text().as_str()), (203, "body"));
    assert_eq!(site.get("/tasks").status, 200);
    site.set_flask(Flask::All);
    assert_eq!((site.get("/tasks").status, site.get("/stats/requests").status), (203, 203));
    assert_eq!(site.get("/live/history").status, 200);
}

#[test]
fn the_page_holds_its_data_and_nothing_of_it_is_a_script() {
    let site = Site::plain();
    let reply = site.get("/");
    assert_eq!(reply.status, 200);
    assert!(reply.header("content-security-policy").unwrap().contains("script-src 'self'"));
    assert!(!reply.text().contains("alert(1)</script>"));
    let tag = reply.header("etag").unwrap().to_owned();
    assert_eq!(site.send("GET", "/", &[("if-none-match", &tag)], b"").status, 304);
    if gregaria_web::missing().is_some() {
        assert!(reply.text().contains("not part of this build"));
    }
}

#[test]
fn built_in_files_are_compressed_and_kept() {
    let site = Site::plain();
    let Some((path, content)) = gregaria_web::all_built_in().find(|(path, _)| {
        path.rsplit_once('.').is_some_and(|(stem, ending)| ending == "js" && stem.contains('-'))
    }) else {
        assert!(gregaria_web::missing().is_some());
        return;
    };
    let plain = site.get(&format!("/{path}"));
    assert_eq!((plain.status, &plain.body[..]), (200, content));
    assert!(plain.header("cache-control").unwrap().contains("immutable"), "{path}");
    let packed = site.send("GET", &format!("/{path}"), &[("accept-encoding", "gzip, br")], b"");
    assert!(packed.body.len() < plain.body.len() && packed.header("content-encoding") == Some("br"));
}
