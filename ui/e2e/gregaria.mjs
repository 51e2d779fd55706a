/** The real program for a test: the sample blog, and servers of the page that drive it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = process.env.GREGARIA_LOCUST ?? join(REPOSITORY, ".venv/bin/locust");
const BLOG = join(REPOSITORY, ".venv/bin/gregaria");
const HERE = fileURLToPath(new URL(".", import.meta.url));
const STARTS_WITHIN_MS = 30_000;

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A process whose output is kept; `end` ends it and waits. */
function run(command, args, env = {}) {
  const child = spawn(command, args, {
    cwd: REPOSITORY,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const ended = new Promise((resolve) => child.once("exit", resolve));
  return {
    child,
    output: () => output,
    async end(signal = "SIGTERM") {
      if (child.exitCode === null && child.signalCode === null) child.kill(signal);
      const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
      await ended;
      clearTimeout(late);
    },
  };
}

async function until(what, check, process_) {
  const deadline = Date.now() + STARTS_WITHIN_MS;
  while (Date.now() < deadline) {
    const found = await check();
    if (found) return found;
    if (process_.child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not start:\n${process_.output()}`);
}

export async function startBlog() {
  const blog = run(BLOG, ["blog", "--port", "0"]);
  const url = await until("the blog", () => /http:\/\/[\d.]+:\d+/.exec(blog.output())?.[0], blog);
  return { url, end: () => blog.end() };
}

/**
 * Starts the program with the page. `store` is a folder of its own for past runs, removed at the end unless it was given.
 */
export async function startServer({
  args = [],
  env = {},
  file = "locustfile.py",
  port,
  base = "",
  tls = false,
  store,
} = {}) {
  const ownStore = store ?? mkdtempSync(join(tmpdir(), "gregaria-e2e-"));
  const at = port ?? (await freePort());
  const address = ["--web-host", "127.0.0.1", "--web-port", String(at), "--store-dir", ownStore];
  const server = run(PROGRAM, ["-f", join(HERE, file), ...address, ...args], env);
  const origin = `${tls ? "https" : "http"}://127.0.0.1:${at}`;
  const answers = () =>
    new Promise((resolve) => {
      import(tls ? "node:https" : "node:http").then(({ get }) =>
        get(`${origin}${base}/`, { rejectUnauthorized: false }, (response) => {
          response.resume();
          resolve(true);
        }).on("error", () => resolve(false)),
      );
    });
  await until("the server", answers, server);
  return {
    url: `${origin}${base}/`,
    port: at,
    store: ownStore,
    output: server.output,
    /** As scripts use it. */
    get: async (path) => (await fetch(`${origin}${base}/${path}`)).json(),
    post: async (path, form) =>
      (await fetch(`${origin}${base}/${path}`, { method: "POST", body: new URLSearchParams(form) })).text(),
    async end(signal) {
      await server.end(signal);
      if (store === undefined) rmSync(ownStore, { recursive: true, force: true });
    },
  };
}

/** A worker of the master at this port of loopback. */
export function startWorker(masterPort, file = "locustfile.py") {
  const master = ["--master-host", "127.0.0.1", "--master-port", String(masterPort)];
  return run(PROGRAM, ["-f", join(HERE, file), "--worker", ...master]);
}
