/** The licences of what is in the bundles travel with them. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Plugin } from "vite";

/** Packages whose code reaches the browser. */
const BUNDLED = [
  ["svelte", "LICENSE.md"],
  ["clsx", "license"],
  ["esm-env", "LICENSE"],
  ["uplot", "LICENSE"],
] as const;

function text(): string {
  return BUNDLED.map(([name, file]) => {
    const folder = new URL(`../node_modules/${name}/`, import.meta.url);
    return `${name}\n\n${readFileSync(fileURLToPath(new URL(file, folder)), "utf8").trim()}\n`;
  }).join("\n\n");
}

/** As a file beside the dashboard, or as a comment in the report. */
export function licences(where: "file" | "comment"): Plugin {
  return {
    name: "licences",
    apply: "build",
    generateBundle() {
      if (where === "file") this.emitFile({ type: "asset", fileName: "assets/licences.txt", source: text() });
    },
    transformIndexHtml: {
      order: "post",
      handler: (html) =>
        where === "comment"
          ? html.replace("<head>", () => `<!--\n${text().replaceAll("--", "- -")}\n-->\n  <head>`)
          : html,
    },
  };
}
