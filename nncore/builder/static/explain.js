import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountExplain(root) {
  fill(root, h("p", {}, "Explain"));
}
