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

export function stateLabel(state: string): { label: string; tone: Tone } {
  return STATES[state as RunState] ?? { label: state, tone: "idle" };
}
