/* The kinds of layers, to be dragged or clicked into the network. */

import { fill, h } from "./dom.js";
import { insertKindAfterChosen } from "./layer_edits.js";
import { icon } from "./icons.js";
import { store } from "./store.js";

/** Put the palette into `root`. */
export function mountPalette(root) {
  const item = ([kind, about]) => {
    const title = `${about.text}\nDrag it to its place, or click: it goes behind the selected card, at the latest before the last one.`;
    const insert = () => insertKindAfterChosen(kind);
    return h("button", { type: "button", class: "small palette-item", "data-palette": kind, title, onclick: insert }, icon("plus"), kind);
  };
  fill(root, Object.entries(store.schema.layers).map(item));
}
