/** Colours of the charts, by token, and their present values for the canvas. */

/** A token's value in the theme that is shown. */
export function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${token}`).trim() || "#888";
}

const PERCENTILES: [number, string][] = [
  [0.5, "series-1"],
  [0.75, "series-2"],
  [0.9, "series-3"],
  [0.95, "series-4"],
  [0.99, "series-5"],
  [1, "series-6"],
];

/** The low percentiles are cool, the high ones warm, each always in the same colour. */
export function percentileColour(fraction: number): string {
  return PERCENTILES.find(([upTo]) => fraction <= upTo)?.[1] ?? "series-6";
}

/** In the order in which they happen. */
export const PHASES = [
  { key: "blocked", label: "Blocked", colour: "line-strong", help: "Waiting to be sent" },
  { key: "queue", label: "Queue", colour: "phase-queue", help: "Waiting for a place among the connections" },
  { key: "dns", label: "DNS", colour: "phase-dns", help: "Looking up the host" },
  { key: "connect", label: "Connect", colour: "phase-connect", help: "Opening the connection" },
  { key: "tls", label: "TLS", colour: "phase-tls", help: "TLS handshake" },
  { key: "send", label: "Send", colour: "phase-send", help: "Sending the request" },
  { key: "wait", label: "Wait", colour: "phase-wait", help: "Waiting for the first byte of the answer" },
  { key: "receive", label: "Body", colour: "phase-body", help: "Reading the body of the answer" },
] as const;

export type PhaseKey = (typeof PHASES)[number]["key"];
