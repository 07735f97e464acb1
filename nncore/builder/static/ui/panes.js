/* On narrow screens one part of the page is shown at a time: the buttons that choose it. */

import { fill, h } from "./dom.js";

const PANES = [["data", "Data"], ["network", "Network"], ["train", "Train"], ["look", "Look closer"]];

/** Put the buttons into `root`. */
export function mountPanes(root) {
  const buttons = PANES.map(([id, text]) => h("button", { type: "button", onclick: () => showPane(id), "data-pane": id }, text));
  fill(root, buttons);
  showPane("network");
}

/** Show one part; on wide screens all of them are seen anyway. */
export function showPane(id) {
  document.body.dataset.pane = id;
  for (const one of document.querySelectorAll("#panes button")) {
    one.setAttribute("aria-pressed", String(one.dataset.pane === id));
  }
}
