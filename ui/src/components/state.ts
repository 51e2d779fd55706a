/** How a state of the run is called and coloured. */
import type { RunState } from "../api/schema";

export type Tone = "idle" | "busy" | "good" | "bad";

const STATES: Record<RunState, { label: string; tone: Tone }> = {
  ready: { label: "Ready", tone: "idle" },
  spawning: { label: "Spawning", tone: "busy" },
  running: { label: "Running", tone: "good" },
  cleanup: { label: "Cleaning up", tone: "busy" },
  stopping: { label: "Stopping", tone: "busy" },
  stopped: { label: "Stopped", tone: "idle" },
  missing: { label: "Workers missing", tone: "bad" },
};

/** Nothing counts yet, while that goes on. */
const WARMING: { label: string; tone: Tone } = { label: "Warming up", tone: "busy" };

export function stateLabel(state: string, warming = false): { label: string; tone: Tone } {
  return (
    (warming && state === "running" ? WARMING : undefined) ??
    STATES[state as RunState] ?? { label: state, tone: "idle" }
  );
}
