// Made from crates/record/src/dto.rs by `SCHEMA=write cargo test -p gregaria-record schema`. Not to be edited.

export type RunState = "ready" | "spawning" | "running" | "cleanup" | "stopping" | "stopped" | "missing";
export type Outcome = "ok" | "failed" | "no data" | "waiting";
export type VerdictLevel = "green" | "amber" | "red" | "none";

/** First event of each connection. */
export interface Hello {
  /** Names this start of the server. */
  boot: string;
  /** Version of the program. */
  version: string;
  /** Whether the stream goes on where the connection before it ended. */
  resumed: boolean;
  /** Number of the last event. */
  seq: number;
  /** Number of the present or last run. */
  run: number;
  /** The server's clock, unix seconds. */
  now: number;
  /** Of `Rows.percentiles`. */
  fractions: number[];
  /** Of `History.percentiles` and `Point.percentiles`. */
  chart_fractions: number[];
  /** Those a chart shows at first. */
  default_chart_fractions: number[];
  /** Those a table shows at first. */
  default_table_fractions: number[];
  /** Whether runs are kept. */
  store: boolean;
  /** Runs since the server began. */
  runs: RunMark[];
  /** State of the run. */
  status: Status;
}

/** One run since the server began. */
export interface RunMark {
  /** Number. */
  run: number;
  /** Unix seconds. */
  started: number;
  /** Unix seconds. */
  ended: number | null;
  /** In the store. */
  id: string | null;
}

/** State of the run. */
export interface Status {
  /** Locust's word. */
  state: RunState;
  /** Users that run. */
  user_count: number;
  /** Users wanted. */
  target_user_count: number | null;
  /** Users started a second. */
  spawn_rate: number | null;
  /** Base URL of the system under test. */
  host: string | null;
  /** Unix seconds. */
  started: number | null;
  /** Unix seconds. */
  ended: number | null;
  /** Length wanted, in seconds. */
  run_time: number | null;
  /** Name of the shape class. */
  shape: string | null;
  /** Profile. */
  profile: string | null;
  /** Users of each class. */
  user_classes: Record<string, number>;
  /** Whether there are workers. */
  is_distributed: boolean;
  /** The workers. */
  workers: Worker[];
  /** Seconds since the main thread last answered. */
  lag: number;
  /** What has become of the arrivals, if the run is an open one. */
  arrivals: Arrivals | null;
  /** Its warm-up, if it has one. */
  warm_up: WarmUp | null;
}

/** The first seconds of a run, of which nothing is among its numbers. */
export interface WarmUp {
  /** How many. */
  seconds: number;
  /** Whether it goes on. */
  goes_on: boolean;
  /** Seconds until its end. */
  left: number;
  /** Whether the run has ended within it. */
  cut_off: boolean;
  /** Requests that are left out. */
  requests: number;
  /** Failures among them. */
  failures: number;
  /** Exceptions of tasks that are left out. */
  exceptions: number;
  /** All of that in words. */
  said: string;
}

/** One worker. */
export interface Worker {
  /** Identity. */
  id: string;
  /** Its machine. */
  host: string;
  /** Counted in the order in which they came. */
  index: number | null;
  /** Whether it has told of its CPU and memory. */
  reported: boolean;
  /** What is wrong with it, in words; empty: nothing. */
  problem: string;
  /** State. */
  state: string;
  /** Users. */
  user_count: number;
  /** Percent. */
  cpu_usage: number;
  /** Bytes. */
  memory_usage: number;
}

