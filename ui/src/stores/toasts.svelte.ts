/** Short notices at the edge of the page: what was done, and what failed. */

export interface Toast {
  id: number;
  kind: "info" | "error";
  text: string;
  /** What can be done about it. */
  action?: { label: string; run: () => void };
}

const SHOWN_FOR_MS = { info: 4_000, error: 12_000 };
/** Time to think about what is offered. */
const OFFERED_FOR_MS = 30_000;

class Toasts {
  list = $state<Toast[]>([]);
  private last = 0;

  show(text: string, kind: Toast["kind"] = "info", action?: Toast["action"]): void {
    // The same notice twice is one notice.
    this.list = this.list.filter((toast) => toast.text !== text);
    this.last += 1;
    const id = this.last;
    this.list.push({ id, kind, text, ...(action === undefined ? {} : { action }) });
    setTimeout(() => this.dismiss(id), action === undefined ? SHOWN_FOR_MS[kind] : OFFERED_FOR_MS);
  }

  error(text: string): void {
    this.show(text, "error");
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
