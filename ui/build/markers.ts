/** Each page has one place where the server puts its data; a build in which it is missing or doubled is no build. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plugin, ResolvedConfig } from "vite";

const MARKERS: Record<string, string> = {
  "index.html": "{{ template_args|tojson }}",
  "auth.html": "{{ auth_args|tojson }}",
  "report.html": "{{ report_args|tojson }}",
};

export function markers(...pages: (keyof typeof MARKERS)[]): Plugin {
  let config: ResolvedConfig;
  return {
    name: "markers",
    apply: "build",
    configResolved(resolved) {
      config = resolved;
    },
    closeBundle() {
      for (const page of pages) {
        const text = readFileSync(join(config.root, config.build.outDir, page), "utf8");
        const found = text.split(MARKERS[page] ?? "").length - 1;
        if (found !== 1) throw new Error(`${page} has its marker ${MARKERS[page]} ${found} times, not once`);
        // The first two are Jinja templates as well.
        if (page !== "report.html" && /\{\{|\{%|\{#/.test(text.replace(MARKERS[page] ?? "", "")))
          throw new Error(`${page} has something in it that Jinja would read`);
      }
    },
  };
}
