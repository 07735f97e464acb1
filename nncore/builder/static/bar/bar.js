/* The bar at the top: starting points, undo and redo, what leaves the page, light and dark, the keys. */

import { on, store } from "../core/store.js";
import { travel } from "../ui/actions.js";
import { fill, h } from "../ui/dom.js";
import { button } from "../ui/forms.js";
import { stepAside } from "../ui/notices.js";
import { toggleTheme } from "../ui/theme.js";
import { openExport } from "./export.js";
import { showKeys } from "./keys.js";
import { openPresets } from "./presets.js";

const HELP = `Was the server ended? Start nncore builder again and open its address: this page goes on, too, if the port is the same: --port ${location.port}.`;

/** Put the bar into `root`; `drawing` is what can be saved as a picture. Return the button that shows the keys. */
export function mountBar(root, drawing) {
  const undo = button("Undo", "undo", () => travel("undo"), { iconOnly: true, keys: "Control+Z", kind: "plain" });
  const redo = button("Redo", "redo", () => travel("redo"), { iconOnly: true, keys: "Control+Shift+Z", kind: "plain" });
  const keys = button("Keys", "keys", showKeys, { iconOnly: true, keys: "?", kind: "plain" });
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
    keys,
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
  return keys;
}
