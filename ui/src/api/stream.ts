/**
 * The live stream: one EventSource, watched.
 *
 * A browser notices a vanished server late or never (a half-open connection gives no error), so silence counts too: the
 * server speaks each second, and after SILENCE_MS without a word the connection is given up and opened anew.
 */
import type { End, Exception, Hello, History, Logs, Tick } from "./schema";

export interface Listener {
  hello(event: Hello): void;
  history(event: History): void;
  tick(event: Tick): void;
  exceptions(event: { exceptions: Exception[] }): void;
  logs(event: Logs): void;
  end(event: End): void;
  connection(state: ConnectionState): void;
}

export type ConnectionState = "connecting" | "open" | "lost";

/** What the stream needs of EventSource; tests bring their own. */
export interface Source {
  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void;
  close(): void;
  onopen: ((event: Event) => void) | null;
  onerror: ((event: Event) => void) | null;
}

export interface StreamOptions {
  url?: string;
  open?: (url: string) => Source;
  /** ms, growing. */
  now?: () => number;
}

export const SILENCE_MS = 4_000;
const CHECK_MS = 500;
const RETRY_MS = [500, 1_000, 2_000, 2_000, 5_000];
const EVENTS = ["hello", "history", "tick", "exceptions", "logs", "end"] as const;

export class LiveStream {
  private source: Source | null = null;
  private heard = 0;
  private attempts = 0;
  private retryAt: number | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private state: ConnectionState = "connecting";
  private lastId = "";
  private readonly url: string;
  private readonly open: (url: string) => Source;
  private readonly now: () => number;

  constructor(
    private readonly listener: Listener,
    options: StreamOptions = {},
  ) {
    this.url = options.url ?? "./live";
    this.open = options.open ?? ((url) => new EventSource(url) as unknown as Source);
    this.now = options.now ?? (() => performance.now());
  }

  start(): void {
    this.connect();
    this.timer = setInterval(() => this.watch(), CHECK_MS);
    // A page that comes back from sleep must not wait for a timer that slept as well.
    addEventListener("online", this.retry);
    document.addEventListener("visibilitychange", this.retry);
  }

  stop(): void {
    if (this.timer !== null) clearInterval(this.timer);
    this.timer = null;
    removeEventListener("online", this.retry);
    document.removeEventListener("visibilitychange", this.retry);
    this.source?.close();
    this.source = null;
  }

  /** Tries at once if the connection is lost. */
  readonly retry = (): void => {
    if (document.visibilityState !== "hidden" && this.state === "lost") {
      this.retryAt = null;
      this.connect();
    }
  };

  /** Called often; does what is due. */
  watch(): void {
    const now = this.now();
    if (this.retryAt !== null) {
      if (now >= this.retryAt) {
        this.retryAt = null;
        this.connect();
      }
    } else if (now - this.heard > SILENCE_MS) {
      this.lose();
    }
  }

  private connect(): void {
    this.source?.close();
    this.heard = this.now();
    // The browser repeats the last id by itself only for its own retries; ours are new connections.
    const url =
      this.lastId === "" ? this.url : `${this.url}?last_event_id=${encodeURIComponent(this.lastId)}`;
    const source = this.open(url);
    this.source = source;
    source.onopen = () => this.hear(source);
    source.onerror = () => {
      if (this.source === source) this.lose();
    };
    source.addEventListener("bye", () => {
      if (this.source === source) this.lose();
    });
    for (const type of EVENTS) {
      source.addEventListener(type, (event) => {
        if (this.source !== source) return;
        this.hear(source);
        this.lastId = event.lastEventId === "" ? this.lastId : event.lastEventId;
        this.deliver(type, event.data);
      });
    }
  }

  private deliver(type: (typeof EVENTS)[number], data: string): void {
    let parsed: unknown;
    try {
      parsed = JSON.parse(data);
    } catch {
      // Half an event: start over with the whole state rather than show wrong numbers.
      this.lastId = "";
      this.lose();
      return;
    }
    (this.listener[type] as (event: unknown) => void)(parsed);
  }

  private hear(source: Source): void {
    if (this.source !== source) return;
    this.heard = this.now();
    this.attempts = 0;
    this.become("open");
  }

  private lose(): void {
    this.source?.close();
    this.source = null;
    const wait = RETRY_MS[Math.min(this.attempts, RETRY_MS.length - 1)] ?? 5_000;
    this.attempts += 1;
    this.retryAt = this.now() + wait;
    this.become("lost");
  }

  private become(state: ConnectionState): void {
    if (state === this.state) return;
    this.state = state;
    this.listener.connection(state);
  }
}
