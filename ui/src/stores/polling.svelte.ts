/** Data that is fetched while somebody looks at it: at once, then at intervals, one request at a time. */
import { message } from "../api/client";

export class Polled<T> {
  value = $state.raw<T | null>(null);
  error = $state<string | null>(null);

  /**
   * For use in an $effect: starts, and returns what stops it. `every` in ms; null: once.
   */
  run(fetch: () => Promise<T>, every: number | null): () => void {
    let stopped = false;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const turn = async () => {
      if (document.visibilityState !== "hidden" || this.value === null) {
        try {
          const value = await fetch();
          if (stopped) return;
          this.value = value;
          this.error = null;
        } catch (error) {
          if (stopped) return;
          this.error = message(error);
        }
      }
      if (every !== null || this.error !== null) timer = setTimeout(() => void turn(), every ?? 3_000);
    };
    void turn();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }
}
