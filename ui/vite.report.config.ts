/** The report: one file, ui/dist/report.html, with everything in it and one marker where the data goes. */
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { defineConfig } from "vite";
import { viteSingleFile } from "vite-plugin-singlefile";
import { licences } from "./build/licences.ts";
import { markers } from "./build/markers.ts";

export default defineConfig({
  base: "./",
  publicDir: false,
  plugins: [
    svelte(),
    viteSingleFile({ removeViteModuleLoader: true }),
    licences("comment"),
    markers("report.html"),
  ],
  build: {
    target: "es2022",
    outDir: "dist",
    emptyOutDir: false,
    rolldownOptions: { input: "report.html", checks: { pluginTimings: false } },
  },
});
