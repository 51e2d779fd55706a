/** Requests to the server. Every address is relative to the page, so that base paths and proxies do not matter. */
import type {
  Comparison,
  FieldValues,
  GeneratorCourse,
  History,
  Labels,
  NameHistory,
  Phases,
  RunDetail,
  RunList,
  Window,
} from "./schema";

export class RequestFailed extends Error {
  constructor(
    message: string,
    /** 0: the server was not reached. */
    readonly status: number,
  ) {
    super(message);
  }
}

const TIMEOUT_MS = 20_000;
/** Stopping waits for --stop-timeout, which may be long; the server, which knows it, answers in any case. */
const STOP_TIMEOUT_MS = 86_400_000;

async function ask(path: string, init: RequestInit = {}, timeout = TIMEOUT_MS): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(`./${path}`, {
      cache: "no-store",
      credentials: "same-origin",
      signal: AbortSignal.timeout(timeout),
      ...init,
    });
  } catch (error) {
    const late = error instanceof DOMException && error.name === "TimeoutError";
    throw new RequestFailed(late ? "The server did not answer in time." : "The server cannot be reached.", 0);
  }
  if (response.ok && !(response.redirected && new URL(response.url).pathname.endsWith("/login")))
    return response;
  if (response.ok || response.status === 401)
    throw new RequestFailed("You are not logged in any more. Reload the page.", 401);
  throw new RequestFailed(await reason(response), response.status);
}

/** The server's own words, whatever form they have. */
async function reason(response: Response): Promise<string> {
  const text = await response.text().catch(() => "");
  try {
    const body = JSON.parse(text) as { error?: unknown; message?: unknown };
    const message = body.error ?? body.message;
    if (typeof message === "string") return message;
  } catch {
    /* not JSON: a page or a plain text */
  }
  const plain = new DOMParser().parseFromString(text, "text/html").body.textContent.trim();
  return plain !== "" && plain.length < 300
    ? plain
    : `The server answered ${response.status} ${response.statusText}`.trim();
}

async function json<T>(path: string, init?: RequestInit): Promise<T> {
  const response = await ask(path, init);
  try {
    return (await response.json()) as T;
  } catch {
    throw new RequestFailed("The server's answer could not be read.", response.status);
  }
}

function query(values: Record<string, string | number | null | undefined>): string {
  const params = new URLSearchParams();
  for (const [key, value] of Object.entries(values)) {
    if (value !== null && value !== undefined) params.set(key, String(value));
  }
  const text = params.toString();
  return text === "" ? "" : `?${text}`;
}

export interface SwarmAnswer {
  success: boolean;
  message: string;
  host?: string;
  run_time?: number;
}

export type Range = { from?: number | null; to?: number | null; id?: number | null };

export const client = {
  swarm: (form: URLSearchParams) => json<SwarmAnswer>("swarm", { method: "POST", body: form }),
  async stop(): Promise<void> {
    await ask("stop", { method: "POST" }, STOP_TIMEOUT_MS);
  },
  /** Which past run has what is cleared by it; null: it is not kept. */
  async reset(): Promise<string | null> {
    return (await ask("stats/reset", { method: "POST" })).headers.get("X-Kept-Run");
  },
  async updateUser(settings: Record<string, unknown>): Promise<void> {
    await ask("user", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(settings),
    });
  },
  /** Whether the server answers us at all; fails with status 401 when it wants a login. */
  async probe(): Promise<void> {
    await ask("worker-count");
  },
  tasks: () => json<{ per_class: unknown; total: unknown }>("tasks"),
  statsRequests: () => json<Record<string, unknown>>("stats/requests"),
  history: (run?: number) => json<History>(`live/history${query({ run })}`),
  name: (id: number, run?: number) => json<NameHistory>(`live/name${query({ id, run })}`),
  /** What the program would read in these fields of the start form. */
  fieldValues: (texts: Record<keyof FieldValues, string>) => json<FieldValues>(`live/values${query(texts)}`),
  generator: () => json<GeneratorCourse>("live/generator"),
  phases: () => json<Phases>("live/phases"),
  window: (range: Range) => json<Window>(`live/window${query(range)}`),
  runs: () => json<RunList>("runs"),
  run: (id: string) => json<RunDetail>(`runs/${encodeURIComponent(id)}`),
  runWindow: (id: string, range: Range) =>
    json<Window>(`runs/${encodeURIComponent(id)}/window${query(range)}`),
  runName: (id: string, name: number) =>
    json<NameHistory>(`runs/${encodeURIComponent(id)}/name${query({ id: name })}`),
  compare: (a: string, b: string) => json<Comparison>(`runs/compare${query({ a, b })}`),
  async labelRun(id: string, labels: Labels): Promise<void> {
    await ask(`runs/${encodeURIComponent(id)}/labels`, { method: "POST", body: JSON.stringify(labels) });
  },
  async deleteRun(id: string): Promise<void> {
    await ask(`runs/${encodeURIComponent(id)}`, { method: "DELETE" });
  },
};

/** The text of an error, for people. */
export function message(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
