/** Sorting of table rows: stable, numbers as numbers, what is missing always last. */

export type Direction = "asc" | "desc";
export interface Order {
  key: string;
  direction: Direction;
}
export type Value = number | string | boolean | null | undefined;

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

export function compare(a: Value, b: Value): number {
  const missingA = a === null || a === undefined || a === "";
  const missingB = b === null || b === undefined || b === "";
  if (missingA || missingB) return Number(missingA) - Number(missingB);
  if (typeof a === "number" && typeof b === "number") return a - b;
  return collator.compare(String(a), String(b));
}

/** A sorted copy; without an order the rows as they came. */
export function sorted<Row>(
  rows: readonly Row[],
  order: Order | null,
  value: (row: Row, key: string) => Value,
): readonly Row[] {
  if (order === null) return rows;
  const sign = order.direction === "asc" ? 1 : -1;
  const keyed = rows.map((row, index) => ({ row, index, value: value(row, order.key) }));
  keyed.sort((a, b) => {
    const missing = Number(isMissing(a.value)) - Number(isMissing(b.value));
    return missing || sign * compare(a.value, b.value) || a.index - b.index;
  });
  return keyed.map((entry) => entry.row);
}

function isMissing(value: Value): boolean {
  return value === null || value === undefined || value === "";
}

/** A click on a heading: numbers start with the largest, texts with the first; the third click ends it. */
export function nextOrder(order: Order | null, key: string, numeric: boolean): Order | null {
  const first: Direction = numeric ? "desc" : "asc";
  if (order?.key !== key) return { key, direction: first };
  if (order.direction === first) return { key, direction: first === "asc" ? "desc" : "asc" };
  return null;
}

/** Whether all words of the filter occur in the text, whatever their case. */
export function matches(text: string, filter: string): boolean {
  const lower = text.toLowerCase();
  return filter
    .toLowerCase()
    .split(/\s+/)
    .every((word) => lower.includes(word));
}
