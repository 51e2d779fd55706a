/** The run as the server tells it: the one place where the stream's events become what the page shows. */
import { client, message, RequestFailed } from "../api/client";
import type {
  End,
  Exception,
  Failure,
  Hello,
  History,
  LogLine,
  Logs,
  Measure,
  Name,
  RunMark,
  RunState,
  Status,
  Threshold,
  Tick,
  Verdict,
} from "../api/schema";
import { LiveStream, type ConnectionState, type Listener, type StreamOptions } from "../api/stream";
import { byName, EMPTY_TOTAL, rowAt, totalRow, type StatRow } from "../lib/rows";
import { appendHistory, appendPoint, emptySeries, seriesOf, type Series } from "../lib/series";
import { toasts } from "./toasts.svelte";

export const LOG_LINES_KEPT = 5_000;
/** While the connection is lost. */
const PROBE_EVERY_MS = 3_000;
const ACTIVE: readonly RunState[] = ["spawning", "running", "cleanup", "stopping"];

const NO_STATUS: Status = {
  state: "ready",
  user_count: 0,
  target_user_count: null,
  spawn_rate: null,
  host: null,
  started: null,
  ended: null,
  run_time: null,
  shape: null,
  profile: null,
  user_classes: {},
  is_distributed: false,
  workers: [],
  lag: 0,
  arrivals: null,
  warm_up: null,
};

export class LiveStore implements Listener {
  connectionState = $state<ConnectionState>("connecting");
  /** The page's clock when the connection was lost. */
  lostAt = $state<number | null>(null);
  /** The server is there, but wants a login or another token. */
  refused = $state(false);
  /** False until the first tick: nothing is known yet. */
  known = $state(false);
  version = $state("");
  run = $state(0);
  /** The server's clock at the last tick. */
  at = $state(0);
  status = $state.raw<Status>(NO_STATUS);
  total = $state.raw<StatRow>(EMPTY_TOTAL);
  rows = $state.raw<StatRow[]>([]);
  /** Seconds from the start of the statistics to the last request. */
  elapsed = $state(0);
  /** Start of the statistics, unix seconds. */
  since = $state(0);
  /** The names of the rows; changes only when there are new ones. */
  names = $state.raw<Name[]>([]);
  errors = $state.raw<Failure[]>([]);
  thresholds = $state.raw<Threshold[]>([]);
  verdict = $state.raw<Verdict>({ level: "none", summary: "", reasons: [] });
  measures = $state.raw<Measure[]>([]);
  exceptionList = $state.raw<Exception[]>([]);
  logLines = $state.raw<LogLine[]>([]);
  /** Replaced each second; its columns are the same arrays, grown. */
  series = $state.raw<Series>(emptySeries());
  fractions = $state.raw<number[]>([]);
  chartFractions = $state.raw<number[]>([]);
  defaultChartFractions = $state.raw<number[]>([0.5, 0.95]);
  defaultTableFractions = $state.raw<number[]>([0.95, 0.99]);
  hasStore = $state(false);
  marks = $state.raw<RunMark[]>([]);
  /** Server's clock minus this browser's, in seconds. */
  clockOffset = $state(0);

  readonly active = $derived(ACTIVE.includes(this.status.state));
  readonly offline = $derived(this.connectionState === "lost");

  private stream: LiveStream | null = null;
  private nameById = new Map<number, Name>();
  private byId = new Map<number, StatRow>();
  private errorByKey = new Map<string, Failure>();
  private boot = "";
  private rereading = false;
  private probing = false;
  /** The history came just now, before the tick that belongs to it. */
  private historyIsFresh = false;

  start(options: StreamOptions = {}): void {
    this.stream = new LiveStream(this, options);
    this.stream.start();
  }

  stop(): void {
    this.stream?.stop();
  }

  retry(): void {
    this.stream?.retry();
  }

  /** The server's clock, in unix seconds. */
  now(): number {
    return Date.now() / 1000 + this.clockOffset;
  }

  hello(event: Hello): void {
    if (this.boot !== "" && this.boot !== event.boot) this.forget();
    this.boot = event.boot;
    this.version = event.version;
    this.fractions = event.fractions;
    this.chartFractions = event.chart_fractions;
    this.defaultChartFractions = event.default_chart_fractions;
    this.defaultTableFractions = event.default_table_fractions;
    this.hasStore = event.store;
    this.marks = event.runs;
    this.clockOffset = event.now - Date.now() / 1000;
    this.status = event.status;
  }

  history(event: History): void {
    this.historyIsFresh = true;
    if (event.append && event.run === this.series.run && event.stride === this.series.stride) {
      appendHistory(this.series, event);
      this.series = { ...this.series };
    } else if (event.append && event.at.length > 0 && this.series.at.length > 0) {
      void this.rereadHistory();
    } else {
      this.series = seriesOf(event);
    }
  }

