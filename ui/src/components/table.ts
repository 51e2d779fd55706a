/** What a column of a table is. */
import type { Value } from "../lib/sort";

export interface Column<Row> {
  key: string;
  title: string;
  /** Unit under the title. */
  unit?: string;
  numeric: boolean;
  /** px; the one column without it takes what is left. */
  width?: number;
  /** What it is sorted by. */
  value: (row: Row) => Value;
  text: (row: Row) => string;
  /** "bad" or "warn": coloured. */
  tone?: (row: Row) => string;
  /** Not shown unless chosen. */
  optional?: boolean;
  /** Heading in the chooser, above the first of its kind. */
  group?: string;
  /** A long text goes on in the next lines, four at most; in a table too long to be drawn whole it is cut. */
  wraps?: boolean;
  /** Nothing to sort by. */
  plain?: boolean;
  help?: string;
}

/** Width of the table below which it scrolls sideways. */
export function minWidth<Row>(columns: readonly Column<Row>[], flexible: number): number {
  return columns.reduce((sum, column) => sum + (column.width ?? flexible), 0);
}
