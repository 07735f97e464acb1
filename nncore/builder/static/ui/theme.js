/* Light or dark: as the system has it, unless somebody chose. */

import { emit } from "../core/store.js";

const dark = matchMedia("(prefers-color-scheme: dark)");

/** Show the page as was chosen before, or as the system has it. */
export function applyTheme() {
  document.documentElement.dataset.theme = localStorage.getItem("theme") ?? (dark.matches ? "dark" : "light");
}

/** Change from light to dark, or back, and remember it. */
export function toggleTheme() {
  const next = document.documentElement.dataset.theme === "dark" ? "light" : "dark";
  localStorage.setItem("theme", next);
  document.documentElement.dataset.theme = next;
  emit("theme");
}

dark.addEventListener("change", () => {
  applyTheme();
  emit("theme");
});
