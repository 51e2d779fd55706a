/** Which rows of a long table are drawn. Rows have one height, so that nothing has to be measured. */

export interface Slice {
  start: number;
  end: number;
  /** Height in px of what is left out above and below. */
  above: number;
  below: number;
}

const OVERSCAN = 12;
/** Tables up to here are drawn whole: find-in-page and copying work as everywhere. */
export const DRAWN_WHOLE = 1_000;

export function slice(total: number, rowHeight: number, scrollTop: number, viewport: number): Slice {
  if (total <= DRAWN_WHOLE) return { start: 0, end: total, above: 0, below: 0 };
  const visible = Math.ceil(viewport / rowHeight);
  const first = Math.floor(scrollTop / rowHeight);
  const start = Math.min(Math.max(0, first - OVERSCAN), Math.max(0, total - visible));
  const end = Math.min(total, first + visible + OVERSCAN);
  return { start, end, above: start * rowHeight, below: (total - end) * rowHeight };
}