/** The course of a run; all lists are of one length. */
export interface History {
  /** Number of the run. */
  run: number;
  /** Seconds a point covers. */
  stride: number;
  /** Whether this follows what the page has, or replaces it. */
  append: boolean;
  /** When the first point really begins, unix seconds: the run did within that second. */
  began: number;
  /** When the last point really ends. */
  until: number;
  /** Begin of the point, unix seconds. */
  at: number[];
  /** Users. */
  users: number[];
  /** Requests per second. */
  rps: number[];
  /** Failures per second. */
  fps: number[];
  /** Requests until then. */
  requests: number[];
  /** Failures until then. */
  failures: number[];
  /** Mean response time of the point, ms. */
  avg: (number | null)[];
  /** By fraction, then point: exact response times of the point, ms. */
  percentiles: (number | null)[][];
  /** The same of the latency that all other numbers are not of; empty, unless the run is an open one. */
  other: (number | null)[][];
}

/** One point of a `History`. */
export interface Point {
  /** Begin, unix seconds. */
  at: number;
  /** Users. */
  users: number;
  /** Requests per second. */
  rps: number;
  /** Failures per second. */
  fps: number;
  /** Requests until then. */
  requests: number;
  /** Failures until then. */
  failures: number;
  /** Mean response time, ms. */
  avg: number | null;
  /** By fraction, ms. */
  percentiles: (number | null)[];
  /** The same of the latency that all other numbers are not of; empty, unless the run is an open one. */
  other: (number | null)[];
  /** Seconds it covers. */
  stride: number;
  /** When it really ends, unix seconds. */
  until: number;
}

/**
 * Rows of the table of statistics, column by column; all lists are of one length. Times in ms. Rates of the whole run
 * are `requests / elapsed` and `failures / elapsed`.
 */
export interface Rows {
  /** Which name; −1 for the total. */
  id: number[];
  /** Requests. */
  requests: number[];
  /** Failures. */
  failures: number[];
  /** Mean; 0 without response times, as the next two. */
  avg: number[];
  /** Smallest. */
  min: number[];
  /** Largest. */
  max: number[];
  /** Mean size in bytes. */
  size: number[];
  /** Current requests per second. */
  rps: number[];
  /** Current failures per second. */
  fps: number[];
  /** By fraction, then row: exact response times; null without any. */
  percentiles: (number | null)[][];
}

/** A name that requests were counted under. */
export interface Name {
  /** Its number. */
  id: number;
  /** Method. */
  method: string;
  /** Name. */
  name: string;
}

/** What has changed since the event before. */
export interface Tick {
  /** Number of the event. */
  seq: number;
  /** Number of the run. */
  run: number;
  /** Unix seconds. */
  at: number;
  /** Whether names, rows and errors known so far are to be forgotten first. */
  full: boolean;
  /** State of the run. */
  status: Status;
  /** Seconds from the start of the statistics to the last request. */
  elapsed: number;
  /** Start of the statistics, unix seconds: of the run, or when they were last reset. */
  since: number;
  /** The total, one row. */
  total: Rows;
  /** New names. */
  names: Name[];
  /** Changed rows. */
  rows: Rows;
  /** New and changed failures. */
  errors: Failure[];
  /** How each threshold stands. */
  thresholds: Threshold[];
  /** Whether the generator keeps up. */
  verdict: Verdict;
  /** Checks and metrics of the script's own: all of them. */
  measures: Measure[];
  /** The seconds of which everything is known now, oldest first. */
  points: Point[];
}

/** A kind of failure. */
export interface Failure {
  /** Names it. */
  key: string;
  /** Method. */
  method: string;
  /** Name. */
  name: string;
  /** Text. */
  error: string;
  /** How often. */
  occurrences: number;
  /** Unix seconds. */
  first_seen: number | null;
  /** Unix seconds. */
  last_seen: number | null;
}

/** A threshold and how it stands. */
export interface Threshold {
  /** As it was written. */
  text: string;
  /** Whose requests: `all`, a name, or `~` and an expression. */
  subject: string;
  /** Which number of them. */
  metric: string;
  /** What it has to be. */
  required: string;
  /** How it stands. */
  outcome: Outcome;
  /** The limit in ms, if it is one of response times. */
  limit: number | null;
  /** The number: of the whole run, or of the worst window. Milliseconds, a share of one, per second, or a number. */
  measured: number | null;
  /** The same with its unit. */
  shown: string | null;
  /** What more there is to say of it, in words. */
  detail: string;
  /** When it was first broken for good, in seconds since the run began. */
  at: number | null;
  /** Whether it is only told of: then it breaks nothing. */
  warn: boolean;
  /** Whether the run ends when it is broken. */
  stop: boolean;
}

