/** A load test that never was: rows, failures, phases and a history that look like a real one's. */
import { Histogram } from "./histogram.mjs";

export const FRACTIONS = [0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999, 1];
export const CHART_FRACTIONS = [0.5, 0.75, 0.9, 0.95, 0.99];
const ENDPOINTS = [
  ["GET", "/", 4, 14, 0],
  ["GET", "/blog", 3, 28, 0],
  ["GET", "/blog/[slug]", 8, 35, 0.001],
  ["GET", "/search?q=[term]", 2, 160, 0.004],
  ["POST", "/login", 1, 220, 0.002],
  ["POST", "/comments", 1, 75, 0.03],
  ["GET", "/assets/[file]", 12, 4, 0],
  ["GET", "/missing", 0.5, 6, 1],
];

function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

export class Run {
  constructor({ run, users, rate, host, start, names = 0, runTime = null, profile = null }) {
    Object.assign(this, { run, target: users, rate, host, started: start, runTime, profile });
    this.names = [
      ...ENDPOINTS,
      ...Array.from({ length: names }, (_, index) => [
        "GET",
        `/item/${index}/details`,
        0.02,
        20 + (index % 90),
        0.002,
      ]),
    ].map(([method, name, weight, base, failing], id) => ({
      id,
      method,
      name,
      weight,
      base,
      failing,
      all: new Histogram(),
      failures: 0,
      current: [],
      seconds: [],
    }));
    this.users = 0;
    this.total = new Histogram();
    this.failures = 0;
    this.errors = new Map();
    this.seconds = [];
    this.ended = null;
  }

  second(at) {
    const step = Math.max(-this.rate, Math.min(this.rate, this.target - this.users));
    this.users += step;
    const slow = 1 + 0.5 * Math.max(0, Math.sin(at / 17)) + (at % 47 < 2 ? 3 : 0);
    const sum = new Histogram();
    let failures = 0;
    for (const entry of this.names) {
      const expected = this.users * entry.weight * 0.12;
      const count = Math.max(0, Math.round(expected + normal() * Math.sqrt(expected)));
      const now = new Histogram();
      let failed = 0;
      for (let index = 0; index < count; index += 1) {
        now.add(
          entry.base * slow * Math.exp(normal() * 0.45) + (Math.random() < 0.01 ? 300 * Math.random() : 0),
        );
        if (Math.random() < entry.failing) failed += 1;
      }
      if (failed > 0) this.fail(entry, failed, at);
      entry.all.merge(now);
      entry.failures += failed;
      entry.current = [...entry.current.slice(-9), [count, failed]];
      entry.seconds.push({ at, histogram: now, failed });
      sum.merge(now);
      failures += failed;
    }
    this.total.merge(sum);
    this.failures += failures;
    this.seconds.push({
      at,
      users: this.users,
      histogram: sum,
      failed: failures,
      requests: this.total.total,
      failures: this.failures,
    });
    return this.point(this.seconds.at(-1));
  }

  fail(entry, count, at) {
    const error =
      entry.failing === 1
        ? "HTTPError('404 Client Error: Not Found for url: /missing')"
        : entry.method === "POST"
          ? "CatchResponseError('the comment is <b>not</b> shown')"
          : "HTTPError('503 Server Error: Service Unavailable for url: /search')";
    const key = `${entry.method} ${entry.name} ${error}`;
    const known = this.errors.get(key) ?? {
      key,
      method: entry.method,
      name: entry.name,
      error,
      occurrences: 0,
      first_seen: at,
      last_seen: at,
    };
    this.errors.set(key, { ...known, occurrences: known.occurrences + count, last_seen: at });
  }

  point({ at, users, histogram, failed, requests, failures }) {
    return {
      at,
      users,
      rps: histogram.total,
      fps: failed,
      requests,
      failures,
      avg: histogram.avg,
      percentiles: CHART_FRACTIONS.map((fraction) => histogram.percentile(fraction)),
      other: [],
      stride: 1,
      until: at + 1,
    };
  }

  history() {
    const points = this.seconds.map((second) => this.point(second));
    const column = (key) => points.map((point) => point[key]);
    return {
      run: this.run,
      stride: 1,
      append: false,
      began: points[0]?.at ?? 0,
      until: (points.at(-1)?.at ?? 0) + 1,
      at: column("at"),
      users: column("users"),
      rps: column("rps"),
      fps: column("fps"),
      requests: column("requests"),
      failures: column("failures"),
      avg: column("avg"),
      percentiles: CHART_FRACTIONS.map((_, index) => points.map((point) => point.percentiles[index])),
      other: [],
    };
  }

  rows(entries = this.names.filter((entry) => entry.all.total > 0)) {
    return columns(entries.map((entry) => this.row(entry.id, entry.all, entry.failures, entry.current)));
  }

