/** Log records for the eye: what level they are, and which are wanted. */
import type { LogLine } from "../api/schema";
import { matches } from "../lib/sort";

export const LEVELS = [
  { value: 0, label: "All levels" },
  { value: 20, label: "Info and above" },
  { value: 30, label: "Warnings and errors" },
  { value: 40, label: "Errors" },
];

export function levelName(level: number): string {
  if (level >= 50) return "critical";
  if (level >= 40) return "error";
  if (level >= 30) return "warning";
  return level >= 20 ? "info" : "debug";
}

export function wanted(
  lines: readonly LogLine[],
  level: number,
  node: string | null,
  text: string,
): readonly LogLine[] {
  if (level === 0 && node === null && text.trim() === "") return lines;
  return lines.filter(
    (line) => line.level >= level && (node === null || line.node === node) && matches(line.line, text),
  );
}
