/** Short notices at the edge of the page: what was done, and what failed. */

export interface Toast {
  id: number;
  kind: "info" | "error";
  text: string;
}

const SHOWN_FOR_MS = { info: 4_000, error: 12_000 };

class Toasts {
  list = $state<Toast[]>([]);
  private last = 0;

  show(text: string, kind: Toast["kind"] = "info"): void {
    // The same notice twice is one notice.
    this.list = this.list.filter((toast) => toast.text !== text);
    this.last += 1;
    const id = this.last;
    this.list.push({ id, kind, text });
    setTimeout(() => this.dismiss(id), SHOWN_FOR_MS[kind]);
  }

  error(text: string): void {
    this.show(text, "error");
  }

  dismiss(id: number): void {
    this.list = this.list.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
