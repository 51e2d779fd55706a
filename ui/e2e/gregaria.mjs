/** The real program for a test: the sample blog, and servers of the page that drive it. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url));
const PROGRAM = process.env.GREGARIA_LOCUST ?? join(REPOSITORY, ".venv/bin/locust");
const BLOG = join(REPOSITORY, ".venv/bin/gregaria");
const HERE = fileURLToPath(new URL(".", import.meta.url));
const PATIENCE_MS = 60_000;

function isFree(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/**
 * A port on which nobody listens. Not one that the system chooses: it hands those out to every outgoing connection, and would
 * do so before the program gets there. These are below them.
 */
export async function freePort() {
  for (;;) {
    const port = 12_000 + Math.floor(Math.random() * 20_000);
    if (await isFree(port)) return port;
  }
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

/** Waits until `check` gives something, and returns that. It ends early when the process does. */
async function until(what, check, process_) {
  const deadline = Date.now() + PATIENCE_MS;
  while (Date.now() < deadline) {
    const found = await check();
    if (found) return found;
    if (process_.child.exitCode !== null) break;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`${what} did not happen:\n${process_.output()}`);
}

export async function startBlog() {
  const blog = run(BLOG, ["blog", "--port", "0"]);
  const url = await until(
    "the start of the blog",
    () => /http:\/\/[\d.]+:\d+/.exec(blog.output())?.[0],
    blog,
  );
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
  await until("the start of the server", answers, server);
  return {
    url: `${origin}${base}/`,
    port: at,
    store: ownStore,
    output: server.output,
    /** Waits until it has printed this: what a process prints takes its time to get here. */
    says: (pattern) => until(String(pattern), () => pattern.test(server.output()), server),
    /** As scripts use it. */
    get: async (path) => (await fetch(`${origin}${base}/${path}`)).json(),
    /** Asks until the answer is as wanted, and returns it. */
    waitFor: (path, wanted) =>
      until(
        path,
        async () => {
          const answer = await (await fetch(`${origin}${base}/${path}`)).json();
          return wanted(answer) && answer;
        },
        server,
      ),
    post: async (path, form) =>
      (await fetch(`${origin}${base}/${path}`, { method: "POST", body: new URLSearchParams(form) })).text(),
    async end(signal) {
      await server.end(signal);
      if (store === undefined) rmSync(ownStore, { recursive: true, force: true });
    },
  };
}

/** A worker of the master at this port of loopback; with `version` one that says that it is of another. */
export function startWorker(masterPort, file = "locustfile.py", version) {
  const args = [
    "-f",
    join(HERE, file),
    "--worker",
    "--master-host",
    "127.0.0.1",
    "--master-port",
    String(masterPort),
  ];
  if (version === undefined) return run(PROGRAM, args);
  const program = `import locust; locust.__version__ = "${version}"; from locust.main import main; main()`;
  return run(join(dirname(PROGRAM), "python"), ["-c", program, ...args]);
}
