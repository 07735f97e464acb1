/* The starting points, each of which shows one thing. */

import { store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { h } from "../ui/dom.js";

/** Let the user choose where to begin. */
export function openPresets() {
  const choose = async name => {
    if ((await act("open_preset", { name })) !== null) dialog.close();
  };
  const card = ([name, { title, chapter, text }]) =>
    h("button", { type: "button", class: "preset", "data-preset": name, onclick: () => choose(name) },
      h("span", { class: "muted small" }, chapter), h("strong", {}, title), h("span", { class: "small" }, text));
  const dialog = h(
    "dialog",
    { class: "presets", "aria-labelledby": "presets-title", onclose: () => dialog.remove() },
    h("h2", { id: "presets-title" }, "Starting points"),
    h("div", { class: "grid" }, Object.entries(store.schema.presets).map(card)),
    h("form", { method: "dialog" }, h("button", {}, "Close"))
  );
  document.body.append(dialog);
  dialog.showModal();
}
