/**
 * A server for working on the page without a load test: node dev/server.mjs [scenario] [--port 8090] [--names 3000] [--past 60]
 *
 * It speaks as crates/web does and makes its figures up. The tests of the real pair are in e2e/.
 */
import { createReadStream, existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { authArgs, exceptions, info, scenarios, tasks } from "./scenarios.mjs";
import { CHART_FRACTIONS, FRACTIONS, Run } from "./simulation.mjs";

const DIST = fileURLToPath(new URL("../dist/", import.meta.url));
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const EMPTY_ROWS = {
  id: [],
  requests: [],
  failures: [],
  avg: [],
  min: [],
  max: [],
  size: [],
  rps: [],
  fps: [],
  percentiles: FRACTIONS.map(() => []),
};
const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'unsafe-inline'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'";

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  return at === -1 ? fallback : Number(process.argv[at + 1]);
}

export function start({ scenario = "plain", port = 0, names = 0, past = 90 } = {}) {
  const args = { ...scenarios[scenario] };
  const boot = Math.random().toString(36).slice(2);
  const pages = new Set();
  const logs = [];
  const stored = new Map();
  let run = null;
  let state = "ready";
  let seq = 0;
  let runs = 0;
  let log = 0;

  const workers = () =>
    args.is_distributed
      ? ["vm_a9c5_1", "vm_a9c5_2", "vm_77ef_3"].map((id, index) => ({
          id,
          host: id.replace(/_\d$/, ""),
          index,
          reported: true,
          problem: index === 2 ? "missing: nothing was heard of it for too long" : "",
          state: index === 2 ? "missing" : state,
          user_count: Math.round((run?.users ?? 0) / 2),
          cpu_usage: 31 + index * 33,
          memory_usage: 88e6 + index * 5e6,
        }))
      : [];
  const status = () => ({
    state,
    user_count: state === "stopped" ? 0 : (run?.users ?? 0),
    target_user_count: run?.target ?? null,
    spawn_rate: run?.rate ?? null,
    host: run?.host ?? args.host,
    started: run?.started ?? null,
    ended: run?.ended ?? null,
    run_time: run?.runTime ?? null,
    shape: scenario === "shape" && run ? "StepShape" : null,
    profile: null,
    user_classes: {},
    is_distributed: args.is_distributed,
    workers: workers(),
    lag: 0,
    arrivals: null,
    warm_up: null,
  });
  const marks = () =>
    [...stored.values()]
      .filter(({ own }) => own)
      .map(({ run: one, id }) => ({ run: one.run, started: one.started, ended: one.ended, id }));
  const send = (page, event, data) =>
    page.write(`event: ${event}\nid: ${boot}.${runs}.${seq}\ndata: ${JSON.stringify(data)}\n\n`);
  const broadcast = (event, data) => pages.forEach((page) => send(page, event, data));
  const tick = (full, points) => ({
    seq,
    run: runs,
    at: Date.now() / 1000,
    full,
    status: status(),
    elapsed: run?.elapsed() ?? 0,
    since: run?.started ?? 0,
    total: run?.totalRow() ?? { ...EMPTY_ROWS, id: [-1], requests: [0], failures: [0] },
    names: full ? (run?.names ?? []).map(({ id, method, name }) => ({ id, method, name })) : [],
    rows: run?.rows() ?? EMPTY_ROWS,
    errors: [...(run?.errors.values() ?? [])],
    thresholds: [],
    verdict: { level: "none", summary: "", reasons: [] },
    points,
  });
  const say = (level, text) => {
    log += 1;
    const line = {
      seq: log,
      at: Date.now() / 1000,
      level,
      node: "master",
      line: `[2026-11-23 12:00:00,000] host/${{ 20: "INFO", 30: "WARNING", 40: "ERROR" }[level]}/locust: ${text}`,
    };
    logs.push(line);
    broadcast("logs", { append: true, lines: [line] });
  };

  function begin(form) {
    if (run !== null && ["spawning", "running"].includes(state)) {
      run.target = Number(form.get("user_count"));
      run.rate = Number(form.get("spawn_rate"));
      return;
    }
    runs += 1;
    run = new Run({
      run: runs,
      users: Number(form.get("user_count") ?? 50),
      rate: Number(form.get("spawn_rate") ?? 10),
      host: form.get("host") || args.host,
      start: Date.now() / 1000,
      names,
      runTime: Number(form.get("run_time")) || null,
    });
    state = "spawning";
    say(20, `Ramping to ${run.target} users`);
    seq += 1;
    broadcast("history", run.history());
    broadcast("tick", tick(true, []));
  }

  function stop() {
    if (run === null || state === "stopped") return;
    run.ended = Date.now() / 1000;
    state = "stopped";
    const id = `run-${runs}`;
    stored.set(id, { id, run, own: true });
    seq += 1;
    broadcast("tick", tick(true, []));
    broadcast("end", {
      run: runs,
      id,
      started: run.started,
      ended: run.ended,
      elapsed: run.elapsed(),
      total: run.totalRow(),
      requests: run.total.total,
      failures: run.failures,
    });
  }

  const timer = setInterval(() => {
    let points = [];
    if (run !== null && ["spawning", "running"].includes(state)) {
      points = [run.second(Math.floor(Date.now() / 1000))];
      state = run.users === run.target ? "running" : "spawning";
      if (run.elapsed() % 20 === 0)
        say(
          run.elapsed() % 40 === 0 ? 40 : 30,
          "CPU usage above 90%!\nTraceback (most recent call last):\n  ValueError: x",
        );
      if (run.elapsed() === 4) broadcast("exceptions", { exceptions });
    }
    seq += 1;
    broadcast("tick", tick(false, points));
  }, 1000);

  for (let index = 0; index < 2 && past > 0; index += 1) {
    const at = Math.floor(Date.now() / 1000) - 7200 * (2 - index);
    const old = new Run({
      run: 0,
      users: 60 + index * 25,
      rate: 5,
      host: args.host,
      start: at,
      profile: index ? "smoke" : null,
    });
    for (let second = 0; second < past; second += 1) old.second(at + second);
    old.ended = at + past;
    stored.set(`old-${index}`, { id: `old-${index}`, run: old, own: false });
  }

  const detail = ({ id, run: one }) => ({
    summary: one.summary(id),
    info,
    fractions: FRACTIONS,
    chart_fractions: CHART_FRACTIONS,
    elapsed: one.elapsed(),
    names: one.names.map(({ id: nameId, method, name }) => ({ id: nameId, method, name })),
    total: one.totalRow(),
    rows: one.rows(),
    errors: [...one.errors.values()],
    thresholds: [],
    verdict: { level: "none", summary: "", reasons: [] },
    exceptions,
    history: one.history(),
    phases: one.phases(),
    generator: [],
    measures: [],
    arrivals: null,
    statuses: { 200: 900, 404: 41 },
    classes: { at: [], classes: [], users: [] },
    fan: { width: 1, at: [], requests: [], fractions: [], percentiles: [] },
    bands: { bounds: [10, 100], requests: [800, 120, 21], untimed: 0 },
  });
  const compareRow = (all, failures, seconds) => ({
    requests: all.total,
    failures,
    rps: all.total / seconds,
    avg: all.avg ?? 0,
    min: all.min,
    max: all.max,
    p50: all.percentile(0.5),
    p95: all.percentile(0.95),
    p99: all.percentile(0.99),
  });
  function compare(a, b) {
    const row = ({ run: one }, index) =>
      compareRow(one.names[index].all, one.names[index].failures, one.elapsed());
    const rows = a.run.names.map(({ method, name }, index) => ({
      method,
      name,
      a: row(a, index),
      b: row(b, index),
    }));
    const total = {
      method: "",
      name: "Aggregated",
      a: compareRow(a.run.total, a.run.failures, a.run.elapsed()),
      b: compareRow(b.run.total, b.run.failures, b.run.elapsed()),
    };
    return { a: a.run.summary(a.id), b: b.run.summary(b.id), rows: [total, ...rows] };
  }
  const reportArgs = (theme) => {
    const one = { id: "", run };
    return {
      theme,
      download: "stats/report?download=1",
      run: detail(one),
      version: "0.0.0",
      windows: [-1, ...run.names.map(({ id }) => id)].map((id) => ({
        id,
        window: run.window(null, null, id === -1 ? null : id),
      })),
    };
  };

  const page = (file, marker, value) =>
    readFileSync(join(DIST, file), "utf8").replace(`{{ ${marker}|tojson }}`, () =>
      JSON.stringify(value).replaceAll("<", "\\u003c"),
    );

  function get(path, params, response) {
    const json = (value, code = 200) =>
      response.writeHead(code, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    const html = (text, policy = CSP) =>
      response
        .writeHead(200, {
          "Content-Type": "text/html; charset=utf-8",
          ...(policy ? { "Content-Security-Policy": policy } : {}),
        })
        .end(text);
    const number = (key) => (params.has(key) ? Number(params.get(key)) : null);
    const [, , id, what] = path.split("/");
    if (path === "/") return html(page("index.html", "template_args", args));
    if (path === "/login") return html(page("auth.html", "auth_args", authArgs));
    if (path === "/stats/report")
      return run
        ? html(page("report.html", "report_args", reportArgs(params.get("theme"))), null)
        : json({}, 404);
    if (path === "/live/values")
      return json(
        Object.fromEntries(
          ["user_count", "spawn_rate", "run_time"].map((key) => {
            const text = params.get(key) ?? "";
            const value = text === "" ? null : Number(text);
            return [key, { value, problem: Number.isNaN(value) ? "A number" : null }];
          }),
        ),
      );
    if (path === "/live/phases") return json(run?.phases() ?? new Run({ users: 0 }).phases());
    if (path === "/live/window")
      return json(run ? run.window(number("from"), number("to"), number("id")) : {});
    if (path === "/live/name") return json(run.nameHistory(number("id")));
    if (path === "/live/history")
      return json(([...stored.values()].find((one) => one.run.run === number("run"))?.run ?? run).history());
    if (path === "/tasks") return json(tasks);
    if (path === "/stats/requests")
      return json({
        state,
        extended_stats: [{ key: "content-length", data: [{ name: "/", content_length: 123456 }] }],
      });
    if (path === "/runs")
      return json({
        runs: [...stored.values()]
          .map((one) => one.run.summary(one.id))
          .sort((a, b) => b.started - a.started),
        bytes: 123_456,
        max_bytes: 268_435_456,
        problems: [],
      });
    if (path === "/runs/compare")
      return json(compare(stored.get(params.get("a")), stored.get(params.get("b"))));
    if (path.startsWith("/runs/") && stored.has(id)) {
      if (what === "window")
        return json(stored.get(id).run.window(number("from"), number("to"), number("id")));
      return json(detail(stored.get(id)));
    }
    const file = join(DIST, normalize(path));
    if (path.startsWith("/assets/") && file.startsWith(DIST) && existsSync(file)) {
      response.writeHead(200, { "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" });
      return createReadStream(file).pipe(response);
    }
    return json({ error: "not found" }, 404);
  }

  function live(request, response) {
    response.writeHead(200, { "Content-Type": "text/event-stream", "Cache-Control": "no-store" });
    response.write("retry: 1000\n\n");
    send(response, "hello", {
      boot,
      version: "0.0.0",
      resumed: false,
      seq,
      run: runs,
      now: Date.now() / 1000,
      fractions: FRACTIONS,
      chart_fractions: CHART_FRACTIONS,
      default_chart_fractions: [0.5, 0.95],
      default_table_fractions: [0.95, 0.99],
      store: true,
      runs: marks(),
      status: status(),
    });
    if (run) send(response, "history", run.history());
    send(response, "tick", tick(true, []));
    send(response, "exceptions", { exceptions: run && run.elapsed() > 4 ? exceptions : [] });
    send(response, "logs", { append: false, lines: logs });
    pages.add(response);
    request.on("close", () => pages.delete(response));
  }

  function post(path, form, response) {
    const json = (value, code = 200) =>
      response.writeHead(code, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    if (path === "/swarm" && form.get("host") === "http://refused")
      return json({ success: false, message: "This host is refused by the locustfile", host: "x" });
    if (path === "/swarm") begin(form);
    else if (path === "/stop") stop();
    else if (path === "/stats/reset" && run) {
      run = new Run({ ...run, run: runs, users: run.target, start: Date.now() / 1000, names });
      seq += 1;
      broadcast("history", run.history());
      broadcast("tick", tick(true, []));
    } else if (path === "/user") return json({}, 201);
    return json({ success: true, message: "ok" });
  }

  const server = createServer((request, response) => {
    const url = new URL(request.url, "http://localhost");
    if (request.method === "DELETE") {
      stored.delete(url.pathname.split("/")[2]);
      return response.writeHead(204).end();
    }
    if (request.method !== "POST")
      return url.pathname === "/live"
        ? live(request, response)
        : get(url.pathname, url.searchParams, response);
    let body = "";
    request.on("data", (chunk) => (body += chunk));
    request.on("end", () => post(url.pathname, new URLSearchParams(body), response));
  });
  return new Promise((resolve) => {
    server.listen(port, "127.0.0.1", () =>
      resolve({
        url: `http://127.0.0.1:${server.address().port}/`,
        begin: (values) => begin(new URLSearchParams(values)),
        stop,
        close() {
          clearInterval(timer);
          server.closeAllConnections();
          server.close();
        },
      }),
    );
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const scenario = process.argv[2]?.startsWith("--") ? "plain" : process.argv[2];
  const { url } = await start({
    scenario,
    port: option("port", 8090),
    names: option("names", 0),
    past: option("past", 90),
  });
  console.log(`the page with made-up figures: ${url}`);
}