  totalRow() {
    const current = this.seconds.slice(-10).map((second) => [second.histogram.total, second.failed]);
    return columns([this.row(-1, this.total, this.failures, this.ended ? [] : current)]);
  }

  row(id, all, failures, current) {
    const mean = (index) =>
      current.length === 0 ? 0 : current.reduce((sum, pair) => sum + pair[index], 0) / current.length;
    return {
      id,
      requests: all.total,
      failures,
      avg: all.avg ?? 0,
      min: Number.isFinite(all.min) ? all.min : 0,
      max: all.max,
      size: 1234 + (id + 1) * 777,
      rps: mean(0),
      fps: mean(1),
      percentiles: FRACTIONS.map((fraction) => all.percentile(fraction)),
    };
  }

  elapsed() {
    return this.seconds.length;
  }

  window(from, to, id) {
    const seconds = id === null ? this.seconds : (this.names[id]?.seconds ?? []);
    const within = seconds.filter(
      ({ at }) => (from === null || at >= Math.floor(from)) && (to === null || at < to),
    );
    const all = within.reduce((sum, { histogram }) => sum.merge(histogram), new Histogram());
    const failures = within.reduce((sum, second) => sum + second.failed, 0);
    const first = within[0]?.at ?? 0;
    const last = (within.at(-1)?.at ?? 0) + 1;
    return {
      from: first,
      to: last,
      requests: all.total,
      failures,
      rps: all.total / Math.max(1, last - first),
      fps: failures / Math.max(1, last - first),
      min: all.total ? all.min : null,
      max: all.total ? all.max : null,
      avg: all.avg,
      fractions: FRACTIONS,
      percentiles: FRACTIONS.map((fraction) => all.percentile(fraction)),
      bins: all.bins(),
    };
  }

  nameHistory(id) {
    const entry = this.names[id];
    const seconds = entry.seconds.filter(({ histogram }) => histogram.total > 0);
    return {
      method: entry.method,
      name: entry.name,
      stride: 1,
      began: this.started,
      until: (this.seconds.at(-1)?.at ?? 0) + 1,
      requests: cumulated(seconds.map(({ histogram }) => histogram.total)),
      failures: cumulated(seconds.map(({ failed }) => failed)),
      at: seconds.map(({ at }) => at),
      rps: seconds.map(({ histogram }) => histogram.total),
      fps: seconds.map(({ failed }) => failed),
      avg: seconds.map(({ histogram }) => histogram.avg),
      percentiles: CHART_FRACTIONS.map((fraction) =>
        seconds.map(({ histogram }) => histogram.percentile(fraction)),
      ),
    };
  }

  phases() {
    const entries = this.names.filter((entry) => entry.all.total > 0);
    const of = (share) =>
      [null, ...entries].map((entry) => (entry ? entry.all.avg : (this.total.avg ?? 0)) * share);
    return {
      id: [-1, ...entries.map(({ id }) => id)],
      method: ["", ...entries.map(({ method }) => method)],
      name: ["Aggregated", ...entries.map(({ name }) => name)],
      count: [this.total.total, ...entries.map(({ all }) => all.total)],
      blocked: of(0.01),
      queue: of(0),
      dns: of(0.02),
      connect: of(0.05),
      tls: of(0.08),
      send: of(0.03),
      wait: of(0.66),
      receive: of(0.15),
    };
  }

  summary(id) {
    return {
      id,
      started: this.started,
      ended: this.ended ?? Date.now() / 1000,
      duration: this.seconds.length,
      host: this.host,
      locustfile: "locustfile.py",
      profile: this.profile,
      requests: this.total.total,
      failures: this.failures,
      fail_ratio: this.failures / Math.max(1, this.total.total),
      rps: this.total.total / Math.max(1, this.seconds.length),
      avg: this.total.avg ?? 0,
      p50: this.total.percentile(0.5),
      p95: this.total.percentile(0.95),
      p99: this.total.percentile(0.99),
      max_users: Math.max(0, ...this.seconds.map(({ users }) => users)),
      names: this.names.length,
      since: this.started,
      elapsed: this.seconds.length,
      name: "",
      note: "",
      pinned: false,
      cut_off: false,
      bytes: 48_213,
    };
  }
}

function columns(rows) {
  const out = {};
  for (const key of ["id", "requests", "failures", "avg", "min", "max", "size", "rps", "fps"])
    out[key] = rows.map((row) => row[key]);
  out.percentiles = FRACTIONS.map((_, index) => rows.map((row) => row.percentiles[index]));
  return out;
}

function cumulated(counts) {
  let sum = 0;
  return counts.map((count) => (sum += count));
}
