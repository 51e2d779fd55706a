// Runs before the first paint, so that the page never flashes in the other theme.
(function () {
  var stored = null;
  try {
    stored = localStorage.getItem("theme");
  } catch {
    /* storage may be forbidden: the system's theme it is */
  }
  var dark = stored === "dark" || (stored !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