/** All exceptions. */
export interface Exceptions {
  /** In order of first occurrence. */
  exceptions: Exception[];
}

/** An exception that a task raised. */
export interface Exception {
  /** How often. */
  count: number;
  /** Class of the exception, if that is known. */
  kind: string;
  /** Text. */
  msg: string;
  /** User classes in whose tasks it happened, separated by commas, if that is known. */
  users: string;
  /** The tasks, the same way. */
  tasks: string;
  /** Traceback. */
  traceback: string;
  /** Where, separated by commas. */
  nodes: string;
  /** Unix seconds. */
  first_seen: number | null;
  /** Unix seconds. */
  last_seen: number | null;
}

/** Lines of the log. */
export interface Logs {
  /** Whether they follow what the page has. */
  append: boolean;
  /** Oldest first. */
  lines: LogLine[];
}

/** One record of the log. */
export interface LogLine {
  /** Counts up. */
  seq: number;
  /** Unix seconds. */
  at: number | null;
  /** Python's number: 20 info, 30 warning, 40 error. */
  level: number;
  /** `master`, or a worker. */
  node: string;
  /** As formatted; may be of several lines. */
  line: string;
}

/** A run is over and its numbers are final. */
export interface End {
  /** Number of the run. */
  run: number;
  /** In the store. */
  id: string | null;
  /** Unix seconds. */
  started: number;
  /** Unix seconds. */
  ended: number;
  /** Seconds from the start of the statistics to the last request. */
  elapsed: number;
  /** The total, one row. */
  total: Rows;
  /** Requests. */
  requests: number;
  /** Failures. */
  failures: number;
}

/** The server is going. */
export interface Bye {
  /** `shutdown`. */
  reason: string;
}

/** The course of one name; all lists are of one length, seconds without requests are left out. */
export interface NameHistory {
  /** Method. */
  method: string;
  /** Name. */
  name: string;
  /** Seconds a point covers. */
  stride: number;
  /** When the run's first point really begins, unix seconds. */
  began: number;
  /** When its last point really ends. */
  until: number;
  /** Begin of the point, unix seconds. */
  at: number[];
  /** Requests per second. */
  rps: number[];
  /** Failures per second. */
  fps: number[];
  /** Requests until then. */
  requests: number[];
  /** Failures until then. */
  failures: number[];
  /** Mean response time of the point, ms. */
  avg: (number | null)[];
  /** By chart fraction, then point, ms. */
  percentiles: (number | null)[][];
}

/** Where the time of requests went: means in ms, column by column. */
export interface Phases {
  /** Which name; −1 for the total. */
  id: number[];
  /** Method. */
  method: string[];
  /** Name. */
  name: string[];
  /** Requests whose phases are known. */
  count: number[];
  /** Waiting to be sent, which is no part of the response time. */
  blocked: number[];
  /** Waiting for a place among the connections. */
  queue: number[];
  /** Looking up the host. */
  dns: number[];
  /** Connecting. */
  connect: number[];
  /** TLS handshake. */
  tls: number[];
  /** Sending the request. */
  send: number[];
  /** Waiting for the first byte. */
  wait: number[];
  /** Reading the response. */
  receive: number[];
  /** How long each phase took in all requests; those that took no time in any are left out. */
  times: PhaseFigures[];
}

/** How long one phase took, of the requests in which it took any time. Times in ms. */
export interface PhaseFigures {
  /** Which: a name of a column of `Phases`. */
  phase: string;
  /** Such requests. */
  count: number;
  /** Median. */
  p50: number;
  /** 90 % took at most this. */
  p90: number;
  /** 95 %. */
  p95: number;
  /** 99 %. */
  p99: number;
  /** Longest. */
  max: number;
}

