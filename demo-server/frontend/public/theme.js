// Sets the appearance before the first paint. A file of its own, because the page allows no inline scripts.
(function () {
  var chosen = null;
  try {
    chosen = localStorage.getItem("toru-theme");
  } catch {
    // Storage may be forbidden; then the system decides.
  }
  var dark = chosen === "dark" || (chosen !== "light" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
