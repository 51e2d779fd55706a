/** Workers of a distributed run. */
import type { Worker } from "../api/schema";

/** It was there, but has not been heard of for a while. */
export function isMissing(worker: Worker): boolean {
  return worker.state === "missing";
}

export function present(workers: readonly Worker[]): number {
  return workers.filter((worker) => !isMissing(worker)).length;
}
