// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { LiveStream, SILENCE_MS, type ConnectionState, type Listener, type Source } from "../src/api/stream";

class FakeSource implements Source {
  onopen: ((event: Event) => void) | null = null;
  onerror: ((event: Event) => void) | null = null;
  closed = false;
  private readonly listeners = new Map<string, (event: MessageEvent<string>) => void>();

  constructor(readonly url: string) {}

  addEventListener(type: string, listener: (event: MessageEvent<string>) => void): void {
    this.listeners.set(type, listener);
  }

  close(): void {
    this.closed = true;
  }

  say(type: string, data: unknown, id = ""): void {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.listeners.get(type)?.(new MessageEvent(type, { data: text, lastEventId: id }));
  }
}

describe("the live stream", () => {
  let sources: FakeSource[];
  let states: ConnectionState[];
  let ticks: unknown[];
  let stream: LiveStream;
  const current = () => sources.at(-1) ?? expect.fail("nothing was opened");

  beforeEach(() => {
    vi.useFakeTimers();
    sources = [];
    states = [];
    ticks = [];
    const listener: Listener = {
      hello: () => {},
      history: () => {},
      tick: (event) => ticks.push(event.seq),
      exceptions: () => {},
      logs: () => {},
      end: () => {},
      connection: (state) => states.push(state),
    };
    stream = new LiveStream(listener, {
      now: () => Date.now(),
      open: (url) => {
        const source = new FakeSource(url);
        sources.push(source);
        return source;
      },
    });
    stream.start();
  });

  afterEach(() => {
    stream.stop();
    vi.useRealTimers();
  });

  it("delivers what the server says", () => {
    current().say("tick", { seq: 4 }, "b.1.4");
    expect(ticks).toEqual([4]);
    expect(states).toEqual(["open"]);
  });

  it("takes silence for a lost connection, within five seconds", () => {
    current().say("tick", { seq: 1 }, "b.1.1");
    vi.advanceTimersByTime(SILENCE_MS - 500);
    expect(states).toEqual(["open"]);
    vi.advanceTimersByTime(1_000);
    expect(states).toEqual(["open", "lost"]);
    expect(SILENCE_MS + 500).toBeLessThan(5_000);
    expect(sources[0]?.closed).toBe(true);
  });

  it("tells where it was when it connects anew", () => {
    current().say("tick", { seq: 7 }, "b.1.7");
    current().onerror?.(new Event("error"));
    expect(states.at(-1)).toBe("lost");
    vi.advanceTimersByTime(1_000);
    expect(sources).toHaveLength(2);
    expect(current().url).toBe("./live?last_event_id=b.1.7");
    current().say("tick", { seq: 8 }, "b.1.8");
    expect(states.at(-1)).toBe("open");
  });

  it("goes on trying, ever less often", () => {
    for (let attempt = 0; attempt < 8; attempt += 1) {
      current().onerror?.(new Event("error"));
      vi.advanceTimersByTime(5_500);
    }
    expect(sources.length).toBe(9);
    current().onerror?.(new Event("error"));
    vi.advanceTimersByTime(3_000);
    expect(sources.length).toBe(9);
  });

  it("hears nothing from a source that it has given up", () => {
    const old = current();
    old.onerror?.(new Event("error"));
    vi.advanceTimersByTime(1_000);
    old.say("tick", { seq: 99 }, "b.1.99");
    old.onerror?.(new Event("error"));
    expect(ticks).toEqual([]);
    expect(sources).toHaveLength(2);
  });

  it("asks for everything when an event cannot be read", () => {
    current().say("tick", { seq: 1 }, "b.1.1");
    current().say("tick", '{"seq": 2', "b.1.2");
    vi.advanceTimersByTime(1_000);
    expect(current().url).toBe("./live");
    expect(ticks).toEqual([1]);
  });

  it("takes the server's farewell at once", () => {
    current().say("tick", { seq: 1 });
    current().say("bye", { reason: "shutdown" });
    expect(states.at(-1)).toBe("lost");
  });
});
