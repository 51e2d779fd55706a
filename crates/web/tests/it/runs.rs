//! The store, by the server.

use std::path::PathBuf;
use std::time::Duration;

use gregaria_record::store::Store;
use gregaria_web::Config;

use crate::fixture::{Site, until};

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("gregaria-it-{name}-{}", std::process::id())))
    }

    fn site(&self) -> Site {
        Site::keeping(Config::default(), Some(Store::new(&self.0, 1 << 20)))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn run(site: &Site, name: &str, requests: u32) -> String {
    let before = site.json("/runs")["runs"].as_array().unwrap().len();
    site.swarm();
    until(|| (site.json("/live/history")["run"].as_u64()? as usize > before).then_some(()));
    site.requests(name, requests);
    site.failure("/fails", "bad");
    assert_eq!(site.send("POST", "/stop", &[], b"").status, 200);
    site.server().notify();
    until(|| {
        let runs = site.json("/runs")["runs"].as_array().unwrap().clone();
        (runs.len() > before).then(|| site.recorder.record().last_run()).flatten()
    })
}

#[test]
fn runs_are_kept_opened_compared_and_removed() {
    let folder = Folder::new("kept");
    let site = folder.site();
    let first = run(&site, "/a", 10);
    let second = run(&site, "/b", 20);
    let list = site.json("/runs");
    let summary = list["runs"].as_array().unwrap().iter().find(|run| run["id"] == *second).unwrap().clone();
    assert_eq!((summary["requests"].as_i64(), summary["failures"].as_i64()), (Some(21), Some(1)));
    assert_eq!((summary["host"].as_str(), summary["names"].as_i64()), (Some("http://target"), Some(2)));
    let detail = site.json(&format!("/runs/{first}"));
    assert_eq!(detail["info"]["command"], "locust -f x.py");
    assert_eq!(detail["total"]["requests"][0], 11);
    assert_eq!(detail["errors"][0]["error"], "bad");
    assert_eq!(detail["history"]["requests"].as_array().unwrap().last().unwrap(), 11);
    let window = site.json(&format!("/runs/{first}/window?id=0"));
    assert_eq!((window["requests"].as_i64(), window["min"].as_f64()), (Some(10), Some(10.0)));
    assert_eq!(site.json(&format!("/runs/{first}/name?id=0"))["name"], "/a");
    let both = site.json(&format!("/runs/compare?a={first}&b={second}"));
    let rows = both["rows"].as_array().unwrap();
    assert_eq!((rows.len(), rows[0]["name"].as_str()), (4, Some("Aggregated")));
    assert_eq!((rows[1]["name"].as_str(), rows[1]["b"].is_null()), (Some("/a"), true));
    assert_eq!(rows[0]["b"]["requests"], 21);
    assert_eq!(site.json("/live/history?run=1")["requests"].as_array().unwrap().last().unwrap(), 11);
    assert_eq!(site.send("DELETE", &format!("/runs/{first}"), &[], b"").status, 204);
    assert_eq!(site.get(&format!("/runs/{first}")).status, 404);
    assert_eq!(site.send("POST", &format!("/runs/{second}/delete"), &[], b"").status, 204);
    assert_eq!(site.json("/runs")["bytes"], 0);
}

#[test]
fn a_run_is_kept_when_the_next_begins_at_once() {
    let folder = Folder::new("at-once");
    let site = folder.site();
    for requests in 1..=8 {
        site.swarm();
        site.requests("/a", requests);
        assert_eq!(site.send("POST", "/stop", &[], b"").status, 200);
    }
    assert_eq!(site.get("/stats/reset").status, 200);
    let list = site.json("/runs");
    let mut kept: Vec<_> =
        list["runs"].as_array().unwrap().iter().map(|run| run["requests"].as_i64().unwrap()).collect();
    kept.sort_unstable();
    assert_eq!(kept, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[test]
fn a_run_that_still_goes_on_is_kept_when_the_server_ends() {
    let folder = Folder::new("ends");
    let mut site = folder.site();
    site.swarm();
    until(|| (site.json("/live/history")["run"] == 1).then_some(()));
    site.requests("/a", 3);
    site.recorder.end();
    until(|| site.recorder.has_ended().then_some(()));
    assert!(site.recorder.record().last_run().is_some());
    site.server.take().unwrap().stop(Duration::from_millis(200));
    let next = folder.site();
    assert_eq!(next.json("/runs")["runs"][0]["requests"], 3);
}

#[test]
fn broken_files_are_skipped_and_named() {
    let folder = Folder::new("broken");
    let site = folder.site();
    let id = run(&site, "/a", 5);
    std::fs::write(folder.0.join("20200101T000000Z-broken.run"), b"GREGRUN1nonsense").unwrap();
    let mut bytes = std::fs::read(folder.0.join(format!("{id}.run"))).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(folder.0.join("20200102T000000Z-damaged.run"), bytes).unwrap();
    let list = site.json("/runs");
    assert_eq!(list["runs"].as_array().unwrap().len(), 2);
    assert!(list["problems"][0].as_str().unwrap().contains("20200101T000000Z-broken.run"), "{list}");
    let damaged = site.get("/runs/20200102T000000Z-damaged");
    assert_eq!(damaged.status, 500);
    assert!(damaged.text().contains("check sum"), "{}", damaged.text());
}

#[test]
fn without_a_store_there_are_no_runs() {
    let site = Site::plain();
    let reply = site.get("/runs");
    assert_eq!(reply.status, 404);
    assert!(reply.text().contains("--no-store"));
}
