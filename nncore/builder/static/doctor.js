import { fill, h } from "./dom.js";

/** Put the part into `root`. */
export function mountDoctor(root) {
  fill(root, h("p", {}, "Doctor"));
}