/** A check or a metric of the script's own. */
export interface Measure {
  /** `check`, `rate`, `counter` or `trend`. */
  kind: string;
  /** Its name. */
  name: string;
  /** What came of it, in words. */
  shown: string;
  /** How often something was told of it. */
  count: number;
  /** Of a check or rate: how often it was so. */
  good: number;
  /** Sum of the values. */
  sum: number;
  /** Of a trend: smallest value. */
  min: number | null;
  /** Largest. */
  max: number | null;
  /** Mean. */
  avg: number | null;
  /** Median. */
  p50: number | null;
  /** 95 %. */
  p95: number | null;
  /** 99 %. */
  p99: number | null;
}

/** What the start form has in a field, as the program would read it. */
export interface FieldValue {
  /** The number; null for an empty run time, or if it is none. */
  value: number | null;
  /** Why no test can have it. */
  problem: string | null;
}

/** The fields of the start form that are numbers. */
export interface FieldValues {
  /** Users. */
  user_count: FieldValue;
  /** Users started a second. */
  spawn_rate: FieldValue;
  /** Length of the run in seconds. */
  run_time: FieldValue;
}

/** Percentiles over time: exact ones of stretches that are long enough for them. */
export interface Fan {
  /** Seconds of a stretch. */
  width: number;
  /** Begin of each, unix seconds. */
  at: number[];
  /** Requests with a response time. */
  requests: number[];
  /** Of `percentiles`, rising: 0 is the shortest response time, 1 the longest. */
  fractions: number[];
  /** By fraction, then stretch, ms. */
  percentiles: (number | null)[][];
}

/** Requests by how long they took. */
export interface Bands {
  /** In ms, rising. */
  bounds: number[];
  /**
   * Those that took at most the first bound, those that took longer but at most the second, and so on; the last took longer
   * than any.
   */
  requests: number[];
  /** Requests without a response time. */
  untimed: number;
}

/** Users of each class, whenever that changed. */
export interface ClassUsers {
  /** From the second that begins then on, unix seconds. */
  at: number[];
  /** Names of the classes. */
  classes: string[];
  /** By class, then change. */
  users: number[][];
}

/** The numbers of some seconds of a run. */
export interface Window {
  /** Begin of the first second, unix. */
  from: number;
  /** End of the last. */
  to: number;
  /** Requests. */
  requests: number;
  /** Failures. */
  failures: number;
  /** Requests per second. */
  rps: number;
  /** Failures per second. */
  fps: number;
  /** Smallest response time, ms. */
  min: number | null;
  /** Largest. */
  max: number | null;
  /** Mean. */
  avg: number | null;
  /** Of `percentiles`. */
  fractions: number[];
  /** Exact, ms. */
  percentiles: (number | null)[];
  /** Smallest and largest response time (ms) and number of requests of each bin. */
  bins: [number, number, number][];
}

/** What one second, or some of them, was like for the program itself. Times in ms; numbers a second, unless said otherwise. */
export interface Generator {
  /** Begin, unix seconds. */
  at: number;
  /** Seconds that it covers. */
  seconds: number;
  /** How late the thread that runs the users took up what had come for it: mean. */
  lag: number | null;
  /** Longest. */
  lag_max: number | null;
  /** Tasks that began after a wait. */
  starts: number;
  /** Those that began more than 8 ms later than their wait said. */
  late: number;
  /** How much later than their wait said tasks began: mean. */
  start_delay: number | null;
  /** Longest. */
  start_delay_max: number | null;
  /** Turns of the thread that runs the users in which it took up what had come. */
  turns: number;
  /** How often it was woken. */
  wakes: number;
  /** Answers taken up in a turn. */
  completions_per_turn: number | null;
  /** Requests and other wishes that an I/O thread took at a time. */
  commands_per_round: number | null;
  /** Most that waited between these threads at a time, either way. */
  queue: number;
  /** How often the thread that runs the users had to wait for the statistics. */
  lock_waits: number;
  /** How long altogether. */
  lock_wait: number;
  /** Connections of the users at its end. */
  connections: number;
  /** Processor time of each kind of thread: 1 is a whole core. `main` runs the users. */
  cpu: Record<string, number>;
  /** How long each kind of thread could have gone on, but had no processor: 1 is one thread all the time. */
  cpu_wait: Record<string, number>;
}

