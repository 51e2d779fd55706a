/** Dark or light. assets/theme.js has set it before the first paint; the key is Locust's. */

import { flushSync } from "svelte";

export type Theme = "light" | "dark";

const root = document.documentElement;

class ThemeStore {
  current = $state<Theme>(root.dataset["theme"] === "dark" ? "dark" : "light");

  /** Paper is being made: it is narrower than a screen, and shows only what is there at once. */
  printing = $state(false);

  #beforePrint: Theme = this.current;

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", (event) => {
      if (stored() === null) this.apply(event.matches ? "dark" : "light");
    });
    addEventListener("storage", (event) => {
      if (event.key === "theme" && (event.newValue === "dark" || event.newValue === "light"))
        this.apply(event.newValue);
    });
  }

  toggle(): void {
    this.apply(this.current === "dark" ? "light" : "dark");
    try {
      localStorage.setItem("theme", this.current);
    } catch {
      /* storage may be forbidden */
    }
  }

  /** Paper is white: charts are drawn for it before the printer gets them. */
  beginPrint(): void {
    if (!this.printing) this.#beforePrint = this.current;
    this.printing = true;
    this.apply("light");
    // The printer does not wait.
    flushSync();
  }

  endPrint(): void {
    this.printing = false;
    this.apply(this.#beforePrint);
  }

  apply(theme: Theme): void {
    root.dataset["theme"] = theme;
    this.current = theme;
  }
}

function stored(): string | null {
  try {
    return localStorage.getItem("theme");
  } catch {
    return null;
  }
}

export const theme = new ThemeStore();
