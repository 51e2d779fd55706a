/** Timing phases as rows: the total first, then the slowest. */
import type { Phases } from "../api/schema";
import { matches } from "../lib/sort";
import { PHASES, type PhaseKey } from "./palette";

export interface PhaseRow {
  id: number;
  method: string;
  name: string;
  count: number;
  /** Mean ms of all phases together. */
  total: number;
  values: Record<PhaseKey, number>;
}

export function phaseRows(phases: Phases, filter = ""): PhaseRow[] {
  return phases.id
    .map((id, index) => {
      const values = Object.fromEntries(
        PHASES.map((phase) => [phase.key, phases[phase.key][index] ?? 0]),
      ) as Record<PhaseKey, number>;
      return {
        id,
        method: phases.method[index] ?? "",
        name: id === -1 ? "Aggregated" : (phases.name[index] ?? ""),
        count: phases.count[index] ?? 0,
        total: Object.values(values).reduce((sum, value) => sum + value, 0),
        values,
      };
    })
    .filter((row) => row.count > 0 && (row.id === -1 || matches(`${row.method} ${row.name}`, filter)))
    .sort((a, b) => Number(b.id === -1) - Number(a.id === -1) || b.total - a.total);
}
