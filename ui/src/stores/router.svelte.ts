/** Where the page is: kept in the query (`?tab=`), so that links and the back button work. */

/** Locust's keys, and ours: new (start form), timing, runs. */
export const TABS = [
  { key: "new", title: "New test" },
  { key: "stats", title: "Statistics" },
  { key: "charts", title: "Charts" },
  { key: "timing", title: "Timing" },
  { key: "failures", title: "Failures" },
  { key: "exceptions", title: "Exceptions" },
  { key: "ratios", title: "Current ratio" },
  { key: "reports", title: "Download data" },
  { key: "logViewer", title: "Logs" },
  { key: "workers", title: "Workers" },
  { key: "generator", title: "Generator" },
  { key: "runs", title: "Past runs" },
] as const;

/** What the query says besides the tab. */
export interface Place {
  /** Null: the page chooses by the state of the test. */
  tab: string | null;
  /** "GET /path" in the charts. */
  name: string | null;
  /** A past run, and the one it is compared with. */
  run: string | null;
  with: string | null;
}

export function parsePlace(search: string): Place {
  const params = new URLSearchParams(search);
  return {
    tab: params.get("tab"),
    name: params.get("name"),
    run: params.get("run"),
    with: params.get("with"),
  };
}

/** The query of a place; parameters of others are kept, an access token is not. */
export function placeQuery(place: Place, search: string): string {
  const params = new URLSearchParams(search);
  params.delete("token");
  for (const [key, value] of Object.entries(place) as [string, string | null][]) {
    if (value === null) params.delete(key);
    else params.set(key, value);
  }
  const text = params.toString();
  return text === "" ? location.pathname : `?${text}`;
}

class Router {
  place = $state.raw<Place>(parsePlace(location.search));

  constructor() {
    addEventListener("popstate", () => {
      this.place = parsePlace(location.search);
    });
  }

  go(tab: string | null, more: Partial<Place> = {}): void {
    const place = { tab, name: null, run: null, with: null, ...more };
    if (JSON.stringify(place) === JSON.stringify(this.place)) return;
    history.pushState(null, "", placeQuery(place, location.search));
    this.place = place;
  }

  /** As go(), without a step for the back button. */
  replace(more: Partial<Place>): void {
    this.place = { ...this.place, ...more };
    history.replaceState(null, "", placeQuery(this.place, location.search));
  }
}

export const router = new Router();
