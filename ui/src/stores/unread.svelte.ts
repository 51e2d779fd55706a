/** Warnings and errors in the log that nobody has looked at yet. */
import type { LogLine } from "../api/schema";

export const WARNING = 30;
export const ERROR = 40;

class Unread {
  /** Sequence number of the last line seen. */
  private seen = $state(-1);

  count(lines: readonly LogLine[]): number {
    let found = 0;
    for (let index = lines.length - 1; index >= 0; index -= 1) {
      const line = lines[index];
      if (line === undefined || line.seq <= this.seen) break;
      if (line.level >= WARNING) found += 1;
    }
    return found;
  }

  read(lines: readonly LogLine[]): void {
    const last = lines.at(-1)?.seq ?? -1;
    if (last !== this.seen) this.seen = last;
  }
}

export const unread = new Unread();