/** The same through a run. */
export interface GeneratorCourse {
  /** The last second, also while no test runs. */
  latest: Generator;
  /** Oldest first. */
  points: Generator[];
  /** How each worker fared in the present run, or in the last. */
  workers: WorkerHealth[];
}

/** What a worker saw of itself in a run. Times in ms. */
export interface WorkerHealth {
  /** Its id. */
  id: string;
  /** Seconds that it looked at. */
  seconds: number;
  /** Processor time of the thread that runs its users: mean, 1 is a whole core. */
  main: number;
  /** The same of its busiest I/O thread. */
  io: number;
  /** In so many seconds one of these had nothing left to give. */
  full: number;
  /** 99 of 100 answers were taken up within this time; 0: nobody waited. */
  lag: number;
  /** 99 of 100 tasks began this much later than their wait said at most. */
  start_delay: number;
  /** Tasks that began more than 8 ms late. */
  late: number;
  /** Most connections at a time. */
  connections: number;
}

/** The iterations of an open run, since it began. Numbers of all processes. */
export interface Arrivals {
  /** How many are to begin per second, at the moment. */
  rate: number;
  /** Those that were to begin. */
  due: number;
  /** Those of them that a user has begun, or is about to. */
  begun: number;
  /** Those that began more than 8 ms after they were to. */
  late: number;
  /** Those that were not begun: no user was free, and there was no room for another one. */
  dropped: number;
  /** Those that wait for a user that is being started. */
  waiting: number;
  /** Those of workers that have gone before they told what became of them. */
  lost: number;
  /** Most users at a time. */
  most_users: number;
  /**
   * How much later than they were to iterations began, what their first requests waited before they were sent included: how many up to
   * 1/4 ms, up to 1/2 ms, and so on, twice as long each.
   */
  delays: number[];
  /** All of that together, in ms. */
  delay_sum: number;
  /** Longest, in ms. */
  delay_max: number;
  /** How long requests took, in both ways. */
  latencies: Latencies;
}

/** Both latencies of the requests of an open run. */
export interface Latencies {
  /** Which one all other numbers are of: `intended` or `service`. */
  reads: string;
  /** Of `LatencyRow.service` and `LatencyRow.intended`. */
  fractions: number[];
  /** The total, then those names that have the most requests. */
  rows: LatencyRow[];
}

/** Both latencies of a name, in ms. */
export interface LatencyRow {
  /** Method. */
  method: string;
  /** Name. */
  name: string;
  /** Requests with a response time. */
  requests: number;
  /** From the request's start to its end. */
  service: number[];
  /** From the moment at which it was to start to its end. */
  intended: number[];
}

/** The runs that are kept. */
export interface RunList {
  /** Newest first. */
  runs: RunSummary[];
  /** Bytes they take. */
  bytes: number;
  /** Bytes they may take. */
  max_bytes: number;
  /** Files that could not be read. */
  problems: string[];
}

