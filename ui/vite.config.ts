/** The dashboard and the login page: ui/dist/*.html and hashed files in assets/. The report is vite.report.config.ts's. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vitest/config";
import { licences } from "./build/licences.ts";
import { markers } from "./build/markers.ts";

export default defineConfig({
  // Every address in the page is relative: it works under any base path and behind any proxy prefix.
  base: "./",
  plugins: [svelte(), licences("file"), markers("index.html", "auth.html")],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      input: ["index.html", "auth.html"],
      checks: { pluginTimings: false },
      output: { hashCharacters: "hex" },
    },
  },
  test: {
    // Few tests need a browser's objects; they say so in their first line.
    environment: "node",
    include: ["test/**/*.test.ts"],
    testTimeout: 5_000,
  },
  resolve: process.env["VITEST"] === undefined ? {} : { conditions: ["browser"] },
});
