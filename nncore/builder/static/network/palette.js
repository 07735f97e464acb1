/* The kinds of layers, to be dragged or clicked into the network. */

import { store } from "../core/store.js";
import { fill, h } from "../ui/dom.js";
import { icon } from "../ui/icons.js";
import { insertKindAfterChosen } from "./edits.js";

/** Put the palette into `root`. */
export function mountPalette(root) {
  const item = ([kind, about]) => {
    const title = `${about.text}\nDrag it to its place, or click: it goes behind the selected card, at the latest before the last one.`;
    const insert = () => insertKindAfterChosen(kind);
    return h("button", { type: "button", class: "small palette-item", "data-palette": kind, title, onclick: insert }, icon("plus"), kind);
  };
  fill(root, Object.entries(store.schema.layers).filter(([, about]) => about.offered).map(item));
}
