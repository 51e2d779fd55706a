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

/** All whose permission is word for word the same stand above it; it need not travel once for each. */
function text(): string {
  const alike = new Map<string, string[]>();
  for (const [name, file] of BUNDLED) {
    const folder = new URL(`../node_modules/${name}/`, import.meta.url);
    const whole = readFileSync(fileURLToPath(new URL(file, folder)), "utf8").trim();
    const begin = Math.max(0, whole.indexOf("Permission is hereby granted"));
    const plain = (part: string) => part.replaceAll(/[“”]/g, '"').replaceAll(/\s+/g, " ").trim();
    const permission = whole
      .slice(begin)
      .split(/\n\s*\n/)
      .map(plain)
      .join("\n\n");
    const heads = alike.get(permission) ?? [];
    alike.set(permission, [...heads, `${name}: ${plain(whole.slice(0, begin))}`]);
  }
  return [...alike].map(([permission, heads]) => `${heads.join("\n")}\n\n${permission}\n`).join("\n\n");
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
