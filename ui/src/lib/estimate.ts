/** What the start form promises: when the ramp ends, and whether the run is long enough for it. */
import { count, plural, span } from "./format";

export interface Plan {
  users: number;
  spawnRate: number;
  /** Seconds, null when the run has no end. */
  runTime: number | null;
  /** Users that run already: an edit ramps from there. */
  from?: number;
}

/** Whoever wants more than this has mistyped. */
const MOST_LIKELY = 1_000_000;

/** Seconds until the last user is started. */
export function rampSeconds(plan: Plan): number {
  const missing = Math.abs(plan.users - (plan.from ?? 0));
  if (missing === 0 || !(plan.spawnRate > 0)) return 0;
  // A whole number of users starts at once and then once a second; slower rates start one user each 1/rate seconds.
  const batch = Math.max(1, Math.round(plan.spawnRate));
  const steps = plan.spawnRate >= 1 ? Math.ceil(missing / batch) - 1 : (missing - 1) / plan.spawnRate;
  return Math.max(0, steps);
}

/** One sentence, and whether it is a warning. */
export function describe(plan: Plan): { text: string; warning: boolean } | null {
  const { users, spawnRate } = plan;
  // Zero is no limit, as with Locust.
  const runTime = plan.runTime || null;
  if (!Number.isFinite(users) || users < 0 || !Number.isFinite(spawnRate) || spawnRate <= 0) return null;
  if (users === 0) return { text: "No users will run.", warning: true };
  if (users > MOST_LIKELY)
    return { text: `${count(users)} users are more than any test has: is this meant?`, warning: true };
  const ramp = rampSeconds(plan);
  if (runTime !== null && ramp >= runTime) {
    const reached = Math.min(users, Math.floor(runTime * spawnRate) + 1);
    return {
      text: `The run ends after ${span(runTime)}, before all users are started (about ${count(reached)} of ${count(users)}).`,
      warning: true,
    };
  }
  const ramping = ramp < 1 ? "immediately" : `in ${span(ramp)}`;
  if (plan.from !== undefined) {
    const verb = plan.from > users ? "Falls to" : "Reaches";
    return { text: `${verb} ${plural(users, "user")} ${ramping}.`, warning: false };
  }
  const end =
    runTime === null
      ? "runs until stopped"
      : ramp < 1
        ? `runs for ${span(runTime)}`
        : `holds them for ${span(runTime - ramp)}`;
  return { text: `Reaches ${plural(users, "user")} ${ramping}, ${end}.`, warning: false };
}

/** This machine, a private address or a name without dots: what is tried out speaks plain HTTP. So does what names a port but 443. */
function isNear(host: string): boolean {
  const [, name = "", port = ""] = /^([^/:?#]*)(?::(\d+))?/.exec(host) ?? [];
  if (port !== "") return !port.endsWith("443");
  return /^(localhost|127\.|10\.|192\.168\.|172\.(1[6-9]|2\d|3[01])\.)|^[^.]+$|\.(local|internal|test)$/i.test(
    name,
  );
}

/** A hint about a host that is not a URL; null when there is nothing to say. */
export function hostHint(host: string): string | null {
  const text = host.trim();
  if (text === "") return null;
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    const rest = text.replace(/^\/+/, "");
    return `A host starts with its scheme, e.g. ${isNear(rest) ? "http" : "https"}://${rest}`;
  }
  try {
    const url = new URL(text);
    if (url.hostname === "") return "The host's name is missing.";
    if (url.pathname === "/" && /^[^?#]*\/$/.test(text))
      return "With a slash at its end, requests go to //…: leave it out.";
    if (url.pathname !== "/" && url.pathname !== "") return "Requests are sent below this path.";
  } catch {
    return "This is not a valid URL.";
  }
  return null;
}
