/* The bar at the top: starting points, undo and redo, what leaves the page, light and dark, the keys. */

import { on, store } from "../core/store.js";
import { act } from "../ui/actions.js";
import { fill, h } from "../ui/dom.js";
import { button } from "../ui/forms.js";
import { stepAside } from "../ui/notices.js";
import { toggleTheme } from "../ui/theme.js";
import { openExport } from "./export.js";
import { showKeys } from "./keys.js";

const HELP = "Was the server ended? Start nncore builder again and open its address: this page goes on, too.";

/** Put the bar into `root`; `drawing` is what can be saved as a picture. */
export function mountBar(root, drawing) {
  const undo = button("Undo", "undo", () => act("undo"), { iconOnly: true, keys: "Control+Z", kind: "plain" });
  const redo = button("Redo", "redo", () => act("redo"), { iconOnly: true, keys: "Control+Shift+Z", kind: "plain" });
  const away = h("span", { class: "chip", role: "status" });
  const help = h("p", { class: "away-help small", role: "status" });
  fill(
    root,
    h("h1", {}, h("img", { src: "/static/logo.svg", alt: "" }), h("span", {}, "nncore builder")),
    button("Starting points", "start", openPresets),
    undo,
    redo,
    h("span", { class: "space" }),
    away,
    button("Export", "export", () => openExport(drawing)),
    button("Light or dark", "theme", toggleTheme, { iconOnly: true, kind: "plain" }),
    button("Keys", "keys", showKeys, { iconOnly: true, keys: "?", kind: "plain" }),
    help
  );
  const show = () => {
    undo.disabled = !store.state.run.can_undo;
    redo.disabled = !store.state.run.can_redo;
    away.hidden = store.connection === "open";
    away.textContent = { open: "", full: `${store.reason}; trying again …` }[store.connection] ?? "The server is away; connecting again …";
    help.textContent = store.connection === "away" ? HELP : "";
    if (!away.hidden) stepAside();
    if (store.connection === "unauthorized") for (const dialog of document.querySelectorAll("dialog[open]")) dialog.close();
  };
  on("state", show);
  on("connection", show);
  show();
}

/** Let the user choose where to begin: each starting point shows one thing. */
function openPresets() {
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
