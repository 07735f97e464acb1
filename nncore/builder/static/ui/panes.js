/* On narrow screens one part of the page is shown at a time: the buttons that choose it. */

import { emit, on, store } from "../core/store.js";
import { fill, h } from "./dom.js";

const PANES = [["data", "Data"], ["network", "Network"], ["train", "Train"], ["look", "Look closer"]];

/** Put the buttons into `root`. */
export function mountPanes(root) {
  const buttons = PANES.map(([name, text]) => h("button", { type: "button", onclick: () => showPane(name), "data-pane": name }, text));
  fill(root, buttons);
  on("pane", () => {
    document.body.dataset.pane = store.pane;
    for (const one of buttons) one.setAttribute("aria-pressed", String(one.dataset.pane === store.pane));
  });
  showPane("network");
}

/** Show one part; on wide screens all of them are seen anyway. */
export function showPane(name) {
  store.pane = name;
  emit("pane");
}
