/** Workers of a distributed run. */
import type { Worker } from "../api/schema";

/** It was there, but has not been heard of for a while. */
export function isMissing(worker: Worker): boolean {
  return worker.state === "missing";
}

export function present(workers: readonly Worker[]): number {
  return workers.filter((worker) => !isMissing(worker)).length;
}

/** What it is called: its machine, where that is known. */
export function nameOf(worker: Worker): string {
  return worker.host || worker.id;
}

/** By machine, then by number. */
export function byPlace(workers: readonly Worker[]): Worker[] {
  const numbered = (worker: Worker) => worker.index ?? Number.MAX_SAFE_INTEGER;
  return [...workers].sort(
    (a, b) => nameOf(a).localeCompare(nameOf(b)) || numbered(a) - numbered(b) || a.id.localeCompare(b.id),
  );
}