/** A run in a line. */
export interface RunSummary {
  /** In the store. */
  id: string;
  /** Unix seconds. */
  started: number;
  /** Unix seconds. */
  ended: number;
  /** Seconds. */
  duration: number;
  /** Start of the statistics, unix seconds: later than the run's if they were reset while it went on. */
  since: number;
  /** Seconds from then to the last request, which rates refer to. */
  elapsed: number;
  /** Base URL of the system under test. */
  host: string | null;
  /** Script. */
  locustfile: string | null;
  /** Profile. */
  profile: string | null;
  /** Requests. */
  requests: number;
  /** Failures. */
  failures: number;
  /** Failures per request. */
  fail_ratio: number;
  /** Requests per second. */
  rps: number;
  /** Mean response time, ms. */
  avg: number;
  /** Exact percentiles, ms. */
  p50: number | null;
  /** 95 %. */
  p95: number | null;
  /** 99 %. */
  p99: number | null;
  /** Most users at a time. */
  max_users: number;
  /** Names requests were counted under. */
  names: number;
  /** What somebody called it. */
  name: string;
  /** What somebody wrote about it. */
  note: string;
  /** Whether it stays when others make room. */
  pinned: boolean;
  /** Size of the file. */
  bytes: number;
  /** Whether the program was killed while it went on: what had been written by then is all there is. */
  cut_off: boolean;
}

/** What somebody says of a run that is kept. */
export interface Labels {
  /** What it is called. */
  name: string;
  /** What there is to know of it. */
  note: string;
  /** Whether it stays when others make room. */
  pinned: boolean;
}

/** All of a run that is kept, but for what is asked for by window or name. */
export interface RunDetail {
  /** In a line. */
  summary: RunSummary;
  /** Parameters and environment. */
  info: Record<string, unknown>;
  /** Of `Rows.percentiles`. */
  fractions: number[];
  /** Of `History.percentiles`. */
  chart_fractions: number[];
  /** Seconds from the start of the statistics to the last request. */
  elapsed: number;
  /** Names. */
  names: Name[];
  /** The total. */
  total: Rows;
  /** All names' rows. */
  rows: Rows;
  /** Failures. */
  errors: Failure[];
  /** Exceptions. */
  exceptions: Exception[];
  /** The course. */
  history: History;
  /** Where the time went. */
  phases: Phases;
  /** How each threshold stood at the end. */
  thresholds: Threshold[];
  /** Whether the generator was the limit. */
  verdict: Verdict;
  /** Checks and metrics of the script's own. */
  measures: Measure[];
  /** What the program saw of itself, oldest first; empty if nobody looked. */
  generator: Generator[];
  /** What has become of the arrivals, if it was an open run. */
  arrivals: Arrivals | null;
  /** Answers by their status; `0`: there was none. */
  statuses: Record<string, number>;
  /** Users of each class. */
  classes: ClassUsers;
  /** Percentiles over time. */
  fan: Fan;
  /** Requests by how long they took. */
  bands: Bands;
}

/** Two runs side by side. */
export interface Comparison {
  /** First. */
  a: RunSummary;
  /** Second. */
  b: RunSummary;
  /** The total, then each name of either. */
  rows: ComparisonRow[];
}

/** One name of two runs. */
export interface ComparisonRow {
  /** Method. */
  method: string;
  /** Name. */
  name: string;
  /** In the first. */
  a: CompareRow | null;
  /** In the second. */
  b: CompareRow | null;
}

/** The numbers that are compared. Times in ms. */
export interface CompareRow {
  /** Requests. */
  requests: number;
  /** Failures. */
  failures: number;
  /** Requests per second. */
  rps: number;
  /** Mean. */
  avg: number;
  /** Smallest. */
  min: number;
  /** Largest. */
  max: number;
  /** Exact percentiles. */
  p50: number | null;
  /** 95 %. */
  p95: number | null;
  /** 99 %. */
  p99: number | null;
}

/** Why there is no other answer. */
export interface Problem {
  /** In words. */
  error: string;
}

/** Whether the generator was the limit of a run. */
export interface Verdict {
  /** How much speaks against the numbers. */
  level: VerdictLevel;
  /** All in a sentence. */
  summary: string;
  /** What speaks against them, the worst first. */
  reasons: Reason[];
}

/** One thing that speaks against the numbers of a run. */
export interface Reason {
  /** Which, in one word: it does not change between versions. */
  kind: string;
  /** How much. */
  level: VerdictLevel;
  /** What was seen. */
  text: string;
  /** What to do about it. */
  advice: string;
}
