import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountDrawing(root) {
  fill(root, h("p", {}, "Drawing"));
}