  tick(event: Tick): void {
    if (event.full) this.clearTables();
    // Fewer requests than before: the statistics were reset, and their charts with them.
    if (event.full && (event.total.requests[0] ?? 0) < this.total.requests && !this.historyIsFresh) {
      this.series = { ...emptySeries(this.chartFractions.length), run: event.run };
    }
    this.historyIsFresh = false;
    if (event.run !== this.run) this.beginRun(event);
    this.status = event.status;
    this.at = event.at;
    this.elapsed = event.elapsed;
    this.since = event.since;
    this.total = totalRow(event.total);
    // Most runs have none: an empty list stays the same one.
    this.verdict = event.verdict;
    if (event.thresholds.length > 0 || this.thresholds.length > 0) this.thresholds = event.thresholds;
    if (event.measures.length > 0 || this.measures.length > 0) this.measures = event.measures;
    this.takeRows(event);
    if (event.errors.length > 0 || event.full) {
      for (const failure of event.errors) this.errorByKey.set(failure.key, failure);
      this.errors = [...this.errorByKey.values()];
    }
    if (event.points.length > 0) {
      // As soon as one does not fit, the whole history is read again.
      if (event.points.every((point) => appendPoint(this.series, point, event.since)))
        this.series = { ...this.series, run: event.run };
      else void this.rereadHistory();
    }
    this.known = true;
  }

  exceptions(event: { exceptions: Exception[] }): void {
    this.exceptionList = event.exceptions;
  }

  logs(event: Logs): void {
    const last = event.append
      ? (this.logLines.at(-1)?.seq ?? Number.NEGATIVE_INFINITY)
      : Number.NEGATIVE_INFINITY;
    const fresh = event.lines.filter((line) => line.seq > last);
    if (event.append && fresh.length === 0) return;
    this.logLines = (event.append ? [...this.logLines, ...fresh] : fresh).slice(-LOG_LINES_KEPT);
  }

  end(event: End): void {
    const mark = { run: event.run, started: event.started, ended: event.ended, id: event.id };
    this.marks = [...this.marks.filter((other) => other.run !== event.run), mark];
    if (event.run !== this.run) return;
    this.total = totalRow(event.total);
    this.elapsed = event.elapsed;
  }

  connection(state: ConnectionState): void {
    this.connectionState = state;
    if (state === "lost") {
      this.lostAt ??= Date.now();
      void this.probe();
    } else if (state === "open") {
      this.lostAt = null;
      this.refused = false;
    }
  }

  /** An event source does not say why it failed: a plain request does. */
  private async probe(): Promise<void> {
    if (this.probing) return;
    this.probing = true;
    while (this.connectionState === "lost") {
      try {
        await client.probe();
        this.refused = false;
      } catch (error) {
        this.refused = error instanceof RequestFailed && error.status === 401;
      }
      await new Promise((resolve) => setTimeout(resolve, PROBE_EVERY_MS));
    }
    this.probing = false;
  }

  /** Another server process: nothing of the old one is true any more. */
  private forget(): void {
    this.run = 0;
    this.series = emptySeries(this.chartFractions.length);
    this.logLines = [];
    this.exceptionList = [];
    this.clearTables();
  }

  private clearTables(): void {
    this.nameById = new Map();
    this.byId = new Map();
    this.errorByKey = new Map();
    this.rows = [];
    this.names = [];
    this.errors = [];
  }

  private beginRun(event: Tick): void {
    this.run = event.run;
    if (event.run > 0 && !this.marks.some((mark) => mark.run === event.run)) {
      const started = event.status.started ?? event.at;
      this.marks = [...this.marks, { run: event.run, started, ended: null, id: null }];
    }
    if (this.series.run !== event.run) {
      this.series = { ...emptySeries(this.chartFractions.length), run: event.run };
    }
  }

  private takeRows(event: Tick): void {
    if (event.rows.id.length === 0 && event.names.length === 0 && !event.full) return;
    for (const name of event.names) this.nameById.set(name.id, name);
    event.rows.id.forEach((id, index) => {
      const name = this.nameById.get(id);
      this.byId.set(id, rowAt(event.rows, index, name?.method ?? "", name?.name ?? `#${id}`));
    });
    const list = [...this.byId.values()];
    if (this.rows.length !== list.length) {
      this.rows = list.sort(byName);
      this.names = this.rows.map(({ id, method, name }) => ({ id, method, name }));
    } else {
      // The order is what it was: sorting ten thousand names each second is not needed.
      this.rows = this.rows.map((row) => this.byId.get(row.id) ?? row);
    }
  }

  private async rereadHistory(): Promise<void> {
    if (this.rereading) return;
    this.rereading = true;
    try {
      this.series = seriesOf(await client.history(this.run));
    } catch (error) {
      toasts.error(`The charts could not be refreshed: ${message(error)}`);
    } finally {
      this.rereading = false;
    }
  }
}

export const live = new LiveStore();
