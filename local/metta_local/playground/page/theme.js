/* The chosen colour scheme, set before anything is drawn; a classic script, since modules run after the first paint. */
(() => {
  let kept = null;
  try {
    kept = localStorage.getItem("metta-theme");
  } catch {
    // A browser that keeps nothing follows the system.
  }
  document.documentElement.dataset.theme = ["light", "dark"].includes(kept) ? kept : "auto";
})();
