import { vitePreprocess } from "@sveltejs/vite-plugin-svelte";

export default {
  preprocess: vitePreprocess(),
  compilerOptions: {
    runes: true,
    // Stands with each class of each element, in every report: shorter than Svelte's own, which begin with its name.
    cssHash: ({ hash, filename, css }) => `s${hash(filename || css).slice(0, 4)}`,
  },
};
