/** Answers by status, and requests by how long they took, as lines of a list. */
import type { Bands } from "../api/schema";
import { count } from "../lib/format";

export interface Answer {
  status: string;
  meaning: string;
  requests: number;
  bad: boolean;
}

/** Those that tests meet; others are told by their first digit. */
const MEANINGS: Record<string, string> = {
  200: "OK",
  201: "Created",
  202: "Accepted",
  204: "No Content",
  206: "Partial Content",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  408: "Request Timeout",
  409: "Conflict",
  413: "Content Too Large",
  422: "Unprocessable Content",
  429: "Too Many Requests",
  500: "Internal Server Error",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
};
const KINDS = ["", "informational", "success", "redirection", "client error", "server error"];

export function answers(statuses: Record<string, number>): Answer[] {
  return Object.entries(statuses)
    .map(([status, requests]) => {
      const kind = Math.floor(Number(status) / 100);
      return status === "0"
        ? { status: "–", meaning: "no answer", requests, bad: true }
        : { status, meaning: MEANINGS[status] ?? KINDS[kind] ?? "", requests, bad: kind >= 4 };
    })
    .sort((a, b) => b.requests - a.requests);
}

export interface Band {
  label: string;
  requests: number;
}

/** Bounds are round: no digits that say nothing. */
function bound(ms: number): string {
  return ms.toLocaleString("en-US", { maximumFractionDigits: 3 });
}

export function bandList(bands: Bands): Band[] {
  const { bounds } = bands;
  const list = bands.requests.map((requests, index) => {
    const [low, high] = [bounds[index - 1], bounds[index]];
    const label =
      high === undefined
        ? low === undefined
          ? "timed"
          : `over ${bound(low)} ms`
        : low === undefined
          ? `up to ${bound(high)} ms`
          : `${bound(low)} – ${bound(high)} ms`;
    return { label, requests };
  });
  // Nothing beyond the largest bound is nothing to show.
  if (list.length > 1 && list.at(-1)?.requests === 0) list.pop();
  if (bands.untimed > 0) list.push({ label: "without a time", requests: bands.untimed });
  return list;
}

/** Requests that are in any of the bands. */
export function counted(bands: Bands): number {
  return bandList(bands).reduce((sum, band) => sum + band.requests, 0);
}

/** How the bounds came about. */
export function boundsNote(bands: Bands): string {
  return bands.bounds.length === 0
    ? ""
    : `Bounds are round numbers from the quick quarter to p99 (${count(bands.bounds.length)}), and the limits of thresholds on all requests.`;
}
